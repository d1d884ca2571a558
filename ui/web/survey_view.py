"""What the Survey view shows at an address of the browser: rows, evidence, gaps and a claim."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from itertools import groupby
from typing import Any
from urllib.parse import parse_qsl, urlencode

from eval.report import proportion
from rag.catalog.catalog import Catalog
from rag.engine import LONGEST_QUESTION
from rag.i18n import labels
from rag.i18n.labels import kind_label, lab_label, value_label
from rag.i18n.translations import WORDS, Translations, format_number, marked
from rag.survey.columns import MOST
from rag.survey.evidence import consensus, gap_map, trend
from rag.survey.types import RUNGS, STANCES, Survey, SurveyRow
from rag.text.tokenize import strip_accents

LONGEST_ADDRESS = 10_000  # characters of it that are read
ROWS = 100  # rows that are drawn at first, and more each time
FIELDS_SHOWN = 3  # fields that a rung is read from
SHOWN, COLUMNS = WORDS["survey_rows"], WORDS["survey_columns"]
TABS = WORDS["survey_tabs"]  # each but the table has a template
VERDICTS = {"found": ("about", "mentions"), "all": ("about", "mentions", "silent")}
# The fields that a gap map goes by.
MAPS = {
    "country-year": ("country", "year"),
    "theme-year": ("theme", "year"),
    "country-theme": ("country", "theme"),
}
# What a cell of the map says, by the most that its reports say.
STATES = labels.GAP_LABELS | {"mentions": marked("Mentioned"), "about": SHOWN["about"]}
GROUPS = {name: COLUMNS[name] for name in ("country", "year", "kind", "verdict")}
GROUPS["rung"] = TABS["ladder"]
UNSAID = marked("The form doesn't say")
# What parts of an address may be, and of how many values others.
_AMONG: Mapping[str, Collection[str]] = {
    "show": SHOWN,
    "sort": [*COLUMNS, *(f"-{name}" for name in COLUMNS)],
    "group": GROUPS,
    "tab": TABS,
    "by": MAPS,
    "weighed": ["1"],
}
_MOST_OF = {"without": 50, "ticked": 50, "columns": MOST, "only": 3}


@dataclass(frozen=True, slots=True)
class Address:
    """What a visitor wants to see of which survey."""

    topic: str = ""
    without: tuple[str, ...] = ()
    show: str = "found"
    find: str = ""
    sort: str = ""  # a column, after "-" the other way round; "" is the likeliest first
    group: str = ""
    rows: int = 1  # how often more were asked for
    check: str = ""  # the seed of ten silent rows, "" for the table
    ticked: tuple[str, ...] = ()  # those of them that speak of it; "0": none
    columns: tuple[str, ...] = ()
    tab: str = ""
    by: str = "country-year"
    only: tuple[str, ...] = ()  # a rung, outcome, stance or cell: ("country-year", "Fiji", "2023")
    claim: str = ""
    weighed: str = ""  # "1": rungs weigh what is said to the claim

    @classmethod
    def read(cls, query: object) -> "Address":
        """The address of a browser, which may hold anything."""
        text = query[:LONGEST_ADDRESS] if isinstance(query, str) else ""
        values: dict[str, Any] = {}
        for key, value in parse_qsl(text, errors="replace"):
            before = values.get(key, ())
            if key in _MOST_OF and (key == "only" or value not in before):
                values[key] = (*before, value)[: _MOST_OF[key]]
            elif value in _AMONG.get(key, ()):
                values[key] = value
            elif key in ("topic", "find", "claim"):
                values[key] = " ".join(value.split())[:LONGEST_QUESTION]
            elif key in ("rows", "check") and value.isdecimal() and len(value) < 5:
                values[key] = int(value) if key == "rows" else value
        return cls(**values)

    def link(self, **changed: Any) -> str:
        """The address with changes; what is as in every first look is left out."""
        new, first = replace(self, **changed), Address()
        values = {f.name: getattr(new, f.name) for f in fields(new)}
        changes = {k: v for k, v in values.items() if v != getattr(first, k)}
        return f"#/survey?{urlencode(changes, doseq=True)}"

    def rows_of(self, *only: str, show: str = "found") -> str:
        """The address of the rows of a rung, an outcome, a stance or a cell of a map."""
        return self.link(tab="", only=only, show=show, rows=1)

    def sorted_by(self, column: str) -> str:
        """The address after a click on a column's head: up, down, the likeliest first."""
        orders = {column: f"-{column}", f"-{column}": ""}
        return self.link(sort=orders.get(self.sort, column), rows=1)


def survey_values(
    survey: Survey, catalog: Catalog, address: Address, t: Translations
) -> dict[str, Any]:
    """What the template of a survey needs for the tab of its address."""
    values: dict[str, Any] = {"tabs": TABS, "unsaid": UNSAID, "maps": MAPS, "states": STATES}
    match address.tab:
        case "ladder":
            found = survey.found
            missing = Counter(name for row in found for name in row.evidence.missing)
            read = {
                rung: Counter(r.evidence.field for r in found if r.evidence.rung == rung)
                for rung in RUNGS
            }
            values["read_from"] = {rung: _fields(n, t, FIELDS_SHOWN) for rung, n in read.items()}
            values["missing"] = _fields(missing, t)
        case "claim":
            said = consensus(survey, address.claim, weighted=bool(address.weighed))
            values |= {"said": said, "is_judged": any(row.stance for row in survey.rows)}
        case "map":
            asked = survey.columns[0].name if survey.columns else ""
            gaps = gap_map(survey, catalog, MAPS[address.by], asked)
            values |= {"gaps": gaps, "asked": asked, "years": trend(survey)}
        case _:
            words, is_within = _narrowed(survey, catalog, address, t)
            inside = Counter[str](row.verdict for row in survey.rows if is_within(row))
            counts = {name: sum(inside[v] for v in VERDICTS.get(name, (name,))) for name in SHOWN}
            rows = chosen(survey, catalog, address, t)
            values |= {"shown": SHOWN, "counts": counts, "only": words, "all_rows": len(rows)}
            values |= {"columns": COLUMNS, "group_names": GROUPS}
            values["sizes"] = Counter(shown_words(row, address.group, t) for row in rows)
            values["groups"] = grouped(rows[: ROWS * address.rows], address.group, t)
    return values


