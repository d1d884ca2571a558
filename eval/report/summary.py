"""The summary of a run, read back and checked, and which run is the latest over an index."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from eval.compare import BaselineComparison
from eval.figures import Group, Headline, Histogram
from eval.matching import single_line
from eval.report.diagnosis import CaseReport
from eval.run import SUMMARY
from rag.errors import InputError, SettingsError
from rag.settings import PREFIX, Settings

# A copy of the latest summary, in the folder of the index that was asked.
LATEST = "evaluation.json"
# Characters of an answer and of a quote that a summary keeps; the report of the run has all.
_ANSWER = 900
_QUOTE = 240


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
class Summary:
    """What a run found: its figures by type of question and language, and its worst cases.

    `errors` are the cases that failed, `claims` the sentences of the headline, and `causes` counts
    the cases by what went wrong.
    """

    run: About
    groups: Mapping[str, Group]
    errors: Mapping[str, str]
    languages: Mapping[str, Group] = field(default_factory=dict)
    claims: tuple[Headline, ...] = ()
    causes: Mapping[str, int] = field(default_factory=dict)
    worst: tuple[CaseReport, ...] = ()
    histogram: Histogram | None = None
    baselines: Mapping[str, BaselineComparison] = field(default_factory=dict)


_SUMMARY = TypeAdapter(Summary)


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
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(
            f"{path}: not a summary of a run ({where}: {first['msg']}). Run `asklabs eval run` "
            "again."
        ) from error


def shortened(case: CaseReport) -> CaseReport:
    """A case as a summary keeps it: long texts cut, so that the page stays light."""
    answer = case.answer
    return replace(
        case,
        answer=answer if len(answer) <= _ANSWER else answer[: _ANSWER - 1] + "…",
        evidence=tuple(replace(g, quote=single_line(g.quote, _QUOTE)) for g in case.evidence),
        citations=tuple(replace(c, quote=single_line(c.quote, _QUOTE)) for c in case.citations),
        history=tuple((role, single_line(text, _QUOTE)) for role, text in case.history),
        error=single_line(case.error, _QUOTE),
    )


def keep_latest(out: Path, index: Path) -> None:
    """Keep a run's summary in the folder of the index, for the page to show.

    Raises:
        InputError: nothing can be written there.
    """
    new = index / f"{LATEST}.new"
    try:
        shutil.copyfile(out / SUMMARY, new)
        os.replace(new, index / LATEST)
    except OSError as error:
        raise InputError(
            f"{index}: the run can't be kept there for the page ({error}). "
            f"Set {PREFIX}EVALUATION={out} to show it."
        ) from error


def latest(settings: Settings) -> Summary | None:
    """The run that the settings name, else the latest over the index; None where there is none.

    Raises:
        InputError: it is damaged.
        SettingsError: the folder that the settings name has no run.
    """
    if settings.evaluation is None:
        kept = settings.index / LATEST
        return load_summary(kept) if kept.exists() else None
    path = settings.evaluation / SUMMARY
    if not path.is_file():
        raise SettingsError(
            f"{settings.evaluation}: no {SUMMARY} of a run in it. Correct {PREFIX}EVALUATION, or "
            f"run `asklabs eval run CASES.jsonl --out {settings.evaluation}`."
        )
    return load_summary(path)
