"""Makes the vectors of the sentences that answers compare with a question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ingest.compare import Comparison
from rag.answer.extractive import usable
from rag.index.sentence_vectors import SentenceVectors, Vectors
from rag.index.store import Store
from rag.models.embeddings import Embed, embedding_kind, open_embed
from rag.models.encoder import DIMENSIONS
from rag.retrieval.postprocess import mask_passage
from rag.settings import Settings
from rag.types import Passage, Progress

STAGE = "embedding sentences"
# Sentences that a process encodes at a time.
BATCH = 256
# From so many new sentences on it pays to start processes that encode them.
MANY = 5000


def keep_sentences(
    store: Store,
    todo: Comparison,
    settings: Settings,
    embed: Embed,
    threads: int,
    progress: Progress,
) -> None:
    """Keep the vectors of reports' sentences beside a database; only new ones are encoded.

    Of another model than the built-in one none are kept: who serves it may want to be paid for
    them. Sentences that went from a report stay until a report is deleted: what is not in use is
    looked for then, which takes seconds.

    Args:
        store: what is being written and not sealed yet: else an ingest that is cut short here
            would be taken for done.
        todo: what the ingest does, with what an earlier one cut short has done of it.
        settings: name the model, and say whether answers see contacts.
        embed: encodes texts, for so many threads at a time.
        threads: how many.
        progress: called with the stage's name, how much is done, and how much there is.
    """
    if not embedding_kind(settings).ours:
        return
    masked = settings.mask_contacts
    wanted = _sentences((p for item in todo.todo for p in item.passages), masked)
    known = SentenceVectors.load(store.home)
    if todo.result.deleted:
        known = known.only([*wanted, *_sentences(_untouched(store, todo), masked)])
    found = known.find(wanted)
    new = [text for text in wanted if text not in found]
    if new or todo.result.deleted:
        known.save(store.home, new, _encoded(new, embed, threads, progress))


def make_up_sentences(
    store: Store, earlier: Path | None, settings: Settings, progress: Progress
) -> None:
    """Keep the vectors of all sentences of a database that came without them.

    Those that an earlier database of the folder has are taken from there.
    """
    if not embedding_kind(settings).ours:
        return
    reports = store.reports(store.state.generation)
    wanted = _sentences(store.passages(reports), settings.mask_contacts)
    known = SentenceVectors.load(earlier).only(wanted) if earlier else SentenceVectors()
    found = known.find(wanted)
    new = [text for text in wanted if text not in found]
    many = len(new) >= MANY
    with open_embed(settings, many) as embed:
        threads = settings.embedding_threads if many else 1
        known.save(store.home, new, _encoded(new, embed, threads, progress))


def _untouched(store: Store, todo: Comparison) -> list[Passage]:
    """The passages of the reports that an ingest neither writes nor deletes."""
    touched = {*todo.gone, *(item.report.info.id for item in todo.todo)}
    reports = store.reports(store.state.generation)
    return store.passages({i: report for i, report in reports.items() if i not in touched})


def _sentences(passages: Iterable[Passage], masked: bool) -> list[str]:
    """The sentences of passages that answers will ask for, each once."""
    seen = map(mask_passage, passages) if masked else passages
    return list(dict.fromkeys(p.text[a:b] for p in seen for a, b in usable(p.text)))


def _encoded(texts: Sequence[str], embed: Embed, threads: int, progress: Progress) -> Vectors:
    vectors = np.zeros((len(texts), DIMENSIONS), np.float16)
    if not texts:
        return vectors
    progress(STAGE, 0, len(texts))
    starts = range(0, len(texts), BATCH)
    pool = ThreadPoolExecutor(threads)
    try:
        batches = pool.map(embed, [texts[at : at + BATCH] for at in starts])
        for at, batch in zip(starts, batches, strict=True):
            vectors[at : at + len(batch)] = np.asarray(batch, np.float32)
            progress(STAGE, at + len(batch), len(texts))
    finally:
        # Who interrupts an ingest need not wait for what is being embedded.
        pool.shutdown(wait=False, cancel_futures=True)
    return vectors
