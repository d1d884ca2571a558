"""Drafts questions that come near to what the reports say and that none of them answers.

Two are safe by what the index holds: a year in which a lab has no report, and a topic of one lab
asked of another, whose reports, and whose name wherever it stands, have no word of it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

from eval.cases import Case
from eval.make_passages import Pool, Source, speaks_of
from eval.make_words import (
    BY_TOPIC,
    OF_TOPIC,
    country_name,
    lab_name,
)
from rag.catalog.fields import ReportInfo
from rag.places.countries import fold_name
from rag.types import Passage

# So many labs are tried for a topic before the next one is taken.
_TRIES = 6


def missing_years(reports: Mapping[str, ReportInfo]) -> dict[str, list[int]]:
    """For each lab the years of the collection in which it has no report."""
    years: dict[str, set[int]] = {}
    undated: set[str] = set()
    for info in reports.values():
        for country in info.countries:
            if info.year is None:
                undated.add(country)
            else:
                years.setdefault(country, set()).add(info.year)
    all_years = set().union(*years.values()) if years else set()
    # A year at the edge could be one that the collection does not cover as a whole.
    inner = sorted(all_years)
    return {
        lab: [year for year in inner if year not in having]
        for lab, having in sorted(years.items())
        if lab not in undated and len(having) < len(inner)
    }


def missing_cases(
    pool: Pool,
    reports: Mapping[str, ReportInfo],
    passages: Sequence[Passage],
    languages: Sequence[str],
    rng: random.Random,
) -> Iterator[Case]:
    """Drafts of the topics, one of a year, one of another lab, in turn."""
    absent = missing_years(reports)
    sources = [s for s in pool.by_topic if s.passage.language in languages]
    rng.shuffle(sources)
    labs = _spoken(passages)
    for n, source in enumerate(sources):
        case = _of_year(source, absent, reports, rng) if n % 2 == 0 else None
        case = case or _of_lab(source, labs, passages, rng)
        if case is not None:
            yield case


def _of_year(
    source: Source,
    absent: Mapping[str, Sequence[int]],
    reports: Mapping[str, ReportInfo],
    rng: random.Random,
) -> Case | None:
    years = absent.get(source.lab)
    if not years:
        return None
    language, year = source.passage.language, rng.choice(years)
    having = sorted({r.year for r in reports.values() if source.lab in r.countries and r.year})
    question = BY_TOPIC[language]["evidence"].format(
        lab=lab_name(language, source.lab), topic=source.topic, year=year
    )
    why = f"is of {year}; there are reports of {', '.join(map(str, having))}"
    return _near_miss(source, source.lab, question, why, str(source.passage.report.year))


def _of_lab(
    source: Source, labs: Mapping[str, set[str]], passages: Sequence[Passage], rng: random.Random
) -> Case | None:
    language = source.passage.language
    # In another language words prove nothing.
    tried = [lab for lab, spoken in labs.items() if lab != source.lab and spoken == {language}]
    speaking = [p for p in passages if speaks_of(f"{p.report.title} {p.text}", source.topic)]
    told = " ".join(f" {fold_name(f'{p.report.title} {p.text}')} " for p in speaking)
    own = {country for p in speaking for country in p.report.countries}
    for lab in rng.sample(tried, min(_TRIES, len(tried))):
        names = {fold_name(lab), fold_name(country_name(language, lab))}
        if lab in own or any(f" {name} " in told for name in names):
            continue
        question = OF_TOPIC[language].format(lab=lab_name(language, lab), topic=source.topic)
        why = f"has a word of it; the {source.lab} lab has"
        return _near_miss(source, lab, question, why, f"the {source.lab} lab")
    return None


def _near_miss(source: Source, lab: str, question: str, why: str, near: str) -> Case:
    """A draft: `why` says of a lab what no report of it does, `near` what the nearest is of."""
    language = source.passage.language
    return Case(
        id="draft",
        type="unanswerable",
        lang=language,
        question=question,
        reports=(),
        answer=f"No report of the {lab} lab {why}.",
        country=lab,
        report_lang=language,
        note=f"near {source.passage.report.id}, which is of {near}",
        draft=True,
    )


def _spoken(passages: Sequence[Passage]) -> dict[str, set[str]]:
    """The languages in which each lab has written."""
    found: dict[str, set[str]] = {}
    for passage in passages:
        for country in passage.report.countries if len(passage.report.countries) == 1 else ():
            found.setdefault(country, set()).add(passage.language)
    return dict(sorted(found.items()))
