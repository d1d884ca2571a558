"""Verifies a claim, a sentence of an answer, against the passages that it cites; by rules.

What contradicts a claim counts first: a number, a country or a denial that the passages don't have.
Then how much of it they say: the share of its words and pairs of words that they hold, and how
close its meaning is to that of one to three of their sentences. At last, whether a name is unknown.
What only repeats the question has no support. `eval.verifier` measures the weights and thresholds.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from rag.citation.citations import numbers_in
from rag.i18n.labels import author_label
from rag.models.encoder import encode
from rag.places.countries import english_name
from rag.query.entities import countries_in, without_countries
from rag.text.sentences import sentences
from rag.text.tokenize import ITEM, NUMERALS, share, strip_accents, terms, words
from rag.types import Notice, Passage, Status

# The share of a claim, by words and meaning, from which it is supported, and partly supported.
SUPPORTED = 0.38
PARTLY = 0.3
# Across languages only meanings are compared: the least cosine of a supported claim.
SUPPORTED_ACROSS = 0.4
# A claim that shares more than this of its words with a sentence says the same or the contrary.
SAME_WORDS = 0.75
# Where only a name ties a claim to its passages, this share of the rest must stand around it.
AROUND_NAME = 0.4
# How many windows of sentences of a passage are compared with a claim.
_MOST_WINDOWS = 60
# How many sentences in a row are a window, and the least characters of one.
_WINDOW = 3
_SHORTEST_WINDOW = 20
# A name in another language ("Governo", "Government") begins with as many equal letters.
_NAME_START = 3
# A word with a capital that begins no sentence.
_NAME = re.compile(r"(?<![.!?:»\"”(]\s)(?<!^)\b[A-ZÀ-Þ][\w’'-]{2,}")
# How many sentences, the nearest, one that denies is compared with.
_NEAREST = 3
_DENIALS = {
    "en": "not no never without none nobody nor neither cannot nothing hardly",
    "fr": "ne n pas jamais aucun aucune sans ni non rien",
    "es": "no nunca sin ningun ninguna nadie ni tampoco nada",
    "pt": "nao nunca sem nenhum nenhuma ninguem nem nada",
    "ar": "لا لم لن ليس ليست غير بدون دون",
}
# Words that a denial may be made of in other words: "they lack a scale", "they have no scale".
_ABSENCES = {
    "en": "lack lacks lacked lacking unable fail fails failed failing refuse refuses refused "
    "missing absent absence insufficient excluding except impossible wrongly",
    "fr": "manque manquent absence refuse echec echoue impossible insuffisant insuffisante sauf",
    "es": "falta faltan faltaba carece carecen ausencia imposible insuficiente excepto fracaso",
    "pt": "falta faltam faltava carece carecem ausencia impossivel insuficiente exceto fracasso",
    "ar": "عدم نقص قلة",
}
# "Not only" denies nothing.
_NOT_ONLY = re.compile(
    r"\bnot (?:only|just)\b|\b(?:no|nao) (?:so|solo|solamente|apenas)\b|\b(?:pas|non) seulement\b"
)
_SHORT_NOT = re.compile(r"n['’]t$|^n['’]")
_NOT_SAID = Notice("not_said")
_REPEATS = Notice("repeats_the_question")
# How much a status is worth beside another.
RANK: dict[Status, int] = {"unsupported": 0, "partly": 1, "supported": 2}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether passages support a claim, how much of it they say (0 to 1), and why not all."""

    status: Status
    support: float
    reason: Notice | None = None


class Verifier:
    """Verifies the claims of one answer; it keeps the vectors that it has computed."""

    def __init__(self, question: str = "") -> None:
        """What only repeats the words of the question has no support by them."""
        self._question = question
        self._windows: dict[str, Any] = {}
        self._sentences: dict[str, Any] = {}

    def verify(self, sentence: str, passages: Sequence[Passage], language: str) -> Verdict:
        """The verdict on a claim, its marks taken out, by all the passages that it cites."""
        if not passages:
            return Verdict("unsupported", 0.0, Notice("no_citation"))
        claim = Claim(sentence, language, passages)
        passages = _of_country(sentence, passages) or passages
        vector = self._vector(sentence)
        closeness = [float((self._vectors(p.text) @ vector).max()) for p in passages]
        best = _rated(Claim(sentence, language, passages), max(closeness))
        if reason := claim.missing():
            return _contradicted(best, reason)
        if claim.only_names_labs():
            return Verdict("supported", best.support)
        if best.status != "unsupported" and claim.echoes(self._question):
            return _contradicted(best, _REPEATS)
        if claim.tied_by_name(self._question):
            return _contradicted(best, Notice("said_of_something_else"))
        if best.status != "supported":
            return best
        doubt = claim.doubt(self._question)
        return Verdict("partly", best.support, doubt) if doubt else best

    def _vector(self, sentence: str) -> Any:
        # A sentence is verified by several choices of passages.
        if sentence not in self._sentences:
            self._sentences[sentence] = np.asarray(encode([sentence]), np.float32)[0]
        return self._sentences[sentence]

    def _vectors(self, text: str) -> Any:
        if text not in self._windows:
            long = [window for window in windows(text) if len(window) > _SHORTEST_WINDOW]
            self._windows[text] = np.asarray(encode(long[:_MOST_WINDOWS] or [text]), np.float32)
        return self._windows[text]


