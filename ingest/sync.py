"""Brings the index in line with the files: compares, embeds what changed, writes, deletes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from filelock import FileLock, Timeout
from llama_index.core.base.embeddings.base import BaseEmbedding

from ingest.chunk import MAX_TOKENS, chunk
from ingest.forms import Forms, learn
from ingest.normalise import tags_to_fields
from ingest.parse import parse
from ingest.scan import scan, tags
from ingest.sources import SourceFile, Unreadable, collect
from rag.errors import IndexBusy, IndexUnusable
from rag.models import embed_texts, embedding_name, make_embedding
from rag.rows import StoredReport
from rag.settings import Settings
from rag.store import Store, open_store
from rag.types import Passage, Report

# Raise with any change that alters what is stored for the same file.
PARSER_VERSION = "1"
# Passages embedded and written together: enough to keep the cores busy, little to lose.
BATCH = 256

Progress = Callable[[str, int, int], None]


def made_by(settings: Settings) -> dict[str, str]:
    """What an index is made with; another value of any of these needs another index."""
    return {
        "parser": PARSER_VERSION,
        "chunker": f"{MAX_TOKENS} tokens",
        "embedding": embedding_name(settings),
    }


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was left out, and why."""

    path: str
    reason: str


@dataclass(slots=True)
class SyncResult:
    """What an ingest did (or would do), by report id."""

    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    passages: int = 0
    revision: str = ""

    @property
    def changed(self) -> bool:
        """Whether anything was written or deleted."""
        return bool(self.added or self.updated or self.deleted)


@dataclass(frozen=True, slots=True)
class _File:
    id: str
    label: str
    text: str
    digest: str


def sync(
    paths: Sequence[Path],
    settings: Settings,
    *,
    prune: bool = False,
    dry_run: bool = False,
    progress: Progress = lambda *_: None,
) -> SyncResult:
    """Make the index hold the reports at `paths`.

    Args:
        paths: folders, report files, archives.
        settings: says where the index is and which embedding model to use.
        prune: delete from the index what is not at `paths`.
        dry_run: only tell.
        progress: called with a stage's name, how much is done, and how much there is.

    Raises:
        InputError: a path is not usable.
        IndexBusy: another ingest is writing to this index.
        IndexUnusable: the index can't be read, or was made with other models.
    """
    result = SyncResult()
    files = _read(collect(paths), result, progress)
    folder = settings.index
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "ingest.lock", timeout=0):
            store = open_store(folder, made_by(settings), create=True)
            _bring_in_line(store, files, settings, result, prune, dry_run, progress)
    except Timeout as error:
        raise IndexBusy(f"Another ingest is writing to {folder}. Wait until it is done.") from error
    except OSError as error:
        raise IndexUnusable(
            f"The index in {folder} can't be written ({error}). Free space or name another "
            "folder with --index."
        ) from error
    return result


def _read(found: Iterable[SourceFile], result: SyncResult, progress: Progress) -> list[_File]:
    """The readable reports, each under an id of its own; the rest goes to result.skipped."""
    files: list[_File] = []
    taken: set[str] = set()
    seen: dict[str, str] = {}
    for n, source in enumerate(found, start=1):
        progress("reading", n, 0)
        try:
            text = source.text()
            if not tags(text):
                raise Unreadable("no [[key:value]] tag in it, so it is no lab report")
        except Unreadable as reason:
            result.skipped.append(Skipped(source.label, str(reason)))
            continue
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        if digest in seen:
            why = f"the same text as {seen[digest]}"
            result.skipped.append(Skipped(source.label, why))
            continue
        seen[digest] = source.label
        report_id = _free_id(source, taken)
        taken.add(report_id)
        files.append(_File(report_id, source.label, text, digest))
    return files


def _free_id(source: SourceFile, taken: set[str]) -> str:
    """The file's stem; a second file of that name gets its folder's name before it."""
    name = source.name
    if name not in taken:
        return name
    parent = re.split(r"[\\/:]", source.label)[-2:-1] or ["other"]
    candidate = f"{parent[0]}__{name}"
    n = 2
    while candidate in taken:
        candidate, n = f"{parent[0]}__{name}__{n}", n + 1
    return candidate


