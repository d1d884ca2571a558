"""Dialogs over the page: a report with quoted words marked, a lab's work, who works on a topic."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from markupsafe import Markup

from rag.catalog.normalize import fold_tag
from rag.catalog.tag_fields import TAGS, Filters, ReportInfo
from rag.engine import LONGEST_QUESTION, Engine
from rag.errors import InputError, UnknownReport
from rag.export.brief import report_link
from rag.i18n.labels import country_label, value_label
from rag.i18n.translations import Translations, marked
from rag.index.interface import StoredReport
from rag.retrieval.related import line_of_work, similar
from rag.types import FACTS
from ui.rendering import render
from ui.web.actions import FROZEN, render_frozen, text_of
from ui.web.answer import WHO, by_lab, find_quote, segments
from ui.web.handlers import Visit

Quotes = Mapping[str, Sequence[str]]
GONE = marked("This report has been removed.")
# Stands before a country where a report's id is asked for: a lab opens like a report.
LAB = "lab:"
ASKED = marked("What is {value} working on?")
_MOST = 8  # methods, themes and partners
_FEWEST_WORDS = 4  # of a quote that says something by itself
_FEW = 3  # methods and partners of a lab among others
_MOST_LABS = 40
_LONGEST_NAME = 80  # characters of a partner's name
_LINK = re.compile(r"\s*(?:https?://|www\.)\S+")


def render_report(
    engine: Engine, stored: StoredReport, t: Translations, quotes: Quotes, at: str, key: str
) -> Markup:
    """A report as a dialog, from all its passages in the order of its file.

    `quotes` are marked, by the id of their passage; where there are none, it begins at the passage
    `at`. By `key` the browser knows whether it has this view already.
    """
    info, passages = stored.info, engine.passages_of(stored.info.id)
    line = line_of_work(engine.index, info)
    texts = {passage.id: passage.text for passage in passages}
    is_lost = any(
        not find_quote(texts.get(passage_id, ""), quote)
        for passage_id, passage_quotes in quotes.items()
        if not passage_id.endswith("#tags")
        for quote in passage_quotes
    )
    note = t.gettext("The quoted words are no longer in this report.")
    quoted_tags = fold_tag(" ".join(quotes.get(f"{info.id}#tags", ())))
    sections = groupby((p for p in passages if p.section != FACTS), lambda p: p.place[0])
    return render(
        "report.html",
        t,
        info=info,
        key=key,
        link=report_link(engine.settings.report_url, info.id),
        note=note if is_lost else "",
        at=at,
        pieces=lambda passage: segments(passage.text, quotes.get(passage.id, ())),
        sections=[(name, list(group)) for name, group in sections],
        facts=[p for p in passages if p.section == FACTS],
        tags=list(_tags(info, quoted_tags, t)),
        tags_quoted=bool(quoted_tags),
        unanswered=stored.unanswered,
        line=line if len(line) > 1 else (),
        similar=similar(engine.index, info),
        is_open=info.kind == "plan" and all(x.kind != "closing" for x in line),
    )


def _tags(
    info: ReportInfo, quoted: str, t: Translations
) -> Iterator[tuple[str, list[tuple[str, bool]]]]:
    """The name of each tag and its values, each with whether it is quoted."""
    for field, tag in TAGS.items():
        values = [
            (
                value_label(field, value, t),
                bool(fold_tag(value)) and f" {fold_tag(value)} " in f" {quoted} ",
            )
            for value in getattr(info, tag.key)
        ]
        if values:
            yield t.gettext(tag.plural), values


def open_report(v: Visit) -> Markup:
    """The report that a browser wants to see, at the words that a number or a survey quotes.

    The event has a `report` and may have a `passage`, or a `turn` and its number `n`: what a
    browser sends may be anything.
    """
    engine, t, sent = v.engine, v.t, v.sent
    names = ("report", "passage", "turn", "n")
    report_id, at = (text_of(sent.get(name)) for name in names[:2])
    key = "|".join(text_of(sent.get(name)) for name in names)
    for start, render_other in ((WHO, render_who), (FROZEN, render_frozen), (LAB, render_lab)):
        if report_id.startswith(start):
            other = render_other(engine, report_id.removeprefix(start), key, t)
            if other is not None:
                return other
    try:
        stored = engine.report(report_id)
    except UnknownReport:
        empty = dict.fromkeys(("sections", "tags", "facts", "unanswered", "line", "similar"), ())
        return render("report.html", t, info=None, key=key, note=t.gettext(GONE), **empty)
    quotes = v.surveyed.quotes(sent) if v.surveyed else {}
    cited = v.exchange.answer.citations if v.exchange and v.exchange.answer else ()
    own = [citation for citation in cited if citation.passage.report.id == report_id]
    asked = [citation.passage.id for citation in own if citation.n == sent.get("n")]
    if asked:
        # Of all quotes of the report, the one that was asked for is shown first.
        at = at or asked[0]
        for citation in own:
            quotes.setdefault(citation.passage.id, []).append(citation.quote)
    return render_report(engine, stored, t, quotes, at, key)


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
        field: sorted(catalog.counts(field, scope), key=lambda row: -row[1])[:_MOST]
        for field in ("method", "theme")
    }
    return render(
        "lab.html",
        t,
        key=key,
        infos=infos,
        name=name,
        asked=asked,
        kinds=Counter(info.kind or info.type for info in infos),
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
    about = [row.report for row in survey.rows if row.verdict == "about"] if survey else []
    rows = [
        (
            sorted(infos, key=_order),
            Counter(method for info in infos for method in info.methods).most_common(_FEW),
            _partners(engine, infos)[:_FEW],
        )
        for infos in by_lab(info for info in about if info.author == "lab")
    ]
    rows.sort(key=lambda row: (-(row[0][0].year or 0), -len(row[0])))
    name = survey.topic if survey else topic
    return render(
        "who.html", t, key=key, topic=name, rows=rows[:_MOST_LABS], all=len(rows), error=error
    )


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
