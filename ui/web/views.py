"""The Explore view (the map of labs, bars, a search by words, the table) and the Quality view.

Of long lists the first part is drawn; the rest travels as data, which the browser draws when it is
asked for (views.js), by copies of what is drawn here.
"""

import json
import logging
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from babel.dates import format_date
from markupsafe import Markup

from eval import report as words
from eval.report import ALL, LATENCIES, LATEST, Summary, load_summary
from rag.catalog.catalog import Catalog, Value, facet, find_value
from rag.catalog.normalize import filter_key
from rag.catalog.tag_fields import Filters, ReportInfo
from rag.errors import InputError
from rag.export.lines import shortened
from rag.i18n.labels import join_parts, kind_label, lab_label, value_label
from rag.i18n.translations import WORDS, Translations, language_code, marked
from rag.index.interface import Index
from rag.retrieval.hybrid import is_personal
from rag.retrieval.postprocess import mask_passage
from rag.text.tokenize import strip_accents, terms
from rag.types import Passage
from ui.rendering import render
from ui.web import handlers
from ui.web.handlers import Update, Visit

_log = logging.getLogger(__name__)
BARS = 12
ROWS = 100
FOUND, LONGEST_SEARCH = 50, 300  # reports that a search by words shows, and its characters
MOST_READ = 3000  # passages that have all words and are looked at for phrases
_PHRASE = re.compile(r"[\"“”„«»]([^\"“”„«»]+)[\"“”„«»]")
_WORD = re.compile(r"\w+")
_AROUND = 90  # characters before the first word that was found, and twice as many after it
METHODS = 3  # methods of a report that the table names; more are counted
COLUMNS = (marked("Country"), marked("Year"), marked("Kind"), marked("Report"), marked("Methods"))
QUOTE = 200  # characters of the words that stand for a topic
# The filters that Explore shows: the heading of each, and the question that a value asks.
FIELDS = WORDS["explored"]
# Reports from which on each shade of the map is used: one lab with very many pales no other.
_SHADES = (1, 3, 10, 30, 100)
_FILE = Path(__file__).parents[1] / "static" / "world.json"


def render_explore(
    catalog: Catalog, filters: Filters, t: Translations, quotes: Mapping[str, Passage] = {}
) -> Markup:
    """The whole view of the reports that pass the filters; `quotes` are those of topics."""
    reports = catalog.select(filters)
    values = {name: facet(catalog, filters, name) for name in FIELDS}
    # Years stay in their order.
    values |= {n: sorted(v, key=lambda x: -x.reports) for n, v in values.items() if n != "year"}
    drawn, rest = {}, {}
    for field, counted in values.items():
        most = len(quotes) if field == "topic" else BARS
        drawn[field] = [value for i, value in enumerate(counted) if i < most or value.chosen]
        rest[field] = [
            [value.name, value.reports, value_label(field, value.name, t)]
            for value in counted
            if value not in drawn[field]
        ]
    labs = {str(filter_key("country", lab.name)): lab for lab in values["country"]}
    return render(
        "explore.html",
        t,
        filters=filters,
        labs=len(catalog.labs(reports)),
        all_reports=len(catalog.reports),
        fields=FIELDS,
        values=values,
        drawn=drawn,
        rest=rest,
        value_question=value_question,
        quotes={name: (p, shortened(p.text, QUOTE)) for name, p in quotes.items()},
        rows=[_row(info, t) for info in reports],
        rows_shown=ROWS,
        columns=COLUMNS,
        **_map(labs),
    )


def explore(v: Visit) -> dict[str, Any]:
    """The view, unless it stands there already as the index and the filters are now."""
    state = (v.engine.revision, v.chosen)
    if v.explored == state:
        return {}
    quotes, index = {}, v.engine.index
    for topic in index.topics:
        own = index.passages[topic.passage]
        shown = (p for p in v.engine.passages_of(own.report.id) if p.id == own.id)
        quotes[topic.name] = next(shown, own)
    drawn = render_explore(v.engine.catalog, v.chosen, v.t, quotes)
    return {"explore": drawn, "explored": state}


def find(v: Visit) -> Markup:
    """The reports that have the words of a text, as they are written."""
    words, code, mask = v.text("words"), language_code(v.t), v.engine.settings.mask_contacts
    words = words[:LONGEST_SEARCH].strip()
    found = find_words(v.engine.index, words, code, v.chosen, mask=mask) if words else []
    return render("found.html", v.t, words=words, found=found[:FOUND], all=len(found))


@dataclass(frozen=True, slots=True)
class Found:
    """A report's best passage, how many of its passages have the words, and a piece of its text.

    `pieces` are the parts of that piece, each with whether it is one of the words.
    """

    passage: Passage
    passages: int
    pieces: tuple[tuple[str, bool], ...]


def find_words(
    index: Index, text: str, language: str, filters: Filters, *, mask: bool = True
) -> list[Found]:
    """The reports with a passage that has, with its title, all words of a text; the best first.

    With `mask` passages are looked at, and shown, without contacts.
    """
    phrases = [_folded(phrase) for phrase in _PHRASE.findall(text)]
    rows: dict[int, float] = {}
    wanted = {code: set(terms(text, code)) for code in (language, "en")}
    for own in filter(None, wanted.values()):
        rows |= dict(index.having([[term] for term in own], filters))
    best = sorted(rows, key=lambda row: -rows[row])[:MOST_READ]
    by_report: dict[str, list[Passage]] = {}
    for whole in index.rows(best).values():
        passage = mask_passage(whole) if mask else whole
        said = _folded(f"{passage.report.title} {passage.text}")
        if all(phrase in said for phrase in phrases) and not is_personal(passage):
            by_report.setdefault(passage.report.id, []).append(passage)
    sought = set[str]().union(*wanted.values())
    return [
        Found(having[0], len(having), tuple(_pieces(having[0], sought)))
        for having in by_report.values()
    ]


