"""The Survey view: a verdict on every report in scope, its counts, and the table of all rows.

What is shown stands in the address (`Address`); survey.js tells where the visitor is.
"""

import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, fields, replace
from datetime import date
from functools import lru_cache, partial
from itertools import groupby
from typing import Any
from urllib.parse import parse_qsl, urlencode

from markupsafe import Markup

from eval.report import proportion
from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import Filters
from rag.engine import LONGEST_QUESTION, Engine
from rag.errors import AskLabsError, InputError
from rag.export.survey_files import FORMATS, SurveyFile, export_survey
from rag.i18n import labels
from rag.i18n.labels import format_count, kind_label, lab_label, reports_and_labs, value_label
from rag.i18n.translations import WORDS, Translations, format_number, marked
from rag.models.client import Stop
from rag.survey.columns import MOST as MOST_COLUMNS
from rag.survey.columns import with_columns
from rag.survey.evidence import consensus, gap_map, trend
from rag.survey.judge import Estimate, SurveyJudge
from rag.survey.stream import SurveyStream
from rag.survey.types import RUNGS, STANCES, Survey, SurveyRow
from rag.text.tokenize import strip_accents
from rag.types import Hit
from ui.rendering import render
from ui.server import log
from ui.web.answer import survey_key
from ui.web.handlers import BROKEN, Exchange, Visit, in_background, saved

_log = logging.getLogger(__name__)
EXAMPLES = 6  # frequent themes that are offered as topics
SHORTEST = 4  # characters of such a theme: "it" alone says little
EARLY = 10  # rows that are drawn while the survey is made
CHECKED = 10  # silent rows that are drawn at random
NEAREST = 3  # rows that are shown where no report speaks of the topic
REDRAW = 0.25  # seconds between two drawings of the progress
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
_MOST_OF = {"without": 50, "ticked": 50, "columns": MOST_COLUMNS, "only": 3}
Key = tuple[str, str, tuple[str, ...], Filters]


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


class Run:
    """A visitor's survey, made in a thread of its own; `key` is what it rests on."""

    def __init__(self, key: Key, start: Callable[..., SurveyStream]) -> None:
        """`start` opens the stream, given what is told of its `progress`."""
        self.key, self.address = key, Address()
        self.survey: Survey | None = None
        self.left = False  # the visitor has gone on to another survey
        self.before: Run | None = None  # the survey that was looked at before, for a step back
        self.judge: SurveyJudge | None = None
        self.needed: Estimate | None = None  # what it takes to let it judge
        self.tried: set[str] = set()  # columns that are filled, or could not be
        self.stream: SurveyStream | None = None
        self.begin("reading", partial(self._read, start))

    def begin(self, stage: str, work: Callable[[], None]) -> None:
        """Go on in a thread with what takes time and can be stopped."""
        # A stage, how much of it is done, and how much there is.
        self.progress, self._stop = (stage, 0, 0), Stop()
        self.job = in_background(work, "survey")

    def add(self, engine: Engine, survey: Survey) -> None:
        """Fill the columns of the address; those that the survey had besides go."""
        names = self.address.columns
        self.tried.update(names)
        base = replace(survey, columns=tuple(c for c in survey.columns if c.name in names))
        measure = engine.report_measure()
        self.survey = with_columns(base, names, measure, self._progressed, self._stop)

    def estimate(self, engine: Engine, survey: Survey) -> None:
        """Find out what judging the rows by the model takes; `ask` it then."""
        self.judge = engine.survey_judge(survey, claim=self.address.claim)
        self.needed = self.judge.estimate()

    def ask(self, judge: SurveyJudge) -> None:
        """Let the model judge; stopping it keeps what it has judged."""
        self.survey = judge.judge(self._progressed, self._stop)
        self.judge = self.needed = None

    def _read(self, start: Callable[..., SurveyStream]) -> None:
        begun = time.monotonic()
        stream = self.stream = start(progress=self._progressed)
        if self._stop.is_set():
            stream.stop()
        self.survey = stream.survey
        log.event("survey", "done", seconds=time.monotonic() - begun, rows=len(stream.rows))

    @property
    def rows(self) -> Sequence[SurveyRow]:
        """The rows that are there; before them the likeliest, as they may still change."""
        stream = self.stream
        return self.survey.rows if self.survey else (stream.rows or stream.first) if stream else ()

    def _progressed(self, *progress: Any) -> None:
        self.progress = progress

    def stop(self) -> None:
        """Stop, and keep the rows that are there."""
        self._stop.set()
        if self.stream:
            self.stream.stop()

    def leave(self) -> None:
        """Stop, and draw no more of it."""
        self.left = True
        self.stop()

    def quotes(self, sent: Mapping[str, Any]) -> dict[str, list[str]]:
        """The quotes of what a browser opens, by passage; `n` counts columns, 0 is the row."""
        row = next((row for row in self.rows if row.report.id == sent.get("report")), None)
        if row is None or sent.get("turn") != -1:
            return {}
        names = {str(n): name for n, name in enumerate(self.address.columns, 1)}
        cell = row.cells.get(names.get(str(sent.get("n")), ""), row)
        return {cell.passage.id: [cell.quote]} if cell.passage and cell.quote else {}

    def summary(self, catalog: Catalog, t: Translations) -> tuple[Exchange, str, list[Hit]]:
        """What is asked of the rows that are shown, the survey's question, and their passages."""
        survey = self.survey
        if survey is None:
            return Exchange(""), "", []
        shown = {row.report.id for row in chosen(survey, catalog, self.address, t)}
        rows = [row for row in survey.found if row.report.id in shown]
        hits = [Hit(row.passage, row.score, row.score) for row in rows if row.passage]
        asked = t.gettext("What do {reports} say of “{topic}”?").format(
            reports=format_count(len(hits), "report", t), topic=survey.topic
        )
        return Exchange(asked, survey.filters), survey.question, hits


