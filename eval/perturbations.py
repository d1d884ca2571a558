"""Changes of a case's question that should not change its answer; each is a pure function.

A change that a case can't take gives None: it is then left out of the comparison.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace

from eval.cases import Case
from eval.make_words import IN_COUNTRY, IN_YEAR, country_name
from rag.named import countries_in
from rag.types import ReportInfo

# One word in so many is mistyped, and at least one.
TYPO_EVERY = 6
_SHORTEST = 4
_WORD = re.compile(r"[^\W\d_]+")
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEAR = {
    letter: row[max(0, at - 1) : at] + row[at + 1 : at + 2]
    for row in _ROWS
    for at, letter in enumerate(row)
}
# Between digits these are part of the number.
_PUNCTUATION = re.compile(r"(?<!\d)[^\w\s]+|[^\w\s]+(?!\d)")
_END = re.compile(r"\s*[?؟.!]*\s*$")

Reports = Mapping[str, ReportInfo]
Change = Callable[[Case, random.Random], Case | None]


def typos(case: Case, rng: random.Random) -> Case | None:
    """Slips of the fingers: letters swapped, left out, doubled, or hit beside their key."""
    spots = [m.span() for m in _WORD.finditer(case.question) if len(m.group()) >= _SHORTEST]
    if not spots:
        return None
    text = case.question
    # From the end, so that the places before it stay.
    for start, end in sorted(rng.sample(spots, -(-len(spots) // TYPO_EVERY)), reverse=True):
        text = text[:start] + _mistyped(text[start:end], rng) + text[end:]
    return _asked(case, text)


def upper(case: Case, _: random.Random) -> Case | None:
    """Capital letters throughout."""
    return _asked(case, case.question.upper())


def plain(case: Case, _: random.Random) -> Case | None:
    """No accents, no punctuation but that of numbers."""
    decomposed = unicodedata.normalize("NFKD", case.question)
    bare = "".join(ch for ch in decomposed if not unicodedata.combining(ch))
    return _asked(case, " ".join(_PUNCTUATION.sub(" ", bare).split()))


def with_year(case: Case, reports: Reports) -> Case | None:
    """The year of the gold reports named as well, where they have one in common."""
    years = {reports[i].year for i in case.reports if i in reports}
    year = next(iter(years), None)
    if len(years) != 1 or year is None or re.search(r"(?<!\d)20\d\d(?!\d)", case.question):
        return None
    # Alternatives of another year would no longer fit the question.
    alternatives = tuple(i for i in case.alt_reports if i in reports and reports[i].year == year)
    changed = _added(case, IN_YEAR.get(case.lang, IN_YEAR["en"]).format(year))
    return replace(
        changed,
        alt_reports=alternatives,
        evidence=tuple(e for e in case.evidence if e.report in {*case.reports, *alternatives}),
    )


def with_country(case: Case, reports: Reports) -> Case | None:
    """The country of the gold reports named as well, where they have one in common."""
    labs = {reports[i].countries for i in case.reports if i in reports}
    lab = next(iter(labs), ())
    if len(labs) != 1 or len(lab) != 1 or countries_in(case.question):
        return None
    where = IN_COUNTRY.get(case.lang, IN_COUNTRY["en"])
    return _added(case, where.format(country_name(case.lang, lab[0])))


def _added(case: Case, words: str) -> Case:
    """The case with words put before the end of its question."""
    end = _END.search(case.question)
    at = end.start() if end else len(case.question)
    return replace(case, question=f"{case.question[:at]} {words}{case.question[at:]}")


def _asked(case: Case, question: str) -> Case | None:
    return replace(case, question=question) if question != case.question else None


def _mistyped(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 1)
    slips = [
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
    ]
    beside = _NEAR.get(word[at].lower(), "")
    if beside:
        slips.append(word[:at] + rng.choice(beside) + word[at + 1 :])
    # Twins swapped are no slip.
    return rng.choice([slip for slip in slips if slip != word])
