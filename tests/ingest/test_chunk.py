"""Passages: bounded, verbatim, with ids that stay; and what is in none is counted."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import NO_FORMS, parsed, passages_of, read_back, report, report_text, steady

from ingest.form_text import learn, lesson_of, text_hash
from ingest.parser import MAX_TOKENS, chunk, parse
from ingest.scan import BLANK, clean, find_tags, hide_private, key, scan
from rag.models.tokens import count_tokens
from rag.types import FACTS, Passage, Report, Span
from tests.conftest import ROOT, SAMPLE

REAL = ROOT.parent / "shared" / "reports"
LONG = " ".join(f"Boat number {n} left the harbour at {n % 24} o'clock." for n in range(120))
BODY = "## A\n> One?\n\n{}\n\n> Two?\n\n{}\n## A\n> One?\n\n{}\n"
ANSWERS = ("Ropes.", "Tides.", "Nets.")


# The real reports are no part of the project.
@pytest.mark.parametrize("folder", [SAMPLE, pytest.param(REAL, marks=pytest.mark.real)])
def test_passages_hold_no_form_text_or_people(folder: Path) -> None:
    if not folder.is_dir():
        pytest.skip("the real reports are not beside this checkout")
    paths = sorted(folder.glob("*.md"))
    originals = [path.read_text("utf-8") for path in paths[:: len(paths) // 300 + 1]]
    lessons = [lesson_of(hide_private(original)) for original in originals]
    forms = learn(lessons)
    form_texts = {text for _, text in forms.paragraphs}
    assert any(forms.paragraphs.intersection(lesson.pairs) for lesson in lessons)
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


def test_a_text_without_sentences_or_of_many_is_cut_and_loses_nothing() -> None:
    for answer in ("x" * 20_000, "漢" * 5_000, "👩‍👩‍👧 " * 900, "ab!\n\n\n" * 5000):
        raw = report(f"> What?\n\n{answer}")
        found = passages_of(raw)
        assert len(found) > 1
        assert all(read_back(raw, p) == p.text for p in found)
        assert all(count_tokens(p.text) <= MAX_TOKENS for p in found)
        assert "".join("".join(p.text for p in found).split()) == "".join(answer.split())


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


# What is written for a machine inside answers: images, a link's address, elements, and white space
# and elements written as entities (escaped several times over).
AMP = r"&(?:amp;){0,5}"
MARKUP = re.compile(
    r"!\[[^\]\n]*\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*\)"
    r"|\]\(\s{0,20}(?:https?://|www\.)[^()\n]{0,20000}(?:\([^()\s]*\)[^()\n]{0,2000})*\)"
    rf"|</?[a-z][^<>]{{0,2000}}>|{AMP}(?:nbsp|\#160|\#xa0|zwnj|zwj|shy);"
    rf"|{AMP}lt;/?[a-z][^<>\n]{{0,200}}?{AMP}gt;",
    re.IGNORECASE,
)


def no_answers(report: Report) -> Iterator[Span]:
    """Which parts of a file are no answers, by the markers of lines alone, without the parser."""
    questions = {*(b.prompt for b in report.blocks), *report.unanswered}
    for event in scan(report.raw):
        if (
            event.kind in ("title", "tag", "section", "open", "close")
            or (event.kind == "prompt" and (not event.text or clean(event.text) in questions))
            or BLANK.fullmatch(clean(report.raw[event.start : event.end]))
        ):
            yield event.start, event.end


def audit(report: Report, passages: Sequence[Passage]) -> tuple[str, str]:
    """The letters and digits of answers in a report's file, and those not in just one passage."""
    counts = np.array([char.isalnum() for char in report.raw], np.bool_)
    times = np.zeros(len(counts), np.uint8)
    markup = (match.span() for match in MARKUP.finditer(report.raw))
    for start, end in (*markup, *no_answers(report)):
        counts[start:end] = False
    for start, end in (span for passage in passages for span in passage.spans):
        times[start:end] += 1
    every, lost = np.flatnonzero(counts), np.flatnonzero(counts & (times != 1))
    return "".join(report.raw[n] for n in every), "".join(report.raw[n] for n in lost)


@steady
@given(report_text, st.integers(5, 40) | st.just(MAX_TOKENS))
def test_all_that_a_lab_wrote_is_in_one_passage_whatever_the_file(raw: str, limit: int) -> None:
    source = parse("r", raw, NO_FORMS)
    passages = chunk(source, limit)
    assert audit(source, passages)[1] == ""
    for passage in passages:
        assert read_back(raw, passage) == passage.text
        assert passage.text
        assert passage.prompt
        assert all(a[1] <= b[0] for a, b in pairwise(passage.spans))
    assert len({p.id for p in passages}) == len(passages)


def test_a_lost_paragraph_is_told() -> None:
    source = parsed(
        "## Challenge\n\n> What is it?\n\nThe ferry leaves at noon.\n\nNobody knows why.\n\n"
        "> How many?\n\n-\n\n> Images?\n\n![x](https://x.example/a.png)\n\n****\n"
    )
    (passage,) = chunk(source)
    lost = replace(passage, spans=passage.spans[:-1])
    assert audit(source, [passage]) == ("TheferryleavesatnoonNobodyknowswhy", "")
    assert audit(source, [lost])[1] == "Nobodyknowswhy"
