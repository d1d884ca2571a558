"""The brief builder: what a visitor has pinned becomes a file; its quotes are looked up again."""

import logging
import re
from dataclasses import replace
from datetime import date
from typing import Any, Literal

import segno
from pydantic import BaseModel, Field, ValidationError

from rag.engine import Engine
from rag.errors import AskLabsError, InputError, UnknownReport
from rag.export.answer_json import answer_from_dict, answer_to_dict
from rag.export.brief import Brief, Part, Table, cells, make_brief, table_of
from rag.export.formats import BRIEFS, FORMATS, file_name
from rag.export.lines import one_line
from rag.i18n.labels import author_label, format_label, join_parts, value_label
from rag.i18n.translations import Translations, language_code, marked
from rag.text.citation_marks import defuse, keep_known
from rag.types import Answer, Citation, Coverage, Passage, Status, Struck
from ui.server import log
from ui.web.answer import MARK, find_quote, key_points
from ui.web.handlers import Visit, saved

LONGEST, MOST_PINS = 20_000, 300
FEW = 5  # rows of a table that the first page shows
DAMAGED = marked("This file is no brief of this page, or it was damaged.")


class _Pin(BaseModel):
    """A heading or a note of the visitor's own, quotes of a passage, an answer, or counts."""

    kind: Literal["heading", "note", "quote", "answer", "table"]
    text: str = Field("", max_length=LONGEST)
    report: str = Field("", max_length=500)
    passage: str = Field("", max_length=500)
    quotes: list[str] = Field([], max_length=50)
    rows: list[tuple[str, str]] = Field([], max_length=2000)
    answer: dict[str, Any] | None = None


class _Pinned(BaseModel):
    """A whole brief as a browser keeps it."""

    format: Literal[1]
    title: str = Field(max_length=500)
    author: str = Field(max_length=500)
    address: str = Field("", max_length=500)
    items: list[_Pin] = Field(max_length=MOST_PINS)


def pinned_answer(v: Visit) -> dict[str, Any]:
    """The answer of a turn as a browser keeps it; what it doesn't cite stays behind."""
    if not (v.exchange and v.exchange.answer):
        return {}
    answer = v.exchange.answer
    if answer.is_list:
        # The lines of a list name its reports.
        answer = replace(answer, text=keep_known(answer.text, 0), citations=())
    kept = answer_to_dict(replace(answer, hits=()))
    return {"kind": "answer", "text": answer.question, "answer": kept}


def download(v: Visit) -> dict[str, str]:
    """The brief as a file for the browser to save, or the error in a sentence."""
    t, ending = v.t, str(v.sent.get("ending"))
    try:
        pinned = _Pinned.model_validate(v.sent.get("brief"))
        if ending not in BRIEFS:
            raise InputError(f"There is no brief of the kind {ending!r}.")
        brief, lost = make(v.engine, pinned, t)
        data = BRIEFS[ending](brief)
    except ValidationError:
        return {"error": t.gettext(DAMAGED)}
    except AskLabsError as error:
        log.event("brief", "error", logging.ERROR, format=ending, error=error)
        return {"error": str(error)}
    log.event("brief", "done", format=ending, items=len(pinned.items), lost=lost)
    warning = t.ngettext(
        "{n} quote no longer stands in its report and was left out.",
        "{n} quotes no longer stand in their reports and were left out.",
        lost,
    )
    file = saved(file_name(brief.title, ending), data, FORMATS[ending].media)
    return file | {"warning": warning.format(n=lost) if lost else ""}


def make(engine: Engine, pinned: _Pinned, t: Translations) -> tuple[Brief, int]:
    """The brief of what is pinned, and how many quotes are lost; an InputError for no pin."""
    if not pinned.items:
        raise InputError(t.gettext("Nothing is pinned yet."))
    writer = _Writer(engine, t)
    for pin in pinned.items:
        writer.add(pin)
    title = one_line(pinned.title) or t.gettext("Brief")
    url = engine.settings.report_url
    if not url and re.fullmatch(r"https?://[^\s{}]+", pinned.address):
        url = pinned.address + "?report={report}"
    brief = make_brief([writer.answer(title)], title, date.today(), url)
    lists = tuple(
        (
            t.gettext("Annex: the quotes and where they stand"),
            tuple(replace(source, qr=_qr(source.link)) for source in sources),
        )
        for _, sources in brief.parts[0].source_lists
    )
    part = replace(brief.parts[0], question="", scope=(), source_lists=lists)
    author = one_line(pinned.author)
    when = f"{author} · {brief.when}" if author else brief.when
    parts = (part, *writer.tables)
    return replace(brief, when=when, parts=parts, has_annex=True), writer.lost


def _qr(link: str) -> str:
    """A link as a QR code in SVG; "" without a link."""
    if not link:
        return ""
    return str(
        segno.make(link, error="m").svg_inline(scale=2, border=2, svgclass="qr", lineclass="")
    )


