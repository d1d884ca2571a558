"""Form text is learned from what recurs over labs; a lab's own words never are form text."""

from pathlib import Path

from made_up import answers, learned, parsed, report

from ingest.form_text import learn, lesson_of, load_lessons, save_lessons, text_hash
from ingest.scan import key

QUESTION = "Challenge type: which one is it?"
NOTE = "Please note: we ask you to submit no more than three challenges."
COUNTRIES = ("Peru", "Fiji", "Mali", "Nepal")


def filled_in(country: str, own: str = "", note: str = NOTE) -> str:
    body = f"## Challenge\n> {QUESTION}\n\n{note}\n\n{own or country} boats.\n"
    return report(body, given=f"[[country:{country}]]\n")


FILES = [filled_in(country) for country in COUNTRIES]
FORM_TEXT = {(key(QUESTION), text_hash(key(NOTE)))}


def test_a_paragraph_that_recurs_over_labs_is_form_text() -> None:
    forms = learned(*FILES)
    assert forms.paragraphs == FORM_TEXT
    filled = parsed(f"> {QUESTION}\n\n{NOTE}\n\nExploratory.", forms)
    assert answers(filled) == [(QUESTION, "Exploratory.")]
    # Under another question the same words are an answer.
    assert answers(parsed(f"> What is it?\n\n{NOTE}", forms)) == [("What is it?", NOTE)]


def test_texts_of_the_networks_forms_are_known_in_a_single_report() -> None:
    note = "**Only complete this section when presenting results**"
    body = f"## Results\n\n{note}\n\n> What surprised you?\n> Images\n\nN/A\n\n> Test\n\n{NOTE}\n"
    single = parsed(body, learn([lesson_of(report(body))]))
    assert answers(single) == [("Test", NOTE)]
    assert single.unanswered == ("What surprised you?", "Images")


def test_three_reports() -> None:
    """Of three labs all three must have it; of two labs, both; of one lab there is none."""
    for labs, with_note, known in (
        (("Peru", "Mali", "Fiji"), 3, True),
        (("Peru", "Mali", "Fiji"), 2, False),
        (("Peru", "Mali", "Mali"), 2, True),
        (("Peru", "Peru", "Peru"), 3, False),
    ):
        files = [
            filled_in(lab, f"Boat {n}", NOTE if n < with_note else f"Note {n} of this lab.")
            for n, lab in enumerate(labs)
        ]
        assert learned(*files).paragraphs == (FORM_TEXT if known else set())


def test_damaged_or_missing_lessons_are_none(tmp_path: Path) -> None:
    assert load_lessons(tmp_path) == {}
    save_lessons(tmp_path, {"a": lesson_of(FILES[0])})
    assert load_lessons(tmp_path) == {"a": lesson_of(FILES[0])}
    (path,) = tmp_path.iterdir()
    data = path.read_bytes()
    for damaged in (data[:-3], data.replace(b"lab", b"bal"), b"", b"[]"):
        path.write_bytes(damaged)
        assert load_lessons(tmp_path) == {}
