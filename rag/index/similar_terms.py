"""Words of a collection that mean nearly the same as a question's, in whatever language.

The built-in embedding places single words of all its languages well enough to translate them
("vendeurs" is by "sellers" and "merchants"): so an answer can tell which sentences in another
language are about the question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rag.index.bm25 import KeywordIndex, Numbers
from rag.text.tokenize import content_forms, terms
from rag.types import Alike

# Words that fewer passages have are names and slips more often than words.
LEAST_PASSAGES = 3
SHORTEST = 3
# The vectors of so small a share of the words may be missing: a changed report need not load a
# model for the sake of three rare words.
LATE = 0.02
# Cosine similarity from which two words are alike.
ALIKE = 0.65
# Words of a question that are looked up; a longer one is a text, and would take as long.
MOST = 60


@dataclass(frozen=True)
class Lexicon:
    """The words of a collection with their vectors: `numbers` are those of the keyword index.

    `vectors` has a row of unit length for each.
    """

    numbers: Numbers
    vectors: npt.NDArray[np.float32]

    @classmethod
    def build(cls, keyword: KeywordIndex, base: Lexicon | None = None) -> Lexicon:
        """The lexicon of a keyword index; `base` is of an earlier one with the same numbers."""
        counts = keyword.passages_having()
        numbers = [
            n
            for n in np.flatnonzero(counts >= LEAST_PASSAGES).tolist()
            if len(form := keyword.forms[n]) >= SHORTEST and form.isalpha()
        ]
        known = {n: i for i, n in enumerate(base.numbers.tolist())} if base else {}
        new = [n for n in numbers if n not in known]
        if base and len(new) <= LATE * len(numbers):
            return base
        vectors = np.zeros((len(numbers), 0), np.float32)
        if numbers:
            encoded = dict(zip(new, _encode([keyword.forms[n] for n in new]), strict=True))
            rows = [base.vectors[known[n]] if base and n in known else encoded[n] for n in numbers]
            vectors = np.asarray(rows, np.float32)
        return cls(np.array(numbers, np.int32), vectors)

    def save(self, path: Path) -> None:
        """Write it to a file (.npz)."""
        half = self.vectors.astype(np.float16)
        np.savez(path, numbers=self.numbers, vectors=half)

    @classmethod
    def load(cls, path: Path) -> Lexicon:
        """The lexicon that `save` wrote."""
        with np.load(path, allow_pickle=False) as file:
            return cls(file["numbers"], file["vectors"].astype(np.float32))

    def alike(self, text: str, language: str, keyword: KeywordIndex) -> tuple[Alike, ...]:
        """For each content word of a question what else in the collection means nearly that."""
        # The model knows "déchets", and "dechets" hardly.
        words = content_forms(text, language)[:MOST]
        if not words or not len(self.numbers):
            return ()
        similar = np.asarray(_encode(words), np.float32) @ self.vectors.T
        return tuple(
            Alike(
                frozenset((*terms(word, language), *terms(word, "en"))),
                {
                    keyword.term(int(self.numbers[i])): float(row[i])
                    for i in np.flatnonzero(row >= ALIKE)
                },
            )
            for word, row in zip(words, similar, strict=True)
        )


def _encode(words: Sequence[str]) -> list[list[float]]:
    # Imported here: an ingest without new words need not load the model.
    from rag.models.embeddings import encode_cached

    return encode_cached(words)