def download(v: Visit) -> dict[str, str]:
    """A file of a visitor's survey with all its rows, for the browser to save; {} for none."""
    survey, ending = v.surveyed.survey if v.surveyed else None, v.text("ending")
    if survey is None or ending not in FORMATS:
        return {}
    gaps, url = gap_map(survey, v.engine.catalog), v.engine.settings.report_url
    data = export_survey(SurveyFile(survey, gaps, date.today(), url), ending)
    log.event("export", "done", format=ending, rows=len(survey.rows))
    return saved(survey.topic, ending, data)


def show(v: Visit) -> Iterator[dict[str, Any]]:
    """What the view shows at an address; by a `step` a model is priced, asked, or left alone."""
    engine, run, filters, t, step = v.engine, v.surveyed, v.chosen, v.t, v.sent.get("step")
    address = Address.read(v.sent.get("query"))
    key = (engine.revision, address.topic, address.without, filters)
    if run and run.key == key and not run.job.done():
        run.address = address
        return  # The event that began it draws it.
    if not address.topic:
        if run:
            run.leave()
        counts = sorted(engine.catalog.counts("theme", filters), key=lambda pair: -pair[1])
        named = [name for name, _ in counts if len(name) >= SHORTEST]
        examples = [(name, Address(name).link()) for name in named[:EXAMPLES]]
        yield {"survey": render("survey.html", t, examples=examples), "surveyed": None}
        return
    both = (run, run.before) if run else ()
    made = next((r for r in both if r and r.key == key and r.survey), None)
    if run is None or run is not made:
        before = _left(run)
        start = partial(engine.survey, address.topic, filters=filters, without=address.without)
        run = made or Run(key, start)
        run.before = before
    run.address = address
    try:
        yield from _waiting(run, t)
        # The visitor may ask for another column while one is filled.
        while run.survey and not run.left and not run.tried.issuperset(run.address.columns):
            run.begin("columns", partial(run.add, engine, run.survey))
            yield from _waiting(run, t)
        if run.survey and step == "estimate":
            run.begin("estimating", partial(run.estimate, engine, run.survey))
        elif run.survey and step == "judge" and run.judge:
            run.begin("asking", partial(run.ask, run.judge))
        elif step == "leave":
            run.judge = run.needed = None
        yield from _waiting(run, t)
    except GeneratorExit:
        run.leave()
        raise
    if not run.left:
        yield {"survey": render_survey(engine, run, t), "surveyed": run}


