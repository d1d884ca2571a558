"""A comparison as Markdown, as one HTML page, and as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from eval.cases import write_text
from eval.compare import (
    Comparison,
    Difference,
    Moved,
    Side,
    Verdict,
)
from eval.report.labels import type_words
from eval.report.markdown import (
    capped,
    case_link,
    plain,
    safe,
    table,
)
from eval.report.pages import render
from rag.errors import InputError

VERDICTS: Mapping[Verdict, str] = {
    "better": "better",
    "worse": "worse",
    "more": "more",
    "fewer": "fewer",
    "no difference": "no difference",
    "unclear": "could be chance among so many tests",
    "too few": "too few cases to say",
}
CORRECTION = (
    "Each metric counts the cases that it applies to in both runs, each case once. p is of a "
    "paired randomisation test; p (Holm) is corrected for all tests of the same table, and a "
    "difference counts where it is below 0.05 and the interval leaves out 0. Intervals are not "
    "corrected."
)
CASES_NOTE = "By the sum of what its scores changed by; nothing is tested here."


def headline(found: Comparison) -> str:
    """The verdict over all cases in one sentence."""
    if found.identical:
        return f"No difference: every score is the same in all {found.paired} cases."
    if found.verdict == "no difference":
        return (
            "No difference between A and B that these cases can show; every score is the same "
            f"in {found.same} of {found.paired}."
        )
    named = {"better": found.better, "worse": found.worse}
    said = [
        f"{verdict} in {len(metrics)} ({', '.join(metrics)})"
        for verdict, metrics in named.items()
        if metrics
    ]
    return f"Of {len(found.overall)} figures, B is {' and '.join(said)}."


def to_markdown(found: Comparison, start: Path) -> str:
    """The comparison as Markdown; links lead from the folder `start`."""
    parts = [
        "# Two runs compared",
        f"**{headline(found)}**",
        f"- A: {safe(_side(found.a))}\n- B: {safe(_side(found.b))}",
        pairing(found),
        f"## All cases\n\n{_rows(found.overall)}",
        CORRECTION,
        _by_type(found),
        capped("Failed in B only", _failures(found.failed_b)),
        capped("Failed in A only", _failures(found.failed_a)),
        capped("Got better", [_moved(found, one, start) for one in found.improved]),
        capped("Got worse", [_moved(found, one, start) for one in found.worsened]),
        CASES_NOTE if found.improved or found.worsened else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def to_html(found: Comparison, start: Path) -> str:
    """The comparison as one HTML page; links lead from the folder `start`."""
    return render(
        "compare.html.jinja",
        found=found,
        headline=headline(found),
        pairing=pairing(found),
        side=_side,
        verdicts=VERDICTS,
        telling=[d for d in found.by_type if d.tells],
        p_words=p_words,
        notes=(CORRECTION, CASES_NOTE),
        moved=(("Got better", found.improved), ("Got worse", found.worsened)),
        failed=(("Failed in B only", found.failed_b), ("Failed in A only", found.failed_a)),
        links=lambda one: _links(found, one, start),
        named=type_words,
        plain=plain,
    )


def to_dict(found: Comparison) -> dict[str, Any]:
    """The comparison as plain data, with its verdict."""
    told = {"verdict": found.verdict, "identical": found.identical, "headline": headline(found)}
    return {**told, **asdict(found)}


def write(found: Comparison, out: Path) -> None:
    """Write the comparison to a .html or .md file, whose links lead from its folder.

    Raises:
        InputError: the file has another ending or can't be written.
    """
    writers = {".html": to_html, ".md": to_markdown}
    if out.suffix.lower() not in writers:
        raise InputError(f"{out}: not a name of a page. Let it end with .html or .md.")
    write_text(out, writers[out.suffix.lower()](found, out.parent))


def pairing(found: Comparison) -> str:
    """How many cases are compared, and which are not."""
    return (
        f"{found.paired} cases paired; {found.only_a} only in A, {found.only_b} only in B, "
        f"{found.changed} changed between the runs, {found.failed} failed in one or both."
    )


def p_words(p: float) -> str:
    """A p-value to three digits, without a zero that it isn't."""
    return f"{p:.3f}" if p >= 0.0005 else "<0.001"


def _side(side: Side) -> str:
    modes, prints = (", ".join(values) or "nothing" for values in (side.answered_by, side.index))
    return f"{side.path} ({side.cases} cases, {modes}, index {prints}, {side.date})"


def _rows(rows: Sequence[Difference], by_type: bool = False) -> str:
    head = ("metric", "n", "A", "B", "B - A", "95 % interval", "p", "p (Holm)", "verdict")
    cells = [(*((d.group,) if by_type else ()), *_row(d)) for d in rows]
    return table(("type", *head) if by_type else head, cells)


def _row(one: Difference) -> tuple[str, ...]:
    change = one.change
    return (
        one.metric,
        str(change.n),
        f"{one.before:.3f}",
        f"{one.after:.3f}",
        f"{change.mean:+.3f}",
        f"[{change.low:+.3f}, {change.high:+.3f}]",
        p_words(one.p),
        p_words(one.p_holm),
        VERDICTS[one.verdict],
    )


def _by_type(found: Comparison) -> str:
    """Those that may differ: most rows would only say that nothing does."""
    rows, tested = [d for d in found.by_type if d.tells], len(found.by_type)
    if not rows:
        return f"## By type\n\nNo difference that can be shown in {tested} figures of a type."
    rest = (
        f"The other {tested - len(rows)} figures of a type show no difference, or have too few "
        "cases to say."
    )
    return f"## By type\n\n{_rows(rows, by_type=True)}\n\n{rest}"


def _failures(failed: Mapping[str, str]) -> list[str]:
    return [f"- {safe(name)}: {safe(error, 200)}" for name, error in failed.items()]


def _links(found: Comparison, one: Moved, start: Path) -> list[tuple[str, str]]:
    sides = (("A", found.a), ("B", found.b))
    return [(name, case_link(Path(side.path), one.id, start)) for name, side in sides]


def _moved(found: Comparison, one: Moved, start: Path) -> str:
    scores = ", ".join(f"{name} {a:.2f} -> {b:.2f}" for name, (a, b) in one.scores.items())
    told = "".join(f" [{name}](<{link}>)" for name, link in _links(found, one, start) if link)
    return f"- {safe(one.id)} ({one.group}): {safe(one.question, 80)}: {scores}{told}"
