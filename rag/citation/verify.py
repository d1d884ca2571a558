"""Verifies claims without a model: hard facts, and how many of a claim's words passages have.

A number or a place of a claim must stand in the passages that it cites; their lab, year, title,
section and form question count as their words. What stands in none of the passages that were read
denies the claim; what stands only in others leaves it in doubt. So does another passage that has
far more of its words than those cited. Words are compared within one language only. `eval verify`
measures all this.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rag.citation.citations import PARTLY, SUPPORTED
from rag.places.countries import english_name
from rag.query.entities import countries_in, places_in
from rag.text.numbers import is_sum, numbers_in, spelled_in
from rag.text.tokenize import ITEM, share, terms, words
from rag.types import Notice, Passage, Status

# A citation is moved to a passage that has so much of a claim's words, from those with so few.
NEARLY_ALL = 0.7
HARDLY_ANY = 0.4
# A claim is in doubt where another passage has so much more of its words than those it cites.
MORE_ELSEWHERE = 0.3
# Smaller numbers are not looked for where they are spelled: "one of two ways" counts nothing.
_LEAST_SPELLED = 3


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence without its marks, and the numbers from 1 of the passages that it cites."""

    sentence: str
    cited: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether passages support a claim, and why not; `denied`: a hard fact stands against it.

    `covered` is the share of its words that the best of all passages have; None: other languages.
    """

    status: Status
    reason: Notice | None = None
    denied: bool = False
    covered: float | None = None


@dataclass(frozen=True, slots=True)
class _Facts:
    """The words, numbers and countries of passages."""

    terms: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()

    def joined(self, others: Iterable[_Facts]) -> _Facts:
        every = (self, *others)
        return _Facts(
            frozenset().union(*(facts.terms for facts in every)),
            frozenset().union(*(facts.numbers for facts in every)),
            frozenset().union(*(facts.places for facts in every)),
        )


def _facts_of(text: str, *languages: str) -> _Facts:
    found = {term for language in {*languages} for term in terms(text, language)}
    return _Facts(
        frozenset(found.union(words(text))),
        frozenset(numbers_in(text) | spelled_in(text)),
        frozenset(countries_in(text)),
    )


class Verifier:
    """Verifies the claims of one answer in a language by the passages that were read for it."""

    def __init__(
        self, claims: Sequence[Claim], passages: Sequence[Passage], question: str, language: str
    ) -> None:
        self._language = language
        self._passages = passages
        self._question = numbers_in(question) | spelled_in(question)
        self._asked = frozenset(countries_in(question))
        self._by_number = {n: self._facts(p) for n, p in enumerate(passages, start=1)}
        self._all = _Facts().joined(self._by_number.values())
        # "These are eleven labs" and the like count what the answer has cited.
        cited = {n for claim in claims for n in claim.cited}
        named = {code for claim in claims for code in countries_in(claim.sentence)}
        self._counts = {self._labs(cited), str(len(named))}

    def _facts(self, passage: Passage) -> _Facts:
        text = f"{passage.context} {passage.section} {passage.text}"
        facts = _facts_of(text, self._language, passage.language)
        return replace(facts, places=facts.places.union(passage.report.iso))

    def _labs(self, cited: Iterable[int]) -> str:
        return str(len({self._passages[n - 1].report.lab for n in cited}))

    def verify(self, claim: Claim) -> tuple[Claim, Verdict]:
        """The claim with the passages that it should cite, and the verdict on it with these."""
        wanted = set(terms(ITEM.sub("", claim.sentence), self._language))
        here = self._in_language(claim.cited)
        covered = share(wanted, _Facts().joined(self._by_number[n] for n in here).terms)
        others = {
            n: share(wanted, self._by_number[n].terms)
            for n in self._in_language(self._by_number)
            if n not in claim.cited
        }
        nearest = max(others, key=lambda n: others[n], default=0)
        most = others.get(nearest, 0.0)
        comparable = len(here) == len(claim.cited)
        if comparable and covered <= HARDLY_ANY and most >= NEARLY_ALL:
            claim, covered, most = replace(claim, cited=(nearest,)), most, 0.0
        best = max(covered, most) if here or others else None
        verdict = replace(self._by_facts(claim), covered=best)
        if verdict.reason or not comparable:
            return claim, verdict
        if claim.cited and (covered < PARTLY or most - covered >= MORE_ELSEWHERE):
            return claim, replace(verdict, status="partly", reason=Notice("said_in_part"))
        return claim, replace(verdict, status="supported") if covered >= SUPPORTED else verdict

    def _in_language(self, numbers: Iterable[int]) -> list[int]:
        return [n for n in numbers if self._passages[n - 1].language == self._language]

    def _by_facts(self, claim: Claim) -> Verdict:
        """The verdict by numbers and places; "unchecked" where they say nothing against it."""
        cited, bare = claim.cited, ITEM.sub("", claim.sentence)
        facts = _Facts().joined(self._by_number[n] for n in cited) if cited else self._all
        written = numbers_in(bare)
        spelled = {n for n in spelled_in(bare) if int(n) >= _LEAST_SPELLED}
        counts = {self._labs(cited), str(len(countries_in(bare))), *self._counts}
        fine = self._question | counts

        def missing(numbers: set[str], facts: _Facts) -> list[str]:
            known = {*facts.numbers, *fine}
            return sorted(n for n in numbers - known if not is_sum(n, written - {n}))

        asked = frozenset() if cited else self._asked
        places = [code for code in countries_in(bare) if code not in facts.places | asked]
        # "French" may be a language: an adjective denies nothing.
        nowhere = [c for c in places_in(bare) if c not in self._all.places | self._asked]
        checks: tuple[tuple[str, str, list[str], list[str]], ...] = (
            ("number_not_cited", "number", missing(written, facts), missing(written, self._all)),
            ("number_not_cited", "number", missing(spelled, facts), []),
            ("country_not_cited", "country", places, nowhere),
        )
        for code, name, absent, denying in checks:
            if absent:
                value = (denying or absent)[0]
                shown = english_name(value) if name == "country" else value
                status: Status = "unsupported" if denying else "partly"
                return Verdict(status, Notice(code, {name: shown}), denied=bool(denying))
        return Verdict("unchecked")
