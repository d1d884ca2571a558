"""Makes the vectors of the sentences that answers compare with a question."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ingest.compare import Progress, Todo
from rag.candidates import usable
from rag.contacts import mask_passage
from rag.models import Embed
from rag.sentence_vectors import SentenceVectors
from rag.settings import Settings

STAGE = "embedding sentences"
# Sentences that a process encodes at a time.
BATCH = 256


def keep_sentences(
    database: Path,
    todo: Iterable[Todo],
    settings: Settings,
    embed: Embed,
    threads: int,
    progress: Progress,
) -> None:
    """Keep the vectors of reports' sentences beside a database; only new ones are encoded.

    Of another model than the built-in one none are kept: who serves it may want to be paid for
    them. Those of sentences that went stay until the index is made anew.

    Args:
        database: where they are kept.
        todo: all reports of an ingest, also those that an earlier one cut short has written.
        settings: name the model, and say whether answers see contacts.
        embed: encodes texts, for so many threads at a time.
        threads: how many.
        progress: called with the stage's name, how much is done, and how much there is.
    """
    if settings.embedding != "builtin":
        return
    passages = (passage for item in todo for passage in item.passages)
    seen = map(mask_passage, passages) if settings.mask_contacts else passages
    wanted = list(dict.fromkeys(p.text[a:b] for p in seen for a, b in usable(p.text)))
    known = SentenceVectors.load(database)
    found = known.find(wanted)
    new = [text for text in wanted if text not in found]
    if not new:
        return
    progress(STAGE, 0, len(new))
    vectors = []
    pool = ThreadPoolExecutor(threads)
    try:
        for done in pool.map(embed, (new[at : at + BATCH] for at in range(0, len(new), BATCH))):
            vectors.append(np.asarray(done, np.float32))
            progress(STAGE, sum(map(len, vectors)), len(new))
    finally:
        # Who interrupts an ingest need not wait for what is being embedded.
        pool.shutdown(wait=False, cancel_futures=True)
    known.save(database, new, np.concatenate(vectors))
