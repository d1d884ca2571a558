"""Prints results on the command line: for people as text, for scripts as JSON."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rag.catalog.fields import ReportInfo
from rag.export.answer_json import plan_to_dict
from rag.index.layout import in_words
from rag.types import Answer, Citation, Hit, Passage, Plan, Struck, Vote, Why

if TYPE_CHECKING:
    from ingest.sync import SyncResult
    from rag.answer.pipeline import AnswerStream
    from rag.catalog.catalog import TagValue

# Seconds between two plain lines of progress.
PLAIN_EVERY = 5.0


def print_json(value: Any) -> None:
    """Print one JSON document on one line."""
    print(orjson.dumps(value).decode())


def sync_to_dict(done: SyncResult, dry_run: bool) -> dict[str, Any]:
    """What an ingest did, as `asklabs ingest --json` prints it."""
    return {
        **{n: getattr(done, n) for n in ("added", "updated", "unchanged", "moved", "deleted")},
        "skipped": [{"path": s.path, "reason": s.reason} for s in done.skipped],
        "passages": done.passages,
        "index": done.revision,
        "unpublished": done.unpublished,
        "dry_run": dry_run,
    }


def print_hits(hits: Sequence[Hit]) -> None:
    """Print passages with their rank, place and first words."""
    for rank, hit in enumerate(hits, start=1):
        passage = hit.passage
        print(f"{rank}. {report_line(passage.report)}")
        print(f"   {_place(passage)}  [{passage.report.id}, score {hit.score:.3f}]")
        print(f"   {' '.join(passage.text.split())[:300]}")
        if hit.siblings:
            print(f"   The same in: {', '.join(other.id for other in hit.siblings)}")
        if hit.why:
            _print_why(hit.why)
        print()
    if not hits:
        print("No passage was found. Try other words or fewer filters.", file=sys.stderr)


def _print_why(why: Why) -> None:
    for vote in why.votes:
        _print_vote(vote)
    for name, factor in why.factors.items():
        print(f"   × {factor}  {name}")
    if why.company:
        print(f"   + {why.company:.4f}  other passages of the report")
    if why.reranker:
        _print_vote(why.reranker)


def _print_vote(vote: Vote) -> None:
    sign = "-" if vote.points < 0 else "+"
    points = abs(vote.points)
    print(f"   {sign} {points:.4f}  {vote.ranking}: rank {vote.rank} (of {vote.score:.3f})")


def print_plan(plan: Plan) -> None:
    """Print how a question was understood, one fact a line."""
    facts = plan_to_dict(plan)
    for name in ("filters", "first", "ignored"):
        filters = facts[name].items()
        facts[name] = "; ".join(f"{field} = {' / '.join(map(str, vs))}" for field, vs in filters)
    print_info({name: value for name, value in facts.items() if value != ""})
    print()


def report_line(info: ReportInfo) -> str:
    """A report on one line: its lab, year, kind and title."""
    return f"{info.lab} ({info.year or '?'}, {info.kind}) {info.title}"


def _place(passage: Passage) -> str:
    return " > ".join(part for part in passage.place if part)


def print_info(facts: Mapping[str, Any]) -> None:
    """Print facts, one a line; empty ones are left out."""
    for name, value in facts.items():
        if isinstance(value, dict):
            yes_no = {True: "yes", False: "no"}
            pairs = ((k, yes_no[v] if isinstance(v, bool) else v) for k, v in value.items())
            text = ", ".join(f"{k} {v}" for k, v in pairs)
        elif isinstance(value, list):
            text = ", ".join(value)
        else:
            text = in_words(value) if name in ("size", "disk_free") else str(value)
        if text:
            print(f"{name.replace('_', ' ') + ':':15s} {text}")


def tags_to_dict(tags: Mapping[str, Sequence[TagValue]]) -> dict[str, list[dict[str, Any]]]:
    """The values of each tag with their spellings, as `asklabs info --tags --json` prints them."""
    return {
        field: [
            {"name": v.name, "reports": v.reports, "variants": dict(v.variants)} for v in values
        ]
        for field, values in tags.items()
    }


def print_tags(tags: Mapping[str, Sequence[TagValue]]) -> None:
    """Print the values of each tag with their numbers of reports, merged ones first."""
    for field, values in tags.items():
        merged = sum(len(value.variants) > 1 for value in values)
        print(f"{field}: {len(values)} values, {merged} of them in several spellings")
        for value in values:
            print(f"{value.reports:6,} {value.name}")
            for spelling, number in value.variants if len(value.variants) > 1 else ():
                print(f"{'':6s}   {number:5,} {spelling}")
        print()


def print_answer(stream: AnswerStream) -> Answer:
    """Print the text of an answer, on a terminal as it is written; returns the answer.

    If checking the answer changed what was printed, the final text follows.
    """
    written = ""
    if sys.stdout.isatty():
        for piece in stream:
            written += piece
            print(piece, end="", flush=True)
        print()
    answer = stream.answer
    if not " ".join(written.split()).endswith(" ".join(answer.text.split())):
        print(f"\nFinal answer:\n\n{answer.text}" if written else answer.text)
    return answer


def print_sources(answer: Answer) -> None:
    """Print the sources of an answer with their quotes, and the sentences that were left out.

    What was read and checked goes to standard error.
    """
    # Imported here because it is slow to load.
    from rag.i18n.notices import checked_sentence, notice_words

    for citation in answer.citations:
        passage = citation.passage
        print(f"\n[{citation.n}] {report_line(passage.report)}")
        print(f"    {_place(passage)}  [{passage.report.id}]")
        print(f"    “{' '.join(citation.quote.split())}”")
        _print_doubts(citation)
    for struck in answer.struck:
        _print_struck(struck)
    covered = answer.coverage
    print(
        f"\nRead {covered.read_passages} passages from {covered.read_reports} reports; "
        f"{covered.matched_reports} reports matched. Answered by: {answer.mode}.",
        file=sys.stderr,
    )
    if sentence := checked_sentence(answer.checked):
        print(sentence, file=sys.stderr)
    if answer.notices:
        print(notice_words(answer.notices), file=sys.stderr)


def _print_doubts(citation: Citation) -> None:
    from rag.i18n.notices import verdicts

    labels = verdicts(citation.status, citation.corrected)
    doubts = [label for kind, label in labels.items() if kind != "supported"]
    if doubts:
        print(f"    {'. '.join(doubts)}.")


def _print_struck(struck: Struck) -> None:
    from rag.export.brief import one_line
    from rag.i18n.notices import REASON, notice_words, struck_sentence

    print(f"\nLeft out: {one_line(struck_sentence(struck))}")
    print(f"    {REASON}: {one_line(notice_words([struck.reason]))}")


class StageProgress:
    """Shows progress through named stages: bars on a terminal, plain lines elsewhere.

    A call with total 0 only says that work goes on.
    """

    def __init__(self, bars: Progress | None) -> None:
        self._bars = bars
        self._tasks: dict[str, int] = {}
        self._printed = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show that `done` of `total` steps of a stage are done."""
        if self._bars is None:
            self._plain(stage, done, total)
            return
        if stage not in self._tasks:
            self._tasks[stage] = int(self._bars.add_task(stage, total=total or None))
        self._bars.update(self._tasks[stage], completed=done, total=total or None)  # type: ignore[arg-type]

    def _plain(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if total and (done == total or now - self._printed >= PLAIN_EVERY):
            self._printed = now
            print(f"{stage} {done} of {total}", file=sys.stderr, flush=True)


@contextmanager
def progress() -> Iterator[StageProgress]:
    """Show progress on standard error."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield StageProgress(None)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        yield StageProgress(bars)