def grouped(
    rows: Sequence[SurveyRow], by: str, t: Translations
) -> list[tuple[str, list[SurveyRow]]]:
    """Rows in groups by what a column says."""
    groups = groupby(rows, key=lambda row: shown_words(row, by, t))
    return [(name, list(group)) for name, group in groups]


def shown_words(row: SurveyRow, column: str, t: Translations) -> str:
    """What a column of the table says of a report; "" for nothing."""
    info, evidence = row.report, row.evidence
    match column:
        case "country":
            return lab_label(info, t)
        case "year":
            return str(info.year or "")
        case "kind":
            author = "" if info.author == "lab" else labels.AUTHOR_LABELS[info.author]
            return kind_label(info, t) + (f" · {t.gettext(author)}" if author else "")
        case "title":
            return info.title or info.id
        case "verdict":
            return t.gettext(labels.VERDICT_LABELS[row.verdict])
        case "rung":
            return t.gettext(labels.RUNG_LABELS[evidence.rung]) if evidence.rung else ""
    return ""


def chosen(survey: Survey, catalog: Catalog, address: Address, t: Translations) -> list[SurveyRow]:
    """The rows that the address asks for, in its order and groups; empty values come last."""
    wanted = VERDICTS.get(address.show, (address.show,))
    _, is_within = _narrowed(survey, catalog, address, t)
    rows = [row for row in survey.rows if row.verdict in wanted and is_within(row)]
    if words := strip_accents(address.find).split():
        rows = [row for row in rows if _has(words, row, address, t)]
    for name in filter(None, (address.sort, address.group)):
        column, down = name.lstrip("-"), name.startswith("-") or name == "year" == address.group
        rows.sort(key=partial(_order, column=column, t=t), reverse=down)
        rows.sort(key=lambda row, column=column: not shown_words(row, column, t))  # type: ignore[misc]
    return rows


def _order(row: SurveyRow, column: str, t: Translations) -> Any:
    if column == "verdict":
        return list(labels.VERDICT_LABELS).index(row.verdict)
    if column == "rung":
        return -RUNGS.index(row.evidence.rung) if row.evidence.rung else 1
    return strip_accents(shown_words(row, column, t))


def _has(words: Sequence[str], row: SurveyRow, address: Address, t: Translations) -> bool:
    """Whether all words stand in the table's row of a report."""
    cells = [row.cells[name] for name in address.columns if name in row.cells]
    shown = [shown_words(row, name, t) for name in ("country", "year", "kind", "title")]
    shown += [row.quote, *(cell.value or cell.quote for cell in cells)]
    text = strip_accents(" ".join(shown))
    return all(word in text for word in words)


def _narrowed(
    survey: Survey, catalog: Catalog, address: Address, t: Translations
) -> tuple[str, Callable[[SurveyRow], bool]]:
    """The rung, outcome, stance or cell that is asked for, in words, and whether a row is of it."""
    match address.only:
        case ("rung", rung):
            words = t.gettext(labels.RUNG_LABELS.get(rung, UNSAID))
            return words, lambda row: (row.evidence.rung or "") == rung
        case ("outcome", outcome):
            words = t.gettext(labels.OUTCOME_LABELS.get(outcome, UNSAID))
            return words, lambda row: row.evidence.outcome == outcome
        case ("stance", stance):
            said = consensus(survey, address.claim).rows
            reports = {row.report.id for name in STANCES if name == stance for row in said[name]}
            words = t.gettext(labels.STANCE_LABELS.get(stance, UNSAID))
        case (by, *values) if by in MAPS and len(values) == 2:
            reports = set(gap_map(survey, catalog, MAPS[by]).at(*values).reports)
            pairs = zip(MAPS[by], values, strict=True)
            words = " · ".join(value_label(field, value, t) for field, value in pairs)
        case _:
            return "", lambda _: True
    return words, lambda row: row.report.id in reports


def _fields(counts: Counter[str], t: Translations, most: int | None = None) -> str:
    """The fields that were read, with how often, the most frequent first."""
    named = ((labels.source_label(name, t), n) for name, n in counts.most_common(most) if name)
    return " · ".join(f"{name} {format_number(t, n)}" for name, n in named)


def checked_words(
    sample: Sequence[SurveyRow], survey: Survey, address: Address, t: Translations
) -> str:
    """What the ticks of silent rows say of all silent reports; "" before any is set."""
    hits = sum(row.report.id in address.ticked for row in sample)
    if not sample or not (hits or "0" in address.ticked):
        return ""
    share, silent = proportion(hits, len(sample)), survey.count("silent")
    sentence = t.gettext(
        "Of {n} silent reports that you checked, {hits} speak of it: so between {low} and {high} "
        "of all {silent} may."
    )
    low, high = round(silent * share.low), round(silent * share.high)
    numbers = {"n": len(sample), "hits": hits, "low": low, "high": high, "silent": silent}
    return sentence.format(**{name: format_number(t, n) for name, n in numbers.items()})