def _pieces(passage: Passage, wanted: set[str]) -> Iterator[tuple[str, bool]]:
    text = passage.text
    spans = [
        match.span()
        for match in _WORD.finditer(text)
        if not wanted.isdisjoint({*terms(match[0], passage.language), *terms(match[0], "en")})
    ]
    first = spans[0][0] if spans else 0
    at, end = max(0, first - _AROUND), min(len(text), first + 2 * _AROUND)
    if at:
        at = text.find(" ", at) + 1 or at
        yield "… ", False
    for start, stop in spans:
        if at <= start and stop <= end:
            yield text[at:start], False
            yield text[start:stop], True
            at = stop
    yield text[at:end] + (" …" if end < len(text) else ""), False


def _folded(text: str) -> str:
    return " ".join(strip_accents(text).split())


def _row(info: ReportInfo, t: Translations) -> tuple[str, ...]:
    """The id of a report, and what the columns of the table say of it."""
    more = len(info.methods) - METHODS
    named = [value_label("method", method, t) for method in info.methods[:METHODS]]
    methods = join_parts(t, ", ", named) + (f" +{more}" if more > 0 else "")
    year, kind = str(info.year or ""), kind_label(info, t)
    return info.id, lab_label(info, t), year, kind, info.title, methods


def ask(v: Visit) -> Iterator[Update]:
    """Answer the question about a value or a report; none for what the collection doesn't have."""
    return handlers.ask(replace(v, question=question(v.engine.catalog, v.sent, v.t)))


def question(catalog: Catalog, choice: Mapping[str, Any], t: Translations) -> str:
    """The question about a value or a report; "" for what the collection doesn't have."""
    info = catalog.reports.get(str(choice.get("report")))
    if info:
        return t.gettext("What is “{value}” about?").format(value=info.title)
    field, value = str(choice.get("field")), str(choice.get("value"))
    name = find_value(catalog, field, value) if field in FIELDS else None
    return "" if name is None else value_question(field, str(name), t)


def value_question(field: str, name: str, t: Translations) -> str:
    """The question about a value that the collection has."""
    value = value_label(field, name, t)
    # "13. Climate action" is asked for as "climate action".
    value = value.partition(". ")[2] or value if field == "sdg" else value
    if field != "country" and value[1:].islower():
        value = value[0].lower() + value[1:]
    return t.gettext(FIELDS[field][1]).format(value=value)


def _map(labs: Mapping[str, Value]) -> dict[str, object]:
    """What the template of the map needs, of labs by ISO 3166 code; the list has those it lacks."""
    # Outlines of countries as SVG paths, and points of small ones; the file names its source.
    atlas: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    shapes, points = atlas["shapes"], atlas["points"]
    drawn = {code: lab for code, lab in labs.items() if code in shapes or code in points}
    most = max((lab.reports for lab in drawn.values()), default=1)
    bounds = [least for least in _SHADES if least <= max(most, 1)]
    # The circles of small countries lie over their neighbours, outlines of what is chosen over all.
    order = sorted(drawn, key=lambda code: (drawn[code].chosen, code in points))
    places = [(code, drawn[code], bisect_right(bounds, drawn[code].reports)) for code in order]
    return {
        "world": atlas,
        "land": "".join(shape for code, shape in shapes.items() if code not in drawn),
        "places": places,
        "bounds": bounds,
    }


def quality(v: Visit) -> Markup:
    """How well questions are answered, by the last evaluation."""
    try:
        summary = load_summary(v.engine.settings.index / LATEST)
        return render_quality(summary, v.engine.revision, v.t)
    except InputError as error:
        _log.warning("The evaluation can't be shown: %s", error)
        return render("quality.html", v.t, is_unreadable=True)


def render_quality(summary: Summary | None, revision: str, t: Translations) -> Markup:
    """The view of a run, if there was one; `revision` is that of the index that is being served."""
    if summary is None:
        return render("quality.html", t, summary=None)
    order = dict.fromkeys((*words.TYPES, *summary.groups))
    groups = {t.gettext(words.TYPES.get(n, n)): g for n in order if (g := summary.groups.get(n))}
    sides = {t.gettext(words.SIDES.get(n, n)): g for n, g in summary.baseline_groups.items()}
    if sides and ALL in summary.groups:
        sides = {"Ask the Labs": summary.groups[ALL]} | sides
    spent = summary.groups[ALL].latency if ALL in summary.groups else {}
    return render(
        "quality.html",
        t,
        summary=summary,
        words=words,
        revision=revision,
        day=format_date(summary.run.date, format="long", locale=language_code(t)),
        metrics={
            m: t.gettext(name)
            for m, (name, _) in words.FIGURES.items()
            if any(m in group.metrics for group in groups.values())
        },
        groups=groups,
        baselines=sides,
        latencies={label: spent[n] for n, label in LATENCIES.items() if n in spent},
    )
