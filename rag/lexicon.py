"""Words that mean nearly the same as a question's, in its language and in the others.

The built-in embedding places single words of all its languages well enough to translate them
("vendeurs" is by "sellers" and "vendors"): keyword search then finds what a question in another
language asks for, and an answer can tell which sentences speak of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rag.alike import Alike
from rag.keyword import KeywordIndex, Numbers, Scores
from rag.words import content_words, terms, written_words

# Words that fewer passages have are names and slips more often than words.
LEAST_PASSAGES = 3
SHORTEST = 3
# The vectors of so small a share of the words may be missing: a changed report need not load a
# model for the sake of three rare words.
LATE = 0.02
# Cosine similarity from which two words are alike, and how far behind the closest of a language.
LEAST = 0.65
# Of words for searching: how close they must be, in another language and in the same, how far
# behind the closest of their language, and how many of each language count. Development
# questions in other languages (n=28), without and with them: mean reciprocal rank 0.75 and 0.77;
# of several settings tried, all did as well or better (up to 0.80).
LEAST_SEARCHED = 0.7
LEAST_SAME = 0.8
BEHIND = 0.15
MOST = 8
# What another word of the same language counts, beside the word itself.
SAME = 0.5


@dataclass(frozen=True)
class Lexicon:
    """The words of a collection with their vectors: `numbers` are those of the keyword index.

    `languages` says in which language most passages with the word are; `vectors` has a row of
    unit length for each word.
    """

    numbers: Numbers
    languages: npt.NDArray[np.str_]
    vectors: npt.NDArray[np.float32]

    @classmethod
    def build(
        cls, keyword: KeywordIndex, languages: npt.NDArray[np.str_], base: Lexicon | None = None
    ) -> Lexicon:
        """The lexicon of a keyword index whose passages are in `languages`.

        Args:
            base: the lexicon of an earlier keyword index, whose words have the same numbers.
        """
        counts = keyword.passages_having()
        wanted = [
            n
            for n in np.flatnonzero(counts >= LEAST_PASSAGES).tolist()
            if len(form := keyword.forms[n]) >= SHORTEST and form.isalpha()
        ]
        known = {n: i for i, n in enumerate(base.numbers.tolist())} if base else {}
        new = [n for n in wanted if n not in known]
        if base and len(new) <= LATE * len(wanted):
            return base
        vectors = np.zeros((len(wanted), 0), np.float32)
        if wanted:
            found = dict(zip(new, _encode([keyword.forms[n] for n in new]), strict=True))
            rows = [base.vectors[known[n]] if base and n in known else found[n] for n in wanted]
            vectors = np.asarray(rows, np.float32)
        numbers = np.array(wanted, np.int32)
        return cls(numbers, _languages_of(keyword, numbers, languages), vectors)

    def save(self, path: Path) -> None:
        """Write it to a file (.npz)."""
        half = self.vectors.astype(np.float16)
        np.savez(path, numbers=self.numbers, languages=self.languages, vectors=half)

    @classmethod
    def load(cls, path: Path) -> Lexicon:
        """The lexicon that `save` wrote."""
        with np.load(path, allow_pickle=False) as kept:
            vectors = kept["vectors"].astype(np.float32)
            return cls(kept["numbers"], kept["languages"], vectors)

    def alike(self, text: str, language: str, keyword: KeywordIndex) -> tuple[Alike, ...]:
        """For each content word of a question what else in the collection means nearly that."""
        # The model knows "déchets", and "dechets" hardly.
        written = written_words(text)
        found = dict.fromkeys(written.get(w, w) for w in content_words(text, language))
        asked = [word for word in found if len(word) >= SHORTEST and word.isalpha()]
        if not asked or not len(self.numbers):
            return ()
        similar = np.asarray(_encode(asked), np.float32) @ self.vectors.T
        return tuple(
            self._alike(word, language, row, keyword)
            for word, row in zip(asked, similar, strict=True)
        )

    def _alike(self, word: str, language: str, similar: Scores, keyword: KeywordIndex) -> Alike:
        own = frozenset((*terms(word, language), *terms(word, "en")))
        close = np.flatnonzero(similar >= LEAST)
        close = close[np.argsort(-similar[close], kind="stable")]
        near: dict[str, float] = {}
        searched: dict[str, float] = {}
        best: dict[str, float] = {}
        taken: dict[str, int] = {}
        for i in close.tolist():
            term, similarity = keyword.term(int(self.numbers[i])), float(similar[i])
            of = str(self.languages[i])
            near[term] = similarity
            if similarity < best.setdefault(of, similarity) - BEHIND:
                continue
            taken[of] = taken.get(of, 0) + 1
            least = LEAST_SAME if of == language else LEAST_SEARCHED
            if term not in own and similarity >= least and taken[of] <= MOST:
                searched[term] = similarity
        return Alike(own, near, searched)


def alike_scores(
    keyword: KeywordIndex,
    alike: Sequence[Alike],
    language: str,
    languages: npt.NDArray[np.str_],
) -> Scores:
    """What passages gain over the question's own words by having words like them.

    A word's best stand-in counts, by the square of its similarity, where a passage has the word
    itself less often. For an English question only English passages gain: the development
    questions lost evidence (0.90 to 0.88, n=56) where others did.
    """
    same = languages == language
    total = np.zeros(keyword.size, np.float32)
    for word in alike:
        gained = np.zeros(keyword.size, np.float32)
        for term, similarity in word.searched.items():
            passages, scores = keyword.column(term)
            factor = np.where(same[passages], SAME, 0.0 if language == "en" else 1.0)
            gained[passages] = np.maximum(gained[passages], scores * factor * similarity**2)
        for term in word.terms:
            passages, scores = keyword.column(term)
            gained[passages] -= scores
        total += np.maximum(gained, 0)
    return total


def _languages_of(
    keyword: KeywordIndex, numbers: Collection[int], languages: npt.NDArray[np.str_]
) -> npt.NDArray[np.str_]:
    names, codes = np.unique(languages, return_inverse=True)
    found = []
    for number in numbers:
        passages, _ = keyword.column_at(number)
        found.append(int(np.bincount(codes[passages], minlength=len(names)).argmax()))
    return np.asarray(names)[found] if found else np.zeros(0, "<U2")


def _encode(words: Sequence[str]) -> list[list[float]]:
    # Imported here: an ingest without new words need not load the model.
    from rag.builtin import encode_remembered

    return encode_remembered(words)
