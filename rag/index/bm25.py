"""Keyword search over all passages: BM25 on stemmed words and pairs of them, context included.

bm25s makes the index (Lucene's variant: Kamphuis et al. 2020, "Which BM25 do you mean?"), saves
it, maps it into memory and scores questions. The terms of each passage are stored as numbers too:
when a few reports change, only their passages are split into terms again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import reduce
from pathlib import Path

import bm25s
import numpy as np
import numpy.typing as npt

from rag.text.tokenize import content_words, terms, terms_and_pairs, written_words
from rag.types import Passage

K1 = 1.2
B = 0.75
Scores = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int32]


class KeywordIndex:
    """BM25 scores of a fixed sequence of passages, addressed by their position."""

    def __init__(
        self, bm25: bm25s.BM25, forms: list[str], numbers: Numbers, lengths: Numbers
    ) -> None:
        """Take the parts that `build` and `load` make.

        `forms` has for each term a word as it was written, "" for a pair; `numbers` the numbers of
        all passages' terms, one passage after the other; `lengths` how many terms each has.
        """
        self._bm25 = bm25
        self.forms = forms
        self._numbers = numbers
        self._lengths = lengths
        self._terms: list[str] = list(bm25.vocab_dict)

    @property
    def size(self) -> int:
        """The number of passages."""
        return len(self._lengths)

    @classmethod
    def build(
        cls,
        passages: Sequence[Passage],
        base: KeywordIndex | None = None,
        known: Sequence[int] = (),
    ) -> KeywordIndex:
        """The index of passages; each is stemmed in its own language.

        `base` is an index that has some of them, whose terms keep their numbers; `known` has for
        each passage its position in `base`, or -1.
        """
        # Copies: the base may be in use. bm25s wants at least one term.
        vocabulary = dict(base._bm25.vocab_dict) if base else {"": 0}
        forms = list(base.forms) if base else [""]
        earlier = np.split(base._numbers, np.cumsum(base._lengths)[:-1]) if base else []
        numbers = []
        for n, passage in enumerate(passages):
            if base and known[n] >= 0:
                numbers.append(earlier[known[n]].tolist())
                continue
            text = f"{passage.context}\n{passage.text}"
            tokens = terms_and_pairs(text, passage.language)
            numbers.append([vocabulary.setdefault(token, len(vocabulary)) for token in tokens])
            forms += [""] * (len(vocabulary) - len(forms))
            written = written_words(text)
            words = content_words(text, passage.language)
            for number, word in zip(numbers[-1], words, strict=False):
                forms[number] = forms[number] or written.get(word, word)
        bm25 = bm25s.BM25(k1=K1, b=B, method="lucene")
        # bm25s divides by the mean length.
        rows = numbers if any(numbers) else [[0]] * max(1, len(numbers))
        bm25.index((rows, vocabulary), create_empty_token=False, show_progress=False)
        lengths = np.fromiter(map(len, numbers), np.int32, len(numbers))
        flat = np.fromiter((n for row in numbers for n in row), np.int32, int(lengths.sum()))
        return cls(bm25, forms, flat, lengths)

    def save(self, folder: Path) -> None:
        """Write the index into a folder."""
        self._bm25.save(folder, show_progress=False)
        (folder / "forms").write_text("\n".join(self.forms), encoding="utf-8")
        np.save(folder / "numbers.npy", self._numbers)
        np.save(folder / "lengths.npy", self._lengths)

    @classmethod
    def load(cls, folder: Path, size: int) -> KeywordIndex:
        """The index that `save` wrote, of `size` passages."""
        index = cls(
            bm25s.BM25.load(folder, mmap=True, show_progress=False),
            (folder / "forms").read_text(encoding="utf-8").split("\n"),
            np.load(folder / "numbers.npy", mmap_mode="r"),
            np.load(folder / "lengths.npy"),
        )
        if index.size != size:
            raise ValueError(f"{index.size} passages, not {size}")
        return index

    def scores(self, text: str, language: str, pairs: bool = False) -> Scores:
        """The BM25 score of each passage for a question.

        With `pairs`, words that follow each other in the question count again where they do so in
        a passage. That finds more labs for a topic ("mobile money"), and fewer first ranks for a
        question with many words. Words of a question that is not in English are looked for in both
        languages' stems: names and borrowed words cross over.
        """
        split = terms_and_pairs if pairs else terms
        wanted = split(text, language)
        if language != "en":
            wanted += split(text, "en")
        return self._scores(self._bm25.get_tokens_ids(dict.fromkeys(wanted)))

    def _scores(self, numbers: Sequence[int]) -> Scores:
        scores: Scores = self._bm25.get_scores_from_ids(numbers)
        return scores[: self.size]

    def term(self, number: int) -> str:
        """The term of a number."""
        return self._terms[number]

    def column(self, term: str) -> tuple[Numbers, Scores]:
        """The positions of the passages that have a term, with its score in each."""
        number = self._bm25.vocab_dict.get(term)
        if number is None:
            return np.zeros(0, np.int32), np.zeros(0, np.float32)
        index = self._bm25.scores
        column = slice(*index["indptr"][number : number + 2])
        return index["indices"][column], index["data"][column]

    def passages_having(self) -> npt.NDArray[np.int64]:
        """The number of passages that have each term, by the term's number."""
        starts: npt.NDArray[np.int64] = self._bm25.scores["indptr"]
        return np.diff(starts)

    def having(self, terms: Collection[str]) -> list[tuple[int, float]]:
        """The passages that have all of some terms, with their BM25 scores, the highest first."""
        wanted = dict.fromkeys(terms)
        if not wanted:
            return []
        common = reduce(np.intersect1d, (self.column(term)[0] for term in wanted))
        scores = self._scores(self._bm25.get_tokens_ids(wanted))
        ranked = common[np.argsort(-scores[common], kind="stable")]
        return [(int(i), float(scores[i])) for i in ranked]