def standing(engine: Engine, report: str, passage: str, quote: str) -> Passage | None:
    """The passage of a report that has a quote, by preference the one it was taken from."""
    try:
        passages = engine.passages_of(report) if quote.strip() else ()
    except UnknownReport:
        return None
    having = [p for p in passages if find_quote(p.text, quote)]
    return next((p for p in having if p.id == passage), having[0] if having else None)


class _Writer:
    """Writes what is pinned as the text and the citations of one answer."""

    def __init__(self, engine: Engine, t: Translations) -> None:
        self.engine, self.t, self.lost = engine, t, 0
        self.lines: list[str] = []
        self.citations: list[Citation] = []
        self.doubted: list[Struck] = []
        self.tables: list[Part] = []  # of the annex
        self.modes: dict[str, None] = {}

    def add(self, pin: _Pin) -> None:
        """Write one pin."""
        words = defuse(pin.text).strip()
        if pin.kind == "heading" and words:
            self.lines.append(f"### {one_line(words)}")
        elif pin.kind == "note":
            self.lines += words.splitlines()
        elif pin.kind == "table":
            head = one_line(words), self.t.gettext("Reports")
            self._table(one_line(words), "", Table("", head, cells(pin.rows), (5, 1)))
        elif pin.kind == "quote":
            self._quotes(pin)
        elif pin.answer is not None:
            self._answer(answer_from_dict(pin.answer))

    def _quotes(self, pin: _Pin) -> None:
        said, info, text = [], None, " ".join(self.lines)
        for quote in pin.quotes:
            if one_line(quote).rstrip(".") in text:
                continue  # an answer above has it
            if mark := self._mark(pin.report, pin.passage, quote):
                info = self.citations[-1].passage.report
                said.append(f"{defuse(' '.join(quote.split()))} {mark}")
        if info:
            kind = value_label("kind", info.kind, self.t)
            when = join_parts(self.t, ", ", [str(info.year or "?"), kind])
            who = f"{author_label(info, self.t)} ({when})"
            self.lines.append(f"- {format_label(self.t, who, ' '.join(said))}")

    def _answer(self, answer: Answer) -> None:
        self.modes[answer.mode] = None
        marks: dict[int, str] = {}
        for c in answer.citations:
            mark = self._mark(c.passage.report.id, c.passage.id, c.quote, c.status)
            marks[c.n] = mark or marks.get(c.n, "")
        text = key_points(answer.text, answer.language) or answer.text
        text = MARK.sub(lambda m: f" {marks[int(m[1])]}" if marks.get(int(m[1])) else "", text)
        heading = one_line(defuse(answer.question))
        marked_anew = replace(answer, text=text, citations=tuple(self.citations))
        table = table_of(marked_anew, self.engine.catalog.reports, self.t)
        if table and not (answer.is_list and len(table.rows) <= FEW):
            self._table(heading, text.partition("\n")[0].rstrip(" :"), table)
        else:
            self.lines += [f"### {heading}", *text.splitlines()]
            plain = keep_known(text, 0)
            self.doubted += (one for one in answer.doubted if one.text in plain)

    def _table(self, heading: str, lead: str, table: Table) -> None:
        """What a table says first, and the first of its counts; the whole of it in the annex."""
        few = table.rows[:FEW] if len(table.head) == 2 else ()
        counts = [format_label(self.t, *(cell.text for cell in row)) for row in few]
        said = [part for part in (lead, join_parts(self.t, "; ", counts)) if part]
        if len(few) < len(table.rows):
            said.append(self.t.gettext("The whole table is in the annex."))
            language = language_code(self.t)
            self.tables.append(Part(heading, language, table=replace(table, heading="")))
        self.lines += [f"### {heading}", defuse(". ".join(said))]

    def _mark(self, report: str, passage: str, quote: str, status: Status = "supported") -> str:
        found = standing(self.engine, report, passage, quote)
        if found is None:
            self.lost += 1
            return ""
        numbers = {citation.passage.id: citation.n for citation in self.citations}
        n = numbers.get(found.id, len(numbers) + 1)
        self.citations.append(Citation(n, found, quote, status))
        return f"[{n}]"

    def answer(self, title: str) -> Answer:
        """All of it as one answer."""
        infos = {c.passage.report.id: c.passage.report for c in self.citations}
        labs = tuple(dict.fromkeys(info.lab for info in infos.values()))
        written = [mode for mode in self.modes if mode not in ("extractive", "catalogue")]
        return Answer(
            question=title,
            standalone=title,
            text="\n".join(self.lines),
            refused=False,
            citations=tuple(self.citations),
            hits=(),
            coverage=Coverage("answer", tuple(infos), labs, len(infos), 1, len(infos)),
            mode=", ".join(written) or "extractive",
            language=language_code(self.t),
            index=self.engine.revision,
            doubted=tuple(self.doubted),
        )
