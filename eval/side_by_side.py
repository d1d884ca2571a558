"""A run beside those of the baselines over the same cases: the main metrics by type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from eval.cases import CASE_TYPES
from eval.run import BASELINES, OUTCOMES, Outcome, load_outcomes, load_record
from eval.stats import LEVEL, Estimate, estimate, randomisation_p
from eval.whole import WHOLE, whole_run

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
    "all": _ALL,
}
_NOTE = (
    "\\* differs from ours (paired randomisation test over the cases of both, p < 0.05; not tested "
    "for refusal_p and refusal_r). The baselines' passages are longer than ours, so that their "
    "first 10 or 20 hold more text; ev@4k compares equal numbers of tokens. Baselines list the "
    "reports of the passages that an answer may read, and refuse only where they find nothing or "
    "the chat model says that no source helps. Extractive answers are sentences of what they cite: "
    "that it supports them (alce_rec, alce_prec) says little."
)


def side_by_side(out: Path, ours: Sequence[Outcome]) -> str:
    """The main metrics of a run beside those of its baselines (Markdown); "" where it has none.

    Raises:
        InputError: a baseline's files are damaged.
    """
    folders = sorted((out / BASELINES).glob(f"*/{OUTCOMES}"), reverse=True)
    runs = {"ours": list(ours)}
    for path in folders:
        name = str(load_record(path.parent).get("name", path.parent.name))
        runs[name] = load_outcomes(path.parent)
    if len(runs) < 2:
        return ""
    lines = ["| type | n | metric | " + " | ".join(runs) + " |", "|---" * (3 + len(runs)) + "|"]
    for group, metrics in MAIN.items():
        members = {name: _of(group, run) for name, run in runs.items()}
        for metric in metrics:
            cells = _cells(metric, members)
            if any(cells):
                count = len(members["ours"])
                lines.append(f"| {group} | {count} | {metric} | " + " | ".join(cells) + " |")
    lines.append(_latency([_of("all", run) for run in runs.values()]))
    return "\n".join(["## Beside the baselines", "", *lines, "", _NOTE])


def figure(metric: str, outcomes: Sequence[Outcome]) -> Estimate | None:
    """A metric over answered outcomes; None where it applies to none."""
    if metric in WHOLE:
        return whole_run(outcomes).get(metric)
    scored = [o for o in outcomes if metric in o.scores]
    if not scored:
        return None
    # A quote is checked by itself, whichever answer it stands in.
    weights = [_citations(o) for o in scored] if metric == "quote_ok" else None
    return estimate([o.scores[metric] for o in scored], weights)


def _citations(outcome: Outcome) -> int:
    return len(outcome.answer["citations"]) if outcome.answer else 0


def _of(group: str, outcomes: Iterable[Outcome]) -> list[Outcome]:
    return [o for o in outcomes if not o.error and group in (o.case.group, "all")]


def _cells(metric: str, members: Mapping[str, Sequence[Outcome]]) -> list[str]:
    ours = {o.case.id: o for o in members["ours"]}
    cells = []
    for name, outcomes in members.items():
        found = figure(metric, outcomes)
        if found is None:
            cells.append("")
            continue
        pairs = [(ours[o.case.id], o) for o in outcomes if o.case.id in ours]
        changes = [
            b.scores[metric] - a.scores[metric]
            for a, b in pairs
            if metric in a.scores and metric in b.scores
        ]
        differs = name != "ours" and bool(changes) and randomisation_p(changes) < LEVEL
        star = " \\*" if differs else ""
        cells.append(f"{found.mean:.2f} [{found.low:.2f}, {found.high:.2f}]{star}")
    return cells


def _latency(runs: Sequence[Sequence[Outcome]]) -> str:
    cells = []
    for outcomes in runs:
        values = [o.timings["total_ms"] for o in outcomes if "total_ms" in o.timings]
        quantiles = np.quantile(values, (0.5, 0.95), method="lower") if values else ()
        cells.append(" / ".join(f"{value:.0f}" for value in quantiles))
    return f"| all | {len(runs[0])} | ms, p50 / p95 | " + " | ".join(cells) + " |"
