"""What the outcomes of a run say: a table with intervals, a summary, and two runs compared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from eval.cases import CASE_TYPES
from eval.metrics import ANSWERS, LISTS, METRICS, REFUSAL, RETRIEVAL
from eval.run import ESCAPED, SUMMARY, TABLE, Outcome, load_outcomes, load_record
from eval.side_by_side import side_by_side
from eval.stats import LEVEL, Estimate, estimate, randomisation_p
from eval.usage import Usage, usage, usage_line
from eval.whole import WHOLE, whole_run
from rag.errors import InputError

SHOWN_CASES = 20
LATENCIES = ("plan_ms", "retrieve_ms", "answer_ms", "first_ms", "total_ms")
# Whether a refusal is good depends on the case: refusal_ok says that.
NEUTRAL = frozenset({"refused"})
ALL = "all"

Pair = tuple[Outcome, Outcome]


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles in milliseconds over n cases; each is a measured value, none interpolated."""

    p50: float
    p95: float
    n: int


@dataclass(frozen=True, slots=True)
class Group:
    """The figures of the cases of one type: n answered, and `errors` that failed.

    `usage` is what they used of a chat model.
    """

    n: int
    errors: int
    metrics: Mapping[str, Estimate]
    latency: Mapping[str, Latency]
    usage: Usage = field(default_factory=Usage)


def aggregate(outcomes: Sequence[Outcome]) -> dict[str, Group]:
    """The figures by type, one-report cases not in English apart ("crosslingual"), and of all."""
    groups = {
        name: _group([o for o in outcomes if name in (o.case.group, ALL)])
        for name in (*CASE_TYPES, "crosslingual", ALL)
    }
    return {name: group for name, group in groups.items() if group.n or group.errors}


def write_report(out: Path) -> str:
    """Write table.md and summary.json from a run's outcomes and return the table (Markdown).

    Raises:
        InputError: the run's files are missing, damaged, or can't be written.
    """
    outcomes, record = load_outcomes(out), load_record(out)
    groups = aggregate(outcomes)
    run = record | {"answered_by": _seen(outcomes, "mode"), "index": _seen(outcomes, "index")}
    failed = [o for o in outcomes if o.error]
    summary = {
        "run": run,
        "groups": {name: asdict(group) for name, group in groups.items()},
        "errors": {o.case.id: o.error for o in failed},
    }
    parts = [
        _metrics_table("Retrieval", RETRIEVAL, groups),
        _metrics_table("Answers", ANSWERS, groups),
        _metrics_table("Refusals", (*REFUSAL, *WHOLE), groups),
        _metrics_table("Complete lists", LISTS, groups),
        _latency_table(groups),
        side_by_side(out, outcomes),
        "Means with 95 % bootstrap intervals; (n) where a metric applies to fewer cases than the "
        "row has. An interval without width says that all cases scored alike, not that the mean "
        "is certain.",
        _capped("Failed", [_failure(o) for o in failed]),
        _record_lines(run, len(outcomes), groups[ALL].usage),
    ]
    table = "\n\n".join(part for part in parts if part) + "\n"
    try:
        (out / TABLE).write_text(table, encoding="utf-8", newline="\n")
        text = json.dumps(summary, indent=2, ensure_ascii=False)
        (out / SUMMARY).write_text(text + "\n", encoding="utf-8", errors=ESCAPED, newline="\n")
    except OSError as error:
        raise InputError(f"{out}: can't be written to ({error}). Free the folder.") from error
    return table


