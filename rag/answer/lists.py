"""Answers "which" and "how many" from the catalog: complete, exact, grouped by lab."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from rag.catalog.catalog import Catalog, alternatives
from rag.catalog.fields import FILTER_FIELDS, FREE_FIELDS, TAGS, Filters, ReportInfo
from rag.catalog.normalize import filter_key
from rag.citation.citations import best_support
from rag.citation.quotes import verbatim
from rag.i18n.labels import (
    FIELD_LABELS,
    format_count,
    format_label,
    lab_label,
    reports_and_labs,
    value_label,
)
from rag.i18n.translations import (
    ENGLISH,
    Translations,
    format_number,
    translations_for,
)
from rag.index.snapshot import Snapshot
from rag.models.prompts import refusal
from rag.query.entities import stems_of
from rag.text.marks import defuse
from rag.text.sentences import sentences
from rag.text.tokenize import terms_and_pairs
from rag.types import Answer, Citation, Coverage, Hit, Passage, Plan

# Filter field -> the name of its tag in a report's file.
_TAG_NAMES = {
    "country": "country",
    "year": "year",
    "type": "type",
    **{name: tag.key for name, tag in TAGS.items()},
}
# How many reports that only speak of something are named in the text.
_SHOWN = 10
# How many filters are named of those without which there would be reports.
_WAYS_OUT = 3


def list_answer(
    plan: Plan,
    catalog: Catalog,
    texts: Callable[[Collection[str]], Mapping[str, str]],
    hits: Sequence[Hit],
    mentioned: Sequence[Hit] = (),
) -> Answer:
    """All reports that pass the plan's filters, each cited by the tag that makes it pass.

    `texts` gives the verbatim texts of reports by id; `hits` are passages that go with the answer,
    `mentioned` those of reports that speak of what is asked for without carrying the tag.
    """
    found = catalog.select(plan.filters)
    filters = catalog.expanded(plan.filters)
    named = mentioned[:_SHOWN]
    files = texts([*(r.id for r in found), *(hit.passage.report.id for hit in named)])
    citations = (
        *(
            _citation(n, report, files.get(report.id, ""), filters)
            for n, report in enumerate(found, start=1)
        ),
        *(
            _mention(n, hit.passage, files[hit.passage.report.id], filters)
            for n, hit in enumerate(named, start=len(found) + 1)
        ),
    )
    labs = tuple(dict.fromkeys(report.lab for report in found))
    t = translations_for(plan.language)
    return Answer(
        question=plan.question,
        standalone=plan.standalone,
        text="\n".join(
            [
                *_lines(plan, catalog, found, len(labs), t),
                *_also(mentioned, len(found) + 1, t),
            ]
        ),
        refused=not found,
        citations=citations,
        hits=(*mentioned, *(hit for hit in hits[:40] if hit not in mentioned)),
        coverage=Coverage(
            intent=plan.intent,
            reports=tuple(report.id for report in found),
            labs=labs,
            matched_reports=len(found),
            read_passages=0,
            read_reports=len(found),
            filters=plan.filters,
            mentioned=tuple(hit.passage.report.id for hit in mentioned),
            first=plan.first,
            ignored=plan.ignored,
        ),
        mode="catalogue",
        language=plan.language,
        tokens={"prompt": 0, "completion": 0},
    )


def _all_said(filters: Filters, t: Translations) -> str:
    return "; ".join(_said(*pair, t) for pair in filters.as_dict().items())


def _said(field: str, values: Iterable[str | int], t: Translations) -> str:
    """A filter in words; in English by the name that commands have for it.

    Sorts of reports have names in the files that say little ("learningplan").
    """
    shown, name = [str(value) for value in values], field
    if t is not ENGLISH or field in ("type", "kind"):
        shown = [value_label(field, value, t) for value in values]
    if t is not ENGLISH:
        name = t.gettext(FIELD_LABELS[field]).lower()
    return f"{name} = {' / '.join(value.replace('. ', ' ') for value in shown)}"


def _nothing(plan: Plan, catalog: Catalog, t: Translations) -> str:
    """The refusal, the filters that leave nothing, and which of them to give up."""
    none = t.gettext("No report passes these filters: {filters}.")
    said = none.format(filters=_all_said(plan.filters, t))
    return f"{refusal(plan.language)} {said} {_way_out(plan.filters, catalog, t)}".rstrip()


def _way_out(filters: Filters, catalog: Catalog, t: Translations) -> str:
    """Of filters that leave nothing together: without which one there are reports; or ""."""
    left: dict[str, int] = {}
    for field in FILTER_FIELDS:
        given = getattr(filters, field)
        for values in alternatives(field, given):
            others = tuple(value for value in given if value not in values)
            # Without a filter all reports are left, which tells nobody anything.
            if rest := replace(filters, **{field: others}):
                left[_said(field, values, t)] = len(catalog.ids(rest))
    most = sorted((pair for pair in left.items() if pair[1]), key=lambda pair: -pair[1])
    without = t.gettext("without {filter}")
    said = "; ".join(
        format_label(t, without.format(filter=name), format_count(n, "report", t))
        for name, n in most[:_WAYS_OUT]
    )
    return f"{said[0].upper()}{said[1:]}." if said else ""


def _lines(
    plan: Plan, catalog: Catalog, found: Sequence[ReportInfo], labs: int, t: Translations
) -> Iterable[str]:
    if not found:
        yield _nothing(plan, catalog, t)
        return
    head = t.gettext("{reports} of {labs} ({filters}):").format(
        **reports_and_labs(len(found), labs, t),
        filters=_all_said(plan.filters, t),
    )
    yield f"{head} [1]" if len(found) == 1 else f"{head} [1]–[{len(found)}]"
    numbers = {report.id: n for n, report in enumerate(found, start=1)}
    for _, group in groupby(found, key=lambda report: report.lab):
        reports = list(group)
        named = "; ".join(
            f"“{defuse(r.title)}” ({r.year or '?'}) [{numbers[r.id]}]" for r in reports
        )
        count = f" ({len(reports)})" if len(reports) > 1 else ""
        yield f"- {lab_label(reports[0], t)}{count}: {named}"


def _also(mentioned: Sequence[Hit], first: int, t: Translations) -> Iterable[str]:
    """The line that names reports which only mention what is asked for, marked from `first` on."""
    if mentioned:
        head = t.ngettext(
            "Not counted: {n} more report names it in its text, not in its tags:",
            "Not counted: {n} more reports name it in their text, not in their tags:",
            len(mentioned),
        ).format(n=format_number(t, len(mentioned)))
        infos = [hit.passage.report for hit in mentioned]
        named = "; ".join(
            f"{lab_label(r, t)}, “{defuse(r.title)}” ({r.year or '?'}) [{n}]"
            for n, r in enumerate(infos[:_SHOWN], start=first)
        )
        more = f" … (+{len(infos) - _SHOWN})" if len(infos) > _SHOWN else ""
        yield f"{head} {named}{more}"


def _mention(n: int, passage: Passage, raw: str, filters: Filters) -> Citation:
    """A citation of the words with which a passage mentions a value of the filters."""
    values = [value for name in FREE_FIELDS for value in getattr(filters, name)]
    supports = [best_support(value, passage, passage.language) for value in values]
    quote = max(supports, key=lambda support: support.share).quote
    for start, end in sentences(passage.text):
        if quote in passage.text[start:end]:
            quote = passage.text[start:end].strip()
            break
    words, span = verbatim(quote, raw, passage.spans) or (quote, None)
    return Citation(n, passage, words, span=span)


def _citation(n: int, report: ReportInfo, raw: str, filters: Filters) -> Citation:
    """A citation of the file's own tag lines that made the report pass the filters."""
    spans = []
    for fact in filters.fact:
        name, _, value = fact.partition(": ")
        for match in re.finditer(rf"\[\[{re.escape(name)}:\s*([^\]]*?)\s*\]\]", raw):
            if filter_key("fact", match.group(1)) == filter_key("fact", value):
                spans.append(match.span())
                break
    for field, name in _TAG_NAMES.items():
        wanted = {filter_key(field, value) for value in getattr(filters, field)}
        for match in re.finditer(rf"\[\[{name}:\s*([^\]]*?)\s*\]\]", raw):
            if wanted and match.group(1) and _key(field, match.group(1)) in wanted:
                spans.append(match.span())
                break
    if not spans:
        # Where no tag says so, the beginning of the title, up to what may have been blanked.
        said = re.search(r"\[\[type:[^\]]*\]\]", raw) or re.match(r"[^\[·\n]{0,80}", raw)
        spans = [said.span()] if said else []
    # One quote is one run of the file's text: the most telling tag comes last in the fields.
    start, end = spans[-1]
    text = "\n".join(raw[a:b] for a, b in spans)
    passage = Passage(
        id=f"{report.id}#tags",
        report=report,
        section="Tags",
        prompt=", ".join(name for name in FILTER_FIELDS if getattr(filters, name)),
        text=text,
        spans=tuple(spans),
        stage="admin",
    )
    return Citation(n, passage, raw[start:end], span=(start, end))


