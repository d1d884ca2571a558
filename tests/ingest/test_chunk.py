"""Passages: bounded, verbatim, with ids that stay; and what is in none is counted."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from audit import audit
from hypothesis import given
from hypothesis import strategies as st
from made_up import NO_FORMS, learned, parsed, passages_of, read_back, report, report_text, steady

from ingest.chunk import MAX_TOKENS, chunk
from ingest.form_text import text_hash
from ingest.parser import parse
from ingest.scan import find_tags, hide_private, key
from rag.models.tokens import count_tokens
from rag.types import FACTS
from tests.conftest import SAMPLE

LONG = " ".join(f"Boat number {n} left the harbour at {n % 24} o'clock." for n in range(120))
BODY = "## A\n> One?\n\n{}\n\n> Two?\n\n{}\n## A\n> One?\n\n{}\n"
ANSWERS = ("Ropes.", "Tides.", "Nets.")


@steady
@given(report_text, st.integers(5, 40))
def test_a_passages_text_is_what_its_spans_hold(raw: str, max_tokens: int) -> None:
    passages = passages_of(raw, max_tokens=max_tokens)
    for passage in passages:
        assert read_back(raw, passage) == passage.text
        assert passage.text
        assert all(a[1] <= b[0] for a, b in pairwise(passage.spans))
    assert len({p.id for p in passages}) == len(passages)


@pytest.mark.parametrize("real", [False, pytest.param(True, marks=pytest.mark.real)])
def test_passages_hold_no_form_text_or_people(request: pytest.FixtureRequest, real: bool) -> None:
    folder: Path = request.getfixturevalue("real_reports") if real else SAMPLE
    originals = [path.read_text("utf-8") for path in sorted(folder.glob("*.md"))]
    forms = learned(*map(hide_private, originals))
    form_texts = {text for _, text in forms.paragraphs}
    assert form_texts
    for original in originals:
        raw = hide_private(original)
        people = [tag.value for tag in find_tags(original) if tag.key == "focal_point"]
        for passage in passages_of(raw, forms):
            assert read_back(raw, passage) == passage.text
            assert count_tokens(passage.text) <= MAX_TOKENS
            assert text_hash(key(passage.text)) not in form_texts
            assert not any("@" in person and person in repr(passage) for person in people)


def test_a_long_answer_is_cut_between_sentences_and_no_link() -> None:
    passages = passages_of(report(f"> What left?\n\n{LONG}"))
    assert [(p.part, p.parts) for p in passages] == [(n, 6) for n in range(1, 7)]
    assert all(p.text.endswith("o'clock.") for p in passages)
    assert " ".join(p.text for p in passages) == LONG
    linked = " ".join(f"[The map {n}](https://maps.example/{n}) shows boat {n}." for n in range(60))
    passages = passages_of(report(f"> What?\n\n{linked}"))
    assert len(passages) > 1
    assert not [p.text for p in passages if "](" in p.text]


@pytest.mark.parametrize(
    "answer", ["x" * 20_000, "漢" * 5_000, "👩‍👩‍👧 " * 900, "ab!\n\n\n" * 5000]
)
def test_a_text_without_sentences_or_of_many_is_cut_and_loses_nothing(answer: str) -> None:
    raw = report(f"> What?\n\n{answer}")
    passages = passages_of(raw)
    assert len(passages) > 1
    assert all(read_back(raw, p) == p.text and count_tokens(p.text) <= MAX_TOKENS for p in passages)
    assert "".join("".join(p.text for p in passages).split()) == "".join(answer.split())


def test_facts_are_a_passage_of_their_own() -> None:
    raw = report("> Q?\n\nLes pêcheurs du port attendent chaque matin la glace du continent.")
    bare = passages_of(raw)
    added = "[[sample_size:40]]\n[[control_group:It has no control group]]\n[[year"
    facts, *others = passages_of(raw.replace("[[year", added))
    assert facts.text == "Sample size: 40\nControl group: It has no control group"
    assert (facts.stage, facts.prompt, facts.section) == ("evidence", FACTS, FACTS)
    assert [(p.id, p.text) for p in others] == [(p.id, p.text) for p in bare]
    assert (facts.report.language, others[0].language) == ("fr", "fr")


def test_the_same_place_has_the_same_id_whatever_stands_there_or_elsewhere() -> None:
    ids = {p.text: p.id for p in passages_of(report(BODY.format(*ANSWERS)))}
    edited = passages_of(report(BODY.format("Ropes.", "Other tides.", "Nets."), title="New"))
    assert [p.id for p in edited] == [*ids.values()]
    for left_out in ANSWERS:
        body = BODY.format(*("" if text == left_out else text for text in ANSWERS))
        others = {text: place for text, place in ids.items() if text != left_out}
        assert {p.text: p.id for p in passages_of(report(body))} == others


FORM = (
    "## Challenge\n\n> What is it?\n\n"
    "The ferry leaves at noon.\n\nNobody knows why.\n\n> How many?\n\n-\n\n"
    "> Images?\n\n![x](https://x.example/a.png)\n\n****\n"
)


@steady
@given(report_text)
def test_all_that_a_lab_wrote_is_counted_whatever_the_file(raw: str) -> None:
    source = parse("r", raw, NO_FORMS)
    assert audit(source, chunk(source), NO_FORMS)[1] == ""
    assert all(part.prompt for part in chunk(source))


def test_a_lost_paragraph_is_told() -> None:
    source = parsed(FORM)
    passages = chunk(source)
    passages[-1] = replace(passages[-1], spans=passages[-1].spans[:-1])
    written, lost = audit(source, passages, NO_FORMS)
    assert (len(written), lost) == (34, "Nobodyknowswhy")
