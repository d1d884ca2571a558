"""The table of sentences says of each what its text says, however and whenever it was read."""

import shutil
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest

from ingest.sync import sync
from rag.citation.quotable import usable
from rag.engine import Engine, open_engine
from rag.index.local import SENTENCES, Snapshot
from rag.models.embeddings import encode_cached
from rag.models.encoder import encode_static
from rag.settings import Settings
from rag.survey.sentences import SentenceTable
from rag.text.tokenize import words
from tests.conftest import SAMPLE


@pytest.mark.parametrize("is_stored", [True, False])
def test_numbers_are_those_of_the_texts(sample_engine: Engine, is_stored: bool) -> None:
    snapshot = cast(Snapshot, sample_engine.index)
    table = SentenceTable(snapshot, encode_cached, snapshot.memo if is_stored else None)
    table.read([7, 3])
    wanted = [3, 5, 7, 40]
    places = table.read(wanted)
    found = [(i, s) for i in wanted for s in usable(snapshot.passages[i])]
    assert places.passages.tolist() == [i for i, _ in found]
    spans = list(zip(places.starts, places.ends, strict=True))
    assert spans == [(s.start, s.end) for _, s in found]
    texts, topics = [s.text for _, s in found], ["mobile money", "lessons of the lab"]
    dense, static = np.asarray(encode_cached(topics), np.float32), encode_static(topics)
    # What is stored is rounded to a byte, what was embedded before by something else is not.
    stored = snapshot.memo.find(texts) if is_stored and snapshot.memo else {}
    vectors = [stored[t] if t in stored else encode_cached([t])[0] for t in texts]
    expected = np.asarray(vectors, np.float32) @ dense.T
    np.testing.assert_allclose(table.dense(places, dense), expected, atol=1e-5)
    expected = encode_static(texts) @ static.T
    np.testing.assert_allclose(table.static(places, static), expected, atol=1e-5)
    having = table.having(places, [{"the": 0.5, "lab": 1.0}, {"no such word": 1.0}])
    assert having[0].tolist() == [
        1.0 if {"lab", "labs"} & set(words(text)) else 0.5 * ("the" in words(text))
        for text in texts
    ]
    assert not having[1].any()


def test_what_was_read_is_kept_for_other_processes(sample_index: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(sample_index, tmp_path / "index")
    kept = folder / SENTENCES
    kept.unlink(missing_ok=True)

    def measured() -> tuple[SentenceTable, list[npt.NDArray[Any]]]:
        measure = open_engine(Settings(index=folder, reranker="none")).report_measure()
        found = measure.measure(measure.topic("mobile money", "en"))
        return measure.table, [found.features, found.nearest]

    table, expected = measured()
    table.read_ahead(lambda: True)
    table.keep()
    data = kept.read_bytes()
    for content, is_taken in ((data, True), (data[:-100], False)):
        kept.write_bytes(content)
        table, found = measured()
        assert bool((table._first >= 0).all()) is is_taken
        assert all(map(np.array_equal, found, expected))
        # Another one is taken once it is there.
        kept.unlink()
        kept.write_bytes(data)
        table.take()
        assert (table._first >= 0).all()
    # It goes with the reports, and of others it tells nothing.
    sync([next(SAMPLE.rglob("*.md"))], Settings(index=folder), prune=True, prune_most=True)
    assert not kept.exists()
    kept.write_bytes(data)
    assert (measured()[0]._first < 0).any()
