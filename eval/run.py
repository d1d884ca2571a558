"""Runs an evaluation: asks every case, scores the answer and writes the outcome, line by line."""

import hashlib
import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from pydantic import TypeAdapter, ValidationError

from eval.cases import ESCAPED, Case, case_to_dict, read_text
from eval.metrics import Observation, score
from eval.survey import score as score_survey
from rag.errors import AskLabsError, InputError, UnknownReport, first_problem
from rag.export.answer_json import answer_to_dict
from rag.models.prompts import PROMPT_VERSION
from rag.settings import Settings, versions
from rag.types import Progress

if TYPE_CHECKING:
    from eval.baselines import Baseline
    from rag.engine import Engine

# A new run removes these, so that none is older than its outcomes.
OUTCOMES, RECORD, TABLE, SUMMARY = "outcomes.jsonl", "run.json", "table.md", "summary.json"
BASELINES = "baselines"  # the folder in a run's folder for the runs of baselines
REMEDY = "Run `asklabs eval run CASES.jsonl --out {out}`."
Asker: TypeAlias = "Engine | Baseline"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a case: its answer as `asklabs ask --json` prints it, None after an error."""

    case: Case
    answer: Mapping[str, Any] | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    # Milliseconds of its stages, and from outside `first_ms` (to the first text) and `total_ms`.
    timings: Mapping[str, float] = field(default_factory=dict)
    error: str = ""


_OUTCOME = TypeAdapter(Outcome)


def run_cases(
    engine: Asker,
    cases: Sequence[Case],
    out: Path,
    progress: Progress = lambda *_: None,
    stage: str = "asking",
) -> None:
    """Ask each case and write its outcome to out/outcomes.jsonl at once; one by one, in order.

    An earlier run in `out` is replaced, with those of its baselines. A case that fails with an
    AskLabsError becomes an outcome with that error. A graded topic is surveyed.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        for old in (*out.glob("*.*"), *(out / BASELINES).glob("*/*.*")):
            if old.name in (OUTCOMES, RECORD, TABLE, SUMMARY):
                old.unlink()
        text = json.dumps(run_record(engine.settings, cases), indent=2, ensure_ascii=False)
        (out / RECORD).write_text(text + "\n", encoding="utf-8", newline="\n")
        file = (out / OUTCOMES).open("w", encoding="utf-8", errors=ESCAPED, newline="\n")
    except OSError as error:
        raise InputError(f"{out}: can't be written to ({error}). Give another folder.") from error
    with file:
        for done, case in enumerate(cases, start=1):
            try:
                outcome = survey_case(engine, case) if case.grades else ask_case(engine, case)
            except AskLabsError as error:
                outcome = Outcome(case, error=f"{type(error).__name__}: {error}")
            file.write(outcome_to_line(outcome))
            file.flush()
            progress(stage, done, len(cases))


def ask_case(engine: Asker, case: Case) -> Outcome:
    """Ask one case and score the answer."""
    start, first = time.perf_counter(), 0.0
    with closing(engine.ask(case.question, history=case.history)) as stream:
        for delta in stream:
            first = first or (time.perf_counter() if delta else 0.0)
        answer = stream.answer
    end = time.perf_counter()
    raw = {}
    for report_id in {citation.passage.report.id for citation in answer.citations}:
        # Quotes of reports that are gone count as not found.
        with suppress(UnknownReport):
            raw[report_id] = engine.report(report_id).raw
    clocked = {"first_ms": ((first or end) - start) * 1000, "total_ms": (end - start) * 1000}
    return Outcome(
        case,
        answer=answer_to_dict(answer, case.id),
        scores=score(Observation(case, answer, raw)),
        timings={k: round(v, 2) for k, v in {**answer.timings, **clocked}.items()},
    )


def survey_case(engine: Asker, case: Case) -> Outcome:
    """Survey a graded topic and score what was found; no baseline is asked for one."""
    start = time.perf_counter()
    made = cast("Engine", engine).survey(case.question).survey
    total = round(1000 * (time.perf_counter() - start), 2)
    scores = score_survey(made, case.grades, lambda report: engine.report(report).raw)
    return Outcome(case, scores=scores, timings={"total_ms": total})


def load_outcomes(out: Path) -> list[Outcome]:
    """The outcomes of a run, finished or not, without a last line cut short; else an InputError."""
    path, remedy = out / OUTCOMES, REMEDY.format(out=out)
    *lines, _cut = read_text(path, remedy).split("\n")
    try:
        outcomes = [_OUTCOME.validate_json(line) for line in lines]
    except ValidationError as error:
        raise InputError(f"{path}: a line is damaged ({first_problem(error)}). {remedy}") from error
    if not outcomes:
        raise InputError(f"{path}: no outcome in it. {remedy}")
    return outcomes


def load_record(out: Path) -> dict[str, Any]:
    """The record that run_cases left beside the outcomes."""
    path, remedy = out / RECORD, REMEDY.format(out=out)
    try:
        return dict(json.loads(read_text(path, remedy)))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: no record of a run ({error}). {remedy}") from error


def run_record(settings: Settings, cases: Sequence[Case]) -> dict[str, Any]:
    """What a reader needs to repeat the run: cases, settings without secrets, versions, machine."""
    lines = "\n".join(json.dumps(case_to_dict(case), sort_keys=True) for case in cases)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cases": len(cases),
        "cases_sha256": hashlib.sha256(lines.encode()).hexdigest(),
        "model": settings.answer_model,
        "prompt_version": PROMPT_VERSION,
        "embedding": settings.embedding,
        "settings": settings.changed,
        "versions": {"python": platform.python_version()} | versions(),
        "machine": {
            "cores": os.cpu_count(),
            "system": platform.system(),
            "architecture": platform.machine(),
        },
    }


def outcome_to_line(outcome: Outcome) -> str:
    """The outcome as a line of JSON; the inverse of what load_outcomes reads."""
    told = {"error": outcome.error, "scores": outcome.scores, "timings": outcome.timings}
    case = {"case": case_to_dict(outcome.case), "answer": outcome.answer}
    return json.dumps({"id": outcome.case.id} | told | case, ensure_ascii=False) + "\n"
