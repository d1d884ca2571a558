"""Keyword search over all passages, and the words of a collection that mean nearly the same.

BM25 on stemmed words and pairs of them, context included. bm25s makes the index (Lucene's variant:
Kamphuis et al. 2020, "Which BM25 do you mean?"), saves it, maps it into memory and scores
questions. The terms of each passage are stored as numbers too: when a few reports change, only
their passages are split into terms again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import bm25s
import numpy as np
import numpy.typing as npt

from rag.models.embeddings import encode_cached
from rag.text.tokenize import content_forms, content_words, terms, terms_and_pairs, written_words
from rag.types import Alike, Passage

K1 = 1.2
B = 0.75
# A word is in the lexicon if so many passages have it: rarer ones are names and slips more often.
LEAST_PASSAGES = 3
SHORTEST = 3
# The vectors of so small a share of the words may be missing: a changed report need not load a
# model for the sake of three rare words.
LATE = 0.02
ALIKE = 0.65  # cosine similarity from which two words are alike
# Words of a question that are looked up; a longer one is a text, and would take as long.
MOST = 60
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
        self.terms: list[str] = list(bm25.vocab_dict)

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
            text = passage.in_context
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
    def load(cls, folder: Path) -> KeywordIndex:
        """The index that `save` wrote."""
        return cls(
            bm25s.BM25.load(folder, mmap=True, show_progress=False),
            (folder / "forms").read_text(encoding="utf-8").split("\n"),
            np.load(folder / "numbers.npy", mmap_mode="r"),
            np.load(folder / "lengths.npy"),
        )

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
        return self._scores(wanted)

    def _scores(self, terms: Collection[str]) -> Scores:
        numbers = self._bm25.get_tokens_ids(dict.fromkeys(terms))
        scores: Scores = self._bm25.get_scores_from_ids(numbers)
        return scores[: self.size]

    def written(self, term: str) -> str:
        """A word of the term as the reports have it; "" for an unknown term."""
        number = self._bm25.vocab_dict.get(term)
        return "" if number is None else self.forms[number]

    def passages_with(self, term: str) -> Numbers:
        """The positions of the passages that have a term."""
        number = self._bm25.vocab_dict.get(term)
        index = self._bm25.scores
        starts = (0, 0) if number is None else index["indptr"][number : number + 2]
        positions: Numbers = index["indices"][slice(*starts)]
        return positions

    def having(self, terms: Collection[str]) -> list[tuple[int, float]]:
        """The passages that have all of some terms, with their BM25 scores, the highest first."""
        if not terms:
            return []
        common = reduce(np.intersect1d, map(self.passages_with, terms))
        scores = self._scores(terms)
        ranked = common[np.argsort(-scores[common], kind="stable")]
        return [(int(i), float(scores[i])) for i in ranked]

    def frequent_words(self) -> dict[int, str]:
        """The words that enough passages have, as they were written, by their terms' numbers."""
        counts = np.diff(self._bm25.scores["indptr"])
        numbers = np.flatnonzero(counts >= LEAST_PASSAGES).tolist()
        forms = {n: self.forms[n] for n in numbers}
        return {n: form for n, form in forms.items() if len(form) >= SHORTEST and form.isalpha()}


@dataclass(frozen=True)
class Lexicon:
    """The frequent words of a collection with their vectors, to find those alike to a question's.

    The built-in embedding places single words of all its languages well enough to translate them
    ("vendeurs" is by "sellers" and "merchants"): so an answer can tell which sentences in another
    language are about the question. `numbers` are those of the keyword index, `vectors` a row of
    unit length for each.
    """

    numbers: Numbers
    vectors: npt.NDArray[np.float32]

    @classmethod
    def build(cls, keyword: KeywordIndex, base: Lexicon | None = None) -> Lexicon:
        """The lexicon of a keyword index; `base` is of an earlier one with the same numbers."""
        words = keyword.frequent_words()
        known = dict(zip(base.numbers.tolist(), base.vectors, strict=True)) if base else {}
        new = [n for n in words if n not in known]
        if base and len(new) <= LATE * len(words):
            return base
        known |= zip(new, encode_cached([words[n] for n in new]), strict=True)
        vectors = np.asarray([known[n] for n in words] or np.zeros((0, 0)), np.float32)
        return cls(np.array(list(words), np.int32), vectors)

    def save(self, path: Path) -> None:
        """Write it to a file (.npz)."""
        np.savez(path, numbers=self.numbers, vectors=self.vectors.astype(np.float16))

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
        similar = np.asarray(encode_cached(words), np.float32) @ self.vectors.T
        alike = []
        for word, row in zip(words, similar, strict=True):
            near = {
                keyword.terms[self.numbers[i]]: float(row[i]) for i in np.flatnonzero(row >= ALIKE)
            }
            alike.append(Alike(frozenset((*terms(word, language), *terms(word, "en"))), near))
        return tuple(alike)
