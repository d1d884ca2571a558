"""Writes what a run shows: a table in Markdown, and a summary that the page reads."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from eval import figures
from eval.cases import MANY_REPORTS, VOTE_ID_PREFIX, write_text
from eval.figures import ALL, LATENCIES, MAIN, Group, Headline
from eval.metrics import METRICS, has_fact, single_line, tells
from eval.run import BASELINES, OUTCOMES, SUMMARY, TABLE, Outcome, load_outcomes, load_record
from eval.words import baseline_words, render
from rag.errors import InputError, first_problem
from rag.files import replace_file
from rag.settings import Settings

# A copy of the latest summary, in the folder of the index that was asked.
LATEST = "evaluation.json"
# Characters of an answer and of a quote that a summary keeps; the outcomes have all.
_ANSWER = 900
_QUOTE = 240
TIMES = "Latency (ms, p50 / p95)"
# How many of the worst cases a summary has.
WORST = 20
# The metrics whose mean is a case's score, where they apply, with the report recall.
_SCORED = (
    *("cite_prec", "ev_cited", "facts", "points", "ranking", "values", "count"),
    *("says_r", "says_p"),
)


@dataclass(frozen=True, slots=True)
class About:
    """When a run was made, with how many cases, by which models and over which index.

    `index` has the fingerprints that the answers name: one, unless the index changed meanwhile.
    """

    date: datetime
    cases: int
    answered_by: tuple[str, ...]
    index: tuple[str, ...]
    embedding: str


@dataclass(frozen=True, slots=True)
class WorstCase:
    """A case that went badly: what it asks, what a good answer has, and what was answered.

    `cited` has the report and the quote of each citation, `missing` the facts, values or reports
    that the answer lacks.
    """

    id: str
    group: str
    lang: str
    question: str
    score: float
    reports: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    answer: str = ""
    cited: tuple[tuple[str, str], ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run found: its figures by type of question, and its worst cases.

    `errors` are the cases that failed, `claims` the sentences of the headline. `baseline_groups`
    has all questions of each baseline.
    """

    run: About
    groups: Mapping[str, Group]
    errors: Mapping[str, str]
    claims: tuple[Headline, ...] = ()
    worst: tuple[WorstCase, ...] = ()
    baseline_groups: Mapping[str, Group] = field(default_factory=dict)


_SUMMARY = TypeAdapter(Summary)


def write_report(out: Path) -> str:
    """Write table and summary of a run from its outcomes; return the table (Markdown).

    Baselines in its folder are shown beside it.

    Raises:
        InputError: the run's files are missing, damaged, or can't be written.
    """
    outcomes, record = load_outcomes(out), load_record(out)
    record["answered_by"] = figures.values_of(outcomes, "mode")
    record["index"] = figures.values_of(outcomes, "index")
    groups, baselines = figures.aggregate(outcomes), _baselines(out)
    # Of equal scores, those with fewer right reports found come first.
    ordered = sorted(outcomes, key=lambda o: (case_score(o), o.scores.get("rep@20", 1.0)))
    # The page shows of questions from readers' votes nothing but numbers.
    shown = [o for o in ordered if case_score(o) < 1 and not o.case.id.startswith(VOTE_ID_PREFIX)]
    data: dict[str, Any] = {
        "run": record,
        "groups": groups,
        "errors": {o.case.id: o.error for o in outcomes if o.error},
        "claims": figures.headlines(outcomes),
        "worst": list(map(worst_case, shown[:WORST])),
        "baseline_groups": {name: scores[ALL] for name, scores in baselines.items()},
    }
    summary = json.dumps(data, default=asdict, indent=1, ensure_ascii=False)
    kinds: dict[str, list[str]] = defaultdict(list)
    titles = {name: metric.table for name, metric in METRICS.items()}
    for name, title in (titles | dict.fromkeys(LATENCIES, TIMES)).items():
        if any(name in group.metrics or name in group.latency for group in groups.values()):
            kinds[title].append(name)
    table = render(
        "table.md.jinja",
        kinds=kinds,
        main=MAIN,
        baselines={baseline_words(name): side for name, side in baselines.items()},
        asked=len(outcomes),
        **data,
    )
    write_text(out / SUMMARY, f"{summary}\n")
    write_text(out / TABLE, table)
    return table


def _baselines(out: Path) -> dict[str, dict[str, Group]]:
    """The figures of the baselines that stand in the folder of a run, by their folder's name."""
    folders = (path.parent for path in sorted((out / BASELINES).glob(f"*/{OUTCOMES}"))[::-1])
    return {folder.name: figures.aggregate(load_outcomes(folder)) for folder in folders}


def load_summary(path: Path) -> Summary:
    """The summary in a file that `write_report` wrote.

    Raises:
        InputError: there is none, or it is damaged.
    """
    try:
        return _SUMMARY.validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"{path}: no readable summary ({error}). Run `asklabs eval run`."
        ) from error
    except ValidationError as error:
        why = first_problem(error)
        raise InputError(
            f"{path}: not a summary of a run ({why}). Run `asklabs eval run` again."
        ) from error


def case_score(outcome: Outcome) -> float:
    """How well a case went, from 0 to 1; `eval.words.WORST` says it in words."""
    scores = outcome.scores
    if outcome.error or scores.get("refusal_ok") == 0:
        return 0.0
    if "list_f1" in scores:
        return scores["list_f1"]
    recall = "rep@20" if outcome.case.type in MANY_REPORTS else "rep@10"
    known = [scores[name] for name in (recall, *_SCORED) if name in scores]
    return sum(known) / len(known) if known else 1.0


def worst_case(outcome: Outcome) -> WorstCase:
    """A case with what came of it; long texts are cut, so that the page stays light."""
    case, answer = outcome.case, outcome.answer or {}
    text = answer.get("answer", "")
    missing = [fact for fact in case.facts if not has_fact(text, fact)]
    missing += [str(value) for value in case.expected_values if not tells(text, value)]
    if case.asks_for == "reports":
        missing += sorted(case.gold - set(answer.get("coverage", {}).get("reports", ())))
    return WorstCase(
        id=case.id,
        group=case.group,
        lang=case.lang,
        question=case.question,
        score=case_score(outcome),
        reports=case.reports,
        missing=tuple(missing),
        answer=text if len(text) <= _ANSWER else f"{text[: _ANSWER - 1].rstrip()}…",
        cited=tuple(
            (c["report"], single_line(c["quote"], _QUOTE)) for c in answer.get("citations", ())
        ),
        error=single_line(outcome.error, _QUOTE),
    )


def keep_latest(out: Path, index: Path) -> None:
    """Keep a run's summary in the folder of the index, for the page to show.

    Raises:
        InputError: nothing can be written there.
    """
    try:
        replace_file(index / LATEST, (out / SUMMARY).read_bytes())
    except OSError as error:
        raise InputError(f"{index}: the run can't be kept there for the page ({error}).") from error


def latest(settings: Settings) -> Summary | None:
    """The latest run over the index; None where there is none.

    Raises:
        InputError: it is damaged.
    """
    newest = settings.index / LATEST
    return load_summary(newest) if newest.exists() else None