def _key(field: str, value: str) -> str | int:
    if field == "year" and not value.isdigit():
        return value
    return filter_key(field, value)


# Reports that speak of a tag's value without carrying the tag: a list answer's second list.


def mentions(snapshot: Snapshot, filters: Filters, listed: Collection[str]) -> tuple[Hit, ...]:
    """One passage each of the reports that name a value of the filters in their text alone.

    The reports pass all other filters. What is looked for are the words of the value's spellings,
    stemmed and in their order, in a passage's text; the passage that names it most comes first.

    Args:
        snapshot: the reports and passages.
        filters: what the list was made by; values that labs write freely are looked for.
        listed: ids of the reports that carry the tags.
    """
    expanded = snapshot.catalog.expanded(filters)
    phrases = {
        stems_of(value): value
        for field in FREE_FIELDS
        if getattr(filters, field)
        for value in getattr(expanded, field)
    }
    others = replace(filters, **dict.fromkeys(FREE_FIELDS, ()))
    scope = snapshot.allowed(others)
    best: dict[str, Hit] = {}
    for phrase, value in phrases.items():
        for i, score in snapshot.keyword.having(terms_and_pairs(value, "en")):
            passage = snapshot.passages[i]
            known = best.get(passage.report.id)
            if passage.report.id in listed or not scope[i] or (known and known.score >= score):
                continue
            if phrase in stems_of(passage.text):
                best[passage.report.id] = Hit(passage, score)
    return tuple(sorted(best.values(), key=lambda hit: (-hit.score, hit.passage.id)))
