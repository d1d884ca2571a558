"""What a lab wrote lands once, under its form question, whatever the file looks like."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from made_up import NO_FORMS, TAGS, answers, learned, parsed, report, texts
from strategies import report_text, steady

from ingest.parsing.clean import clean
from ingest.parsing.forms import Forms
from ingest.parsing.parser import FREE_TEXT, parse
from ingest.parsing.scan import find_tags, scan
from rag.types import FACTS, Report

PARTNER = (
    "Please state the name of the Parter:",
    "What sector does our partner belong to?",
    "Please provide a brief description of the collaboration.",
    "Is this a new and unusual partner for UNDP?",
)


def group(text: str) -> str:
    return f'\n<div class="group">\n\n{text}\n\n</div>\n'


def partners(*records: dict[int, str], order: tuple[int, ...] = (0, 1, 2, 3)) -> str:
    body = "## Partners\n> Who are your top 5 partners?\n"
    for record in records:
        for i in order:
            body += group(f"> {PARTNER[i]}\n\n{record.get(i, '')}")
    return body


TWO = (
    {0: "Gull Radio", 1: "Media", 2: "Reads out the tide.", 3: "Yes"},
    {0: "Port of Ilo", 1: "Public", 2: "Counts boats.", 3: "No"},
)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 0, 3, 1), (3, 2, 1, 0)])
def test_one_block_a_partner_whatever_the_order(order: tuple[int, ...]) -> None:
    body = partners(*TWO, order=order)
    blocks = parsed(body, learned(report(body))).blocks
    assert [set(b.text.split("\n")) for b in blocks] == [set(p.values()) for p in TWO]
    assert {b.prompt for b in blocks} == {"Who are your top 5 partners?"}
    assert [b.occurrence for b in blocks] == [1, 2]


def test_after_the_partners_comes_the_next_question() -> None:
    body = partners(*TWO) + "\n> What do you need to know?\n\nWhen the ferry leaves.\n"
    found = answers(parsed(body, learned(report(body))))
    assert found[-1] == ("What do you need to know?", "When the ferry leaves.")


def test_groups_with_the_empty_prompt_belong_to_the_prompt_above() -> None:
    body = "> Evidence: which data?\n" + group("> \n\n12 boats a day.") + group("> \n\n3 ferries.")
    assert answers(parsed(body)) == [("Evidence: which data?", "12 boats a day.\n3 ferries.")]


def test_an_open_group_ends_with_its_section() -> None:
    forms = learned(report(partners(*TWO)))
    body = (
        f'## A\n<div class="group">\n> {PARTNER[0]}\n\nGull Radio.\n'
        f"## B\n> {PARTNER[0]}\n\nPort of Ilo.\n\n> {PARTNER[1]}\n\nPublic.\n"
    )
    assert texts(parsed(body, forms)) == ["Gull Radio.", "Port of Ilo.", "Public."]


def test_unanswered_questions_are_named_and_no_blocks() -> None:
    found = parsed(
        "> One?\n\n> Two?\n\nYes.\n\n> Three?\n\n![x](https://x.example/a.png)\n\n> F?\n-"
    )
    assert answers(found) == [("Two?", "Yes.")]
    assert found.unanswered == ("One?", "Three?", "F?")
    assert found.images == ("https://x.example/a.png",)


def known_form() -> tuple[str, ...]:
    return tuple(f"> Question number {n}?\n\nAnswer {n}.\n" for n in range(6))


def test_quoted_lines_of_a_lab_are_its_answer() -> None:
    forms = learned(*["\n".join(known_form())] * 2)
    quoted = "> Question number 6?\n\nThey said\n> the tide is a timetable\n>> twice\nand left.\n"
    found = parsed("\n".join((*known_form(), quoted)), forms)
    at = found.blocks[-1]
    assert at.prompt == "Question number 6?"
    assert at.text == "They said\nthe tide is a timetable\n> twice and left."
    assert not any(found.raw[a] == ">" for a, _ in at.spans[1:2])


def test_a_form_never_seen_before_is_taken_as_it_stands() -> None:
    found = parsed("> What went wrong?\n\nThe rope.\n\n> And then\n\nA second rope.")
    assert answers(found) == [("What went wrong?", "The rope."), ("And then", "A second rope.")]


def test_a_question_may_go_over_lines() -> None:
    found = parsed("> What went wrong,\n> and what did you do?\n\nThe rope.")
    assert answers(found) == [("What went wrong, and what did you do?", "The rope.")]


def test_lists_tables_and_links_stay_in_the_answer() -> None:
    body = (
        "> Which?\n\n- Sense\n- Explore\n\n| port | boats |\n|---|---|\n| Ilo | 12 |\n\n"
        "See [the map](https://a.example/1)[too](https://b.example/2) https://c.example/3"
        "https://d.example/4"
    )
    found = parsed(body)
    assert texts(found) == [
        "- Sense\n- Explore\n| port | boats |\n|---|---|\n| Ilo | 12 |\n"
        "See the maptoo https://c.example/3 https://d.example/4"
    ]
    urls = ("a.example/1", "b.example/2", "c.example/3", "d.example/4")
    assert found.links == tuple(f"https://{url}" for url in urls)


@pytest.mark.parametrize(
    ("heading", "body", "title"),
    [
        ("Ferry timetable", "", "Ferry timetable"),
        ("Short…", "> Please provide a name for your action learning plan.\n\nTides", "Tides"),
        ("- Ferries are", "> Insights?\n\nFerries are late. So are we.", "Ferries are"),
        ("Ferries are la…", "> Insights?\n\nFerries are late. So are we.", "Ferries are late."),
        ("1.", "> Title\n\nTides", "Tides"),
        ("_", "> Name of the experiment\n\nTides\nand ropes", "Tides and ropes"),
        ("Fish &amp; rice", "", "Fish & rice"),
    ],
)
def test_the_true_title(heading: str, body: str, title: str) -> None:
    assert parsed(body, title=heading).info.title == title


def test_closings_are_told_from_plans() -> None:
    assert parsed("> Challenge: what is it?\n\nTides.").info.kind == "plan"
    assert parsed("> What do you know now that you didn't?\n\nTides.").info.kind == "closing"


def test_a_tag_in_a_labs_sentence_is_its_own_words() -> None:
    found = parsed("> Q?\n\nThey said [[note:nothing]] twice.\n[[size:4]] And left.")
    assert answers(found) == [
        (FACTS, "Size: 4"),
        ("Q?", "They said Note: nothing twice.\nAnd left."),
    ]


def test_a_text_under_no_question_has_its_heading_for_one() -> None:
    found = parsed(
        "Loose.\n## What it is\n\nA raft.\n\n> Cost?\n\n12\n##\nMore.\n## Cost?\n\n> None\n\n13\n"
    )
    assert [(b.section, b.prompt, b.text) for b in found.blocks] == [
        ("", FREE_TEXT, "Loose."),
        ("What it is", "What it is", "A raft."),
        ("What it is", "Cost?", "12"),
        ("", FREE_TEXT, "More."),
        ("Cost?", "Cost?", "13"),
    ]
    assert found.unanswered == ()
    assert found.info.kind == "plan"


@pytest.mark.parametrize("again", ["Please state the name of the Partner:", PARTNER[0].upper()])
def test_a_partners_question_may_be_spelt_otherwise(again: str) -> None:
    forms = learned(report(partners(*TWO)))
    body = partners(*TWO)
    second = body.rindex(PARTNER[0])
    body = body[:second] + again + body[second + len(PARTNER[0]) :]
    assert texts(parsed(body, forms)) == ["\n".join(partner.values()) for partner in TWO]


def test_links_and_images_are_kept_with_their_address() -> None:
    found = parsed(
        "> Q?\n\n[The map](https://a.example/map_(1).pdf), ![x](https://a.example/i.png)\n"
        "\n>> https://a.example/quoted\n\n![x](https://a.example/j.png)\n"
    )
    assert found.links == ("https://a.example/map_(1).pdf", "https://a.example/quoted")
    assert found.images == ("https://a.example/i.png", "https://a.example/j.png")


@steady
@given(report_text)
def test_nothing_that_a_lab_wrote_is_lost(raw: str) -> None:
    """Every paragraph's words are in exactly one block, in the order of the file."""
    found = parse("r", raw, NO_FORMS)
    facts = [span for block in found.blocks if block.section == FACTS for span in block.spans]
    spans = [span for block in found.blocks if block.section != FACTS for span in block.spans]
    for some in (facts, spans):
        assert some == sorted(some)
    assert all(a[1] <= b[0] for a, b in pairwise(sorted(facts + spans)))
    assert all(block.text and block.prompt for block in found.blocks)
    for event in scan(raw):
        if event.kind == "text" and clean(event.text) not in ("", "-"):
            assert any(a <= event.start and event.end <= b for a, b in spans)


