"""Finds the work that a question names: reports that have its rare words in their titles.

Words of the question that stand together in titles name a work if few reports have them, in titles
and texts alike, and all of these are of one lab. A name that stands in no title is looked for in
the texts. Common words name nothing, however few titles have them, unless a title begins with them.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from rag.catalog.normalize import in_dictionary
from rag.catalog.tag_fields import ReportInfo
from rag.places.countries import fold_name
from rag.query.linker import Linker
from rag.query.pairs import QUOTED
from rag.query.wordings import has_wording
from rag.text.sentences import BULLET
from rag.text.tokenize import LANGUAGES, stop_words, strip_accents, terms
from rag.types import Plan

_MOST_TITLED = 4  # reports of one line of work, which may have the same title
_MOST_OTHERS = 1  # reports of other labs that have the words of a name
_MOST_BESIDE = 5  # more reports of the lab that have them in their texts
_MOST_TRIED = 8  # groups of words that are looked for in texts
_FIRST_WORDS = 4  # content words that a title begins with, which name it
# The share of the reports with a name that are of its country, and how many have to have a name
# that is written in small letters.
_AT_HOME, _LEAST_SMALL = 0.9, 2

# The ids of the reports that have each of some words in one passage; of a word any of its terms.
ReportsWith = Callable[[Sequence[Collection[str]]], Collection[str]]


@dataclass(frozen=True, slots=True)
class Work:
    """A work that a question names, by `words` in titles.

    `reports` have the words in their titles, `beside` are others of the lab that have a name
    in their texts. `is_whole` is whether the question has no other words, `is_name` whether these
    are more than common words, or begin a title. A work of nothing is False.
    """

    reports: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    is_whole: bool = False
    is_name: bool = False

    def __bool__(self) -> bool:
        return bool(self.words)


@dataclass(frozen=True, slots=True)
class Works:
    """Finds works by the titles of a catalog and the words of its reports."""

    linker: Linker
    reports_with: ReportsWith

    def named(self, words: Collection[str], plan: Plan) -> Work:
        """The work that the content words of a question name, within what it is narrowed to.

        A title is no rarer for a year that is named. "The Goat Shop experiment" may be a plan,
        where no experiment has that title.
        """
        catalog, titled = self.linker.catalog, self.linker.titled
        within = plan.filters.merged(plan.boosted)
        scope = catalog.ids(within)
        whole = catalog.ids(replace(within, year=(), kind=(), type=()))
        stems = {word: _stems(word, plan.language) for word in dict.fromkeys(words)}
        stems = {word: found for word, found in stems.items() if found}
        matched: dict[str, tuple[str, ...]] = {}
        for word, found in stems.items():
            for report in whole.intersection(chain.from_iterable(titled.get(s, ()) for s in found)):
                matched[report] = (*matched.get(report, ()), word)
        groups = {
            own: [i for i, words in matched.items() if set(own).issubset(words)]
            for own in set(matched.values())
        }
        quoted = re.findall(r"\w+", " ".join(QUOTED.findall(plan.standalone)))
        names = {word for word in stems if _is_name(word, plan.standalone) or word in quoted}
        order = list(stems)

        def rank(own: tuple[str, ...]) -> tuple[int, int, int, list[int]]:
            # Names first, then more words, then those of fewer titles, then those that come first.
            titles, places = len(groups[own]), [order.index(word) for word in own]
            return -len(names.intersection(own)), -len(own), titles, places

        for own in sorted(groups, key=rank)[:_MOST_TRIED]:
            is_whole = len(own) == len(stems)
            infos = (catalog.reports[i] for i in groups[own])
            is_name = not names.isdisjoint(own) or any(_has_beginning(r, plan) for r in infos)
            reports = sorted(scope.intersection(groups[own]) or (groups[own] if is_name else ()))
            # Common words name a work where they are all that is asked for, or of one country. One
            # of another language is rare among reports in English.
            may_be = is_name or is_whole or within.country
            if not (may_be and reports and self._are_one_work(groups[own])):
                continue
            having = scope.intersection(self.reports_with([stems[word] for word in own]))
            others = having.difference(reports)
            beside = {i for i in others if self._labs([i]) == self._labs(reports)}
            if len(others - beside) <= _MOST_OTHERS and len(beside) <= _MOST_BESIDE:
                more = tuple(sorted(beside)) if is_name else ()
                return Work(tuple(reports), more, own, is_whole, is_name)
            if is_whole and (is_name or len(own) > 1):
                return Work(tuple(reports), (), own, is_whole, is_name)
        for word in filter(names.__contains__, order):
            having = scope.intersection(self.reports_with([stems[word]]))
            if word[:1].isupper() and self._are_one_work(having):
                return Work((), tuple(sorted(having)), (word,), len(stems) == 1, True)
        return Work()

    def homes(self, words: Collection[str], question: str, language: str) -> dict[str, str]:
        """The countries of places and projects that a question names, by their words.

        A name has a home where nearly all reports with it are of one country ("Kisumu").
        """
        reports, found = self.linker.catalog.reports, dict[str, str]()
        for word in words:
            # Of other languages dictionaries lack many words in small letters.
            capital = word[:1].isupper() or language == "en"
            if not (capital and _is_name(word, question)) or has_wording("compare", word):
                continue
            # Reports have it as a word of their own language.
            stems = {term for name in LANGUAGES for term in terms(word, name)}
            having = self.reports_with([stems]) if stems else ()
            of = Counter(country for i in having for country in reports[i].countries)
            # A word in small letters may be a slip, or rare by chance.
            if len(having) >= (1 if word[:1].isupper() else _LEAST_SMALL):
                country, count = max(of.items(), key=lambda item: item[1], default=("", 0))
                if count >= _AT_HOME * len(having):
                    found[word] = country
        return found

    def _are_one_work(self, reports: Collection[str]) -> bool:
        return len(reports) <= _MOST_TITLED and len(self._labs(reports)) == 1

    def _labs(self, reports: Collection[str]) -> set[str]:
        return {self.linker.catalog.reports[i].lab for i in reports}


def _stems(word: str, language: str) -> frozenset[str]:
    """The terms of a word in its own language, and in English; none for a stop word."""
    # An acronym has no endings.
    own = terms(word, "en" if word.isupper() else language)
    return frozenset((*own, *terms(word, "en"))) if own else frozenset()


def _has_beginning(report: ReportInfo, plan: Plan) -> bool:
    """Whether a question that names no labs has the first words of a report's title, in order."""
    title = fold_name(BULLET.sub("", report.title)).split()
    stop = stop_words(report.language)
    ends = [n for n, word in enumerate(title, 1) if word not in stop]
    if len(ends) < _FIRST_WORDS or has_wording("labs", plan.standalone):
        return False
    first = " ".join(title[: ends[_FIRST_WORDS - 1]])
    return f" {first} " in f" {fold_name(plan.standalone)} "


def _is_name(word: str, question: str) -> bool:
    """Whether a word is written as a name, or in no dictionary."""
    first = question.lstrip("¿¡\"“«' ").startswith(word)
    capital = word[:1].isupper() and not first
    return capital or (word.isascii() and not in_dictionary(strip_accents(word)))
