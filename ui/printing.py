"""Prints results on the command line: for people as text, for scripts as JSON."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from rag.types import Answer, Hit

if TYPE_CHECKING:
    from ingest.sync import SyncResult


def print_json(value: Any) -> None:
    """One JSON document on one line."""
    print(orjson.dumps(value).decode())


def sync_to_dict(done: SyncResult, dry_run: bool) -> dict[str, Any]:
    """What an ingest did, as `asklabs ingest --json` prints it."""
    return {
        "added": done.added,
        "updated": done.updated,
        "unchanged": done.unchanged,
        "deleted": done.deleted,
        "skipped": [{"path": s.path, "reason": s.reason} for s in done.skipped],
        "passages": done.passages,
        "index": done.revision,
        "dry_run": dry_run,
    }


def print_hits(hits: Sequence[Hit]) -> None:
    """Passages with their rank, place and first words."""
    for rank, hit in enumerate(hits, start=1):
        passage = hit.passage
        info = passage.report
        print(f"{rank}. {info.lab} ({info.year or '?'}, {info.kind}) {info.title}")
        print(f"   {passage.section} > {passage.prompt}  [{info.id}, score {hit.score:.3f}]")
        print(f"   {' '.join(passage.text.split())[:300]}\n")
    if not hits:
        print("No passage was found. Try other words or fewer filters.", file=sys.stderr)


def print_info(known: Mapping[str, Any]) -> None:
    """What an index holds, a line a fact."""
    for name, value in known.items():
        told = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        print(f"{name + ':':13s} {told}")


def print_sources(answer: Answer) -> None:
    """The sources of an answer with their quotes; what was read goes to standard error."""
    for citation in answer.citations:
        passage = citation.passage
        info = passage.report
        print(f"\n[{citation.n}] {info.lab} ({info.year or '?'}, {info.kind}) {info.title}")
        print(f"    {passage.section} > {passage.prompt}  [{info.id}]")
        print(f"    “{' '.join(citation.quote.split())}”")
    covered = answer.coverage
    print(
        f"\nRead {covered.read_passages} passages from {covered.read_reports} reports; "
        f"{covered.matched_reports} reports matched. Answered by: {answer.mode}.",
        file=sys.stderr,
    )
    if answer.notice:
        print(answer.notice, file=sys.stderr)
