"""Brings the index in line with the files: compares, embeds what changed, writes, deletes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from filelock import FileLock, Timeout
from llama_index.core.base.embeddings.base import BaseEmbedding

from ingest.chunk import MAX_TOKENS, chunk
from ingest.files import ReportFile, Skipped, read_files
from ingest.forms import Forms, learn
from ingest.normalise import tags_to_fields
from ingest.parse import parse
from ingest.scan import scan, tags
from ingest.sources import SourceFile, collect, still_there
from rag.errors import IndexBusy, IndexMissing, IndexUnusable
from rag.models import embed_texts, embedding_name, make_embedding
from rag.rows import StoredReport, passage_row
from rag.settings import Settings
from rag.snapshot import open_snapshot
from rag.store import Store, open_store
from rag.types import Passage, Report

# Raise with any change that alters what is stored for the same file.
PARSER_VERSION = "3"
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
class _Plan:
    """What is to be done: reports to write with their passages, rows to write alone, forms."""

    result: SyncResult
    forms: Forms
    todo: list[tuple[StoredReport, list[Passage]]] = field(default_factory=list)
    rows: list[StoredReport] = field(default_factory=list)


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
        prune: delete from the index what is not at `paths`; what is there but can't be read stays.
        dry_run: only tell; nothing is made or written.
        progress: called with a stage's name, how much is done, and how much there is.

    Raises:
        InputError: a path is not usable.
        IndexBusy: another ingest is writing to this index.
        IndexUnusable: the index can't be read, or was made with other models.
    """
    # Looked up before anything is made: a wrong path leaves no empty index.
    sources = list(collect(paths))
    folder, made = settings.index, made_by(settings)
    if dry_run:
        return _plan(sources, _existing(folder, made), prune, progress).result
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "ingest.lock", timeout=0):
            store = open_store(folder, made, create=True)
            plan = _plan(sources, store, prune, progress)
            _carry_out(plan, store, settings, progress)
    except Timeout as error:
        raise IndexBusy(f"Another ingest is writing to {folder}. Wait until it is done.") from error
    except OSError as error:
        raise IndexUnusable(
            f"The index in {folder} can't be written ({error}). Free space or name another "
            "folder with --index."
        ) from error
    return plan.result


def _existing(folder: Path, made: dict[str, str]) -> Store | None:
    try:
        return open_store(folder, made)
    except IndexMissing:
        return None


def _plan(
    sources: Sequence[SourceFile], store: Store | None, prune: bool, progress: Progress
) -> _Plan:
    """Compare the files with the index and parse what may have changed."""
    stored = {r.info.id: r for r in store.reports()} if store else {}
    found = read_files(sources, stored, progress)
    forms = _forms_from_json(store.forms if store else "")
    # An ingest that was cut short has written reports, but not yet the forms it learned.
    mark = forms.fingerprint
    if not all(_is_current(stored.get(file.id), file, mark) for file in found.files):
        forms = forms | _learn(found.files)
        mark = forms.fingerprint
    result = SyncResult(skipped=found.skipped)
    plan = _Plan(result, forms)
    for n, file in enumerate(found.files, start=1):
        progress("parsing", n, len(found.files))
        old = stored.get(file.id)
        settled = old is not None and (old.source == file.place or still_there(old.source))
        if settled and _is_current(old, file, mark):
            result.unchanged.append(file.id)
            continue
        report, passages = _prepare(file, forms, mark)
        if old is not None and old.passages_digest == report.passages_digest:
            result.unchanged.append(file.id)
            plan.rows.append(report)
            continue
        (result.added if old is None else result.updated).append(file.id)
        plan.todo.append((report, passages))
    if prune:
        gone = set(stored) - {file.id for file in found.files}
        result.deleted = sorted(i for i in gone if not found.may_hold(stored[i].source))
    result.passages = sum(len(passages) for _, passages in plan.todo)
    return plan


def _carry_out(plan: _Plan, store: Store, settings: Settings, progress: Progress) -> None:
    result = plan.result
    store.write_reports(plan.rows)
    _write(store, plan.todo, make_embedding(settings), progress)
    for report_id in result.deleted:
        store.delete(report_id)
    forms = _forms_to_json(plan.forms)
    if result.changed or not store.revision or store.forms != forms:
        store.seal(forms)
    result.revision = store.revision
    if result.changed:
        progress("preparing search", 0, 0)
        # Made now, so that the first question need not wait for it.
        open_snapshot(store, settings.index)


def _form_digest(file: ReportFile, mark: str) -> str:
    return hashlib.sha256(f"{file.digest} {mark}".encode()).hexdigest()


def _is_current(old: StoredReport | None, file: ReportFile, mark: str) -> bool:
    """Whether the index has this very text, parsed with the forms of this fingerprint."""
    return (
        old is not None
        and old.digest == file.digest
        and old.form_digest == _form_digest(file, mark)
    )


def _learn(files: Sequence[ReportFile]) -> Forms:
    return learn((",".join(tags_to_fields(tags(file.text)).iso), scan(file.text)) for file in files)


def _prepare(file: ReportFile, forms: Forms, mark: str) -> tuple[StoredReport, list[Passage]]:
    report = parse(file.id, file.text, forms)
    passages = chunk(report)
    info = passages[0].report if passages else report.info
    stored = StoredReport(
        info=info,
        raw=file.text,
        source=file.place,
        digest=file.digest,
        form_digest=_form_digest(file, mark),
        passages_digest=_passages_digest(report, passages),
        passages=len(passages),
    )
    return stored, passages


def _passages_digest(report: Report, passages: Sequence[Passage]) -> str:
    digest = hashlib.sha256(repr(report.info).encode("utf-8", "surrogatepass"))
    for passage in passages:
        # All that a passage's row holds: a line added above an answer moves its spans only.
        row = (passage.id, passage.context, passage.text, passage_row(passage))
        digest.update(repr(row).encode())
    return digest.hexdigest()[:16]


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