def _of_country(sentence: str, passages: Sequence[Passage]) -> Sequence[Passage]:
    """The passages that can tell of the one country that a sentence names; all for none or more."""
    named = set(countries_in(sentence))
    if len(named) != 1:
        return passages
    return [
        p for p in passages if named & set(countries_in(f"{p.report.lab} {p.context} {p.text}"))
    ]


def _contradicted(verdict: Verdict, reason: Notice) -> Verdict:
    """The verdict, with half of its support, where something stands against a claim."""
    return Verdict("unsupported", verdict.support / 2, reason)


def _rated(claim: Claim, closeness: float) -> Verdict:
    """The verdict on a claim by how much of it passages of one language say."""
    support = claim.support(closeness)
    if support < (PARTLY if claim.same_language else SUPPORTED_ACROSS):
        return Verdict("unsupported", support, _NOT_SAID)
    if claim.same_language and support < SUPPORTED:
        return Verdict("partly", support, Notice("said_in_part"))
    return Verdict("supported", support)


def windows(text: str, most: int = _WINDOW) -> list[str]:
    """Each sentence of a text, each two in a row, and so on up to `most`."""
    spans = sentences(text)
    return [
        text[spans[i][0] : spans[i + more][1]]
        for more in range(most)
        for i in range(len(spans) - more)
    ]


