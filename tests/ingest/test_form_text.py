"""Form text is learned from what recurs over labs; a lab's own words never are form text."""

from pathlib import Path

from made_up import answers, learned, parsed, report

from ingest.form_text import learn, lesson_of, load_lessons, save_lessons, text_hash
from ingest.scan import key

QUESTION = "Challenge type: which one is it?"
NOTE = "Please note: we ask you to submit no more than three challenges."


def filled_in(country: str, own: str = "", note: str = NOTE) -> str:
    body = f"> {QUESTION}\n\n{note}\n\n{own or country} boats.\n"
    return report(body, given=f"[[country:{country}]]\n")


FILES = [filled_in(country) for country in ("Peru", "Fiji", "Mali", "Nepal")]
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


def test_of_three_labs_all_have_form_text_and_of_two_both() -> None:
    for labs, with_note, known in (
        (("Peru", "Mali", "Fiji"), 3, FORM_TEXT),
        (("Peru", "Mali", "Fiji"), 2, set()),
        (("Peru", "Mali", "Mali"), 2, FORM_TEXT),
        (("Peru", "Peru", "Peru"), 3, set()),
    ):
        notes = [NOTE if n < with_note else f"Note {n} of this lab." for n in range(3)]
        files = (filled_in(lab, f"Boat {n}", notes[n]) for n, lab in enumerate(labs))
        assert learned(*files).paragraphs == known


def test_damaged_or_missing_lessons_are_none(tmp_path: Path) -> None:
    assert load_lessons(tmp_path) == {}
    lessons = {"a": lesson_of(FILES[0])}
    save_lessons(tmp_path, lessons)
    assert load_lessons(tmp_path) == lessons
    (path,) = tmp_path.iterdir()
    data = path.read_bytes()
    for damaged in (data[:-3], data.replace(b"lab", b"bal"), b"", b"[]"):
        path.write_bytes(damaged)
        assert load_lessons(tmp_path) == {}
