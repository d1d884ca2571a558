"""Runs made by hand: outcomes with given scores, and folders as an evaluation leaves them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eval.cases import Case, case_to_dict
from eval.run import Outcome, run_record
from rag.settings import Settings


def case(name: str, kind: str = "single", lang: str = "en", question: str = "Why?") -> Case:
    gold = () if kind == "unanswerable" else ("a",)
    return Case(name, kind, lang, question, gold)  # type: ignore[arg-type]


def outcome(
    asked: Case,
    citations: int = 1,
    ms: float = 10.0,
    mode: str = "extractive",
    index: str = "f1",
    **scores: float,
) -> Outcome:
    answer = {"citations": [{}] * citations, "mode": mode, "index": index}
    return Outcome(asked, answer, scores, {"total_ms": ms})


def save(out: Path, *outcomes: Outcome, cases: int = 0) -> Path:
    out.mkdir(parents=True)
    record = run_record(Settings(), [o.case for o in outcomes]) | {"cases": cases or len(outcomes)}
    (out / "run.json").write_text(json.dumps(record), encoding="utf-8")
    lines = []
    for o in outcomes:
        data: Mapping[str, Any] = {
            "id": o.case.id,
            "case": case_to_dict(o.case),
            "answer": o.answer,
            "scores": o.scores,
            "timings": o.timings,
            "error": o.error,
        }
        lines.append(json.dumps(data) + "\n")
    (out / "outcomes.jsonl").write_text("".join(lines), encoding="utf-8")
    return out


def numbered(n: int, **scores: float) -> list[Outcome]:
    return [outcome(case(f"c{i}"), **scores) for i in range(n)]
