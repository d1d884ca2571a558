"""Evaluation runs made by hand: outcomes with given scores, and the folders that runs leave."""

import json
from pathlib import Path

from eval.cases import Case
from eval.report import write_report
from eval.run import Outcome, outcome_to_line, run_record
from rag.settings import Settings


def case(name: str, kind: str = "single", lang: str = "en", question: str = "Why?") -> Case:
    gold = () if kind == "unanswerable" else ("a",)
    return Case(name, kind, lang, question, gold)  # type: ignore[arg-type]


def outcome(
    of: Case, citations: int = 1, mode: str = "extractive", index: str = "f1", **scores: float
) -> Outcome:
    cited = {"n": 1, "report": "a", "quote": "Why not?", "status": "supported"}
    answer = {"citations": [cited] * citations, "mode": mode, "index": index}
    return Outcome(of, answer, scores, {"total_ms": 10.0})


def numbered(n: int, **scores: float) -> list[Outcome]:
    return [outcome(case(f"c{i}"), **scores) for i in range(n)]


def save(out: Path, *outcomes: Outcome, cases: int = 0) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    record = run_record(Settings(), [o.case for o in outcomes]) | {"cases": cases or len(outcomes)}
    (out / "run.json").write_text(json.dumps(record), encoding="utf-8")
    (out / "outcomes.jsonl").write_text("".join(map(outcome_to_line, outcomes)), encoding="utf-8")
    return out


def reported(out: Path, *outcomes: Outcome) -> Path:
    write_report(save(out, *outcomes))
    return out
