"""Passages: bounded, verbatim by their spans, with ids that stay."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import learned, passages_of, read_back, report
from strategies import report_text, steady

from ingest.chunk import MAX_TOKENS
from ingest.parsing.scan import hide_private, key, tags
from rag.models.tokens import count_tokens
from rag.types import FACTS
from tests.conftest import SAMPLE

LONG = " ".join(f"Boat number {n} left the harbour at {n % 24} o'clock." for n in range(120))


@steady
@given(report_text, st.integers(5, 40))
def test_a_passages_text_is_what_its_spans_hold(raw: str, max_tokens: int) -> None:
    passages = passages_of(raw, max_tokens=max_tokens)
    for passage in passages:
        assert read_back(raw, passage) == passage.text
        assert passage.text
        spans = passage.spans
        assert all(a[1] <= b[0] for a, b in pairwise(spans))
    assert len({p.id for p in passages}) == len(passages)


def test_the_sample_collection_holds_to_it_all() -> None:
    raws = [hide_private(path.read_text("utf-8")) for path in sorted(SAMPLE.glob("*.md"))]
    forms = learned(*raws)
    form_texts = {text for _, text in forms.paragraphs}
    assert form_texts
    for raw in raws:
        for passage in passages_of(raw, forms):
            assert read_back(raw, passage) == passage.text
            assert count_tokens(passage.text) <= MAX_TOKENS
            assert key(passage.text) not in form_texts
            assert "@example.org" not in passage.text


def test_a_long_answer_is_cut_between_sentences() -> None:
    passages = passages_of(report(f"> What left?\n\n{LONG}"))
    assert [(p.part, p.parts) for p in passages] == [(n, 6) for n in range(1, 7)]
    assert all(p.text.endswith("o'clock.") for p in passages)
    assert " ".join(p.text for p in passages) == LONG


@pytest.mark.parametrize("line", ["x" * 20_000, "word " * 5_000, "漢" * 5_000, "👩‍👩‍👧 " * 900])
def test_a_line_without_sentences_is_cut_all_the_same(line: str) -> None:
    passages = passages_of(report(f"> What?\n\n{line}"))
    assert len(passages) > 1
    joined = "".join(p.text for p in passages)
    assert joined.replace(" ", "") == line.replace(" ", "").strip()


@pytest.mark.parametrize("unit", ["a. ", "a.\n", "a.\n\n", "ab!\n\n\n"])
def test_a_text_of_many_sentences_is_cut_and_loses_nothing(unit: str) -> None:
    raw = report(f"> What?\n\n{unit * 5_000}")
    passages = passages_of(raw)
    assert len(passages) > 10
    assert all(read_back(raw, p) == p.text and count_tokens(p.text) <= MAX_TOKENS for p in passages)
    letters = "".join(p.text for p in passages)
    assert "".join(letters.split()) == unit.strip() * 5_000


def test_facts_are_a_passage_of_their_own() -> None:
    raw = report("> Q?\n\nLes pêcheurs du port attendent chaque matin la glace du continent.")
    bare = passages_of(raw)
    with_facts = passages_of(
        raw.replace(
            "[[year", "[[sample_size:40]]\n[[control_group:It has no control group]]\n[[year"
        )
    )
    facts, *others = with_facts
    assert facts.text == "Sample size: 40\nControl group: It has no control group"
    assert (facts.stage, facts.prompt, facts.section) == ("evidence", FACTS, FACTS)
    assert [(p.id, p.text, p.language) for p in others] == [
        (p.id, p.text, p.language) for p in bare
    ]
    assert (facts.report.language, others[0].language) == ("fr", "fr")


def test_a_link_at_the_edge_of_a_part_stays_whole() -> None:
    linked = " ".join(f"[The map {n}](https://maps.example/{n}) shows boat {n}." for n in range(60))
    passages = passages_of(report(f"> What?\n\n{linked}"))
    assert len(passages) > 1
    assert not [p.text for p in passages if "](" in p.text]


def test_no_question_gets_into_a_passage_between_two_answers() -> None:
    forms = learned(*[report(f"## P\n> Who?\n{partner}{partner}") for partner in [records()] * 2])
    # Not quite six parts, so that the answer to the next question would go into the sixth.
    text = LONG[:-200]
    passages = passages_of(report(f"## P\n> Who?\n{records(text)}{records(text)}"), forms)
    assert len(passages) > 2
    assert not [p.text for p in passages if "Sector" in p.text or ">" in p.text]


def records(text: str = "Gull Radio") -> str:
    return f'<div class="group">\n> Name:\n{text}\n> Sector:\nMedia.\n</div>\n'


BODY = "## A\n> One?\n\n{}\n\n> Two?\n\n{}\n## A\n> One?\n\n{}\n"


def test_the_same_place_has_the_same_id() -> None:
    first = passages_of(report(BODY.format("Ropes.", "Tides.", "Nets.")))
    assert first == passages_of(report(BODY.format("Ropes.", "Tides.", "Nets.")))
    edited = passages_of(report(BODY.format("Ropes.", "Other tides.", "Nets."), title="New"))
    assert [p.id for p in edited] == [p.id for p in first]


def test_filling_in_or_emptying_an_answer_keeps_the_other_ids() -> None:
    first = {p.text: p.id for p in passages_of(report(BODY.format("Ropes.", "Tides.", "Nets.")))}
    for gone in ("Ropes.", "Tides.", "Nets."):
        body = BODY.format(*("" if text == gone else text for text in first))
        assert {p.text: p.id for p in passages_of(report(body))} == {
            text: place for text, place in first.items() if text != gone
        }


def test_language_is_told_for_each_passage() -> None:
    body = (
        "> Challenge: what is it?\n\nThe fishermen of the harbour wait for the ice every morning.\n"
        "\n> Background?\n\nLes pêcheurs du port attendent chaque matin la glace du continent.\n"
        "\n> How many?\n\n12"
    )
    assert [p.language for p in passages_of(report(body))] == ["en", "fr", "fr"]


@pytest.mark.real
def test_the_real_reports_hold_to_it_all(real_reports: Path) -> None:
    raws = {p.stem: p.read_text("utf-8") for p in sorted(real_reports.glob("*.md"))}
    forms = learned(*raws.values())
    forms_of = {text for _, text in forms.paragraphs}
    checked = 0
    for original in raws.values():
        raw = hide_private(original)
        people = _focal_points(original)
        for passage in passages_of(raw, forms):
            checked += 1
            assert read_back(raw, passage) == passage.text
            assert count_tokens(passage.text) <= MAX_TOKENS
            assert key(passage.text) not in forms_of
            assert not any(person in passage.text + passage.context for person in people)
    assert checked > len(raws)


def _focal_points(raw: str) -> list[str]:
    return [value for name, value in tags(raw) if name == "focal_point" and "@" in value]
