"""The sentences of an index as numbers, read once: where they stand, and what tells of their topic.

To split a passage into sentences, and these into words, takes a thousand times as long as to
compare the numbers with a topic. A passage is read when a topic first needs it.
"""

import io
import threading
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from time import sleep
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from rag.citation.quotable import usable
from rag.files import replace_file
from rag.index.local import BAD, SENTENCES, Snapshot
from rag.index.vectors import VectorMemo
from rag.models.encoder import Vectors, static_table, static_tokens
from rag.text.tokenize import stemmer, words

AT_A_TIME = 256  # passages that are read between two looks of others at what is there
AHEAD, AHEAD_AT_A_TIME = 50_000, 16  # passages that are read before anybody asks
PAUSE = 0.5  # seconds to wait while others ask
Numbers = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
# What is held of each sentence: its place, its row among the stored vectors or (-1, -2 ...) among
# its own, the length of its static vector, and where its tokens and terms begin.
_TYPES = {
    "starts": "i4", "ends": "i4", "rows": "i4", "own": "f4", "lengths": "f4",
    "tokens_at": "i8", "tokens": "u2", "terms_at": "i8", "terms": "i4",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Places:
    """Sentences of passages (by position), and their numbers in the table they are from."""

    passages: Integers
    starts: Integers
    ends: Integers
    numbers: Integers


class SentenceTable:
    """The sentences of a snapshot's passages. Safe to share between threads."""

    def __init__(
        self,
        snapshot: Snapshot,
        embed: Callable[[Sequence[str]], Any],
        stored: VectorMemo | None = None,
    ) -> None:
        """`embed` gives the vectors of the texts that have none among those `stored`."""
        self._snapshot, self._embed, self._memo = snapshot, embed, stored
        self._lock = threading.Lock()
        # Of each passage where its sentences begin, and how many they are; -1: not read.
        self._first = np.full(len(snapshot.passages), -1, np.int64)
        self._count = np.zeros(len(snapshot.passages), np.int64)
        # These only grow: what was taken of them stays as it is.
        self._held: dict[str, npt.NDArray[Any]] = {n: np.zeros(0, t) for n, t in _TYPES.items()}
        self._vocabulary: dict[str, int] = {}
        held = zlib.crc32(stored.hashes.tobytes()) if stored else 0
        self._made_from = f"{snapshot.revision} {held} {_code()}"
        self._path, self._stamp, self.is_kept = snapshot.folder / SENTENCES, 0, False
        self.take()

    @property
    def is_behind(self) -> bool:
        """Whether a process has kept something since this looked for it."""
        with suppress(OSError):
            return not self.is_kept and self._path.stat().st_mtime_ns != self._stamp
        return False

    def take(self) -> None:
        """Hold what a process has read and kept of the same passages; no other thread may read."""
        if not self.is_behind:
            return
        with suppress(*BAD, EOFError, BadZipFile):
            self._stamp = self._path.stat().st_mtime_ns
            kept = np.load(self._path)
            if str(kept["made_from"]) != self._made_from:
                return
            held = {name: kept[name] for name in _TYPES}
            first, count, words = kept["first"], kept["count"], str(kept["words"]).split("\n")
            self._held, self._vocabulary = held, {word: n for n, word in enumerate(words)}
            self._first, self._count, self.is_kept = first, count, True

    def keep(self) -> None:
        """Write what was read to a file for other processes; on a full disk there is none."""
        if self.is_kept:
            return
        with self._lock:
            kept: dict[str, Any] = {**self._held, "first": self._first, "count": self._count}
            words, file = "\n".join(self._vocabulary), io.BytesIO()
            np.savez(file, made_from=self._made_from, words=words, **kept)
        with suppress(OSError):
            replace_file(self._path, file.getvalue())

    def read(self, passages: list[int]) -> Places:
        """The sentences of these passages, in order."""
        for at in range(0, len(passages), AT_A_TIME):
            part = passages[at : at + AT_A_TIME]
            if (self._first[part] < 0).any():
                with self._lock:
                    self._add([i for i in part if self._first[i] < 0])
        counts = self._count[passages]
        numbers = _ranges(self._first[passages], counts)
        starts, ends = (self._held[n][numbers].astype(np.int64) for n in ("starts", "ends"))
        return Places(np.repeat(np.asarray(passages, np.int64), counts), starts, ends, numbers)

    def read_ahead(self, is_idle: Callable[[], bool]) -> None:
        """Read so many passages as are held, a few at a time, while a function says so."""
        for at in range(0, min(AHEAD, len(self._first)), AHEAD_AT_A_TIME):
            while not is_idle():
                sleep(PAUSE)
            self.read(list(range(at, min(at + AHEAD_AT_A_TIME, len(self._first)))))

    def dense(self, places: Places, topics: Vectors) -> Vectors:
        """The cosines of sentences (rows) to vectors of texts (rows)."""
        rows = self._held["rows"][places.numbers]
        nearness = np.zeros((len(rows), len(topics)), np.float32)
        stored, own = np.flatnonzero(rows >= 0), np.flatnonzero(rows < 0)
        # A few at a time stay in the processor's cache.
        for part in np.array_split(stored, len(rows) // AT_A_TIME + 1):
            if self._memo and len(part):
                nearness[part] = self._memo[rows[part]] @ topics.T
        if len(own):
            nearness[own] = self._held["own"][-1 - rows[own]] @ topics.T
        return nearness

    def static(self, places: Places, topics: Vectors) -> Vectors:
        """The same of static vectors: the mean of what the sentences' tokens give."""
        at, counts = self._within("tokens", places)
        of_token = (static_table() @ topics.T)[self._held["tokens"][at]]
        sentence = np.repeat(np.arange(len(counts)), counts)
        sums = np.array([np.bincount(sentence, column, len(counts)) for column in of_token.T])
        # A sentence without tokens has a length of 0, and sums of 0.
        divisor = (counts * self._held["lengths"][places.numbers]).clip(1e-9)
        return np.asarray((sums / divisor).T, np.float32)

    def having(self, places: Places, topic_words: Sequence[Mapping[str, float]]) -> Numbers:
        """How much of each word of a topic (rows) sentences have (columns), by its terms."""
        at, counts = self._within("terms", places)
        terms, begins = self._held["terms"][at], np.cumsum(counts) - counts
        having = []
        for weights in topic_words:
            of_term = np.zeros(len(self._vocabulary))
            for term in weights.keys() & self._vocabulary.keys():
                of_term[self._vocabulary[term]] = weights[term]
            # A sentence has a word at least.
            having.append(np.maximum.reduceat(of_term[terms], begins))
        return np.array(having)

    def _within(self, name: str, places: Places) -> tuple[Integers, Integers]:
        """Where the tokens or terms of sentences are, and how many each has."""
        bounds = np.append(self._held[f"{name}_at"], len(self._held[name]))
        first = bounds[places.numbers]
        counts = bounds[places.numbers + 1] - first
        return _ranges(first, counts), counts

    def _add(self, passages: Sequence[int]) -> None:
        """Read passages; what is known of them is told last, so that nobody sees a part."""
        read = [self._snapshot.passages[i] for i in passages]
        found = [usable(passage) for passage in read]
        sentences = list(chain.from_iterable(found))
        counts = np.array([len(own) for own in found])
        first = len(self._held["starts"]) + np.cumsum(counts) - counts
        if sentences:
            texts = [sentence.text for sentence in sentences]
            self._add_terms(texts, np.repeat([passage.language for passage in read], counts))
            self._add_vectors(texts)
            self._extend("starts", [sentence.start for sentence in sentences])
            self._extend("ends", [sentence.end for sentence in sentences])
        self._count[passages] = counts
        self._first[passages] = first

    def _add_vectors(self, texts: Sequence[str]) -> None:
        rows = self._memo.rows(texts) if self._memo else np.full(len(texts), -1)
        if len(new := np.flatnonzero(rows < 0).tolist()):
            rows[new] = -1 - len(self._held["own"]) - np.arange(len(new))
            self._extend("own", self._embed([texts[n] for n in new]))
        self._extend("rows", rows)
        tokens, table = static_tokens(texts), static_table()
        self._extend_each("tokens", tokens)
        means = (table[own].mean(axis=0) if len(own) else np.zeros(1) for own in tokens)
        self._extend("lengths", [float(np.linalg.norm(mean)) for mean in means])

    def _add_terms(self, texts: Sequence[str], languages: Iterable[str]) -> None:
        """Add the stems of each text's words."""
        known = self._vocabulary
        stems = (
            stemmer(language).stemWords(list(dict.fromkeys(words(text))))
            for text, language in zip(texts, languages, strict=True)
        )
        numbers = [[known.setdefault(stem, len(known)) for stem in own] for own in stems]
        self._extend_each("terms", numbers)

    def _extend_each(self, name: str, values: Sequence[Any]) -> None:
        """Add the tokens or terms of each sentence, and where they begin."""
        counts = np.array([len(own) for own in values])
        self._extend(f"{name}_at", len(self._held[name]) + np.cumsum(counts) - counts)
        self._extend(name, np.concatenate(values))

    def _extend(self, name: str, values: npt.ArrayLike) -> None:
        held = self._held[name]
        added = np.asarray(values, held.dtype)
        self._held[name] = np.concatenate([held, added]) if len(held) else added


@cache
def _code() -> int:
    """What tells the program that reads from one that may read otherwise."""
    code = sorted(Path(__file__).parents[1].rglob("*.py"))
    return zlib.crc32(b"".join(path.read_bytes() for path in code))


def _ranges(first: Integers, counts: Integers) -> Integers:
    """The numbers from each first one on, so many of each."""
    before = np.cumsum(counts) - counts
    return np.repeat(first - before, counts) + np.arange(int(counts.sum()))
