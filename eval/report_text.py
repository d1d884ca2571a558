"""A run as Markdown: the table that is printed, and the report; what labs wrote stays text."""

from __future__ import annotations

from collections.abc import Iterator

from eval.beside import Baseline
from eval.compare_text import VERDICTS, p_words
from eval.diagnosis import Told, causes
from eval.figures import MAIN
from eval.markdown import capped, plain, safe, table
from eval.phrases import (
    CLAIMS,
    FINDINGS,
    OURS,
    WORST,
    baseline_words,
    claim_note,
    count_words,
    finding_words,
)
from eval.report_parts import Report, record_lines
from eval.tables import one_table, tables

NOTE = (
    "Means with 95 % bootstrap intervals; (n) where a metric applies to fewer cases than the "
    "row has. An interval without width says that all cases scored alike, not that the mean "
    "is certain."
)
ANSWER = 1500
QUOTE = 300


def table_text(report: Report) -> str:
    """The figures by type of question, what failed, and the run's record."""
    failed = [f"- {safe(name)}: {safe(error, 200)}" for name, error in report.errors.items()]
    parts = [
        *(one.markdown() for one in tables(report.groups)),
        report.side_by_side,
        NOTE,
        capped("Failed", failed),
        "## Run\n\n" + "\n".join(f"- {safe(line)}" for line in record_lines(report)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def to_markdown(report: Report) -> str:
    """The whole report: headline, baselines, figures, causes, worst cases and the record."""
    languages = one_table("By language of the question", report.languages, MAIN, "language")
    parts = [
        "# How well are questions answered?",
        "\n".join(
            f"- **{count_words(one)}** {CLAIMS[one.name]} ({claim_note(one)})"
            for one in report.claims
        ),
        "## Where it goes wrong\n\nEach case counts once, by the first cause that applies.\n\n"
        + "\n".join(f"- {n}: {FINDINGS[code]}" for code, n in causes(report.cases).items()),
        *(_baseline(name, one) for name, one in report.baselines.items()),
        languages.markdown() if languages else "",
        table_text(report).rstrip(),
        f"## The worst {len(report.worst)} cases\n\n{WORST}" if report.worst else "",
        *("\n\n".join(_case(one)) for one in report.worst),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _baseline(name: str, found: Baseline) -> str:
    title = baseline_words(name)
    rows = [
        (
            d.metric,
            str(d.change.n),
            f"{d.after:.2f}",
            f"{d.before:.2f}",
            f"{d.change.mean:+.2f} [{d.change.low:+.2f}, {d.change.high:+.2f}]",
            p_words(d.p_holm),
            VERDICTS[d.verdict],
        )
        for d in found.differences
    ]
    head = ("metric", "n", OURS, "baseline", "difference, 95 % interval", "p (Holm)", OURS)
    note = f"{found.paired} cases paired; run on {found.date}."
    return f"## Beside {safe(title)}\n\n{table(head, rows)}\n\n{safe(note)}"


def _case(one: Told) -> Iterator[str]:
    yield f"### {safe(one.id)}: {safe(one.question)}"
    yield "\n".join(
        [
            f"- type {safe(one.group)}, language {safe(one.lang)}, score {one.score:.2f}",
            *(f"- **{finding_words(finding)}**" for finding in one.findings),
            *(f"- error: {safe(one.error, QUOTE)}" for _ in (one.error,) if one.error),
            *(f"- before it, {safe(role)}: {safe(said, QUOTE)}" for role, said in one.history),
            *(f"- right report: {safe(name)}" for name in one.reports),
            *(f"- answers as well: {safe(name)}" for name in one.alternatives),
            *(
                f"- evidence ({f'rank {gold.rank}' if gold.rank else 'not found'}): "
                f"{safe(gold.quote, QUOTE)}"
                for gold in one.evidence
            ),
            *(f"- fact {'told' if told else 'missing'}: {safe(fact)}" for fact, told in one.facts),
            *(f"- not listed: {safe(name)}" for name in one.lacking),
            *(f"- wrongly listed: {safe(name)}" for name in one.extra),
            *(
                f"- found at rank {', '.join(map(str, p.ranks))}: {safe(p.report)}"
                f"{' (right)' if p.right else ''}"
                f"{f' (evidence at {p.evidence})' if p.evidence else ''}"
                for p in one.found
            ),
        ]
    )
    if one.answer:
        yield "Answer:"
        lines = one.answer[:ANSWER].split("\n")
        yield "\n>\n".join(f"> {safe(line)}" for line in lines if plain(line))
    if one.citations:
        yield "\n".join(
            f"- citation {c.n}, {safe(c.status)}: {safe(c.report)}"
            f"{' (right)' if c.right else ''}: {safe(c.quote, QUOTE)}"
            for c in one.citations
        )
