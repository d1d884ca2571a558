"""Stress tests: what changes do to questions and collections, and what the table shows."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from eval import stress
from eval.cases import Case, load_cases, write_cases
from eval.run import load_outcomes, run_cases
from rag.catalog.tag_fields import ReportInfo
from rag.engine import Engine

CASE = Case("c", "single", "en", "How many 1,200 kg boats did São Tomé’s lab repair?", ("a",))
REPORTS = {
    "a": ReportInfo("a", "A", ("Fiji",), ("FJ",), 2022),
    "b": ReportInfo("b", "B", ("Fiji",), ("FJ",), 2022),
}
YEAR = partial(stress.with_year, reports=REPORTS)
COUNTRY = partial(stress.with_country, reports=REPORTS)
UPPER = partial(stress.upper, _=random.Random())
PLAIN = partial(stress.plain, _=random.Random())


@pytest.mark.parametrize(
    ("change", "question", "expected"),
    [
        (UPPER, CASE.question, "HOW MANY 1,200 KG BOATS DID SÃO TOMÉ’S LAB REPAIR?"),
        (UPPER, "ماذا؟", None),
        (PLAIN, CASE.question, "How many 1,200 kg boats did Sao Tome s lab repair"),
        (PLAIN, "Why so", None),
        (YEAR, "What did boats cost?", "What did boats cost in 2022?"),
        (YEAR, "What of 2021?", None),
        (COUNTRY, "What did boats cost?", "What did boats cost in Fiji?"),
        (COUNTRY, "What of Peru?", None),
    ],
)
def test_a_question_is_changed_where_it_can_be(
    change: Callable[[Case], Case | None], question: str, expected: str | None
) -> None:
    changed = change(replace(CASE, question=question, reports=("a", "b")))
    assert (changed.question if changed else None) == expected


@pytest.mark.slow
@pytest.mark.usefixtures("sample_engine")  # It makes what searching needs.
def test_the_command_compares_changed_cases_and_collections(
    run: Any, sample_index: Path, sample_cases: tuple[Case, ...], tmp_path: Path
) -> None:
    few = [c for c in sample_cases if c.type in ("single", "listing") and c.lang == "en"][:4]
    path, out = tmp_path / "few.jsonl", tmp_path / "stress"
    write_cases(few, path)
    before = sorted(sample_index.rglob("*"))
    done = run(
        *("eval", "stress", path, "--out", out, "--index", sample_index, "--reports", "6"),
        *("--only", "upper, language,injected,doubled,shuffled"),
    )
    assert done.code == 0
    assert done.out == (out / "stress.md").read_text("utf-8")
    assert "indexes of 6 of the 32 reports" in done.out
    assert "language: the question in another language (not run" in done.out
    assert "answers obey or quote it" in done.out
    outcomes = {folder.name: load_outcomes(folder) for folder in out.iterdir() if folder.is_dir()}
    names = {"unchanged", "unchanged-index", "upper", "injected", "doubled", "shuffled"}
    assert {name: len(asked) for name, asked in outcomes.items()} == dict.fromkeys(names, 4)
    # The order of an ingest changes nothing, and copies go by the name of their report.
    scores = {name: [o.scores for o in outcomes[name]] for name in ("unchanged-index", "shuffled")}
    assert scores["shuffled"] == scores["unchanged-index"]
    shown = [o.answer or {} for o in outcomes["doubled"]]
    assert not any(stress.COPY in json.dumps(answer["passages"]) for answer in shown)
    assert all(o.case.question.isupper() for o in outcomes["upper"])
    assert sorted(sample_index.rglob("*")) == before


def test_a_run_of_the_same_cases_need_not_be_asked_again(
    run: Any, sample_engine: Engine, sample_index: Path, tmp_path: Path
) -> None:
    path, other, before = tmp_path / "one.jsonl", tmp_path / "other.jsonl", tmp_path / "before"
    write_cases([CASE], path)
    write_cases([replace(CASE, facts=("7",))], other)
    given = ("--out", tmp_path / "out", "--index", sample_index, "--only", "upper")
    run_cases(sample_engine, load_cases(path), before)
    assert run("eval", "stress", path, *given, "--asked", before).code == 0
    assert not (tmp_path / "out" / "unchanged").exists()
    assert (tmp_path / "out" / "upper" / "table.md").is_file()
    done = run("eval", "stress", other, *given, "--asked", before)
    assert done.code == 2
    assert "no run of these cases" in done.err
    done = run("eval", "stress", path, *given[:-1], "x")
    assert done.code == 2
    assert all(name in done.err for name in stress.VARIANTS)
