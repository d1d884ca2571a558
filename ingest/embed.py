"""Makes the vectors of passages, and of the sentences that answers compare with a question."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rag.answer.extractive import usable
from rag.index.sentence_vectors import SentenceVectors, Vectors
from rag.index.store import Store, StoredReport, Writer
from rag.models.embeddings import Embed, embedding_kind, open_embed
from rag.models.encoder import DIMENSIONS
from rag.retrieval.postprocess import mask_passage
from rag.settings import Settings
from rag.types import Passage, Progress

# Of each report the vectors of its passages.
PassageVectors = list[list[Sequence[float]]]
# Passages, or sentences, embedded together: enough to keep the cores busy, little to lose.
BATCH = 256
# New passages, and new sentences, from which on it pays to start processes that embed them.
MANY = 1000
MANY_SENTENCES = 5000
SENTENCES_STAGE = "embedding sentences"


@dataclass(frozen=True, slots=True)
class ReportWrite:
    """A report to be written with its passages; `origin` has some of them in the index already."""

    report: StoredReport
    passages: list[Passage]
    origin: StoredReport | None = None


def write_passages(
    writer: Writer, writes: Sequence[ReportWrite], settings: Settings, progress: Progress
) -> None:
    """Embed passages and write their reports, several at a time; what is there already only counts.

    `progress` is called with the stage's name, how many passages are done, and how many there are.
    """
    total = sum(len(write.passages) for write in writes)
    new = [w for w in writes if not _is_ready(w.report, writer.written.get(w.report.info.id))]
    done = total - sum(len(write.passages) for write in new)
    progress("embedding", done, total)
    many = total >= MANY
    with open_embed(settings, many) as embed:
        threads = settings.embedding_threads if many else 1
        for batch, vectors in _embedded_ahead(writer.store, _batches(new), embed, threads):
            writer.write([(w.report, w.passages, vs) for w, vs in zip(batch, vectors, strict=True)])
            done += sum(len(write.passages) for write in batch)
            progress("embedding", done, total)


def _is_ready(report: StoredReport, written: StoredReport | None) -> bool:
    return written is not None and all(
        getattr(report, name) == getattr(written, name)
        for name in ("source", "digest", "form_digest", "passages_digest")
    )


def _batches(writes: Iterable[ReportWrite]) -> Iterator[list[ReportWrite]]:
    batch: list[ReportWrite] = []
    for write in writes:
        batch.append(write)
        if sum(len(w.passages) for w in batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _embedded_ahead(
    store: Store, batches: Iterable[list[ReportWrite]], embed: Embed, threads: int
) -> Iterator[tuple[list[ReportWrite], PassageVectors]]:
    """Batches with the vectors of each report's passages; the next ones are embedded meanwhile."""
    queue: deque[tuple[list[ReportWrite], Future[PassageVectors]]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for batch in batches:
            # Looked up here, so that one thread at a time is at the store.
            known = _known_vectors(store, [write.origin for write in batch if write.origin])
            queue.append((batch, pool.submit(_vectors, batch, known, embed)))
            if len(queue) > threads:
                embedded, future = queue.popleft()
                yield embedded, future.result()
        for embedded, future in queue:
            yield embedded, future.result()
    finally:
        # An interrupted ingest need not wait for what is being embedded.
        pool.shutdown(wait=False, cancel_futures=True)


def _vectors(
    batch: Sequence[ReportWrite], known: Mapping[str, Sequence[float]], embed: Embed
) -> PassageVectors:
    """The vectors of each report's passages; those of words that the index has are taken there."""
    texts = [_embedded_text(passage) for write in batch for passage in write.passages]
    new = [text for text in dict.fromkeys(texts) if text not in known]
    vectors = {**known, **dict(zip(new, embed(new) if new else (), strict=True))}
    return [[vectors[_embedded_text(passage)] for passage in write.passages] for write in batch]


def _known_vectors(store: Store, origins: Sequence[StoredReport]) -> dict[str, Sequence[float]]:
    by_id = {report.info.id: report for report in origins}
    passages = store.passages(by_id, only=by_id.keys())
    rows = {by_id[p.report.id].row_of(p.id): _embedded_text(p) for p in passages}
    return {rows[row]: vector.tolist() for row, vector in store.vectors(rows.keys()).items()}


def _embedded_text(passage: Passage) -> str:
    return f"{passage.context}\n{passage.text}"


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

    Only the built-in model's are kept: another model's server may want to be paid for them.

    Args:
        database: what is being written and does not count yet: an ingest that is cut short here
            must not be taken for done.
        passages: those whose sentences are wanted.
        settings: name the model, and say whether answers see contacts.
        progress: called with the stage's name, how much is done, and how much there is.
        earlier: a database whose vectors can be taken over.
        others: the other passages of the index; if given, vectors of all else are dropped.
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
    return list(dict.fromkeys(p.text[a:b] for p in visible for a, b in usable(p.text)))


def _encoded(texts: Sequence[str], embed: Embed, threads: int, progress: Progress) -> Vectors:
    vectors = np.zeros((len(texts), DIMENSIONS), np.float16)
    if not texts:
        return vectors
    progress(SENTENCES_STAGE, 0, len(texts))
    starts = range(0, len(texts), BATCH)
    pool = ThreadPoolExecutor(threads)
    try:
        batches = pool.map(embed, [texts[at : at + BATCH] for at in starts])
        for at, batch in zip(starts, batches, strict=True):
            vectors[at : at + len(batch)] = np.asarray(batch, np.float32)
            progress(SENTENCES_STAGE, at + len(batch), len(texts))
    finally:
        # An interrupted ingest need not wait for what is being embedded.
        pool.shutdown(wait=False, cancel_futures=True)
    return vectors
