"""A lab's page: what it planned, tested and learned by year, its methods, themes and partners."""

from __future__ import annotations

import re
from collections import Counter
from itertools import groupby

from markupsafe import Markup

from rag.catalog.tag_fields import Filters, ReportInfo
from rag.engine import Engine
from rag.i18n.labels import country_label, format_count, value_label
from rag.i18n.translations import Translations, marked
from ui.rendering import render

# Stands before a country where a report's id is asked for: a lab opens like a report.
LAB = "lab:"
ASKED = marked("What is {value} working on?")
_MOST = 8  # methods, themes and partners
_FEWEST_WORDS = 4  # of a quote that says something by itself
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
        counts={"method": counts["method"], "theme": counts["theme"]},
        partners=_partners(engine, own),
    )


def _order(info: ReportInfo) -> tuple[int, str, str]:
    return (-(info.year or 0), info.kind, info.title)


def _partners(engine: Engine, infos: list[ReportInfo]) -> list[tuple[str, int]]:
    """The names that a lab's reports give of partners, the most named first."""
    names: Counter[str] = Counter()
    for info in infos:
        of_report = {
            _LINK.sub("", passage.text.partition("\n")[0]).strip(" .,-:")
            for passage in engine.passages_of(info.id)
            if passage.stage == "partner" and "\n" in passage.text
        }
        names.update(name for name in of_report if 1 < len(name) <= _LONGEST_NAME)
    return names.most_common(2 * _MOST)
