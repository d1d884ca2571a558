"""Evaluation runs made by hand: outcomes with given scores, and the folders that runs leave."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from eval.cases import Case
from eval.run import Outcome, outcome_to_line, run_record
from rag.answer.pipeline import AnswerStream
from rag.settings import Settings
from rag.types import Turn


def case(name: str, kind: str = "single", lang: str = "en", question: str = "Why?") -> Case:
    gold = () if kind == "unanswerable" else ("a",)
    return Case(name, kind, lang, question, gold)  # type: ignore[arg-type]


def outcome(
    of: Case,
    citations: int = 1,
    ms: float = 10.0,
    mode: str = "extractive",
    index: str = "f1",
    **scores: float,
) -> Outcome:
    cited = {"n": 1, "report": "a", "quote": "Why not?", "status": "supported"}
    answer = {"citations": [cited] * citations, "mode": mode, "index": index}
    return Outcome(of, answer, scores, {"total_ms": ms})


def numbered(n: int, **scores: float) -> list[Outcome]:
    return [outcome(case(f"c{i}"), **scores) for i in range(n)]


def save(out: Path, *outcomes: Outcome, cases: int = 0) -> Path:
    out.mkdir(parents=True)
    record = run_record(Settings(), [o.case for o in outcomes]) | {"cases": cases or len(outcomes)}
    (out / "run.json").write_text(json.dumps(record), encoding="utf-8")
    (out / "outcomes.jsonl").write_text("".join(map(outcome_to_line, outcomes)), encoding="utf-8")
    return out


class ChangedEngine:
    """An engine that answers another question."""

    def __init__(self, engine: Any, question: Callable[[str], str]) -> None:
        self.settings, self.report = engine.settings, engine.report
        self._engine, self._question = engine, question

    def ask(self, question: str, *, history: Sequence[Turn] = ()) -> AnswerStream:
        return self._engine.ask(self._question(question), history=history)  # type: ignore[no-any-return]