def _bring_in_line(
    store: Store,
    files: Sequence[_File],
    settings: Settings,
    result: SyncResult,
    prune: bool,
    dry_run: bool,
    progress: Progress,
) -> None:
    stored = {r.info.id: r for r in store.reports()}
    forms = _forms_from_json(store.forms)
    if any(f.id not in stored or stored[f.id].digest != f.digest for f in files):
        forms = forms | _learn(files)
    todo: list[tuple[StoredReport, list[Passage]]] = []
    for n, file in enumerate(files, start=1):
        progress("parsing", n, len(files))
        digest = hashlib.sha256(f"{file.digest} {forms.fingerprint}".encode()).hexdigest()
        old = stored.get(file.id)
        if old is not None and old.digest == file.digest and old.form_digest == digest:
            result.unchanged.append(file.id)
            continue
        report, passages = _prepare(file, digest, forms)
        if old is not None and old.passages_digest == report.passages_digest:
            result.unchanged.append(file.id)
            if not dry_run:
                store.write_reports([report])
            continue
        (result.added if old is None else result.updated).append(file.id)
        todo.append((report, passages))
    present = {f.id for f in files}
    if prune:
        result.deleted = sorted(set(stored) - present)
    result.passages = sum(len(passages) for _, passages in todo)
    if dry_run:
        return
    _write(store, todo, make_embedding(settings), progress)
    for report_id in result.deleted:
        store.delete(report_id)
    if result.changed or not store.revision:
        store.seal(_forms_to_json(forms))
    result.revision = store.revision


def _learn(files: Sequence[_File]) -> Forms:
    return learn((",".join(tags_to_fields(tags(file.text)).iso), scan(file.text)) for file in files)


def _prepare(file: _File, form_digest: str, forms: Forms) -> tuple[StoredReport, list[Passage]]:
    report = parse(file.id, file.text, forms)
    passages = chunk(report)
    info = passages[0].report if passages else report.info
    stored = StoredReport(
        info=info,
        raw=hide_private(file.text),
        source=file.label,
        digest=file.digest,
        form_digest=form_digest,
        passages_digest=_passages_digest(report, passages),
        passages=len(passages),
    )
    return stored, passages


def _passages_digest(report: Report, passages: Sequence[Passage]) -> str:
    digest = hashlib.sha256(repr(report.info).encode("utf-8", "surrogatepass"))
    for passage in passages:
        digest.update(repr((passage.id, passage.context, passage.text)).encode())
    return digest.hexdigest()[:16]


def hide_private(raw: str) -> str:
    """A report's text with the value of private tags blanked, its length unchanged."""
    return re.sub(
        r"(\[\[(?:focal_point|e-?mail|contact|phone):)([^\]]*)",
        lambda m: m.group(1) + re.sub(r"[^\n]", "·", m.group(2)),
        raw,
        flags=re.IGNORECASE,
    )


def _write(
    store: Store,
    todo: Sequence[tuple[StoredReport, list[Passage]]],
    model: BaseEmbedding,
    progress: Progress,
) -> None:
    """Embed and write, several reports at a time, each of them whole."""
    total = sum(len(passages) for _, passages in todo)
    done = 0
    batch: list[tuple[StoredReport, list[Passage]]] = []
    progress("embedding", 0, total)
    for i, item in enumerate(todo):
        batch.append(item)
        size = sum(len(passages) for _, passages in batch)
        if size < BATCH and i + 1 < len(todo):
            continue
        texts = [f"{p.context}\n{p.text}" for _, passages in batch for p in passages]
        vectors = iter(embed_texts(model, texts))
        store.replace([(r, ps, [next(vectors) for _ in ps]) for r, ps in batch])
        done += size
        progress("embedding", done, total)
        batch = []


def _forms_to_json(forms: Forms) -> str:
    data = {
        "prompts": sorted(forms.prompts),
        "paragraphs": sorted(forms.paragraphs),
        "records": sorted(forms.records),
    }
    return orjson.dumps(data).decode()


def _forms_from_json(text: str) -> Forms:
    data = orjson.loads(text) if text else {}
    return Forms(
        frozenset(data.get("prompts", ())),
        frozenset((a, b) for a, b in data.get("paragraphs", ())),
        frozenset(data.get("records", ())),
    )
