"""The Survey view: a verdict on every report in scope, its counts, and the table of all rows.

What is shown stands in the address after "#/survey?": the topic, near words taken out, and how the
table is sorted, filtered and grouped. Links of the page lead from one such address to another, so
that steps back and forward go through them; survey.js tells the server where the visitor is.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from markupsafe import Markup

from eval.figures import proportion
from rag.catalog.tag_fields import Filters
from rag.engine import Engine
from rag.errors import AskLabsError, InputError
from rag.i18n.labels import AUTHOR_LABELS, format_count, kind_label, lab_label, value_label
from rag.i18n.notices import survey_sentence
from rag.i18n.translations import Translations, format_number, format_percent, marked
from rag.survey.stream import SurveyStream
from rag.survey.types import Survey, SurveyRow
from rag.text.tokenize import strip_accents
from ui.rendering import render
from ui.server import log
from ui.web.address import COLUMNS, GROUPS, SHOWN, Address
from ui.web.answer import tag_key
from ui.web.handlers import BROKEN, Exchange

_log = logging.getLogger(__name__)
ROWS = 100  # rows that are drawn at first, and more each time
EARLY = 10  # rows that are drawn while the survey is made
CHECKED = 10  # silent rows that are drawn at random
NEAREST = 3  # rows that are shown where no report speaks of the topic
SUREST = 0.99  # the highest chance that is stated
REDRAW = 0.25  # seconds between two drawings of the progress
STAGES = {
    "reading": marked("Reading the reports"),
    "judging": marked("Looking closer at the doubtful ones"),
    "quoting": marked("Finding the best sentences"),
}
VERDICTS = {
    "about": marked("Is about it"),
    "mentions": marked("Mentions it"),
    "silent": marked("Silent"),
}
Key = tuple[str, str, tuple[str, ...], Filters]


class Run:
    """A visitor's survey, made in a thread of its own; `key` is what it rests on."""

    def __init__(self, key: Key, start: Callable[..., SurveyStream]) -> None:
        """`start` opens the stream, given what is told of its `progress`."""
        self.key, self.address = key, Address()
        self.progress = ("reading", 0, 0)  # a stage, how much of it is done, and how much there is
        self.rows: list[SurveyRow] = []
        self.survey: Survey | None = None
        self.error: Exception | None = None
        self.left = False  # the visitor has gone on to another survey
        self.over = threading.Event()
        self._is_stopped = False
        self._stream: SurveyStream | None = None
        threading.Thread(target=self._read, args=(start,), daemon=True).start()

    def _read(self, start: Callable[..., SurveyStream]) -> None:
        begun = time.monotonic()
        try:
            stream = self._stream = start(progress=self._progressed)
            if self._is_stopped:
                stream.stop()
            for row in stream:
                self.rows.append(row)
            self.survey = stream.survey
            log.event("survey", "done", seconds=time.monotonic() - begun, rows=len(self.rows))
        except AskLabsError as error:
            self.error = error
        except Exception as error:  # said on the page
            self.error = error
            log.event("survey", "error", logging.ERROR, error=error)
        self.over.set()

    def _progressed(self, *progress: Any) -> None:
        self.progress = progress

    def stop(self) -> None:
        """Stop, and keep the rows that are there."""
        self._is_stopped = True
        if self._stream and not self.over.is_set():
            self._stream.stop()

    def leave(self) -> None:
        """Stop, and draw no more of it."""
        self.left = True
        self.stop()

    def quotes(self, sent: Mapping[str, Any]) -> dict[str, Sequence[str]]:
        """The quotes of the row that a browser opens, by their passages; its `turn` is -1."""
        rows = self.survey.rows if self.survey and sent.get("turn") == -1 else self.rows
        for row in rows if sent.get("turn") == -1 else ():
            if row.report.id == sent.get("report") and row.passage and row.quote:
                return {row.passage.id: [row.quote]}
        return {}

    def sample(self, seed: int) -> list[SurveyRow]:
        """Silent rows drawn at random, each with what comes nearest."""
        return self._stream.silent_sample(CHECKED, seed) if self._stream else []

    def nearest(self) -> list[SurveyRow]:
        """The likeliest rows where no report speaks of the topic."""
        return self._stream.nearest(NEAREST) if self._stream else []


def show(
    engine: Engine, run: Run | None, query: object, filters: Filters, t: Translations
) -> Iterator[tuple[Markup, Run | None]]:
    """What the view shows at an address of the browser, step by step while a survey is made."""
    address = Address.read(query)
    key = (engine.revision, address.topic, address.without, filters)
    if run and run.key == key and not run.error:
        run.address = address
        if run.over.is_set():
            yield render_survey(run, t), run
        return  # Else the event that began it draws it.
    if run:
        run.leave()
    if not address.topic:
        yield render("survey.html", t, **_EMPTY), None
        return
    start = partial(engine.survey, address.topic, filters=filters, without=address.without)
    run = Run(key, start)
    run.address = address
    try:
        yield render_progress(run, t), run
        while not run.over.wait(REDRAW):
            yield render_progress(run, t), run
    except GeneratorExit:
        run.leave()
        raise
    if not run.left:
        yield render_survey(run, t), run


_EMPTY: dict[str, Any] = {"error": "", "running": None, "survey": None}


def render_progress(run: Run, t: Translations) -> Markup:
    """How far a survey is, with its first rows."""
    stage, done, of = run.progress
    running = {"words": t.gettext(STAGES.get(stage, STAGES["reading"])), "done": done, "of": of}
    rows = [_row(row, t) for row in run.rows[:EARLY]]
    return render(
        "survey.html",
        t,
        **_EMPTY | {"running": running, "topic": run.address.topic},
        groups=[("", rows)],
    )


