"""Form text is learned from what recurs over labs; a lab's own words never are form text."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_up import NO_FORMS, answers, learned, parsed, report

from ingest.parsing.forms import Forms, learn, learn_texts, lesson_of, load_lessons, save_lessons
from ingest.parsing.scan import key, scan

NOTE = "Please note: we ask you to submit no more than three challenges."
OWN = "Our ferry leaves at noon and nobody knows why it does."
COUNTRIES = ("Peru", "Fiji", "Mali", "Nepal")


def filled_in(country: str, own: str = "", note: str = NOTE) -> str:
    body = (
        f"## Challenge\n> Challenge type: which one is it?\n\n{note}\n\n{own or country} boats.\n"
    )
    return report(body, given=f"[[country:{country}]]\n")


def test_a_paragraph_that_recurs_over_labs_is_form_text() -> None:
    forms = learned(*map(filled_in, COUNTRIES))
    assert forms.paragraphs == {(key("Challenge type: which one is it?"), key(NOTE))}
    body = f"## Challenge\n> Challenge type: which one is it?\n\n{NOTE}\n\nExploratory.\n"
    assert answers(parsed(body, forms)) == [("Challenge type: which one is it?", "Exploratory.")]


def test_the_same_words_under_another_question_are_an_answer() -> None:
    forms = learned(*map(filled_in, COUNTRIES))
    assert [text for _, text in answers(parsed(f"> What does it say?\n\n{NOTE}", forms))] == [NOTE]


def test_what_one_lab_repeats_is_its_own() -> None:
    plan = filled_in("Peru", own=OWN, note=OWN)
    forms = learned(plan, plan.replace("boats", "closing"), plan.replace("boats", "again"))
    assert not forms.paragraphs
    assert not learned(plan).paragraphs


def test_what_bears_on_a_file_are_its_own_questions() -> None:
    forms = learned(*map(filled_in, COUNTRIES))
    asked = key("Challenge type: which one is it?")
    other = learned(*map(filled_in, COUNTRIES), report("> Why?\n\nNo."), report("> Why?\n\nOh."))
    assert other != forms
    assert other.digest([asked]) == forms.digest([asked])
    assert other.digest([asked, "why"]) != forms.digest([asked, "why"])
    assert learned(*map(filled_in, COUNTRIES[:2])).digest([asked]) == forms.digest([asked])
    assert learned(filled_in("Peru")).digest([asked]) != forms.digest([asked])


def test_forms_are_written_and_read_back() -> None:
    forms = learned(*map(filled_in, COUNTRIES))
    assert Forms.from_json(forms.to_json()) == forms
    assert Forms.from_json("") == Forms()


def test_known_form_takes_unknown_lines_for_answers() -> None:
    questions = [f"> Question number {n}?" for n in range(8)]
    forms = learned(*("\n".join([*questions, answer]) for answer in ("Yes.", "No.")))
    events = scan("\n".join([*questions, "Yes.", "> a quoted line of the lab"]))
    assert len(forms.prompt_lines(events)) == 8
    assert len(NO_FORMS.prompt_lines(events)) == 9


LONG_NOTE = (
    "**Explain the design of the ferry line. In general, a ferry line tries to learn how many "
    "people a boat can carry to the other shore.**"
)
QUESTION = "Challenge type: which one is it?"


def known_note(note: str = LONG_NOTE) -> Forms:
    return learned(*(filled_in(country, note=note) for country in COUNTRIES))


def own_words(paragraph: str, note: str = LONG_NOTE) -> list[str]:
    return [text for _, text in answers(parsed(f"> {QUESTION}\n\n{paragraph}\n", known_note(note)))]


@pytest.mark.parametrize(
    "variant",
    [
        LONG_NOTE.replace("people", "peopel"),
        LONG_NOTE.replace("to the other shore", "to the oter shores"),
        LONG_NOTE.replace("other shore", "other island"),
        LONG_NOTE.replace(" of the ferry line", ""),
        LONG_NOTE.replace("**", "").upper(),
        LONG_NOTE.replace(" ", "\n"),
        LONG_NOTE.replace(" ", "&nbsp;"),
        "**Explain the design of the ferry line.**",
    ],
)
def test_a_variant_of_form_text_is_form_text(variant: str) -> None:
    assert own_words(variant) == []


@pytest.mark.parametrize(
    ("paragraph", "own"),
    [
        (f"{LONG_NOTE}\nWe count boats.", "We count boats."),
        (f"We count boats. {LONG_NOTE}", "We count boats."),
        (f"{LONG_NOTE} We count boats.", "We count boats."),
        ("Explain the design of the ferry line. We count boats.", "We count boats."),
        ("Boats: Explain the design of the ferry line! And people.", "Boats:\nAnd people."),
    ],
)
def test_only_the_form_sentences_of_a_paragraph_go(paragraph: str, own: str) -> None:
    assert own_words(paragraph) == [own]


BLANKS = (
    "Our lab works with a partner from the sector of ____ in order to find out by the year 2021 "
    "how the people of the place get from one shore to the other."
)


@pytest.mark.parametrize(
    "filled",
    [
        BLANKS.replace("____", "fishing and trade"),
        BLANKS.replace("in order", "and the harbour in order"),
        BLANKS.replace("2021", "2022"),
        BLANKS.replace("people", "fishers").replace("shore", "quay"),
        BLANKS.replace(" of ____ in order to find out by the year 2021 how the people", ""),
        "Our lab works with a partner from the harbour.",
        "Explain the design.",
    ],
)
def test_what_a_lab_put_into_form_text_is_kept(filled: str) -> None:
    assert own_words(filled, BLANKS) == [filled]


def test_lines_that_recur_without_a_blank_line_between() -> None:
    files = [
        report(f"> {QUESTION}\n{NOTE}\n{country} has boats.", given=f"[[country:{country}]]\n")
        for country in COUNTRIES
    ]
    forms = learned(*files)
    assert forms.paragraphs == {(key(QUESTION), key(NOTE))}
    assert answers(parsed(f"> {QUESTION}\n{NOTE}\nPeru has boats.", forms)) == [
        (QUESTION, "Peru has boats.")
    ]


@pytest.mark.parametrize(
    ("labs", "with_note", "known"),
    [
        (("Peru", "Mali", "Fiji"), 3, True),
        (("Peru", "Mali", "Fiji"), 2, False),
        (("Peru", "Mali", "Mali"), 2, True),
        (("Mali", "Mali", "Peru"), 2, False),
        (("Peru", "Peru", "Peru"), 3, False),
    ],
)
def test_three_reports(labs: tuple[str, ...], with_note: int, known: bool) -> None:
    """Of three labs all three must have it; of two labs, both; of one lab there is none."""
    files = [
        filled_in(lab, own=f"Boat {n}", note=NOTE if n < with_note else f"Note {n} of this lab.")
        for n, lab in enumerate(labs)
    ]
    assert (learned(*files).paragraphs == {(key(QUESTION), key(NOTE))}) == known
    assert bool(learned(*files).paragraphs) == known


def test_a_question_of_a_partners_record_is_known_when_misspelt() -> None:
    forms = Forms(records=frozenset({"please state the name of the partner", "sector"}))
    assert forms.record_key("please state the name of the parter") == (
        "please state the name of the partner"
    )
    for other in ("please state the sector of the partner", "sektor", "please state the name"):
        assert forms.record_key(other) == ""


# Text that was read from a file has no half of a character.

FILES = [
    report(f"## Ferry\n> Why?\n\n{NOTE}\n\n{c} boats", given=f"[[country:{c}]]\n")
    for c in ("Peru", "Fiji", "Mali")
]


def test_forms_are_learned_from_lessons_and_a_few_texts() -> None:
    asked: list[str] = []

    def text_of(name: str) -> str:
        asked.append(name)
        return FILES[int(name)]

    lessons = {str(n): lesson_of(text) for n, text in enumerate(FILES)}
    assert learn(lessons, text_of) == learn_texts(FILES)
    assert asked == ["0"]


def test_damaged_or_missing_lessons_are_none(tmp_path: Path) -> None:
    assert load_lessons(tmp_path) == {}
    save_lessons(tmp_path, {"a": lesson_of(FILES[0])})
    (kept,) = tmp_path.iterdir()
    whole = kept.read_bytes()
    for damaged in (whole[:-3], whole.replace(b"ferr", b"harb"), b"", b"\xff\n[]", b"[]"):
        kept.write_bytes(damaged)
        assert load_lessons(tmp_path) == {}
