"""A run beside the baselines that were run with it: by type, and what ours has more or less."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.cases import CASE_TYPES
from eval.compare import Difference, answered_pairs, differences
from eval.figures import (
    ALL,
    WHOLE,
    Group,
    aggregate,
    seen,
)
from eval.run import (
    BASELINES,
    OUTCOMES,
    Outcome,
    load_outcomes,
    load_record,
)
from eval.stats import LEVEL, Estimate, randomisation_p

_ONE = ("rep@10", "ndcg@10", "ev@4k", "cite_prec", "cite_rec", "ev_cited", "facts", "facts_num")
_MANY = ("rep@20", "ndcg@10", "ev@4k", "cite_prec", "cite_rec", "lab_spread", "facts_num")
_ALL = ("quote_ok", "cited_sent", "alce_rec", "alce_prec", "sent_ok", "refusal_ok", *WHOLE)
MAIN: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(CASE_TYPES, _ONE),
    "cross": _MANY,
    "compare": _MANY,
    "listing": ("list_p", "list_r", "list_f1", "list_exact"),
    "unanswerable": ("refused",),
    "crosslingual": _ONE,
    ALL: _ALL,
}
_NOTE = (
    "\\* differs from ours (paired randomisation test over the cases of both, p < 0.05; not tested "
    "for refusal_p and refusal_r). The baselines' passages are longer than ours, so that their "
    "first 10 or 20 hold more text; ev@4k compares equal numbers of tokens. Baselines list the "
    "reports of the passages that an answer may read, and refuse only where they find nothing or "
    "the chat model says that no source helps. Extractive answers are sentences of what they cite: "
    "that it supports them (alce_rec, alce_prec) says little."
)


@dataclass(frozen=True, slots=True)
class Other:
    """A baseline's run: its record, its outcomes, and their figures by type."""

    record: Mapping[str, Any]
    outcomes: Sequence[Outcome]
    groups: Mapping[str, Group]


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a baseline reached over all its cases, and what ours has more, over the cases paired.

    `median_ms` is the median time of a whole answer, None where none was timed.
    """

    date: str
    answered_by: tuple[str, ...]
    paired: int
    figures: Mapping[str, Estimate]
    differences: tuple[Difference, ...]
    median_ms: float | None = None


def load_others(out: Path) -> dict[str, Other]:
    """The baselines that stand in the folder of a run, by the name of their own.

    Raises:
        InputError: a baseline's files are damaged.
    """
    found = {}
    for path in sorted((out / BASELINES).glob(f"*/{OUTCOMES}")):
        outcomes = load_outcomes(path.parent)
        found[path.parent.name] = Other(load_record(path.parent), outcomes, aggregate(outcomes))
    return found


def paired(others: Mapping[str, Other], ours: Sequence[Outcome]) -> dict[str, Baseline]:
    """The baselines that have a case in common with our run, each beside it."""
    found = {name: _paired(other, ours) for name, other in others.items()}
    return {name: baseline for name, baseline in found.items() if baseline.paired}


def _paired(other: Other, ours: Sequence[Outcome]) -> Baseline:
    pairs = answered_pairs(other.outcomes, ours)
    whole = other.groups[ALL]
    spent = whole.latency.get("total_ms")
    return Baseline(
        date=str(other.record["date"]),
        answered_by=tuple(seen(other.outcomes, "mode")),
        paired=len(pairs),
        figures=whole.metrics,
        differences=differences(pairs),
        median_ms=spent.p50 if spent else None,
    )


def side_by_side(
    others: Mapping[str, Other], ours: Sequence[Outcome], groups: Mapping[str, Group]
) -> str:
    """The main metrics of our run (by type, `groups`) beside others (Markdown); "" for none."""
    if not others:
        return ""
    runs = list(others.items())[::-1]
    names = ["ours", *(str(other.record.get("name", name)) for name, other in runs)]
    lines = [f"| type | n | metric | {' | '.join(names)} |", "|---" * (3 + len(names)) + "|"]
    for kind, metrics in MAIN.items():
        count = groups[kind].n if kind in groups else 0
        members = [_of(kind, ours), *(_of(kind, other.outcomes) for _, other in runs)]
        figures = [groups.get(kind), *(other.groups.get(kind) for _, other in runs)]
        for metric in metrics:
            cells = [_cell(metric, *one, members[0]) for one in zip(figures, members, strict=True)]
            if any(cells):
                lines.append(f"| {kind} | {count} | {metric} | {' | '.join(cells)} |")
    wholes = (groups[ALL], *(other.groups[ALL] for _, other in runs))
    times = [str(whole.latency.get("total_ms", "")) for whole in wholes]
    lines.append(f"| {ALL} | {groups[ALL].n} | ms, p50 / p95 | {' | '.join(times)} |")
    return "\n".join(["## Beside the baselines", "", *lines, "", _NOTE])


def _of(kind: str, outcomes: Iterable[Outcome]) -> dict[str, Outcome]:
    return {o.case.id: o for o in outcomes if not o.error and kind in (o.case.group, ALL)}


def _cell(
    metric: str, group: Group | None, outcomes: Mapping[str, Outcome], ours: Mapping[str, Outcome]
) -> str:
    """A figure with its interval, and a star where it differs from ours by more than chance."""
    found = group.metrics.get(metric) if group else None
    if found is None:
        return ""
    pairs = [(ours[i].scores, o.scores) for i, o in outcomes.items() if i in ours]
    changes = [b[metric] - a[metric] for a, b in pairs if metric in a and metric in b]
    star = " \\*" if any(changes) and randomisation_p(changes) < LEVEL else ""
    return f"{found.mean:.2f} [{found.low:.2f}, {found.high:.2f}]{star}"