def render_survey(run: Run, t: Translations) -> Markup:
    """A survey that is over: its counts, and its table or ten silent rows to check."""
    address, survey = run.address, run.survey
    if survey is None:
        known = isinstance(run.error, AskLabsError)
        error = t.gettext(str(run.error) if known else BROKEN)
        return render("survey.html", t, **_EMPTY | {"error": error})
    rows = _chosen(survey, address, t)
    check = _check(run, survey, address, t) if address.check else None
    shown = rows[: ROWS * address.rows]
    if not survey.found and address.show == "found" and not check:
        shown = [_row(row, t) for row in run.nearest()]
    by_group = groupby(shown, key=lambda row: row[address.group] if address.group else "")
    sizes: dict[str, int] = {}
    for row in rows:
        name = row[address.group] if address.group else ""
        sizes[name] = sizes.get(name, 0) + 1
    scope = [
        value_label(name, value, t)
        for name, values in survey.filters.as_dict().items()
        for value in values
    ]
    counts = {
        "found": len(survey.found),
        **{name: survey.count(name) for name in VERDICTS},  # type: ignore[arg-type]
        "all": len(survey.rows),
    }
    heads = [
        (name, t.gettext(words), address.link(sort=_turned(name, address.sort), rows=1))
        for name, words in COLUMNS.items()
    ]
    return render(
        "survey.html",
        t,
        **_EMPTY | {"survey": survey},
        topic=survey.topic,
        address=address,
        sentence=survey_sentence(survey, t),
        scope=scope,
        counts=[(name, t.gettext(words), counts[name]) for name, words in SHOWN.items()],
        heads=heads,
        groups=[
            (_group_head(name, sizes.get(name, 0), t), list(group)) for name, group in by_group
        ],
        columns={name: t.gettext(COLUMNS[name]) for name in GROUPS},
        all_rows=len(rows),
        check=check,
    )


def _turned(column: str, sort: str) -> str:
    """The order that a click on a column's head asks for: up, down, the likeliest first."""
    return {column: f"-{column}", f"-{column}": ""}.get(sort, column)


def _group_head(name: str, size: int, t: Translations) -> str:
    return f"{name} · {format_count(size, 'report', t)}" if name else ""


def _row(row: SurveyRow, t: Translations) -> dict[str, Any]:
    """What the table says of a report."""
    info = row.report
    kind = kind_label(info, t)
    if info.author != "lab":
        kind = f"{kind} · {t.gettext(AUTHOR_LABELS[info.author])}"
    return {
        "info": info,
        "country": lab_label(info, t),
        "year": str(info.year or ""),
        "kind": kind,
        "title": info.title or info.id,
        "verdict": t.gettext(VERDICTS[row.verdict]),
        "is": row.verdict,
        "score": format_percent(t, min(row.score, SUREST)),
        "quote": row.quote,
        "passage": row.passage,
    }


def _chosen(survey: Survey, address: Address, t: Translations) -> list[dict[str, Any]]:
    """The rows that the address asks for, in its order and groups; empty values come last."""
    verdicts = {"found": ("about", "mentions"), "all": tuple(VERDICTS)}
    wanted = verdicts.get(address.show, (address.show,))
    rows = [_row(row, t) for row in survey.rows if row.verdict in wanted]
    words = _fold(address.find).split()
    if words:
        names = ("country", "year", "kind", "title", "quote")
        texts = (_fold(" ".join(row[name] for name in names)) for row in rows)
        rows = [row for row, text in zip(rows, texts, strict=True) if all(w in text for w in words)]
    for name in (address.sort, address.group):
        column, down = name.lstrip("-"), name.startswith("-") or name == "year" == address.group
        order = list(VERDICTS)
        if column == "verdict":
            rows.sort(key=lambda row: order.index(row["is"]), reverse=down)
        elif column:
            rows.sort(key=lambda row: _fold(row[column]), reverse=down)
            rows.sort(key=lambda row: not row[column])
    return rows


def _fold(text: str) -> str:
    return strip_accents(text).casefold()


def _check(run: Run, survey: Survey, address: Address, t: Translations) -> dict[str, Any]:
    """Ten silent rows, which of them the visitor ticked, and what that says of all."""
    rows = run.sample(int(address.check))
    ids = [row.report.id for row in rows]
    hits = sum(report in address.ticked for report in ids)
    sentence = ""
    if rows and (hits or "0" in address.ticked):
        share, silent = proportion(hits, len(rows)), survey.count("silent")
        low, high = (format_number(t, round(silent * x)) for x in (share.low, share.high))
        sentence = t.gettext(
            "Of {n} silent reports that you checked, {hits} speak of it: so between {low} and "
            "{high} of all {silent} may."
        ).format(
            n=format_number(t, len(rows)),
            hits=format_number(t, hits),
            low=low,
            high=high,
            silent=format_number(t, silent),
        )
    return {"rows": [_row(row, t) for row in rows], "sentence": sentence, "hits": hits}


def count_in_text(engine: Engine, exchange: Exchange, t: Translations) -> str:
    """How many reports speak of the tag that an answer lists, as JSON for the browser.

    The words are "" unless they are clearly more than have the tag.
    """
    answer, words = exchange.answer, ""
    key = tag_key(answer) if answer else ""
    if not answer or not key:
        return "{}"
    tagged = answer.coverage.count
    try:
        survey = engine.survey(answer.standalone, filters=exchange.filters, judged=False).survey
        if survey.interval[0] > tagged:
            words = t.gettext("Tagged: {tagged}. Speaking of it in their text: about {n}.").format(
                tagged=format_number(t, tagged), n=format_number(t, len(survey.found))
            )
    except InputError as error:
        _log.info("Not counted in texts: %s", error)
    return json.dumps({"key": key, "words": words}, ensure_ascii=False).replace("<", "\\u003c")