def _waiting(run: Run, t: Translations) -> Iterator[dict[str, Any]]:
    """How far a run is, until it is over."""
    while not run.job.done() and not run.left:
        values = {"address": run.address, "words": shown_words, "groups": [("", run.rows[:EARLY])]}
        yield {"survey": render("survey.html", t, running=run, **values), "surveyed": run}
        wait([run.job], REDRAW)


def _left(run: Run | None) -> Run | None:
    """A survey that the visitor leaves, if it is finished; any other is stopped."""
    if run and run.survey and run.survey.complete:
        run.before = None
        return run
    if run:
        run.leave()
    return None


def render_survey(engine: Engine, run: Run, t: Translations) -> Markup:
    """A survey that is over: its counts, and its table or ten silent rows to check."""
    address, survey, stream = run.address, run.survey, run.stream
    values: dict[str, Any] = {}
    if error := run.job.exception():
        values["error"] = t.gettext(str(error) if isinstance(error, AskLabsError) else BROKEN)
    if survey is None or stream is None:
        return render("survey.html", t, **values)
    values |= survey_values(survey, engine.catalog, address, t)
    if not survey.found and address.show == "found":
        values["groups"] = grouped(stream.nearest(NEAREST), address.group, t)
    sample = stream.silent_sample(CHECKED, int(address.check)) if address.check else []
    return render(
        "survey.html",
        t,
        **values,
        survey=survey,
        address=address,
        words=shown_words,
        sample=sample,
        checked=checked_words(sample, survey, address, t),
        can_add=len(address.columns) < MOST_COLUMNS,
        endings=list(FORMATS),
        model=engine.settings.answer_model.partition(":")[2],
        needed=run.needed,
    )


def count_in_text(v: Visit) -> str:
    """How many reports speak of what an answer is about, as JSON; no words if no more do."""
    words, key = "", survey_key(v.answer) if v.answer else ""
    if v.exchange and v.answer and key:
        engine, is_list, covered = v.engine, v.answer.is_list, v.answer.coverage.count
        chosen = v.exchange.filters
        try:
            found, labs, least = _count(engine, engine.revision, v.answer.standalone, chosen)
            if is_list and least > covered:
                words = v.t.gettext("Tagged: {tagged}. Speaking of it in their text: about {n}.")
                numbers = {"tagged": covered, "n": found}
                words = words.format(**{x: format_number(v.t, n) for x, n in numbers.items()})
            # The answer itself shows more where the count is low: it would only puzzle.
            elif not is_list and found > covered:
                words = v.t.ngettext(
                    "About {reports} of {labs} speaks of it.",
                    "About {reports} of {labs} speak of it.",
                    found,
                ).format(**reports_and_labs(found, labs, v.t))
        except InputError as error:
            _log.info("Not counted in texts: %s", error)
    return json.dumps({"key": key, "words": words}, ensure_ascii=False).replace("<", "\\u003c")


@lru_cache(256)
def _count(engine: Engine, _revision: str, question: str, filters: Filters) -> tuple[int, int, int]:
    """Reports of a revision that speak of a question, their labs, and at least how many."""
    survey = engine.survey(question, filters=filters, judged=False).survey
    return len(survey.found), len(survey.labs), survey.interval[0]


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
            rows = chosen(survey, catalog, address, t)
            values |= {
                **{"shown": SHOWN, "columns": COLUMNS, "group_names": GROUPS, "only": words},
                "counts": {x: sum(inside[v] for v in VERDICTS.get(x, (x,))) for x in SHOWN},
                "all_rows": len(rows),
                "sizes": Counter(shown_words(row, address.group, t) for row in rows),
                "groups": grouped(rows[: ROWS * address.rows], address.group, t),
            }
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
    numbers = {"n": len(sample), "hits": hits, "silent": silent}
    numbers |= {"low": round(silent * share.low), "high": round(silent * share.high)}
    return t.gettext(
        "Of {n} silent reports that you checked, {hits} speak of it: so between {low} and {high} "
        "of all {silent} may."
    ).format(**{name: format_number(t, n) for name, n in numbers.items()})