class Claim:
    """A claim beside the words of its passages."""

    def __init__(self, sentence: str, language: str, passages: Sequence[Passage]) -> None:
        self.same_language = any(p.language == language for p in passages)
        self._sentence = ITEM.sub("", sentence)
        self._language = language
        self._passages = passages
        self._context = " ".join(
            f"{p.context} {p.section} {author_label(p.report)}" for p in passages
        )
        self._text = "\n".join(p.text for p in passages)
        self._labs = " ".join(p.report.lab for p in passages)

    def support(self, closeness: float) -> float:
        """How much of the sentence the passages say."""
        closeness = max(0.0, closeness)
        if not self.same_language:
            return closeness
        known = self._terms_of(self._context)
        wanted = terms(self._sentence, self._language)
        own = [term for term in wanted if term not in known] or wanted
        have = self._terms_of(self._text)
        pairs = list(pairwise(wanted))
        there = set(pairwise(terms(self._text, self._passages[0].language)))
        shared = sum(pair in there for pair in pairs) / len(pairs) if pairs else 0.0
        return (share(own, have) + closeness + 0.5 * shared) / 2.5

    def missing(self) -> Notice | None:
        """Why the passages can't support the sentence, however much of it they say."""
        there = f"{self._text} {self._context}"
        spelled = {NUMERALS[word] for word in words(there) if word in NUMERALS}
        missing = numbers_in(self._sentence) - numbers_in(there) - spelled
        if missing:
            return Notice("number_not_cited", {"number": min(missing)})
        # Codes, so that a country's other names and adjectives count as the country.
        here = {*countries_in(self._labs), *countries_in(there)}
        if foreign := [code for code in countries_in(self._sentence) if code not in here]:
            return Notice("country_not_cited", {"country": english_name(foreign[0])})
        if not self.same_language:
            return None
        wanted = terms(self._sentence, self._language)
        alike = [p.text for p in self._passages if p.language == self._language]
        near = [text[a:b] for text in alike for a, b in sentences(text)]
        if _denies_alone(self._sentence, near, self._language):
            return Notice("denies_alone")
        nearest = max(near, key=lambda s: share(wanted, set(terms(s, self._language))), default="")
        same = share(wanted, self._terms_of(f"{nearest} {self._context}")) > SAME_WORDS
        if same and _denies_otherwise(self._sentence, nearest, self._language):
            return Notice("denied_by_the_passage")
        return None

    def doubt(self, question: str) -> Notice | None:
        """What speaks against full support."""
        if name := next(self._unknown_names(), ""):
            return Notice("name_not_cited", {"name": name})
        return _REPEATS if self._repeats(question) else None

    def echoes(self, question: str) -> bool:
        """Whether it only repeats the question; one that names labs may answer it."""
        named = set(countries_in(self._sentence))
        return self._repeats(question) and named <= set(countries_in(question))

    def _repeats(self, question: str) -> bool:
        """Whether it shares no more with the passages than labs and words of the question."""
        return all(countries_in(term) for term in self._tied(question))

    def _unknown_names(self) -> Iterator[str]:
        """The names, other than of countries, that the passages have not."""
        there = strip_accents(f"{self._text} {self._context}")
        begun = {word[:_NAME_START] for word in words(there)} if not self.same_language else set()
        for match in _NAME.finditer(without_countries(self._sentence)):
            name = re.sub(r"['’]s?$", "", match.group())
            folded = strip_accents(name)
            if folded not in there and folded[:_NAME_START] not in begun:
                yield name

    def _tied(self, question: str) -> set[str]:
        """What ties it to the passages besides names of labs and words of the question."""
        known = self._terms_of(f"{question} {self._labs}")
        own = set(terms(self._sentence, self._language)) - known
        return own & self._terms_of(self._text) if self.same_language else own

    def only_names_labs(self) -> bool:
        """Whether it is a bare list of countries: which ones is all that it says."""
        named = countries_in(self._sentence)
        return len(named) > 1 and not terms(without_countries(self._sentence), self._language)

    def tied_by_name(self, question: str) -> bool:
        """Whether only names tie it to the passages, and where they stand little else of it does.

        Else any name of a passage would do for an answer made of the question's words.
        """
        tied = self._tied(question)
        names = self._terms_of(" ".join(_NAME.findall(self._sentence)))
        if not self.same_language or not tied or not tied <= names:
            return False
        rest = set(terms(self._sentence, self._language)) - names - self._terms_of(self._context)
        near = (self._terms_of(w) for p in self._passages for w in windows(p.text, 2))
        return all(share(rest, have) < AROUND_NAME for have in near if not have.isdisjoint(tied))

    def _terms_of(self, text: str) -> set[str]:
        forms = set(words(text))
        for language in {self._language, *(p.language for p in self._passages)}:
            forms |= set(terms(text, language))
        return forms


def _denies_alone(sentence: str, sources: Sequence[str], language: str) -> bool:
    """Whether a sentence denies something, and none of those nearest to it denies or lacks."""
    if not sources or not any(_is_denial(word, language) for word in _plain_words(sentence)):
        return False
    wanted = terms(sentence, language)
    near = sorted(sources, key=lambda s: -share(wanted, set(terms(s, language))))[:_NEAREST]
    return not any(
        _is_denial(word, language) or word in _listed(_ABSENCES, language)
        for source in near
        for word in _plain_words(source)
    )


def _denies_otherwise(sentence: str, other: str, language: str) -> bool:
    """Whether of the words of two sentences one denies what the other doesn't, or denies it twice.

    Of use where both have nearly the same words. There, too, it is the words denied that count:
    whether there is a denial at all misses a second one, their number one put in another place.
    """
    ours, theirs = _denied(sentence, language), _denied(other, language)
    both = set(terms(sentence, language)) & set(terms(other, language))
    return any(ours[term] != theirs[term] for term in both)


def _denied(sentence: str, language: str) -> Counter[str]:
    """The content word after each denial, or, where there is none, the one before it."""
    plain = _plain_words(sentence)
    content = [(n, term) for n, word in enumerate(plain) for term in terms(word, language)[:1]]
    denied = Counter[str]()
    for n, word in enumerate(plain):
        if _is_denial(word, language):
            after = [term for at, term in content if at > n]
            before = [term for at, term in content if at < n]
            denied.update(after[:1] or before[-1:])
    return denied


def _plain_words(sentence: str) -> list[str]:
    return words(_NOT_ONLY.sub(" ", strip_accents(sentence)))


def _is_denial(word: str, language: str) -> bool:
    return word in _listed(_DENIALS, language) or bool(_SHORT_NOT.search(word))


def _listed(lists: Mapping[str, str], language: str) -> frozenset[str]:
    return _word_set(lists.get(language, lists["en"]))


@cache
def _word_set(listed: str) -> frozenset[str]:
    return frozenset(listed.split())