def compare(dir_a: Path, dir_b: Path) -> str:
    """What run B does better and worse than run A, over the cases both answered (Markdown).

    A difference counts when its interval leaves out 0 and its p-value is below 0.05.

    Raises:
        InputError: a run's outcomes are missing or damaged, or no case is in both.
    """
    a = {o.case.id: o for o in load_outcomes(dir_a)}
    b = {o.case.id: o for o in load_outcomes(dir_b)}
    shared = [key for key in a if key in b]
    both = [(a[key], b[key]) for key in shared if a[key].case == b[key].case]
    pairs = [(x, y) for x, y in both if not (x.error or y.error)]
    if not pairs:
        raise InputError(
            f"{dir_a} and {dir_b} have no answered case in common. Compare two runs of one file "
            "of cases."
        )
    rows, verdicts = [], {}
    for metric in METRICS:
        scored = [(x, y) for x, y in pairs if metric in x.scores and metric in y.scores]
        if scored:
            row, verdicts[metric] = _difference(metric, scored)
            rows.append(row)
    head = ("metric", "n", "A", "B", "B - A", "95 % interval", "p", "verdict")
    parts = [
        f"A: {_run_line(dir_a, a.values())}\nB: {_run_line(dir_b, b.values())}",
        f"{len(pairs)} cases paired; {len(a) - len(shared)} only in A, {len(b) - len(shared)} "
        f"only in B, {len(shared) - len(both)} changed between the runs, "
        f"{len(both) - len(pairs)} failed in one or both.",
        _headline(verdicts),
        _table(head, rows),
        "A metric counts the cases that it applies to in both runs, each case once. "
        f"With {len(rows)} metrics tested at 5 %, expect a stray difference now and then.",
        _capped("Failed in B only", [_failure(y) for x, y in both if y.error and not x.error]),
        _capped("Failed in A only", [_failure(x) for x, y in both if x.error and not y.error]),
        *_changes(pairs),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _group(outcomes: Sequence[Outcome]) -> Group:
    answered = [o for o in outcomes if not o.error]
    metrics, latency = {}, {}
    for metric in METRICS:
        scored = [o for o in answered if metric in o.scores]
        if scored:
            # A quote is checked by itself, whichever answer it stands in.
            weights = [_citations(o) for o in scored] if metric == "quote_ok" else None
            metrics[metric] = estimate([o.scores[metric] for o in scored], weights)
    metrics |= whole_run(answered)
    for name in LATENCIES:
        values = [o.timings[name] for o in answered if name in o.timings]
        if values:
            p50, p95 = np.quantile(values, (0.5, 0.95), method="lower")
            latency[name] = Latency(float(p50), float(p95), len(values))
    return Group(len(answered), len(outcomes) - len(answered), metrics, latency, usage(answered))


def _citations(outcome: Outcome) -> int:
    return len(outcome.answer["citations"]) if outcome.answer else 0


def _seen(outcomes: Sequence[Outcome], field: str) -> list[str]:
    return sorted({str(o.answer[field]) for o in outcomes if o.answer and o.answer.get(field)})


def _metrics_table(title: str, names: Sequence[str], groups: Mapping[str, Group]) -> str:
    rows = []
    for group, figures in groups.items():
        if any(name in figures.metrics for name in names):
            cells = [_cell(figures.metrics.get(name), figures.n) for name in names]
            rows.append((group, str(figures.n), *cells))
    used = [i for i in range(len(names)) if any(row[i + 2] for row in rows)]
    head = ("type", "n", *(names[i] for i in used))
    shown = [(*row[:2], *(row[i + 2] for i in used)) for row in rows]
    return f"## {title}\n\n{_table(head, shown)}" if rows else ""


def _cell(value: Estimate | None, n: int) -> str:
    if value is None:
        return ""
    count = "" if value.n == n else f" ({value.n})"
    return f"{value.mean:.2f} [{value.low:.2f}, {value.high:.2f}]{count}"


def _latency_table(groups: Mapping[str, Group]) -> str:
    def cell(latency: Latency | None) -> str:
        return f"{latency.p50:.0f} / {latency.p95:.0f}" if latency else ""

    rows = [
        (name, str(group.n), *(cell(group.latency.get(key)) for key in LATENCIES))
        for name, group in groups.items()
        if group.latency
    ]
    head = ("type", "n", *(key.removesuffix("_ms") for key in LATENCIES))
    return f"## Latency (ms, p50 / p95)\n\n{_table(head, rows)}" if rows else ""


def _record_lines(run: Mapping[str, Any], asked: int, used: Usage) -> str:
    machine, versions = run["machine"], run["versions"]
    packages = ", ".join(f"{name} {number}" for name, number in versions.items())
    lines = [
        f"{asked} of {run['cases']} cases asked, {run['date']}"
        + ("" if asked == run["cases"] else " (the run was interrupted)"),
        f"answered by {_list(run['answered_by'])}; index {_list(run['index'])}; "
        f"embedding {run['embedding']}",
        f"{machine['cores']} cores, {machine['system']} {machine['architecture']}",
        packages,
        usage_line(used),
    ]
    return "## Run\n\n" + "\n".join(f"- {line}" for line in lines if line)


def _list(values: Sequence[str]) -> str:
    return ", ".join(values) or "nothing"


def _run_line(out: Path, outcomes: Iterable[Outcome]) -> str:
    listed = list(outcomes)
    mode, index = _list(_seen(listed, "mode")), _list(_seen(listed, "index"))
    return f"{out} ({len(listed)} cases, {mode}, index {index}, {load_record(out)['date']})"


def _difference(metric: str, pairs: Sequence[Pair]) -> tuple[tuple[str, ...], str]:
    before = [a.scores[metric] for a, _ in pairs]
    after = [b.scores[metric] for _, b in pairs]
    changes = [y - x for x, y in zip(before, after, strict=True)]
    change, p = estimate(changes), randomisation_p(changes)
    verdict = _verdict(change, p, metric)
    means = (f"{sum(values) / len(values):.3f}" for values in (before, after))
    interval = f"[{change.low:+.3f}, {change.high:+.3f}]"
    row = (metric, str(change.n), *means, f"{change.mean:+.3f}", interval, f"{p:.3f}", verdict)
    return row, verdict


def _verdict(change: Estimate, p: float, metric: str) -> str:
    if change.low <= 0 <= change.high:
        return "no difference"
    if p >= LEVEL:
        return "too few cases to say"
    more = change.mean > 0
    if metric in NEUTRAL:
        return "more" if more else "fewer"
    return "better" if more else "worse"


def _headline(verdicts: Mapping[str, str]) -> str:
    better = [metric for metric, verdict in verdicts.items() if verdict == "better"]
    worse = [metric for metric, verdict in verdicts.items() if verdict == "worse"]
    if not better and not worse:
        return "**No difference** between A and B that these cases can show."
    return f"**B is better in** {_list(better)}; **worse in** {_list(worse)}."


def _changes(pairs: Sequence[Pair]) -> list[str]:
    changed = []
    for a, b in pairs:
        moved = {
            name: b.scores[name] - a.scores[name]
            for name in METRICS
            if name in a.scores and name in b.scores and a.scores[name] != b.scores[name]
        }
        total = sum(change for name, change in moved.items() if name not in NEUTRAL)
        if total:
            detail = ", ".join(f"{n} {a.scores[n]:.2f} -> {b.scores[n]:.2f}" for n in moved)
            line = f"- {a.case.id} ({a.case.group}): {_plain(a.case.question, 80)}: {detail}"
            changed.append((total, line))
    changed.sort(key=lambda item: -abs(item[0]))
    return [
        _capped("Got better", [line for total, line in changed if total > 0]),
        _capped("Got worse", [line for total, line in changed if total < 0]),
    ]


def _failure(outcome: Outcome) -> str:
    return f"- {outcome.case.id}: {_plain(outcome.error, 200)}"


def _capped(title: str, lines: Sequence[str]) -> str:
    more = [f"- and {len(lines) - SHOWN_CASES} more"] if len(lines) > SHOWN_CASES else []
    return "\n".join((f"## {title} ({len(lines)})\n", *lines[:SHOWN_CASES], *more)) if lines else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = (head, ["---"] * len(head), *rows)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _plain(text: str, length: int) -> str:
    """The text on one line, printable, shortened: it may come from a model's server."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= length else line[: length - 3] + "..."
