"""Answers from the catalog: "which" and "how many", complete and exact."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from types import MappingProxyType
from typing import Any

from rag.answer.pipeline import Draft
from rag.catalog.catalog import Catalog, alternatives
from rag.catalog.normalize import filter_key
from rag.catalog.tag_fields import (
    FILTER_FIELDS,
    FREE_FIELDS,
    TAGS,
    CatalogQuery,
    Filters,
    ReportInfo,
)
from rag.citation.quotes import verbatim
from rag.i18n.labels import (
    FIELD_LABELS,
    field_label,
    format_count,
    format_label,
    join_parts,
    kinds_label,
    lab_label,
    reports_and_labs,
    value_label,
)
from rag.i18n.translations import (
    Translations,
    format_number,
    format_percent,
    translations_for,
)
from rag.index.interface import Index
from rag.models.prompts import refusal
from rag.query.entities import is_named
from rag.text.citation_marks import defuse
from rag.text.sentences import sentences
from rag.text.tokenize import terms_and_pairs
from rag.types import Citation, Coverage, Hit, Passage, Plan

# Filter field -> the name of its tag in a report's file.
_TAG_NAMES = {"country": "country", "year": "year", "type": "type"}
_TAG_NAMES |= {name: tag.key for name, tag in TAGS.items()}
_MOST_MENTIONED = 10  # how many reports that only mention a value are named in the text
_MOST_HITS = 40  # how many hits go with a list
_MOST_WAYS_OUT = 3  # how many filters that could be given up are named
_MOST_ROWS = 60  # how many rows of a table are shown where the question names no number
_MOST_CELLS = 8  # how many values are told of a row that is split where no number is named
_NUMBERS = ("count", "share")  # forms that begin with a number
_TAGGED = (*TAGS, "fact")
_PLAIN = ("country", "year", "type", "kind")
_MOST_BARE = 0.1  # the share of reports without a tag that goes without saying
_MOST_IN_ROWS = 20  # reports that a table of years, sizes or costs names, if it has no more


def list_draft(
    plan: Plan,
    catalog: Catalog,
    texts: Callable[[Collection[str]], Mapping[str, str]],
    hits: Sequence[Hit],
    mentioned: Sequence[Hit] = (),
) -> Draft:
    """What the tags of reports answer: which reports there are, how many, or a table of values.

    Each report of a list is cited by the tag that makes it pass; a table counts and cites none,
    but for the values of a single report.
    `texts` gives the verbatim texts of reports by id. `hits` go with the answer; `mentioned` are
    passages of reports that mention what is asked for and lack its tag.
    """
    query = plan.query or CatalogQuery(plan.filters)
    reports = catalog.select(query)
    labs = catalog.labs(reports)
    t = translations_for(plan.language)
    cited = mentioned[:_MOST_MENTIONED]
    citations: list[Citation] = []
    rows: list[tuple[str, int]] = []
    if not reports:
        lines = [_none_left(plan, query, catalog, t)]
    elif query.group_by:
        rows, tagged = catalog.table(query)
        is_tag = query.group_by in TAGS or query.group_by not in FILTER_FIELDS
        if rows and is_tag and len(reports) == 1:
            citations += _value_citations(query.group_by, rows, reports[0], catalog, texts)
            names = (defuse(value_label(query.group_by, value, t)) for value, _ in rows)
            cited_names = [f"{name} [{n}]" for n, name in enumerate(names, start=1)]
            many = f" ({format_number(t, len(rows))})" if len(rows) > 1 else ""
            field = field_label(query.group_by, t) + many
            lines = [format_label(t, field, join_parts(t, "; ", cited_names))]
        else:
            named: dict[str, str] = {}
            is_year = query.group_by == "year"
            names_reports = is_year or query.group_by not in FILTER_FIELDS
            if names_reports and tagged <= _MOST_IN_ROWS and not query.split:
                files = texts([report.id for report in reports])
                for value, _ in rows:
                    own = _having(query.group_by, value)
                    members = catalog.select(replace(query, filters=own.merged(query.filters)))
                    named[value] = _named(members, len(citations) + 1, t)
                    for n, report in enumerate(members, start=len(citations) + 1):
                        citations.append(_tag_citation(n, report, files.get(report.id, ""), own))
            elif query.split:
                named = {v: _split(query, v, number, catalog, t) for v, number in rows}
            lines = [*_table_lines(query, rows, named, tagged, reports, labs, catalog, t)]
    elif query.form in _NUMBERS and not (query.filters or query.excluded):
        # Who asks how many there are at all wants no list of everything.
        lines = [next(_lines(query, reports, labs, catalog, t))]
    else:
        filters = catalog.expanded(query.filters)
        files = texts([report.id for report in reports])
        for n, report in enumerate(reports, start=1):
            citations.append(_tag_citation(n, report, files.get(report.id, ""), filters))
        lines = [*_lines(query, reports, labs, catalog, t)]
    if mentioned:
        lines += _mentioned_lines(mentioned, len(citations) + 1, t)
        filters = catalog.expanded(query.filters)
        files = texts([hit.passage.report.id for hit in cited])
        for n, hit in enumerate(cited, start=len(citations) + 1):
            text = files[hit.passage.report.id]
            citations.append(_mention_citation(n, hit.passage, text, filters))
    return Draft(
        text="\n".join(lines),
        refused=not reports and query.form == "list" and not query.lacking,
        citations=tuple(citations),
        hits=(*mentioned, *(hit for hit in hits[:_MOST_HITS] if hit not in mentioned)),
        coverage=Coverage(
            intent=plan.intent,
            reports=tuple(report.id for report in reports),
            labs=labs,
            matched_reports=len(reports),
            read_reports=len(reports),
            filters=plan.filters,
            mentioned=tuple(hit.passage.report.id for hit in mentioned),
            first=plan.first,
            ignored=plan.ignored,
            excluded=query.excluded,
            table=tuple(rows[: query.rows]),
            grouped_by=query.group_by if rows else "",
            split=query.split,
        ),
        mode="catalogue",
        language=plan.language,
    )


def _lines(
    query: CatalogQuery,
    reports: Sequence[ReportInfo],
    labs: Sequence[str],
    catalog: Catalog,
    t: Translations,
) -> Iterator[str]:
    """A line that counts the reports, then one a lab."""
    # Where labs are counted, it goes without saying that they wrote what is counted.
    by_labs = query.filters.author == ("lab",)
    head = _counted(query, reports, labs, catalog, t)
    author = () if by_labs else query.filters.author
    named = replace(query, filters=replace(query.filters, author=author))
    if filters := _query_label(named, t, catalog):
        head = f"{head} ({filters})"
    if query.form == "share":
        whole = _whole(query, catalog)
        have, every, noun = len(reports), len(whole), "report"
        if by_labs:
            have, every, noun = len(labs), len(catalog.labs(whole)), "lab"
        share = format_percent(t, have / max(1, every))
        of_all = t.gettext("{share} of {all}")
        head = join_parts(
            t, ", ", [head, of_all.format(share=share, all=format_count(every, noun, t))]
        )
    if query.form == "exists":
        head = t.gettext("Yes: {answer}").format(answer=head)
    kinds, bare = _kinds(query, reports, t), _untagged(query, catalog, t)
    head = join_parts(t, "; ", [format_label(t, head, kinds) if kinds else head, *bare])
    yield head if kinds else format_label(t, head, "").rstrip()
    numbered = enumerate(reports, start=1)
    for _, group in groupby(numbered, key=lambda pair: pair[1].lab):
        members = list(group)
        titles = "; ".join(f"“{defuse(r.title)}” ({r.year or '?'}) [{n}]" for n, r in members)
        count = f" ({len(members)})" if len(members) > 1 else ""
        yield f"- {lab_label(members[0][1], t)}{count}: {titles}"


def _counted(
    query: CatalogQuery,
    reports: Sequence[ReportInfo],
    labs: Sequence[str],
    catalog: Catalog,
    t: Translations,
) -> str:
    """How many reports of how many labs; of how many, where tags narrow another choice."""
    counts = reports_and_labs(len(reports), len(labs), t)
    chosen = any(getattr(query.filters, name) for name in _PLAIN)
    if of_all := chosen and query.form != "share" and _filtered_by(query, _TAGGED):
        counts["reports"] = _share(len(reports), len(_whole(query, catalog)), t)
    # Of what labs themselves wrote, labs are counted.
    if query.filters.author == ("lab",) and not query.group_by:
        return join_parts(t, ", ", [counts["labs"], counts["reports"]])
    if of_all:
        return join_parts(t, ", ", [counts["reports"], counts["labs"]])
    return t.gettext("{reports} of {labs}").format(**counts)


def _share(number: int, every: int, t: Translations) -> str:
    of_all = t.gettext("{share} of {all}")
    return of_all.format(share=format_number(t, number), all=format_count(every, "report", t))


def _kinds(query: CatalogQuery, reports: Sequence[ReportInfo], t: Translations) -> str:
    """How many reports there are of each kind, where that tells more of a number; or ""."""
    of_kinds = query.form in _NUMBERS or query.group_by == "year" or len(query.filters.kind) > 1
    kinds = [report.kind for report in reports]
    return kinds_label(kinds, t) if of_kinds and len(set(kinds)) > 1 else ""


def _untagged(query: CatalogQuery, catalog: Catalog, t: Translations) -> Iterator[str]:
    """How many reports have no tag at all of a field that a query filters by, where many have."""
    facts = (fact.partition(": ")[0] for fact in query.filters.fact)
    names = dict.fromkeys([*(n for n in TAGS if getattr(query.filters, n)), *facts])
    whole = _whole(query, catalog) if names else []
    for name in names:
        field = TAGS[name].key if name in TAGS else ""
        bare = [r.kind for r in whole if not (getattr(r, field) if field else name in r.facts)]
        if len(bare) > len(whole) * _MOST_BARE:
            message = t.gettext("{reports} have no {tag} tag")
            said = message.format(reports=_share(len(bare), len(whole), t), tag=_tag_word(name, t))
            several = not (query.filters.kind or query.filters.type) and len(set(bare)) > 1
            yield f"{said} ({kinds_label(bare, t)})" if several else said


def _whole(query: CatalogQuery, catalog: Catalog) -> list[ReportInfo]:
    """The reports that a query tells a share of: those of any tags, or else of any country."""
    wanted = CatalogQuery()
    for names in (_TAGGED, ("country",), ("type", "kind")):
        if _filtered_by(query, names):
            none: Mapping[str, Any] = dict.fromkeys(names, ())
            filters, excluded = (replace(f, **none) for f in (query.filters, query.excluded))
            wanted = replace(query, filters=filters, excluded=excluded)
            break
    return [catalog.reports[name] for name in sorted(catalog.matching(wanted))]


def _filtered_by(query: CatalogQuery, names: Iterable[str]) -> bool:
    return any(getattr(query.filters, n) or getattr(query.excluded, n) for n in names)


def _having(field: str, value: str) -> Filters:
    """The filters for the reports of a row of a table."""
    if field not in FILTER_FIELDS:
        return Filters(fact=(f"{field}: {value}",))
    return Filters.of({field: (int(value) if field == "year" else value,)})


def _split(query: CatalogQuery, value: str, number: int, catalog: Catalog, t: Translations) -> str:
    """A row of a table: how many reports, and how many of each value by which it is split."""
    cells, _ = catalog.table(
        replace(query, group_by=query.split, split="", having=(0, 0)),
        _having(query.group_by, value),
    )
    shown = cells[: query.limit or _MOST_CELLS]
    texts = [format_label(t, value_label(query.split, name, t), str(n)) for name, n in shown]
    rest = len(cells) - len(shown)
    more = f" … (+{rest})" if rest else ""
    counted = format_count(number, "report", t)
    return f"{counted} ({defuse(join_parts(t, '; ', texts))}{more})" if texts else counted


def _table_lines(
    query: CatalogQuery,
    rows: Sequence[tuple[str, int]],
    named: Mapping[str, str],
    tagged: int,
    reports: Sequence[ReportInfo],
    labs: Sequence[str],
    catalog: Catalog,
    t: Translations,
) -> Iterator[str]:
    """A line that says what was counted, then one a value: its reports if `named`, or how many."""
    found = format_label(t, field_label(query.group_by, t), format_number(t, len(rows)))
    counted = _counted(query, reports, labs, catalog, t)
    scope = t.gettext("{values} in {reports}").format(values=found, reports=counted)
    if filters := _query_label(query, t):
        scope = f"{scope} ({filters})"
    if bare := len(reports) - tagged:
        without = t.ngettext("{n} report has no such tag", "{n} reports have no such tag", bare)
        scope = join_parts(t, "; ", [scope, without.format(n=format_number(t, bare))])
    if any(query.having):
        counted = field_label(query.split, t) if query.split else t.gettext("Reports")
        fewest, most = query.having
        bounds = f"{counted} {'=' if fewest == most else '≥'} {fewest}"
        scope = join_parts(t, "; ", [scope, bounds])
    kinds = _kinds(query, reports, t)
    yield join_parts(t, "; ", [scope, *([kinds] if kinds else ()), *_untagged(query, catalog, t)])
    shown = rows[: query.rows or _MOST_ROWS]
    for value, number in shown:
        count = named.get(value) or format_count(number, "report", t)
        name = value_label(query.group_by, value, t)
        is_translated = query.group_by in TAGS or query.group_by not in FILTER_FIELDS
        if is_translated and name != value:
            name = f"{name} ({value})"  # as the reports have it
        name = defuse(name)
        yield f"- {format_label(t, name, count)}"
    if rest := len(rows) - len(shown):
        yield t.gettext("and {n} more").format(n=format_number(t, rest))


def _value_citations(
    group_by: str,
    rows: Sequence[tuple[str, int]],
    report: ReportInfo,
    catalog: Catalog,
    texts: Callable[[Collection[str]], Mapping[str, str]],
) -> Iterator[Citation]:
    """A citation of the tag of each value that the one report has."""
    raw = texts([report.id]).get(report.id, "")
    field = group_by if group_by in FILTER_FIELDS else "fact"
    for n, (value, _) in enumerate(rows, start=1):
        tag: Any = value if field == group_by else f"{group_by}: {value}"
        filters = catalog.expanded(Filters(**{field: (tag,)}))
        yield _tag_citation(n, report, raw, filters)


def _mentioned_lines(mentioned: Sequence[Hit], first: int, t: Translations) -> Iterator[str]:
    """The line that names reports which only mention what is asked for, marked from `first` on."""
    if not mentioned:
        return
    head = t.ngettext(
        "Not counted: {n} more report names it in its text, not in its tags:",
        "Not counted: {n} more reports name it in their text, not in their tags:",
        len(mentioned),
    ).format(n=format_number(t, len(mentioned)))
    reports = [hit.passage.report for hit in mentioned[:_MOST_MENTIONED]]
    names = _named(reports, first, t)
    rest = len(mentioned) - len(reports)
    yield f"{head} {names}{f' … (+{rest})' if rest else ''}"


def _named(reports: Iterable[ReportInfo], first: int, t: Translations) -> str:
    """Reports by lab, title and year, marked from `first` on."""
    return "; ".join(
        f"{lab_label(r, t)}, “{defuse(r.title)}” ({r.year or '?'}) [{n}]"
        for n, r in enumerate(reports, start=first)
    )


def _none_left(plan: Plan, query: CatalogQuery, catalog: Catalog, t: Translations) -> str:
    """That no report passes, by which filters, and which of them to give up."""
    filters = _query_label(query, t)
    if query.lacking:
        return t.gettext("There is none ({filters}).").format(filters=filters)
    filters = t.gettext("No report passes these filters ({filters}).").format(filters=filters)
    # "None" is the answer to "how many"; a list of nothing is none.
    refused = refusal(plan.language) if query.form == "list" else ""
    bare = " ".join(f"{said}." for said in _untagged(query, catalog, t))
    said = (refused, filters, bare, _ways_out(query.filters, catalog, t))
    return " ".join(filter(None, said))


def _ways_out(filters: Filters, catalog: Catalog, t: Translations) -> str:
    """Of filters that leave nothing together: without which one there are reports; or ""."""
    groups = [(f, own) for f in FILTER_FIELDS for own in alternatives(f, getattr(filters, f))]
    passing = [catalog.ids(Filters(**{name: own})) for name, own in groups]  # type: ignore[arg-type]
    counts: dict[str, int] = {}
    # Without the only filter all reports are left, which tells nobody anything.
    for n, (name, values) in enumerate(groups if len(groups) > 1 else ()):
        left = frozenset.intersection(*passing[:n], *passing[n + 1 :])
        counts[_filter_label(name, values, t)] = len(left)
    most = sorted((pair for pair in counts.items() if pair[1]), key=lambda pair: -pair[1])
    without = t.gettext("without {filter}")
    ways = "; ".join(
        format_label(t, without.format(filter=f"“{label}”"), format_count(n, "report", t))
        for label, n in most[:_MOST_WAYS_OUT]
    )
    return f"{ways[0].upper()}{ways[1:]}." if ways else ""


def _query_label(query: CatalogQuery, t: Translations, catalog: Catalog | None = None) -> str:
    """What a query narrows to and leaves out, in words; by a catalog, how many have each value."""

    def counted(name: str, value: str | int) -> str:
        one: Mapping[str, Any] = {name: (value,)}
        own = replace(query, filters=replace(query.filters, **one))
        return f" ({format_number(t, len(catalog.matching(own)))})" if catalog else ""

    parts = []
    for name, values in query.filters.as_dict().items():
        every = name in query.every
        told_apart = query.form in _NUMBERS and not every and name != "kind"
        told_apart = told_apart and 1 < len(values) <= _MOST_CELLS
        counts = {value: counted(name, value) for value in values if told_apart}
        parts.append(_filter_label(name, values, t, " + " if every else " / ", counts))
    none = t.gettext("none of whose reports has {filter}")
    without = none if query.lacking else t.gettext("without {filter}")
    excluded = query.excluded.as_dict().items()
    parts += [without.format(filter=_filter_label(*pair, t)) for pair in excluded]
    return "; ".join(parts)


def _filter_label(
    name: str,
    values: Iterable[str | int],
    t: Translations,
    separator: str = " / ",
    counts: Mapping[str | int, str] = MappingProxyType({}),
) -> str:
    """A filter in words: its field and its values, counted; of facts each key and its values."""
    by_key: dict[str, list[str]] = {}
    for value in values:
        key, _, text = str(value).partition(": ") if name == "fact" else (name, "", str(value))
        label = value_label(key, text, t).replace(". ", " ")
        by_key.setdefault(key, []).append(label + counts.get(value, ""))
    return "; ".join(
        format_label(t, _tag_word(key, t), separator.join(texts)) for key, texts in by_key.items()
    )


def _tag_word(name: str, t: Translations) -> str:
    """A filter field, or the key of a fact, in the middle of a sentence."""
    return (t.gettext(FIELD_LABELS[name]) if name in FIELD_LABELS else field_label(name, t)).lower()


def _mention_citation(n: int, passage: Passage, raw: str, filters: Filters) -> Citation:
    """A citation of the words with which a passage mentions a value of the filters."""
    values = [value for name in FREE_FIELDS for value in getattr(filters, name)]
    parts = (passage.text[start:end].strip() for start, end in sentences(passage.text))
    named = (part for part in parts if any(is_named(value, part) for value in values))
    quote = next(named, passage.text)
    quote, span = verbatim(quote, raw, passage.spans) or (quote, None)
    return Citation(n, passage, quote, span=span)


def _tag_citation(n: int, report: ReportInfo, raw: str, filters: Filters) -> Citation:
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
            if wanted and match.group(1) and filter_key(field, match.group(1)) in wanted:
                spans.append(match.span())
                break
    if not spans:
        # Where no tag says so, the beginning of the title, up to what may have been blanked.
        title = re.search(r"\[\[type:[^\]]*\]\]", raw) or re.match(r"[^\[·\n]{0,80}", raw)
        spans = [title.span()] if title else []
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


def mentions(index: Index, filters: Filters) -> tuple[Hit, ...]:
    """One passage each of the reports that name a value of the filters in their text alone.

    Only values that labs write freely are looked for. The reports lack the value's tag and pass all
    other filters. A passage counts if it holds the words of one of the value's spellings, in any
    inflection and in their order; the passage that names the value most comes first.
    """
    listed = index.catalog.ids(filters)
    expanded = index.catalog.expanded(filters)
    names = [value for name in FREE_FIELDS for value in getattr(expanded, name)]
    scope = replace(filters, **dict.fromkeys(FREE_FIELDS, ()))
    best: dict[str, Hit] = {}
    for value in names:
        scores = dict(index.having([[term] for term in terms_and_pairs(value, "en")], scope))
        for row, passage in index.rows(scores.keys()).items():
            known, score = best.get(passage.report.id), scores[row]
            if passage.report.id in listed or (known and known.score >= score):
                continue
            if is_named(value, passage.text):
                best[passage.report.id] = Hit(passage, score)
    return tuple(sorted(best.values(), key=lambda hit: (-hit.score, hit.passage.id)))
