"""Answers from the catalog: "which" and "how many", complete and exact."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

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
    field_label,
    filter_label,
    format_count,
    format_label,
    join_parts,
    kinds_label,
    lab_label,
    reports_and_labs,
    tag_word,
    value_label,
)
from rag.i18n.translations import (
    Translations,
    format_number,
    format_percent,
    format_share,
    translations_for,
)
from rag.index.interface import Index
from rag.models.prompts import refusal
from rag.query.entities import is_named
from rag.survey.evidence import shares_of
from rag.survey.types import TrendPoint
from rag.text.citation_marks import defuse
from rag.text.sentences import sentences
from rag.text.tokenize import terms_and_pairs
from rag.types import Answer, Citation, Coverage, Hit, Passage, Plan

# Filter field -> the name of its tag in a report's file.
_TAG_NAMES = {n: n for n in ("country", "year", "type")} | {n: t.key for n, t in TAGS.items()}
_MOST_MENTIONED = 10  # how many reports that only mention a value are named in the text
_MOST_HITS = 40  # how many hits go with a list
_MOST_WAYS_OUT = 3  # how many filters that could be given up are named
_MOST_TIED = 5  # rows beyond those asked for that are shown as they tie with the last one
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
) -> Answer:
    """What the tags of reports answer: which reports there are, how many, or a table of values.

    Each report of a list is cited by the tag that makes it pass; a table counts and cites none,
    but for the values of a single report.
    `texts` gives the verbatim texts of reports by id. `hits` go with the answer; `mentioned` are
    passages of reports that mention what is asked for and lack its tag.
    """
    listing = _Listing(plan, catalog, texts)
    query, reports = listing.query, listing.reports
    text = "\n".join([*listing.lines(), *listing.mentioned(mentioned)])
    return Answer(
        plan.question,
        plan.standalone,
        text=text,
        refused=not reports and query.form == "list" and not query.lacking,
        citations=tuple(listing.citations),
        hits=(*mentioned, *(hit for hit in hits[:_MOST_HITS] if hit not in mentioned)),
        coverage=Coverage(
            intent=plan.intent,
            reports=tuple(report.id for report in reports),
            labs=listing.labs,
            matched_reports=len(reports),
            read_reports=len(reports),
            filters=plan.filters,
            mentioned=tuple(hit.passage.report.id for hit in mentioned),
            first=plan.first,
            ignored=plan.ignored,
            excluded=query.excluded,
            table=tuple(listing.rows[: listing.wanted]),
            grouped_by=query.group_by if listing.rows else "",
            split=query.split,
            cells=tuple(map(listing.cells, listing.rows[: listing.wanted])) if query.split else (),
        ),
        mode="catalogue",
        language=plan.language,
    )


class _Listing:
    """The reports that a query counts, and what is said of them in the language of its plan."""

    def __init__(
        self,
        plan: Plan,
        catalog: Catalog,
        texts: Callable[[Collection[str]], Mapping[str, str]],
    ) -> None:
        self.query = plan.query or CatalogQuery(plan.filters)
        self.reports = catalog.select(self.query)
        self.labs = catalog.labs(self.reports)
        self.citations: list[Citation] = []
        self.rows: list[tuple[str, int]] = []  # of a table
        self.wanted: int | None = None  # so many of these, with ties; None for all
        self._catalog, self._texts = catalog, texts
        self._language, self._t = plan.language, translations_for(plan.language)

    def lines(self) -> Iterator[str]:
        """What is said, a line each; cites reports on the way."""
        query = self.query
        if not self.reports:
            yield self._none_left()
        elif query.group_by:
            yield from self._table()
        elif query.form in _NUMBERS and not (query.filters or query.excluded or query.untagged):
            # A question for how many there are at all wants no list of everything.
            yield self._head()
        else:
            yield self._head()
            titles = self._cite(self.reports, self._catalog.expanded(query.filters))
            pairs = zip(self.reports, titles, strict=True)
            for _, group in groupby(pairs, key=lambda pair: pair[0].lab):
                members = list(group)
                count = f" ({len(members)})" if len(members) > 1 else ""
                told = "; ".join(title for _, title in members)
                yield f"- {lab_label(members[0][0], self._t)}{count}: {told}"

    def mentioned(self, hits: Sequence[Hit]) -> Iterator[str]:
        """The line that names and cites reports which only mention what is asked for."""
        if not hits:
            return
        head = self._t.ngettext(
            "Not counted: {n} more report names it in its text, not in its tags:",
            "Not counted: {n} more reports name it in their text, not in their tags:",
            len(hits),
        ).format(n=self._number(len(hits)))
        filters, cited = self._catalog.expanded(self.query.filters), hits[:_MOST_MENTIONED]
        files, names = self._texts([hit.passage.report.id for hit in cited]), []
        for n, hit in enumerate(cited, start=len(self.citations) + 1):
            info = hit.passage.report
            self.citations.append(_mention_citation(n, hit.passage, files[info.id], filters))
            names.append(f"{lab_label(info, self._t)}, {_title(info, n)}")
        rest = len(hits) - len(cited)
        yield f"{head} {'; '.join(names)}{f' … (+{rest})' if rest else ''}"

    def _cite(self, reports: Sequence[ReportInfo], filters: Filters) -> list[str]:
        """The titles of reports with their marks; cites the tags that make them pass filters."""
        files = self._texts([report.id for report in reports])
        numbered = list(enumerate(reports, start=len(self.citations) + 1))
        self.citations += [_tag_citation(n, r, files.get(r.id, ""), filters) for n, r in numbered]
        return [_title(report, n) for n, report in numbered]

    def _number(self, number: int) -> str:
        return format_number(self._t, number)

    def _of_all(self, share: str, every: int, noun: str = "report") -> str:
        of_all = self._t.gettext("{share} of {all}")
        return of_all.format(share=share, all=format_count(every, noun, self._t))

    def _head(self) -> str:
        """The line that counts the reports."""
        query, t = self.query, self._t
        # Where labs are counted, it goes without saying that they wrote what is counted.
        by_labs = query.filters.author == ("lab",)
        head = self._counted()
        author = () if by_labs else query.filters.author
        named = replace(query, filters=replace(query.filters, author=author))
        if filters := self._label(named, is_counted=True):
            head = f"{head} ({filters})"
        if query.form == "share":
            whole = self._whole()
            have, every, noun = len(self.reports), len(whole), "report"
            if by_labs:
                have, every, noun = len(self.labs), len(self._catalog.labs(whole)), "lab"
            share = format_percent(t, have / max(1, every))
            head = join_parts(t, ", ", [head, self._of_all(share, every, noun)])
        if query.form == "exists":
            head = t.gettext("Yes: {answer}").format(answer=head)
        kinds, bare = self._kinds(), self._untagged()
        head = join_parts(t, "; ", [format_label(t, head, kinds) if kinds else head, *bare])
        return head if kinds else format_label(t, head, "").rstrip()

    def _counted(self) -> str:
        """How many reports of how many labs; of how many, where tags narrow another choice."""
        query, t = self.query, self._t
        counts = reports_and_labs(len(self.reports), len(self.labs), t)
        chosen = any(getattr(query.filters, name) for name in _PLAIN)
        if of_all := chosen and query.form != "share" and _filtered_by(query, _TAGGED):
            counts["reports"] = self._of_all(self._number(len(self.reports)), len(self._whole()))
        # Where only reports that labs wrote count, the labs come first.
        if query.filters.author == ("lab",) and not query.group_by:
            return join_parts(t, ", ", [counts["labs"], counts["reports"]])
        if of_all:
            return join_parts(t, ", ", [counts["reports"], counts["labs"]])
        return t.gettext("{reports} of {labs}").format(**counts)

    def _kinds(self) -> str:
        """How many reports there are of each kind, where that tells more of a number; or ""."""
        query, kinds = self.query, [report.kind for report in self.reports]
        # Closings, too, have the type of plans.
        is_several = bool(query.filters.type) or len(query.filters.kind) > 1
        is_told = query.form in _NUMBERS or query.group_by == "year" or is_several
        return kinds_label(kinds, self._t) if is_told and len(set(kinds)) > 1 else ""

    def _untagged(self) -> Iterator[str]:
        """How many reports have no tag at all of a field that is filtered by, where many have."""
        filters, t = self.query.filters, self._t
        facts = (fact.partition(": ")[0] for fact in filters.fact)
        names = dict.fromkeys([*(n for n in TAGS if getattr(filters, n)), *facts])
        whole = self._whole() if names else []
        for name in names:
            field = TAGS[name].key if name in TAGS else ""
            bare = [r.kind for r in whole if not (getattr(r, field) if field else name in r.facts)]
            if len(bare) > len(whole) * _MOST_BARE:
                reports = self._of_all(self._number(len(bare)), len(whole))
                message = t.gettext("{reports} have no {tag} tag")
                said = message.format(reports=reports, tag=tag_word(name, t))
                several = not (filters.kind or filters.type) and len(set(bare)) > 1
                yield f"{said} ({kinds_label(bare, t)})" if several else said

    def _whole(self) -> list[ReportInfo]:
        """The reports that a share is told of: those of any tags, or else of any country."""
        wanted, query = CatalogQuery(), replace(self.query, untagged=())
        if self.query.untagged:
            return [*self._catalog.select(query)]
        for names in (_TAGGED, ("country",), ("type", "kind")):
            if _filtered_by(query, names):
                none: Mapping[str, Any] = dict.fromkeys(names, ())
                filters, excluded = (replace(f, **none) for f in (query.filters, query.excluded))
                wanted = replace(query, filters=filters, excluded=excluded)
                break
        return [self._catalog.reports[name] for name in sorted(self._catalog.matching(wanted))]

    def _table(self) -> Iterator[str]:
        """A line that says what was counted, then one a value: its reports, or how many.

        The values of a single report are told in one line.
        """
        query, catalog, t = self.query, self._catalog, self._t
        self.rows, tagged = catalog.table(query)
        self.wanted = most = query.rows
        if most and query.group_by in FILTER_FIELDS and len(self.rows) > most:
            # What has as many reports as the last one has the same place; sizes have their own.
            tied = sum(number == self.rows[most - 1][1] for _, number in self.rows[most:])
            self.wanted = most + (tied if tied <= _MOST_TIED else 0)
        shown = self.wanted or _MOST_ROWS
        is_tag = query.group_by in TAGS or query.group_by not in FILTER_FIELDS
        if self.rows and is_tag and len(self.reports) == 1:
            many = f" ({self._number(len(self.rows))})" if len(self.rows) > 1 else ""
            names = []
            for n, (value, _) in enumerate(self.rows, start=1):
                self._cite(self.reports, catalog.expanded(_having(query.group_by, value)))
                names.append(f"{defuse(value_label(query.group_by, value, t))} [{n}]")
            field = field_label(query.group_by, t) + many
            yield format_label(t, field, join_parts(t, "; ", names))
            return
        yield self._table_head(tagged)
        # Years, sizes and costs have few reports each, which are worth a name.
        is_named = query.group_by == "year" or query.group_by not in FILTER_FIELDS
        is_named = is_named and tagged <= _MOST_IN_ROWS and not query.split
        points = {} if is_named or query.split else self._of_years()
        for value, number in self.rows[:shown]:
            own, told = _having(query.group_by, value), format_count(number, "report", t)
            if is_named:
                inside = catalog.ids(own)
                members = [report for report in self.reports if report.id in inside]
                titles = zip(members, self._cite(members, own), strict=True)
                told = "; ".join(f"{lab_label(info, t)}, {title}" for info, title in titles)
            elif query.split:
                cells = self.cells((value, number))
                told += f" ({defuse(cells)})" if cells else ""
            elif (point := points.get(value)) and point.share is not None:
                told += f" ({format_share(t, point.share)})"
            name = value_label(query.group_by, value, t)
            if is_tag and name != value:
                name = f"{name} ({value})"  # as the reports have it
            yield f"- {format_label(t, defuse(name), told)}"
        if self.wanted != query.rows:
            yield t.gettext("Those with the same number of reports share a place.")
        if (rest := len(self.rows) - shown) > 0:
            yield t.gettext("and {n} more").format(n=self._number(rest))
        if any(point.share is not None for point in points.values()):
            yield t.gettext("Shares are of the reports that have such tags.")

    def _of_years(self) -> Mapping[str, TrendPoint]:
        """How many reports of each year have the tags that are asked for; none for other counts."""
        named = [TAGS[name].key for name in TAGS if getattr(self.query.filters, name)]
        if self.query.group_by != "year" or not named:
            return {}
        tagged = [r for r in self._whole() if all(getattr(r, key) for key in named)]
        years, found = (Counter(r.year for r in own if r.year) for own in (tagged, self.reports))
        return {str(point.year): point for point in shares_of(years, found)}

    def _table_head(self, tagged: int) -> str:
        """How many values there are in how many reports, of which so many are tagged."""
        query, t = self.query, self._t
        values = format_label(t, field_label(query.group_by, t), self._number(len(self.rows)))
        scope = t.gettext("{values} in {reports}").format(values=values, reports=self._counted())
        filters = self._label(query)
        parts = [f"{scope} ({filters})" if filters else scope]
        if bare := len(self.reports) - tagged:
            without = t.ngettext("{n} report has no such tag", "{n} reports have no such tag", bare)
            parts.append(without.format(n=self._number(bare)))
        if any(query.having):
            counted = field_label(query.split, t) if query.split else t.gettext("Reports")
            fewest, most = query.having
            parts.append(f"{counted} {'=' if fewest == most else '≥'} {fewest}")
        return join_parts(t, "; ", [*parts, *filter(None, [self._kinds()]), *self._untagged()])

    def cells(self, row: tuple[str, int]) -> str:
        """How many reports of a row have each value by which it is split; or ""."""
        query, t = self.query, self._t
        values = replace(query, group_by=query.split, split="", having=(0, 0))
        cells, _ = self._catalog.table(values, _having(query.group_by, row[0]))
        shown = cells[: (not query.rows and query.limit) or _MOST_CELLS]
        texts = [format_label(t, value_label(query.split, name, t), str(n)) for name, n in shown]
        more = f" … (+{len(cells) - len(shown)})" if len(cells) > len(shown) else ""
        return f"{join_parts(t, '; ', texts)}{more}"

    def _none_left(self) -> str:
        """That no report passes, by which filters, and which of them to give up."""
        query, t = self.query, self._t
        filters = self._label(query)
        if query.lacking:
            return t.gettext("There is none ({filters}).").format(filters=filters)
        filters = t.gettext("No report passes these filters ({filters}).").format(filters=filters)
        # A count of none is an answer; an empty list is a refusal.
        refused = refusal(self._language) if query.form == "list" else ""
        bare = (f"{said}." for said in self._untagged())
        said = (refused, filters, *bare, _ways_out(query.filters, self._catalog, t))
        return " ".join(filter(None, said))

    def _label(self, query: CatalogQuery, is_counted: bool = False) -> str:
        """What a query narrows to and leaves out, in words; with how many have each value."""
        t = self._t

        def count(name: str, value: str | int) -> str:
            one: Mapping[str, Any] = {name: (value,)}
            own = replace(query, filters=replace(query.filters, **one))
            return f" ({self._number(len(self._catalog.matching(own)))})"

        parts = []
        for name, values in query.filters.as_dict().items():
            every = name in query.every
            told_apart = is_counted and query.form in _NUMBERS and not every and name != "kind"
            told_apart = told_apart and 1 < len(values) <= _MOST_CELLS
            counts = {value: count(name, value) for value in values if told_apart}
            parts.append(filter_label(name, values, t, " + " if every else " / ", counts))
        none = t.gettext("none of whose reports has {filter}")
        without = none if query.lacking else t.gettext("without {filter}")
        excluded = query.excluded.as_dict().items()
        parts += [without.format(filter=filter_label(*pair, t)) for pair in excluded]
        untagged = (field_label(name, t) for name in query.untagged)
        parts += [t.gettext("without {filter}").format(filter=label) for label in untagged]
        return "; ".join(parts)


def _title(info: ReportInfo, n: int) -> str:
    """A report's title and year with its mark."""
    return f"“{defuse(info.title)}” ({info.year or '?'}) [{n}]"


