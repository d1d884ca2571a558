"""The figures of a run as tables: which columns apply, and what stands in the cells."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from eval import figures as whole
from eval import metrics
from eval.figures import LATENCIES, WHOLE, Group
from eval.metrics import (
    ANSWERS,
    LISTS,
    REFUSAL,
    RETRIEVAL,
)
from eval.report.markdown import table
from eval.stats import Estimate

_TITLED: Mapping[str, Sequence[str]] = {
    "Retrieval": RETRIEVAL,
    "Answers": ANSWERS,
    "Refusals": (*REFUSAL, *WHOLE),
    "Complete lists": LISTS,
}


@dataclass(frozen=True, slots=True)
class Table:
    """A table of figures, ready to be written: the first two columns name a group and its n."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """The table under its title."""
        return f"## {self.title}\n\n{table(self.head, self.rows)}"


def tables(groups: Mapping[str, Group]) -> Iterator[Table]:
    """A table for each kind of metric that applies to a type, and one of the latencies."""
    for title, names in _TITLED.items():
        found = {k: g for k, g in groups.items() if any(name in g.metrics for name in names)}
        if table := one_table(title, found, names, "type"):
            yield table
    timed = {k: g for k, g in groups.items() if g.latency}
    if timed:
        rows = [
            (k, str(g.n), *(str(g.latency.get(name, "")) for name in LATENCIES))
            for k, g in timed.items()
        ]
        head = ("type", "n", *(name.removesuffix("_ms") for name in LATENCIES))
        yield Table("Latency (ms, p50 / p95)", head, tuple(rows))


def one_table(
    title: str, groups: Mapping[str, Group], names: Sequence[str], first: str
) -> Table | None:
    """A table of some metrics of groups that `first` says what they are; None if none applies."""
    used = [name for name in names if any(name in g.metrics for g in groups.values())]
    rows = [
        (k, str(g.n), *(_cell(g.metrics.get(name), g.n) for name in used))
        for k, g in groups.items()
    ]
    return Table(title, (first, "n", *used), tuple(rows)) if used else None


def meaning(metric: str) -> str:
    """What a metric measures, as its function says first; "" where none is named like it."""
    base = metric.partition("@")[0]
    for name in (f"{base}_at", base, base.partition("_")[0]):
        for module in (metrics, whole):
            function = getattr(module, name, None)
            if inspect.isfunction(function):
                return " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())
    return ""


def _cell(value: Estimate | None, n: int) -> str:
    if value is None:
        return ""
    count = "" if value.n == n else f" ({value.n})"
    return f"{value.mean:.2f} [{value.low:.2f}, {value.high:.2f}]{count}"
