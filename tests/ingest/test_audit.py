"""The audit: an honest count of what labs wrote and where it landed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from made_up import NO_FORMS, learned, parsed, report
from strategies import report_text, steady

from ingest.audit import Audit, audit_paths
from ingest.chunk import chunk
from ingest.parsing.form_text import Forms
from ingest.parsing.parser import parse
from rag.types import Passage, Report

BODY = (
    "## Challenge\n\n**Only complete this section when ready.**\n\n> What is it?\n\n"
    "The ferry leaves at noon.\n\nNobody knows why.\n\n> How many?\n\n-\n\n"
    "> Images?\n\n![x](https://x.example/a.png)\n\n****\n"
)
COUNTRIES = ("Peru", "Mali", "Fiji")


def of_lab(country: str) -> str:
    body = BODY.replace("The ferry", f"{country}'s boat").replace("Nobody knows", f"{country} asks")
    return report(body, given=f"[[country:{country}]]\n")


FORMS = learned(*map(of_lab, COUNTRIES))


def audited(
    source: Report, forms: Forms = NO_FORMS, passages: Sequence[Passage] | None = None
) -> Audit:
    audit = Audit(forms)
    audit.add(source, chunk(source) if passages is None else passages)
    return audit


@steady
@given(report_text)
def test_all_that_a_lab_wrote_is_counted_whatever_the_file(raw: str) -> None:
    result = audited(parse("r", raw, NO_FORMS))
    assert result.answer_share == 1.0, result.left_out
    assert result.checks["unlike their file"].pieces == 0
    assert result.checks["without a question"].pieces == 0


def test_what_is_left_out_is_listed_by_kind() -> None:
    result = audited(parsed(BODY, FORMS), FORMS)
    assert result.answer_share == 1.0
    assert result.characters == len("Theferryleavesatnoon.Nobodyknowswhy.")
    left_out = {kind: counts.pieces for kind, counts in result.left_out.items()}
    assert left_out == {
        "blank answer": 1,
        "form text": 1,
        "image": 1,
        "question": 3,
        "section heading": 1,
        "tag": 3,
        "title": 1,
    }
    assert (result.reports, result.answers, result.passages) == (1, 1, 1)


@pytest.mark.parametrize("lost_by", ["block", "passage"])
def test_a_lost_paragraph_lowers_the_share(lost_by: str) -> None:
    source = parsed(BODY, FORMS)
    passages = chunk(source)
    if lost_by == "block":
        block = source.blocks[0]
        source = replace(source, blocks=(replace(block, spans=block.spans[:-1]),))
    else:
        passages[-1] = replace(passages[-1], spans=passages[-1].spans[:-1])
    result = audited(source, FORMS, passages)
    assert result.answer_share == pytest.approx(21 / 36, abs=1e-6)
    lost = result.left_out[f"answer in no {lost_by}"]
    assert (lost.pieces, lost.characters) == (1, 15)
    assert lost.examples == [{"report": "made_up", "text": "Nobody knows why."}]
    assert result.checks["unlike their file"].pieces == (lost_by == "passage")


@pytest.mark.real
def test_the_real_collection_loses_next_to_nothing(real_reports: Path) -> None:
    result, _ = audit_paths([real_reports])
    assert result.answer_share >= 0.998
    assert not any(counts.pieces for counts in result.checks.values())