def _filtered_by(query: CatalogQuery, names: Iterable[str]) -> bool:
    return any(getattr(query.filters, n) or getattr(query.excluded, n) for n in names)


def _having(field: str, value: str) -> Filters:
    """The filters for the reports of a row of a table."""
    if field not in FILTER_FIELDS:
        return Filters(fact=(f"{field}: {value}",))
    return Filters.of({field: (int(value) if field == "year" else value,)})


def _ways_out(filters: Filters, catalog: Catalog, t: Translations) -> str:
    """Of filters that leave nothing together: without which one there are reports; or ""."""
    groups = [(f, own) for f in FILTER_FIELDS for own in alternatives(f, getattr(filters, f))]
    passing = [catalog.ids(Filters(**{name: own})) for name, own in groups]  # type: ignore[arg-type]
    counts: dict[str, int] = {}
    # Without the only filter all reports are left, which tells nobody anything.
    for n, (name, values) in enumerate(groups if len(groups) > 1 else ()):
        left = frozenset.intersection(*passing[:n], *passing[n + 1 :])
        counts[filter_label(name, values, t)] = len(left)
    most = sorted((pair for pair in counts.items() if pair[1]), key=lambda pair: -pair[1])
    without = t.gettext("without {filter}")
    ways = "; ".join(
        format_label(t, without.format(filter=f"“{label}”"), format_count(n, "report", t))
        for label, n in most[:_MOST_WAYS_OUT]
    )
    return f"{ways[0].upper()}{ways[1:]}." if ways else ""


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
    facts = (fact.partition(": ") for fact in filters.fact)
    wanted = [(key, "fact", (value,)) for key, _, value in facts]
    wanted += [(name, field, getattr(filters, field)) for field, name in _TAG_NAMES.items()]
    spans = []
    for key, field, values in wanted:
        keys = {filter_key(field, value) for value in values}
        found = re.finditer(rf"\[\[{re.escape(key)}:\s*([^\]]*?)\s*\]\]", raw) if keys else ()
        own = (tag.span() for tag in found if tag[1] and filter_key(field, tag[1]) in keys)
        spans += [span for span in [next(own, None)] if span]
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
