"""A sentence of an answer beside the words of the passages that it cites, for `rag.verify`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from rag.cite import numbers_in
from rag.countries import english_name
from rag.denials import denies_otherwise
from rag.named import countries_in, without_countries
from rag.numerals import ITEM, NUMERALS
from rag.types import Passage
from rag.words import sentences, share, strip_accents, terms, words

# A sentence that shares so much of its words with one of the passage says the same or the contrary:
# of the labelled ones, without it 4 wrong ones more pass, at 0.4 5 right ones more are doubted.
SAME_WORDS = 0.75
# Where only a name ties a sentence to its passages, so much of the rest must stand around it: for
# what small models make of the question's words; no labelled sentence depends on it (0.2 to 0.8).
AROUND_NAME = 0.4
ECHO = "it only repeats the question"
# So many sentences in a row are compared with one of the answer.
_WINDOW = 3
# A name in another language ("Governo", "Government") begins like the passages' word for it:
# of 32 good answers across languages 6 were doubted for a name that was only translated.
_BEGINNING = 3
# A word with a capital that begins no sentence.
_NAME = re.compile(r"(?<![.!?:»\"”(]\s)(?<!^)\b[A-ZÀ-Þ][\w’'-]{2,}")


def windows(text: str, most: int = _WINDOW) -> list[str]:
    """Each sentence of a text, then each two, and up to `most`, in a row."""
    spans = sentences(text)
    return [
        text[spans[i][0] : spans[i + more][1]]
        for more in range(most)
        for i in range(len(spans) - more)
    ]


class Said:
    """One sentence beside the words of its passages."""

    def __init__(self, sentence: str, language: str, passages: Sequence[Passage]) -> None:
        self.same_language = any(p.language == language for p in passages)
        self._sentence = ITEM.sub("", sentence)
        self._language = language
        self._passages = passages
        self._context = " ".join(f"{p.context} {p.section}" for p in passages)
        self._text = "\n".join(p.text for p in passages)

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

    def amiss(self, question: str) -> str:
        """What the passages have not and what therefore no support makes good; or ""."""
        there = f"{self._text} {self._context}"
        spelled = {NUMERALS[word] for word in words(there) if word in NUMERALS}
        missing = numbers_in(self._sentence) - numbers_in(there) - spelled
        if missing:
            return f"the number {min(missing)} stands in no passage cited"
        # Codes, so that a country's other names and adjectives count as the country.
        labs = " ".join(p.report.lab for p in self._passages)
        here = {*countries_in(labs), *countries_in(there)}
        if foreign := [code for code in countries_in(self._sentence) if code not in here]:
            return f"no passage cited is of {english_name(foreign[0])} or speaks of it"
        # Small models tell what passages say of something else about what the question names.
        asked = [name for name in self._unknown_names() if name in question]
        if asked and self.same_language:
            return _without_name(asked[0])
        return "the passage denies it, or does not deny what it denies" if self._contrary() else ""

    def _contrary(self) -> bool:
        """Whether the passage's sentence in nearly the same words denies what this does not."""
        if not self.same_language:
            return False
        wanted = terms(self._sentence, self._language)
        alike = [p for p in self._passages if p.language == self._language]
        said = max(
            (p.text[a:b] for p in alike for a, b in sentences(p.text)),
            key=lambda found: share(wanted, set(terms(found, self._language))),
            default="",
        )
        have = self._terms_of(f"{said} {self._context}")
        return share(wanted, have) > SAME_WORDS and denies_otherwise(
            self._sentence, said, self._language
        )

    def doubt(self, question: str) -> str:
        """What speaks against full support; or ""."""
        if name := next(self._unknown_names(), ""):
            return _without_name(name)
        return ECHO if self._repeats(question) else ""

    def echoes(self, question: str) -> bool:
        """Whether it only repeats the question; one that names labs may answer it."""
        return self._repeats(question) and {*countries_in(self._sentence)} <= {
            *countries_in(question)
        }

    def _repeats(self, question: str) -> bool:
        """Whether it shares no more with the passages than labs and words of the question."""
        return all(countries_in(term) for term in self._tied(question))

    def _unknown_names(self) -> Iterator[str]:
        """The names, other than of countries, that the passages have not."""
        there = strip_accents(f"{self._text} {self._context}")
        begun = {word[:_BEGINNING] for word in words(there)} if not self.same_language else set()
        for match in _NAME.finditer(without_countries(self._sentence)):
            name = re.sub(r"['’]s?$", "", match.group())
            folded = strip_accents(name)
            if folded not in there and folded[:_BEGINNING] not in begun:
                yield name

    def _tied(self, question: str) -> set[str]:
        """What ties it to the passages besides names of labs and words of the question."""
        labs = " ".join(p.report.lab for p in self._passages)
        own = set(terms(self._sentence, self._language)) - self._terms_of(f"{question} {labs}")
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
        found = set(words(text))
        for language in {self._language, *(p.language for p in self._passages)}:
            found |= set(terms(text, language))
        return found


def _without_name(name: str) -> str:
    return f"the name {name} stands in no passage cited"
