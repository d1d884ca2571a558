"""Form text is learned from what recurs over labs; a lab's own words never are form text."""

from pathlib import Path

import pytest
from made_up import answers, learned, parsed, report

from ingest.parsing.form_text import (
    learn_texts,
    lesson_of,
    load_lessons,
    save_lessons,
)
from ingest.parsing.scan import key

QUESTION = "Challenge type: which one is it?"
NOTE = "Please note: we ask you to submit no more than three challenges."
COUNTRIES = ("Peru", "Fiji", "Mali", "Nepal")


def filled_in(country: str, own: str = "", note: str = NOTE) -> str:
    body = f"## Challenge\n> {QUESTION}\n\n{note}\n\n{own or country} boats.\n"
    return report(body, given=f"[[country:{country}]]\n")


FILES = [filled_in(country) for country in COUNTRIES]


@pytest.mark.parametrize("gap", ["\n\n", "\n"])
def test_a_paragraph_or_line_that_recurs_over_labs_is_form_text(gap: str) -> None:
    forms = learned(*(file.replace("\n\n", gap) for file in FILES))
    assert forms.paragraphs == {(key(QUESTION), key(NOTE))}
    assert answers(parsed(f"> {QUESTION}{gap}{NOTE}{gap}Exploratory.", forms)) == [
        (QUESTION, "Exploratory.")
    ]
    # Under another question the same words are an answer.
    assert answers(parsed(f"> What is it?\n\n{NOTE}", forms)) == [("What is it?", NOTE)]


def test_texts_of_the_networks_forms_are_known_in_a_single_report() -> None:
    note = "**Only complete this section when presenting results**"
    body = f"## Results\n\n{note}\n\n> What surprised you?\n> Images\n\nN/A\n\n> Test\n\n{NOTE}\n"
    single = parsed(body, learn_texts([report(body)]))
    assert answers(single) == [("Test", NOTE)]
    assert single.unanswered == ("What surprised you?", "Images")


LONG_NOTE = (
    "**Explain the design of the ferry line. In general, a ferry line tries to learn how many "
    "people a boat can carry to the other shore.**"
)
BLANKS = (
    "Our lab works with a partner from the sector of ____ in order to find out by the year 2021 "
    "how the people of the place get from one shore to the other."
)


def own_words(paragraph: str, note: str) -> list[str]:
    """What of a paragraph is a lab's own, where the form has a note."""
    forms = learned(*(filled_in(country, note=note) for country in COUNTRIES))
    return [text for _, text in answers(parsed(f"> {QUESTION}\n\n{paragraph}\n", forms))]


@pytest.mark.parametrize(
    "variant",
    [
        LONG_NOTE.replace("people", "peopel"),
        LONG_NOTE.replace("other shore", "other island"),
        LONG_NOTE.replace(" of the ferry line", ""),
        LONG_NOTE.replace("**", "").upper(),
        LONG_NOTE.replace(" ", "&nbsp;"),
        "**Explain the design of the ferry line.**",
    ],
)
def test_a_variant_of_form_text_is_form_text(variant: str) -> None:
    assert own_words(variant, LONG_NOTE) == []


@pytest.mark.parametrize(
    ("paragraph", "own"),
    [
        (f"{LONG_NOTE}\nWe count boats.", "We count boats."),
        (f"We count boats. {LONG_NOTE}", "We count boats."),
        ("Boats: Explain the design of the ferry line! And people.", "Boats:\nAnd people."),
    ],
)
def test_only_the_form_sentences_of_a_paragraph_go(paragraph: str, own: str) -> None:
    assert own_words(paragraph, LONG_NOTE) == [own]


@pytest.mark.parametrize(
    "filled",
    [
        BLANKS.replace("____", "fishing and trade"),
        BLANKS.replace("2021", "2022"),
        BLANKS.replace("people", "fishers").replace("shore", "quay"),
        BLANKS.replace(" of ____ in order to find out by the year 2021 how the people", ""),
        "Our lab works with a partner from the harbour.",
    ],
)
def test_what_a_lab_put_into_form_text_stays(filled: str) -> None:
    assert own_words(filled, BLANKS) == [filled]


@pytest.mark.parametrize(
    ("labs", "with_note", "known"),
    [
        (("Peru", "Mali", "Fiji"), 3, True),
        (("Peru", "Mali", "Fiji"), 2, False),
        (("Peru", "Mali", "Mali"), 2, True),
        (("Peru", "Peru", "Peru"), 3, False),
    ],
)
def test_three_reports(labs: tuple[str, ...], with_note: int, known: bool) -> None:
    """Of three labs all three must have it; of two labs, both; of one lab there is none."""
    files = [
        filled_in(lab, own=f"Boat {n}", note=NOTE if n < with_note else f"Note {n} of this lab.")
        for n, lab in enumerate(labs)
    ]
    assert learned(*files).paragraphs == ({(key(QUESTION), key(NOTE))} if known else set())


def test_damaged_or_missing_lessons_are_none(tmp_path: Path) -> None:
    assert load_lessons(tmp_path) == {}
    save_lessons(tmp_path, {"a": lesson_of(FILES[0])})
    assert load_lessons(tmp_path) == {"a": lesson_of(FILES[0])}
    (path,) = tmp_path.iterdir()
    data = path.read_bytes()
    for damaged in (data[:-3], data.replace(b"lab", b"bal"), b"", b"[]"):
        path.write_bytes(damaged)
        assert load_lessons(tmp_path) == {}
