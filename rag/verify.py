"""Verifies a sentence of an answer against the passages that it cites; no language model needed.

What stands against a sentence counts first: a number, a country or a denial that the passages
don't have. Then how much of it they say: the share of its words and of its pairs of words that
stand in them, and how close its meaning is to that of one to three of their sentences. At last
counts what one of its clauses denies and they state, or the contrary; and it is doubted where a
name is unknown. What only repeats the question has no support. The weights and thresholds were
set on answers to development questions, on sentences of reports, and on both with a number, a
country or a denial changed or another report cited; `eval.verify` measures them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rag.denials import gainsaid
from rag.encoder import DIMENSIONS, encode
from rag.lexicon import ALIKE
from rag.named import countries_in
from rag.said import ECHO, Said, windows
from rag.types import Passage, Status
from rag.words import content_forms

Embed = Callable[[Sequence[str]], Any]

# A sentence of which the passages say so much is supported: of 1,371 labelled sentences 0.95 of
# the wrong ones have less, and 0.09 of the right ones (at 0.3: 0.94, 0.08; at 0.45: 0.96, 0.12).
# With less than the second it is not: from 0.22 to 0.30 4 were right and 25 wrong.
SUPPORTED = 0.38
PARTLY = 0.3
# Between the best sentences of two languages only the meaning can be compared. With less a
# sentence is not supported: from 0.25 on 4 were right and 16 wrong.
SUPPORTED_ACROSS = 0.4
# In another language a supported sentence has for so many of its words one that means nearly the
# same in its passage; else it is not supported. The 15 right ones among the development answers
# have 0.5 and more, of 9 wrong ones that only sounded alike 2 have less; at 0.7 9 right ones more
# are doubted among the labelled sentences, without it 6 wrong ones more pass.
ALIGNED = 0.45
# So many sentences and words of a passage are compared with a sentence of the answer.
_MOST = 60
_MOST_WORDS = 400
_SHORTEST = 20

# How much a status is worth beside another.
RANK: dict[Status, int] = {"unsupported": 0, "partly": 1, "supported": 2}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether passages support a sentence: how much of it they say (0 to 1), and what is amiss."""

    status: Status
    support: float
    why: str = ""


class Verifier:
    """Verifies the sentences of one answer; what it has read of a passage it keeps."""

    def __init__(self, embed: Embed = encode, question: str = "") -> None:
        """`embed` turns texts into unit vectors: the thresholds are for the built-in model's.

        What only repeats the words of the question has no support by them.
        """
        self._embed = embed
        self._question = question
        self._windows: dict[str, Any] = {}
        self._sentences: dict[str, Any] = {}
        self._words: dict[str, Any] = {}

    def verify(self, sentence: str, passages: Sequence[Passage], language: str) -> Verdict:
        """The verdict on a sentence, its marks taken out, by all the passages that it cites."""
        if not passages:
            return Verdict("unsupported", 0.0, "it cites no passage")
        said = Said(sentence, language, passages)
        passages = _of_country(sentence, passages) or passages
        vector = self._vector(sentence)
        closeness = {p.id: float((self._vectors(p.text) @ vector).max()) for p in passages}
        # By each passage, and, in what is of the sentence's language, by several together.
        alike = [p for p in passages if p.language == language]
        scopes = [[p] for p in passages] + ([alike] if len(alike) > 1 else [])
        rated = [
            _rated(Said(sentence, language, scope), max(closeness[p.id] for p in scope))
            for scope in scopes
        ]
        best = max(rated, key=lambda verdict: (RANK[verdict.status], verdict.support))
        if amiss := said.amiss(self._question):
            return _against(best, amiss)
        if said.only_names_labs() and self._near_question(passages):
            return Verdict("supported", best.support)
        if best.status != "unsupported" and said.echoes(self._question):
            return _against(best, ECHO)
        if said.tied_by_name(self._question):
            return _against(best, "the passages say it of something else")
        if best.status == "supported" and not said.same_language:
            best = self._aligned(best, sentence, language, passages)
        if best.status != "supported":
            return best
        if otherwise := gainsaid(sentence, language, [(p.text, p.language) for p in passages]):
            return _against(best, otherwise)
        doubt = said.doubt(self._question)
        return Verdict("partly", best.support, doubt) if doubt else best

    def _aligned(
        self, verdict: Verdict, sentence: str, language: str, passages: Sequence[Passage]
    ) -> Verdict:
        """The verdict, lowered where the passages, in another language, lack most of its words."""
        forms = content_forms(sentence, language)
        have = [self._forms(p) for p in passages]
        if not forms or not any(map(len, have)):
            return verdict
        likeness = np.asarray(self._embed(forms), np.float32) @ np.concatenate(have).T
        aligned = float((likeness.max(axis=1) >= ALIKE).mean())
        if aligned >= ALIGNED:
            return verdict
        return Verdict("unsupported", verdict.support, "the passages don't say this")

    def _near_question(self, passages: Sequence[Passage]) -> bool:
        """Whether one of the passages is about the question."""
        asked = self._vector(self._question)
        return any(float((self._vectors(p.text) @ asked).max()) >= PARTLY for p in passages)

    def _forms(self, passage: Passage) -> Any:
        """The vectors of a passage's words."""
        if passage.id not in self._words:
            forms = content_forms(passage.text, passage.language)[:_MOST_WORDS]
            found = np.asarray(self._embed(forms) if forms else [], np.float32)
            self._words[passage.id] = found.reshape(len(forms), -1 if forms else DIMENSIONS)
        return self._words[passage.id]

    def _vector(self, sentence: str) -> Any:
        # A sentence is verified by several choices of passages.
        if sentence not in self._sentences:
            self._sentences[sentence] = np.asarray(self._embed([sentence]), np.float32)[0]
        return self._sentences[sentence]

    def _vectors(self, text: str) -> Any:
        if text not in self._windows:
            found = [window for window in windows(text) if len(window) > _SHORTEST][:_MOST]
            self._windows[text] = np.asarray(self._embed(found or [text]), np.float32)
        return self._windows[text]


def _of_country(sentence: str, passages: Sequence[Passage]) -> Sequence[Passage]:
    """Of the passages those that can tell of the one country that a sentence names.

    Else one lab's words could be told of another, whose passage is cited beside.
    """
    named = set(countries_in(sentence))
    if len(named) != 1:
        return passages
    return [
        p for p in passages if named & set(countries_in(f"{p.report.lab} {p.context} {p.text}"))
    ]


def _against(verdict: Verdict, why: str) -> Verdict:
    """The verdict where something stands against a sentence, however much of the rest is said.

    By half of its support the labelled sentences are told apart best without harm to the answers
    that people rated (AUROC 0.96 and 0.92; by all of it 0.95, 0.92; by none 0.97, 0.91).
    """
    return Verdict("unsupported", verdict.support / 2, why)


def _rated(said: Said, closeness: float) -> Verdict:
    """The verdict on a sentence by how much of it passages of one language say."""
    support = said.support(closeness)
    if support < (PARTLY if said.same_language else SUPPORTED_ACROSS):
        return Verdict("unsupported", support, "the passages don't say this")
    if said.same_language and support < SUPPORTED:
        return Verdict("partly", support, "the passages say only part of this")
    return Verdict("supported", support)
