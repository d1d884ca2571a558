"""All that is told of a run, before it becomes a page or a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval.compare import BaselineComparison
from eval.figures import (
    ALL,
    Claim,
    Group,
    Histogram,
    usage_line,
)
from eval.report.diagnosis import (
    RIGHT,
    WORST,
    CaseReport,
)


@dataclass(frozen=True, slots=True)
class Report:
    """A run: its record, figures and cases, the worst first, and the baselines beside it.

    `side_by_side` is their table by type (Markdown).
    """

    record: Mapping[str, Any]
    asked: int
    groups: Mapping[str, Group]
    languages: Mapping[str, Group]
    claims: tuple[Claim, ...]
    cases: tuple[CaseReport, ...]
    histogram: Histogram | None
    baselines: Mapping[str, BaselineComparison]
    errors: Mapping[str, str]
    side_by_side: str

    @property
    def worst(self) -> tuple[CaseReport, ...]:
        """The twenty worst cases, fewer where fewer went wrong."""
        return tuple(one for one in self.cases if one.score < 1 or one.cause != RIGHT)[:WORST]


def record_lines(report: Report) -> list[str]:
    """When, with what and on which machine it was made, a line a fact."""
    run, asked = report.record, report.asked
    machine = run["machine"]
    packages = ", ".join(f"{name} {number}" for name, number in run["versions"].items())
    cut = "" if asked == run["cases"] else " (the run was interrupted)"
    return [
        f"{asked} of {run['cases']} cases asked, {run['date']}{cut}",
        f"answered by {listed(run['answered_by'])}; index {listed(run['index'])}; "
        f"embedding {run['embedding']}",
        f"{machine['cores']} cores, {machine['system']} {machine['architecture']}",
        packages,
        *([line] if (line := usage_line(report.groups[ALL].usage)) else ()),
    ]


def listed(values: Sequence[str]) -> str:
    """Values with commas between them."""
    return ", ".join(values) or "nothing"
