"""Makes the vectors of passages, and of the sentences that answers compare with a question."""

import hashlib
import os
import shutil
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from rag.citation.quotable import usable
from rag.index.local import EMBEDDED, Snapshot
from rag.index.vectors import VectorMemo, hashes
from rag.models.embeddings import embedding_name, is_builtin, make_embedding
from rag.models.encoder import EncodingThreads, Vectors, encode_apart, is_loaded, unit
from rag.retrieval.postprocess import mask_passage
from rag.settings import Settings
from rag.types import Passage, Progress

BATCH = 256  # texts embedded together: enough to keep the cores busy, little to lose
# New passages, and new sentences, from which on it pays to start processes that embed them.
MANY = 1000
MANY_SENTENCES = 5000
MOST_PROCESSES = 8  # 0.2 GiB of memory each
EMBEDDING_STAGE, SENTENCES_STAGE = "embedding", "embedding sentences"


class Embedder:
    """Makes the vectors of an ingest, and has those that an index or an earlier ingest made.

    What is made of passages is kept beside the index until the ingest is done, so that one that was
    cut short need not be begun anew.
    """

    def __init__(self, settings: Settings, progress: Progress) -> None:
        self.settings, self.progress = settings, progress
        name = hashlib.sha256(embedding_name(settings).encode()).hexdigest()[:8]
        self._folder = settings.index / f"{EMBEDDED}{name}"
        self._process: Executor | None = None

    def close(self) -> None:
        """End the process that was begun."""
        if self._process:
            self._process.shutdown(wait=False, cancel_futures=True)
        self._process = None

    def load_ahead(self) -> None:
        """Load the built-in model, unless it is here, in a process beside this one."""
        if is_builtin(self.settings) and not is_loaded():
            self._process = EncodingThreads(1)
            self._process.submit(encode_apart, ["Loaded with the first text."])

    def take_over(self, base: Snapshot, report_ids: Iterable[str]) -> None:
        """Use the vectors of reports that an index has."""
        memo = VectorMemo(self._folder)
        for report_id in report_ids:
            texts = [passage.in_context for passage in base.passages_of(report_id)]
            memo.add(hashes(texts), base.dense.at(base.heads[report_id].rows))

    def make(self, passages: Iterable[Passage]) -> None:
        """Embed the passages that have no vector yet."""
        texts = dict.fromkeys(passage.in_context for passage in passages)
        self._encode(list(texts), self._folder, MANY, EMBEDDING_STAGE)
        self._memo = VectorMemo(self._folder)

    def of(self, passages: Sequence[Passage]) -> Vectors:
        """A row for each passage."""
        texts = [passage.in_context for passage in passages]
        found = self._memo.find(texts)
        return np.array([found[text] for text in texts], np.float32)

    def forget(self) -> None:
        """Delete what was kept for an ingest that is cut short."""
        for folder in self.settings.index.glob(f"{EMBEDDED}*"):
            shutil.rmtree(folder, ignore_errors=True)

    def save_sentences(
        self, folder: Path, passages: Iterable[Passage], earlier: VectorMemo | None = None
    ) -> None:
        """Add the vectors of passages' sentences to a memo; only new ones are encoded.

        Only the built-in model's are kept: another model's server may want to be paid for them.
        Vectors are taken over from an `earlier` memo.
        """
        if not is_builtin(self.settings):
            return
        visible = map(mask_passage, passages) if self.settings.mask_contacts else passages
        wanted = list(dict.fromkeys(s.text for p in visible for s in usable(p)))
        memo = VectorMemo(folder)
        parts = (wanted[at : at + 4096] for at in range(0, len(wanted), 4096))
        for found in filter(None, map(earlier.find, parts) if earlier else ()):
            memo.add(hashes(found), list(found.values()))
        self._encode(wanted, folder, MANY_SENTENCES, SENTENCES_STAGE)

    def save_words(self, snapshot: Snapshot) -> None:
        """Add the vectors of a snapshot's frequent words to its memo."""
        if is_builtin(self.settings):
            words = sorted({*snapshot.frequent_words.values()})
            self._encode(words, snapshot.home / "memo", MANY_SENTENCES)
            snapshot.memo = VectorMemo(snapshot.home / "memo")

    def _encode(self, texts: list[str], folder: Path, enough: int, stage: str = "") -> None:
        """Embed the texts that a memo lacks and add their vectors to it, batch by batch.

        From `enough` new ones on, processes help; progress is told under the name of the `stage`.
        """
        memo = VectorMemo(folder)
        new = [text for text, row in zip(texts, memo.rows(texts), strict=True) if row < 0]
        if not new:
            return
        done = len(texts) - len(new)

        def tell() -> None:
            if stage:
                self.progress(stage, done, len(texts))

        tell()
        is_many, own = len(new) >= enough, is_builtin(self.settings)
        workers = min(os.cpu_count() or 1, MOST_PROCESSES) if is_many else 1
        if is_many:
            self.close()
        kind = EncodingThreads if own and is_many else ThreadPoolExecutor
        pool = self._process or kind(workers)
        embed = encode_apart if own else make_embedding(self.settings).get_text_embedding_batch
        batches = [new[at : at + BATCH] for at in range(0, len(new), BATCH)]
        try:
            for batch, vectors in zip(batches, pool.map(embed, batches), strict=True):
                memo.add(hashes(batch), unit(np.asarray(vectors, np.float32)))
                done += len(batch)
                tell()
        finally:
            # An interrupted ingest need not wait for what is being embedded.
            if pool is not self._process:
                pool.shutdown(wait=False, cancel_futures=True)
