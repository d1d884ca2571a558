"""Makes the vectors of passages, and of the sentences that answers compare with a question."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TypeVar

import numpy as np

from rag.citation.quotable import usable
from rag.index.sentence_vectors import SentenceVectors, Vectors
from rag.index.store import Store, StoredReport, Writer
from rag.models.embeddings import Embed, embedding_kind, open_embed
from rag.models.encoder import DIMENSIONS
from rag.retrieval.postprocess import mask_passage
from rag.settings import Settings
from rag.types import Passage, Progress

# Passages, or sentences, embedded together: enough to keep the cores busy, little to lose.
BATCH = 256
# New passages, and new sentences, from which on it pays to start processes that embed them.
MANY = 1000
MANY_SENTENCES = 5000
SENTENCES_STAGE = "embedding sentences"
_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class ReportWrite:
    """A report to be written with its passages; `origin` has some of them in the index already."""

    report: StoredReport
    passages: list[Passage]
    origin: StoredReport | None = None


_Batch = tuple[list[ReportWrite], Mapping[str, Sequence[float]]]


def write_passages(
    writer: Writer, writes: Sequence[ReportWrite], settings: Settings, progress: Progress
) -> None:
    """Embed passages and write their reports, several at a time; what is there already only counts.

    `progress` is called with the stage's name, how many passages are done, and how many there are.
    """
    total = sum(len(write.passages) for write in writes)
    same = attrgetter("source", "digest", "form_digest", "passages_digest")
    ready = {(i, same(report)) for i, report in writer.written.items()}
    new = [w for w in writes if (w.report.info.id, same(w.report)) not in ready]
    done = total - sum(len(write.passages) for write in new)
    progress("embedding", done, total)
    many = total >= MANY
    with open_embed(settings, many) as embed:
        threads = settings.embedding_threads if many else 1
        batches = _batches(new, writer.store)
        for (batch, _), vectors in _ahead(partial(_vectors, embed), batches, threads):
            writer.write([(w.report, w.passages, vs) for w, vs in zip(batch, vectors, strict=True)])
            done += sum(len(write.passages) for write in batch)
            progress("embedding", done, total)


def _batches(writes: Sequence[ReportWrite], store: Store) -> Iterator[_Batch]:
    """Reports of `BATCH` passages or a few more, with the vectors that the index has of them."""
    batch: list[ReportWrite] = []
    for n, write in enumerate(writes, start=1):
        batch.append(write)
        if sum(len(w.passages) for w in batch) >= BATCH or n == len(writes):
            yield batch, _known_vectors(batch, store)
            batch = []


def _ahead(
    work: Callable[[_Task], _Result], tasks: Iterable[_Task], threads: int
) -> Iterator[tuple[_Task, _Result]]:
    """Tasks with their results, in order; threads work on the next ones meanwhile.

    The tasks themselves are made in the caller's thread: one at a time may be at the store.
    """
    queue: deque[tuple[_Task, Future[_Result]]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for task in tasks:
            queue.append((task, pool.submit(work, task)))
            if len(queue) > threads:
                first, future = queue.popleft()
                yield first, future.result()
        yield from ((first, future.result()) for first, future in queue)
    finally:
        # An interrupted ingest need not wait for what is being embedded.
        pool.shutdown(wait=False, cancel_futures=True)


def _vectors(embed: Embed, batch: _Batch) -> list[list[Sequence[float]]]:
    """The vectors of each report's passages; those of words that the index has are taken there."""
    writes, known = batch
    texts = [passage.in_context for write in writes for passage in write.passages]
    new = [text for text in dict.fromkeys(texts) if text not in known]
    vectors = {**known, **dict(zip(new, embed(new) if new else (), strict=True))}
    return [[vectors[passage.in_context] for passage in write.passages] for write in writes]


def _known_vectors(batch: Sequence[ReportWrite], store: Store) -> dict[str, Sequence[float]]:
    by_id = {write.origin.info.id: write.origin for write in batch if write.origin}
    passages = store.passages(by_id, only=by_id.keys())
    rows = {by_id[p.report.id].row_of(p.id): p.in_context for p in passages}
    return {rows[row]: vector.tolist() for row, vector in store.vectors(rows.keys()).items()}


def save_sentence_vectors(
    database: Path,
    passages: Iterable[Passage],
    settings: Settings,
    progress: Progress,
    *,
    earlier: Path | None,
    others: Iterable[Passage] | None = None,
) -> None:
    """Keep the vectors of passages' sentences beside a database; only new ones are encoded.

    Only the built-in model's are kept: another model's server may want to be paid for them. The
    `database` does not count yet: an ingest that is cut short here must not be taken for done.
    Vectors can be taken over from an `earlier` one. `others` are the other passages of the index;
    if they are given, vectors of all else are dropped.
    """
    if not embedding_kind(settings).builtin:
        return
    wanted = _sentences(passages, settings.mask_contacts)
    known = SentenceVectors.load(earlier) if earlier else SentenceVectors()
    if others is not None:
        known = known.only([*wanted, *_sentences(others, settings.mask_contacts)])
    there = known.find(wanted)
    new = [text for text in wanted if text not in there]
    if not new and others is None:
        return
    many = len(new) >= MANY_SENTENCES
    with open_embed(settings, many) as embed:
        threads = settings.embedding_threads if many else 1
        known.save(database, new, _encoded(new, embed, threads, progress))


def _sentences(passages: Iterable[Passage], masked: bool) -> list[str]:
    """The sentences of passages that answers will ask for, each once."""
    visible = map(mask_passage, passages) if masked else passages
    return list(dict.fromkeys(s.text for p in visible for s in usable(p)))


def _encoded(texts: Sequence[str], embed: Embed, threads: int, progress: Progress) -> Vectors:
    vectors = np.zeros((len(texts), DIMENSIONS), np.float16)
    if texts:
        progress(SENTENCES_STAGE, 0, len(texts))
    starts = range(0, len(texts), BATCH)
    for at, batch in _ahead(lambda at: embed(texts[at : at + BATCH]), starts, threads):
        vectors[at : at + len(batch)] = np.asarray(batch, np.float32)
        progress(SENTENCES_STAGE, at + len(batch), len(texts))
    return vectors
