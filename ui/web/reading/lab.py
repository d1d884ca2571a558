"""Pages of labs: what one planned, tested and learned by year, and which work on a topic now."""

from __future__ import annotations

import re
from collections import Counter
from itertools import groupby

from markupsafe import Markup

from rag.catalog.tag_fields import Filters, ReportInfo
from rag.engine import Engine
from rag.errors import InputError
from rag.i18n.labels import country_label, format_count, value_label
from rag.i18n.translations import Translations, marked
from ui.rendering import render
from ui.web.filters import LONGEST_QUESTION

# Stands before a country where a report's id is asked for: a lab opens like a report.
LAB = "lab:"
ASKED = marked("What is {value} working on?")
_MOST = 8  # methods, themes and partners
_FEWEST_WORDS = 4  # of a quote that says something by itself
_FEW = 3  # methods and partners of a lab among others
_MOST_LABS = 40
_LONGEST_NAME = 80  # characters of a partner's name
_LINK = re.compile(r"\s*(?:https?://|www\.)\S+")


def render_lab(engine: Engine, country: str, key: str, t: Translations) -> Markup | None:
    """The page of a country's lab as a dialog; None for a country that has no report."""
    catalog, scope = engine.catalog, Filters(country=(country,))
    infos = [info for info in catalog.select(scope) if country in info.countries]
    if not infos:
        return None
    name = country_label(country, t)
    asked = t.gettext(ASKED).format(value=name)
    answer = engine.without_model().ask(asked, filters=scope).answer
    quotes: dict[str, str] = {}
    for citation in answer.citations:
        if len(citation.quote.split()) >= _FEWEST_WORDS:
            quotes.setdefault(citation.passage.report.id, citation.quote)
    own = [info for info in infos if info.author == "lab"]
    by_year = groupby(sorted(own, key=_order), key=lambda info: info.year)
    counts = {
        field: [
            (value_label(field, value, t), n)
            for value, n in sorted(catalog.counts(field, scope), key=lambda row: -row[1])[:_MOST]
        ]
        for field in ("method", "theme")
    }
    kinds = Counter(info.kind or info.type for info in infos)
    return render(
        "lab.html",
        t,
        key=key,
        info=infos[0],
        name=name,
        asked=asked,
        sentence=", ".join(f"{value_label('kind', kind, t)}: {n}" for kind, n in kinds.items()),
        total=format_count(len(infos), "report", t),
        years=[(year, list(reports)) for year, reports in by_year],
        collected=[info for info in sorted(infos, key=_order) if info.author != "lab"],
        quotes=quotes,
        counts=counts,
        partners=_partners(engine, own),
    )


def render_who(engine: Engine, topic: str, key: str, t: Translations) -> Markup:
    """The labs whose reports are about a topic as a dialog, those with the latest year first."""
    try:
        survey, error = engine.survey(topic[:LONGEST_QUESTION], judged=False).survey, ""
    except InputError as refused:
        survey, error = None, t.gettext(str(refused))
    by_lab: dict[str, list[ReportInfo]] = {}
    for row in survey.found if survey else ():
        if row.verdict == "about" and row.report.author == "lab":
            by_lab.setdefault(row.report.lab, []).append(row.report)
    rows = [
        (
            sorted(infos, key=_order),
            [value_label("method", method, t) for method in _methods(infos)],
            [name for name, _ in _partners(engine, infos)[:_FEW]],
        )
        for infos in by_lab.values()
    ]
    rows.sort(key=lambda row: (-(row[0][0].year or 0), -len(row[0])))
    name = survey.topic if survey else topic
    return render(
        "who.html", t, key=key, topic=name, rows=rows[:_MOST_LABS], all=len(rows), error=error
    )


def _methods(infos: list[ReportInfo]) -> list[str]:
    counts = Counter(method for info in infos for method in info.methods)
    return [method for method, _ in counts.most_common(_FEW)]


def _order(info: ReportInfo) -> tuple[int, str, str]:
    return (-(info.year or 0), info.kind, info.title)


def _partners(engine: Engine, infos: list[ReportInfo]) -> list[tuple[str, int]]:
    """The names that a lab's reports give of partners, the most named first."""
    names: Counter[str] = Counter()
    for info in infos:
        of_report = dict.fromkeys(
            _LINK.sub("", passage.text.partition("\n")[0]).strip(" .,-:")
            for passage in engine.passages_of(info.id)
            if passage.stage == "partner" and "\n" in passage.text
        )
        names.update(name for name in of_report if 1 < len(name) <= _LONGEST_NAME)
    return names.most_common(2 * _MOST)
