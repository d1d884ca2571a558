"""What only a report's tags say: one block, whose spans are the tags."""

from __future__ import annotations

from hypothesis import given
from made_up import NO_FORMS, TAGS, answers, parsed
from strategies import report_text, steady

from ingest.parsing.clean import clean
from ingest.parsing.parser import parse
from ingest.parsing.scan import find_tags
from rag.types import FACTS


def test_facts_that_stand_only_in_tags_are_kept() -> None:
    given_tags = TAGS + "[[total_cost:USD130]]\n[[sample_size:4.600+]]\n[[sample_size:4.600+]]\n"
    found = parsed("> Q?\n\nYes.", given=given_tags)
    assert found.info.facts == {"total_cost": ("USD130",), "sample_size": ("4.600+",)}


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


def test_no_facts_no_block() -> None:
    assert answers(parsed("> Q?\n\nYes.")) == [("Q?", "Yes.")]


@steady
@given(report_text)
def test_facts_read_as_their_tags_say(raw: str) -> None:
    for block in parse("r", raw, NO_FORMS).blocks:
        if block.section == FACTS:
            assert block.text == "\n".join(clean(raw[a:b]) for a, b in block.spans)
            assert {(tag.start, tag.end) for tag in find_tags(raw)} >= set(block.spans)