RECORDS = Forms(records=frozenset(("name of the partner", "sector")))


@steady
@given(report_text)
def test_groups_lose_nothing_either(raw: str) -> None:
    """With known partner records, answers land in other blocks, but all of them do."""
    plain, grouped = (_letters(parse("r", raw, forms)) for forms in (NO_FORMS, RECORDS))
    assert plain == grouped


def _letters(found: Report) -> list[int]:
    """Where the letters and digits stand that are in a block."""
    spans = (span for block in found.blocks for span in block.spans)
    return sorted(i for a, b in spans for i in range(a, b) if found.raw[i].isalnum())


def test_facts_are_one_block_whose_spans_are_the_tags() -> None:
    given_tags = TAGS + (
        "[[methods:Survey]]\n[[sample_size:40 boats]] [[control_group:Yes, the\nsame]]\n"
        "[[sample_size:40 Boats]]\n[[sample_size:2-9]]\n[[latlng:-12.5,77.03]]\n"
        "[[consent:https://a.example/x]]\n[[user_id:7]]\n[[ref:0f3a9c1e-77aa-4c1e-9f00-12ab34cd56ef]]\n"
        "[[e-mail:ana@lab.example]]\n[[contact_name:Ana]]\n[[total_cost:USD 130"
    )
    found = parsed("\n\n> Q?\n\nYes.", given=given_tags)
    facts, answer = found.blocks
    assert (facts.section, facts.prompt, facts.occurrence) == (FACTS, FACTS, 0)
    assert facts.text.split("\n") == [
        "Sample size: 40 boats",
        "Control group: Yes, the same",
        "Sample size: 2-9",
        "Total cost: USD 130",
    ]
    assert [found.raw[a:b] for a, b in facts.spans] == [
        "[[sample_size:40 boats]]",
        "[[control_group:Yes, the\nsame]]",
        "[[sample_size:2-9]]",
        "[[total_cost:USD 130",
    ]
    assert answer.text == "Yes."
    assert found.unanswered == ()


@steady
@given(report_text)
def test_facts_read_as_their_tags_say(raw: str) -> None:
    for block in parse("r", raw, NO_FORMS).blocks:
        if block.section == FACTS:
            assert block.text == "\n".join(clean(raw[a:b]) for a, b in block.spans)
            assert {(tag.start, tag.end) for tag in find_tags(raw)} >= set(block.spans)
