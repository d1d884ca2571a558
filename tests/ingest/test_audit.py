"""The audit: an honest count of what labs wrote and where it landed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from made_up import NO_FORMS, learned, parsed, report
from strategies import report_text, steady

from ingest.audit import Audit, audit, audit_paths
from ingest.chunk import chunk
from ingest.parsing.forms import Forms
from ingest.parsing.parser import parse
from ingest.parsing.scan import hide_private
from rag.types import Passage, Report
from tests.conftest import SAMPLE

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


def audited(found: Report, forms: Forms = NO_FORMS) -> Audit:
    return audit([(found, chunk(found))], forms)


@steady
@given(report_text)
def test_all_that_a_lab_wrote_is_found_whatever_the_file(raw: str) -> None:
    found = audited(parse("r", raw, NO_FORMS))
    assert found.answer_share == 1.0, found.left_out
    assert found.checks["unlike their file"].pieces == 0
    assert found.checks["without a question"].pieces == 0


def test_what_is_left_out_is_listed_by_kind() -> None:
    found = audited(parsed(BODY, FORMS), FORMS)
    assert found.answer_share == 1.0
    assert found.characters == len("Theferryleavesatnoon.Nobodyknowswhy.")
    left_out = {kind: (one.pieces, one.characters) for kind, one in found.left_out.items()}
    assert left_out["form text of fewer than 3 labs"] == (1, 33)
    assert left_out["image"][0] == left_out["section heading"][0] == left_out["title"][0] == 1
    assert left_out["blank answer"] == (1, 1)
    assert left_out["question of fewer than 3 labs"][0] == 3
    assert left_out["tag"][0] == 3
    assert (found.reports, found.answers, found.passages) == (1, 1, 1)


def without_last_span(passages: Sequence[Passage]) -> list[Passage]:
    return [*passages[:-1], replace(passages[-1], spans=passages[-1].spans[:-1])]


def test_a_paragraph_that_a_block_lost_lowers_the_share() -> None:
    whole = parsed(BODY, FORMS)
    cut = replace(whole, blocks=(replace(whole.blocks[0], spans=whole.blocks[0].spans[:-1]),))
    found = audit([(cut, chunk(whole))], FORMS)
    assert found.answer_share == pytest.approx(21 / 36)
    lost = found.left_out["answer in no block"]
    assert (lost.pieces, lost.characters) == (1, 15)
    assert lost.examples == [{"report": "made_up", "text": "Nobody knows why."}]


def test_what_a_passage_lost_lowers_the_share() -> None:
    whole = parsed(BODY, FORMS)
    found = audit([(whole, without_last_span(chunk(whole)))], FORMS)
    assert found.answer_share == pytest.approx(21 / 36)
    assert found.left_out["answer in no passage"].characters == 15
    assert found.checks["unlike their file"].pieces == 1


def test_form_text_in_a_passage_is_seen() -> None:
    found = parsed(BODY)
    assert audited(found, FORMS).checks["passages with form text"].pieces == 1
    assert audited(parsed(BODY, FORMS), FORMS).checks["passages with form text"].pieces == 0


def test_the_share_is_never_rounded_up_to_all() -> None:
    found = replace(audited(parsed(BODY)), answer_share=0.99999999)
    assert found.to_dict()["answer_share"] == 0.999999
    assert next(found.lines()).startswith("99.9999%")


def test_the_sample_collection_loses_nothing() -> None:
    raws = {p.stem: hide_private(p.read_text("utf-8")) for p in sorted(SAMPLE.glob("*.md"))}
    found = _audit_all(raws)
    assert found.answer_share == 1.0, found.left_out
    assert not any(one.pieces for one in found.checks.values())
    assert found.left_out["form text"].pieces


def test_paths_are_read_and_nothing_is_written(tmp_path: Path) -> None:
    for country in COUNTRIES:
        (tmp_path / f"{country}.md").write_text(of_lab(country), encoding="utf-8")
    (tmp_path / "notes.md").write_text("No report.", encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    found, skipped = audit_paths([tmp_path])
    assert (found.reports, found.answer_share, found.left_out["form text"].pieces) == (3, 1.0, 3)
    assert [Path(one.path).name for one in skipped] == ["notes.md"]
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.real
def test_the_real_collection_loses_next_to_nothing(real_reports: Path) -> None:
    raws = {p.stem: hide_private(p.read_text("utf-8")) for p in sorted(real_reports.glob("*.md"))}
    found = _audit_all(raws)
    assert found.answer_share >= 0.998
    assert not any(one.pieces for one in found.checks.values())


def _audit_all(raws: dict[str, str]) -> Audit:
    forms = learned(*raws.values())
    reports = (parse(name, raw, forms) for name, raw in raws.items())
    return audit(((one, chunk(one)) for one in reports), forms)
