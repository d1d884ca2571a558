"""Keyword search over all passages: BM25 on stemmed words and pairs of them, context included."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
import numpy.typing as npt

from rag.types import Passage
from rag.words import terms, terms_and_pairs

Scores = npt.NDArray[np.float32]


class KeywordIndex:
    """BM25 scores of a fixed sequence of passages, addressed by their position."""

    def __init__(self, index: Any, size: int) -> None:
        self._index = index
        self.size = size

    @classmethod
    def build(cls, passages: Sequence[Passage]) -> KeywordIndex:
        """The index of passages; each is stemmed in its own language."""
        index = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
        tokens = [
            # An index needs one word at least; a space can't be asked for.
            terms_and_pairs(f"{p.context}\n{p.text}", p.language) or [" "]
            for p in passages
        ]
        if tokens:
            index.index(tokens, show_progress=False)
        return cls(index, len(tokens))

    def save(self, folder: Path) -> None:
        """Write the index into a folder."""
        if self.size:
            self._index.save(str(folder), corpus=None, show_progress=False)

    @classmethod
    def load(cls, folder: Path, size: int) -> KeywordIndex:
        """The index that `save` wrote, of `size` passages."""
        index = bm25s.BM25.load(str(folder), load_corpus=False) if size else bm25s.BM25()
        return cls(index, size)

    def scores(self, text: str, language: str, pairs: bool = False) -> Scores:
        """The BM25 score of each passage for a question, as an array of `size` numbers.

        With `pairs`, words that follow each other in the question count again where they do so
        in a passage. That finds more labs for a topic ("mobile money"), and fewer first ranks
        for a question with many words of its own.

        Words of a question that is not in English are looked for in both languages' stems:
        names and borrowed words cross over.
        """
        if not self.size:
            return np.zeros(0, dtype=np.float32)
        words_of = terms_and_pairs if pairs else terms
        wanted = words_of(text, language)
        if language != "en":
            wanted += [term for term in words_of(text, "en") if term not in wanted]
        known = [term for term in dict.fromkeys(wanted) if term in self._index.vocab_dict]
        if not known:
            return np.zeros(self.size, dtype=np.float32)
        return np.asarray(self._index.get_scores(known), dtype=np.float32)
