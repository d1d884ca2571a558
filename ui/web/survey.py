"""The Survey view: a verdict on every report in scope, its counts, and the table of all rows.

What is shown stands in the address (`survey_view.Address`); survey.js tells where the visitor is.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import wait
from dataclasses import replace
from datetime import date
from functools import lru_cache, partial
from typing import Any

from markupsafe import Markup

from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import Filters
from rag.engine import Engine
from rag.errors import AskLabsError, InputError
from rag.export.survey_files import FORMATS, SurveyFile, export_survey
from rag.i18n.labels import format_count, reports_and_labs
from rag.i18n.translations import Translations, format_number
from rag.models.client import Stop
from rag.survey.columns import MOST as MOST_COLUMNS
from rag.survey.columns import with_columns
from rag.survey.evidence import gap_map
from rag.survey.judge import Estimate, SurveyJudge
from rag.survey.stream import SurveyStream
from rag.survey.types import Survey, SurveyRow
from rag.types import Hit
from ui.rendering import render
from ui.server import log
from ui.web.answer import survey_key
from ui.web.handlers import BROKEN, Exchange, Visit, in_background, saved
from ui.web.survey_view import Address, checked_words, chosen, grouped, shown_words, survey_values

_log = logging.getLogger(__name__)
EXAMPLES = 6  # frequent themes that are offered as topics
SHORTEST = 4  # characters of such a theme: "it" alone says little
EARLY = 10  # rows that are drawn while the survey is made
CHECKED = 10  # silent rows that are drawn at random
NEAREST = 3  # rows that are shown where no report speaks of the topic
REDRAW = 0.25  # seconds between two drawings of the progress
Key = tuple[str, str, tuple[str, ...], Filters]


class Run:
    """A visitor's survey, made in a thread of its own; `key` is what it rests on."""

    def __init__(self, key: Key, start: Callable[..., SurveyStream]) -> None:
        """`start` opens the stream, given what is told of its `progress`."""
        self.key, self.address = key, Address()
        self.progress = ("reading", 0, 0)  # a stage, how much of it is done, and how much there is
        self.survey: Survey | None = None
        self.left = False  # the visitor has gone on to another survey
        self.before: Run | None = None  # the survey that was looked at before, for a step back
        self.judge: SurveyJudge | None = None
        self.needed: Estimate | None = None  # what it takes to let it judge
        self.tried: set[str] = set()  # columns that are filled, or could not be
        self.stream: SurveyStream | None = None
        self._stop = Stop()
        self.job = in_background(partial(self._read, start), "survey")

    def begin(self, stage: str, work: Callable[[], None]) -> None:
        """Go on in a thread with what takes time and can be stopped."""
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
    run, engine, ending = v.surveyed, v.engine, v.sent.get("ending")
    if run is None or run.survey is None or not isinstance(ending, str) or ending not in FORMATS:
        return {}
    survey = run.survey
    gaps = gap_map(survey, engine.catalog)
    data = export_survey(SurveyFile(survey, gaps, date.today(), engine.settings.report_url), ending)
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
        drawn = render("survey.html", t, **_EMPTY | {"examples": examples})
        yield {"survey": drawn, "surveyed": None}
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
        values = _EMPTY | {"running": run, "address": run.address, "words": shown_words}
        values["groups"] = [("", run.rows[:EARLY])]
        yield {"survey": render("survey.html", t, **values), "surveyed": run}
        wait([run.job], REDRAW)


def _left(run: Run | None) -> Run | None:
    """A survey that the visitor leaves, if it is finished; any other is stopped."""
    if run and run.survey and run.survey.complete:
        run.before = None
        return run
    if run:
        run.leave()
    return None


_EMPTY: dict[str, Any] = {"error": "", "running": None, "survey": None, "examples": ()}


def render_survey(engine: Engine, run: Run, t: Translations) -> Markup:
    """A survey that is over: its counts, and its table or ten silent rows to check."""
    address, survey, stream = run.address, run.survey, run.stream
    values = dict(_EMPTY)
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
        **values | {"survey": survey},
        address=address,
        words=shown_words,
        sample=sample,
        checked=checked_words(sample, survey, address, t),
        can_add=len(address.columns) < MOST_COLUMNS,
        endings=list(FORMATS),
        model=engine.settings.answer_model.partition(":")[2],
        needed=run.needed,
    )


_counting = threading.Lock()


def count_in_text(v: Visit) -> str:
    """How many reports speak of what an answer is about, as JSON; no words if no more do."""
    answer, words = v.exchange.answer if v.exchange else None, ""
    key = survey_key(answer) if answer else ""
    if answer and v.exchange and key and _counting.acquire(blocking=False):
        try:
            engine, chosen, covered = v.engine, v.exchange.filters, answer.coverage.count
            found, labs, least = _count(engine, engine.revision, answer.standalone, chosen)
            if answer.is_list and least > covered:
                words = v.t.gettext("Tagged: {tagged}. Speaking of it in their text: about {n}.")
                numbers = {"tagged": covered, "n": found}
                words = words.format(**{x: format_number(v.t, n) for x, n in numbers.items()})
            # The answer itself shows more where the count is low: it would only puzzle.
            elif not answer.is_list and found > covered:
                words = v.t.ngettext(
                    "About {reports} of {labs} speaks of it.",
                    "About {reports} of {labs} speak of it.",
                    found,
                )
                words = words.format(**reports_and_labs(found, labs, v.t))
        except InputError as error:
            _log.info("Not counted in texts: %s", error)
        finally:
            _counting.release()
    return json.dumps({"key": key, "words": words}, ensure_ascii=False).replace("<", "\\u003c")


@lru_cache(256)
def _count(engine: Engine, _revision: str, question: str, filters: Filters) -> tuple[int, int, int]:
    """Reports of a revision that speak of a question, their labs, and at least how many."""
    survey = engine.survey(question, filters=filters, judged=False).survey
    return len(survey.found), len(survey.labs), survey.interval[0]
