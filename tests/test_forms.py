"""Form text is learned from what recurs over labs; a lab's own words never are form text."""

from __future__ import annotations

from ingest.forms import Forms, could_be_form
from ingest.scan import key, scan
from tests.made_up import NO_FORMS, answers, learned, parsed, report

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


def test_form_text_is_known_in_other_spacing_and_case() -> None:
    forms = learned(*map(filled_in, COUNTRIES))
    body = "> Challenge type: which one is it?\n\n" + NOTE.upper().replace(" ", "\u00a0 ")
    assert parsed(body, forms).blocks == ()


def test_the_same_words_under_another_question_are_an_answer() -> None:
    forms = learned(*map(filled_in, COUNTRIES))
    assert [text for _, text in answers(parsed(f"> What does it say?\n\n{NOTE}", forms))] == [NOTE]


def test_two_labs_are_enough_where_there_are_no_more() -> None:
    assert learned(*map(filled_in, COUNTRIES[:2])).paragraphs


def test_two_labs_of_many_are_not_enough() -> None:
    others = [filled_in(c, note=f"{c} has harbours that nobody counts.") for c in COUNTRIES[2:]]
    assert not learned(*map(filled_in, COUNTRIES[:2]), *others).paragraphs


def test_what_one_lab_repeats_is_its_own() -> None:
    plan = filled_in("Peru", own=OWN, note=OWN)
    forms = learned(plan, plan.replace("boats", "closing"), plan.replace("boats", "again"))
    assert not forms.paragraphs
    assert not learned(plan).paragraphs


def test_what_few_reports_share_is_no_form() -> None:
    rare = [filled_in(c, note=OWN) for c in COUNTRIES[:3]]
    many = [filled_in("Chad", own=f"Number {n} of our", note=f"Note {n}") for n in range(20)]
    assert not learned(*rare, *many).paragraphs


def test_lists_and_short_answers_are_never_form_text() -> None:
    for text in ("- Sense and explore the whole thing", "1. one two three four five", "4 months"):
        assert not could_be_form(text)
    assert could_be_form(NOTE)


def test_prompts_need_two_reports() -> None:
    assert key("Challenge type: which one is it?") in learned(*map(filled_in, COUNTRIES)).prompts
    assert not learned(filled_in("Peru")).prompts


def test_the_order_of_files_does_not_matter() -> None:
    files = [filled_in(c) for c in COUNTRIES]
    assert learned(*files).fingerprint == learned(*reversed(files)).fingerprint


def test_joining_forms_keeps_both() -> None:
    one, two = Forms(prompts=frozenset({"a"})), Forms(records=frozenset({"b"}))
    assert (one | two) == (two | one) == Forms(frozenset({"a"}), frozenset(), frozenset({"b"}))
    assert (one | two).fingerprint != one.fingerprint


def test_known_form_takes_unknown_lines_for_answers() -> None:
    questions = [f"> Question number {n}?" for n in range(8)]
    forms = learned(*["\n".join(questions)] * 2)
    events = scan("\n".join([*questions, "Yes.", "> a quoted line of the lab"]))
    assert len(forms.prompt_lines(events)) == 8
    assert len(NO_FORMS.prompt_lines(events)) == 9
