"""Reads the reports to be ingested and gives each an id that stays its own."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ingest.scan import hide_private, tags
from ingest.sources import INSIDE, SourceFile, Unreadable, still_there
from rag.rows import StoredReport
from rag.types import Progress

NO_TAG = "no [[key:value]] tag in it, so it is no lab report"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was left out, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class ReportFile:
    """A readable report: its id, where it is, what is written there, the hash of that."""

    id: str
    place: str
    written: str
    digest: str

    @cached_property
    def text(self) -> str:
        """Its text without private tags."""
        return hide_private(self.written)


@dataclass(slots=True)
class Found:
    """All that was found: the reports, what was left out, and places that could not be read."""

    files: list[ReportFile] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def may_hold(self, place: str) -> bool:
        """Whether a report's file is, or is in, something that could not be read."""
        return any(
            place == unread or place.startswith((unread + INSIDE, unread + os.sep))
            for unread in self.unread
        )


def read_files(
    sources: Iterable[SourceFile],
    stored: Mapping[str, StoredReport],
    progress: Progress,
) -> Found:
    """The reports among files, with ids.

    A file keeps the id under which the index has it. A new file's id is its stem; where
    another file has that already, its folder's name goes before it. Which of two new
    namesakes gets the bare stem is decided by their places, so the order in which they are
    given does not matter, and no file that comes later changes an id. (Ids made of whole
    paths would need no such rule, but then a folder that moves would be ingested anew.)
    """
    found = Found()
    owner = {report.source: report_id for report_id, report in stored.items()}
    known = {report.digest: report for report in stored.values()}
    read: dict[str, tuple[SourceFile, str, str]] = {}
    for n, source in enumerate(sources, start=1):
        progress("reading", n, 0)
        if source.place in read:
            continue
        try:
            read[source.place] = (source, *_text_of(source, known))
        except Unreadable as reason:
            kept = "; the index keeps what it had of it" if source.place in owner else ""
            found.skipped.append(Skipped(source.label, f"{reason}{kept}"))
            found.unread.append(source.place)
    seen: dict[str, str] = {}
    taken: set[str] = set()
    for place in sorted(read, key=lambda place: (place not in owner, place)):
        source, text, digest = read[place]
        same = known.get(digest)
        # A copy under another name, of a file that is not given this time: were both given, that
        # one would stay.
        copied = same is not None and place not in owner and source.name != same.info.id
        if same and copied and digest not in seen and still_there(same.source):
            seen[digest] = same.source
        if digest in seen:
            found.skipped.append(Skipped(source.label, f"the same text as {seen[digest]}"))
            continue
        seen[digest] = source.label
        report_id = owner.get(place) or _new_id(source, digest, stored, taken)
        taken.add(report_id)
        found.files.append(ReportFile(report_id, place, text, digest))
    found.files.sort(key=lambda file: file.id)
    return found


def _text_of(source: SourceFile, known: Collection[str]) -> tuple[str, str]:
    """The text of a file and its digest; one whose digest is not `known` must have a tag."""
    text = source.text()
    digest = digest_of(text)
    if digest not in known and not tags(text):
        raise Unreadable(NO_TAG)
    return text, digest


def digest_of(text: str) -> str:
    """What a report's file is known again by: the hash of its text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _new_id(
    source: SourceFile, digest: str, stored: Mapping[str, StoredReport], taken: set[str]
) -> str:
    """The first id that no other file has: not in this run, and not in the index."""

    def free(report_id: str) -> bool:
        old = stored.get(report_id)
        moved = old is None or old.digest == digest or not still_there(old.source)
        return report_id not in taken and moved

    folder = (re.split(r"[\\/:]", source.label)[-2:-1] or ["other"])[0]
    candidate, n = source.name, 1
    while not free(candidate):
        candidate = f"{folder}__{source.name}" + (f"__{n}" if n > 1 else "")
        n += 1
    return candidate
