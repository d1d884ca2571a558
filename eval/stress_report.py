"""What a stress test found, as a table and as data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from eval.compare import Difference
from eval.files import write_text
from eval.markdown import table
from eval.stats import LEVEL
from eval.stress import ON_INDEX, UNCHANGED_INDEX, VARIANTS, Stress, Tried

TABLE, DATA = "stress.md", "stress.json"
# The metrics that the table shows; all are in the data.
SHOWN = ("rep@10", "ev@4k", "quote_ok", "cite_prec", "facts", "refusal_ok", "list_f1")


def write_stress(found: Stress, out: Path) -> str:
    """Write stress.md and stress.json and return the table (Markdown).

    Raises:
        InputError: they can't be written.
    """
    text = to_markdown(found)
    data = json.dumps(asdict(found), indent=2, ensure_ascii=False)
    write_text(out / TABLE, text)
    write_text(out / DATA, data + "\n")
    return text


def to_markdown(found: Stress) -> str:
    """The change of each metric by variant, what stood out, and how it was tried."""
    shown = [metric for metric in SHOWN if any(metric in one.changes for one in found.tried)]
    rows = [
        (one.name, str(one.asked), *(_cell(one.changes.get(metric)) for metric in shown))
        for one in found.tried
        if one.asked
    ]
    parts = [
        "# Stress test",
        _headline(found.tried),
        table(("variant", "cases", *shown), rows) if rows else "",
        "Change of the mean against the same cases unchanged, with its 95 % interval where it "
        "changed at all; **bold** where the interval leaves out 0 and a paired randomisation test "
        f"gives p < {LEVEL}. Only cases that a variant changes are asked, and of these only those "
        "that a metric applies to in both runs are paired.",
        _said(found),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _headline(tried: Sequence[Tried]) -> str:
    worse = [
        f"{one.name} ({', '.join(lost)})"
        for one in tried
        if (lost := [m for m, d in _shown(one).items() if d.tells and d.change.mean < 0])
    ]
    if not any(one.asked for one in tried):
        return "**Nothing was asked.**"
    if not worse:
        return "**Nothing got worse** that these cases can show."
    return f"**Got worse**: {'; '.join(worse)}."


def _shown(one: Tried) -> dict[str, Difference]:
    return {metric: one.changes[metric] for metric in SHOWN if metric in one.changes}


def _cell(found: Difference | None) -> str:
    if found is None:
        return ""
    change = found.change
    if not change.mean and not change.low and not change.high:
        return f"0 ({change.n})"
    said = f"{change.mean:+.2f} [{change.low:+.2f}, {change.high:+.2f}] ({change.n})"
    return f"**{said}**" if found.tells else said


def _said(found: Stress) -> str:
    lines = []
    for one in found.tried:
        more = f"; {one.failed} failed" if one.failed else ""
        if one.obeyed is not None:
            more += f"; {one.obeyed} answers obey or quote it (they have the word that it wants)"
        note = f" ({one.note})" if one.note else ""
        lines.append(f"- {one.name}: {VARIANTS[one.name]}{note}{more}")
    if found.index_reports:
        names = ", ".join(one.name for one in found.tried if one.name in ON_INDEX)
        lines.append(
            f"- {names}: over indexes of {found.index_reports} of the {found.reports} reports "
            f"(those that cases accept, and others by lot), against the run `{UNCHANGED_INDEX}`"
        )
    lines.append(f"- {found.cases} cases, seed {found.seed}")
    return "\n".join(lines)
