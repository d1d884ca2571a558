"""Keyword search over all passages: BM25 on stemmed words and pairs of them, context included.

The scores are those of Lucene (Kamphuis et al. 2020, "Which BM25 do you mean?"), computed when
the index is made, so that a question only adds up columns. The words of each passage are kept as
numbers: when a few reports change, the words of all others need not be found again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rag.text.tokenize import (
    content_words,
    terms,
    terms_and_pairs,
    written_words,
)
from rag.types import Passage

K1 = 1.2
B = 0.75
Scores = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int32]


class KeywordIndex:
    """BM25 scores of a fixed sequence of passages, addressed by their position."""

    def __init__(
        self, vocabulary: dict[str, int], forms: list[str], words: Numbers, lengths: Numbers
    ) -> None:
        """`words` are the numbers of all passages' words, `lengths` how many each passage has.

        `forms` has for each term a word that was seen of it, "" for a pair.
        """
        self._vocabulary = vocabulary
        self.forms = forms
        self._words = words
        self._lengths = lengths

    @cached_property
    def _columns(self) -> tuple[npt.NDArray[np.int64], Numbers, Scores]:
        # When it is first searched: who only passes an index on does not need them.
        return _columns(len(self._vocabulary), self._words, self._lengths)

    @cached_property
    def _terms(self) -> list[str]:
        return list(self._vocabulary)

    @property
    def size(self) -> int:
        """How many passages there are."""
        return len(self._lengths)

    @classmethod
    def build(
        cls,
        passages: Sequence[Passage],
        base: KeywordIndex | None = None,
        known: Sequence[int] = (),
    ) -> KeywordIndex:
        """The index of passages; each is stemmed in its own language.

        Args:
            passages: all of them.
            base: an index that has some of them already.
            known: for each passage its position in `base`, or -1.
        """
        # A copy: the old index may be in use.
        vocabulary = dict(base._vocabulary) if base else {}
        forms = list(base.forms) if base else []
        ends = np.cumsum(base._lengths) if base else np.zeros(0, np.int64)
        found = []
        for n, passage in enumerate(passages):
            at = known[n] if base else -1
            if base and at >= 0:
                found.append(base._words[ends[at] - base._lengths[at] : ends[at]])
                continue
            text = f"{passage.context}\n{passage.text}"
            tokens = terms_and_pairs(text, passage.language)
            numbers = [vocabulary.setdefault(token, len(vocabulary)) for token in tokens]
            found.append(np.array(numbers, np.int32))
            forms += [""] * (len(vocabulary) - len(forms))
            written = written_words(text)
            for number, word in zip(numbers, content_words(text, passage.language), strict=False):
                forms[number] = forms[number] or written.get(word, word)
        lengths = np.fromiter(map(len, found), np.int32, len(found))
        return cls(vocabulary, forms, np.concatenate(found) if found else _none(), lengths)

    def save(self, folder: Path) -> None:
        """Write the index into a folder."""
        folder.mkdir()
        (folder / "vocabulary").write_text("\n".join(self._vocabulary), encoding="utf-8")
        (folder / "forms").write_text("\n".join(self.forms), encoding="utf-8")
        np.save(folder / "words.npy", self._words)
        np.save(folder / "lengths.npy", self._lengths)

    @classmethod
    def load(cls, folder: Path, size: int) -> KeywordIndex:
        """The index that `save` wrote, of `size` passages."""
        words = (folder / "vocabulary").read_text(encoding="utf-8").split("\n")
        index = cls(
            {word: n for n, word in enumerate(words)},
            (folder / "forms").read_text(encoding="utf-8").split("\n"),
            np.load(folder / "words.npy", allow_pickle=False),
            np.load(folder / "lengths.npy", allow_pickle=False),
        )
        if index.size != size:
            raise ValueError(f"{index.size} passages, not {size}")
        return index

    def scores(self, text: str, language: str, pairs: bool = False) -> Scores:
        """The BM25 score of each passage for a question, as an array of `size` numbers.

        With `pairs`, words that follow each other in the question count again where they do so
        in a passage. That finds more labs for a topic ("mobile money"), and fewer first ranks
        for a question with many words of its own.

        Words of a question that is not in English are looked for in both languages' stems:
        names and borrowed words cross over.
        """
        translations_of = terms_and_pairs if pairs else terms
        wanted = translations_of(text, language)
        if language != "en":
            wanted += [term for term in translations_of(text, "en") if term not in wanted]
        total = np.zeros(self.size, dtype=np.float32)
        for term in dict.fromkeys(wanted):
            passages, scores = self.column(term)
            total[passages] += scores
        return total

    def term(self, number: int) -> str:
        """The term of a number."""
        return self._terms[number]

    def column(self, term: str) -> tuple[Numbers, Scores]:
        """The positions of the passages that have a term, with its score in each."""
        return self.column_at(self._vocabulary.get(term, len(self._vocabulary)))

    def column_at(self, number: int) -> tuple[Numbers, Scores]:
        """`column` of the term of a number; of one that no term has, nothing."""
        starts, passages, scores = self._columns
        column = slice(*starts[number : number + 2]) if number < len(starts) - 1 else slice(0)
        return passages[column], scores[column]

    def passages_having(self) -> npt.NDArray[np.int64]:
        """How many passages have each term, by its number."""
        return np.diff(self._columns[0])

    def having(self, terms: Collection[str]) -> list[tuple[int, float]]:
        """The passages that have all of some terms, with their BM25 scores, the highest first."""
        numbers = [self._vocabulary.get(term, -1) for term in dict.fromkeys(terms)]
        if not numbers or min(numbers) < 0:
            return []
        total = np.zeros(self.size, dtype=np.float32)
        count = np.zeros(self.size, dtype=np.int32)
        for number in numbers:
            passages, scores = self.column_at(number)
            total[passages] += scores
            count[passages] += 1
        found = np.flatnonzero(count == len(numbers))
        ranked = found[np.argsort(-total[found], kind="stable")]
        return [(int(i), float(total[i])) for i in ranked]


def _none() -> Numbers:
    return np.zeros(0, np.int32)


def _columns(
    terms_count: int, words: Numbers, lengths: Numbers
) -> tuple[npt.NDArray[np.int64], Numbers, Scores]:
    """For each term the passages that have it, with its score there, one term after the other.

    Returns:
        Where each term's column starts (one more than there are terms), and over all columns
        the passages' positions and the scores
        idf * tf / (tf + K1 * (1 - B + B * length / mean length)).
    """
    count = max(1, len(lengths))
    pairs = words.astype(np.int64) * count + np.repeat(np.arange(len(lengths)), lengths)
    pairs.sort()
    first = np.flatnonzero(np.diff(pairs, prepend=-1))
    tf = np.diff(first, append=len(pairs))
    terms_, passages = np.divmod(pairs[first], count)
    df = np.bincount(terms_, minlength=terms_count)
    idf = np.log(1 + (len(lengths) - df + 0.5) / (df + 0.5))
    relative = lengths[passages] / max(1.0, float(lengths.mean()) if len(lengths) else 1.0)
    scores = idf[terms_] * tf / (tf + K1 * (1 - B + B * relative))
    starts = np.concatenate([[0], np.cumsum(df)])
    return starts, passages.astype(np.int32), scores.astype(np.float32)
