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
from rag.export.brief import Brief, Part, Table, cells, make_brief
from rag.export.formats import BRIEFS
from rag.export.lines import Line, Run, bare, one_line, quoted
from rag.i18n.labels import format_label, join_parts, report_label
from rag.i18n.translations import Translations, language_code, marked
from rag.text.citation_marks import defuse, drop_marks, keep_known, marks
from rag.types import Answer, Citation, Coverage, Hit, Passage
from ui.server import log
from ui.web.answer import find_quote, key_points
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
    if not (answer := v.answer):
        return {}
    if answer.is_list:
        # The lines of a list name its reports.
        answer = replace(answer, text=keep_known(answer.text, 0), citations=())
    kept = answer_to_dict(replace(answer, hits=()))
    return {"kind": "answer", "text": answer.question, "answer": kept}


def download(v: Visit) -> dict[str, str]:
    """The brief as a file for the browser to save, or the error in a sentence."""
    t, ending = v.t, v.text("ending")
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
    file = saved(brief.title, ending, data)
    return file | {"warning": warning.format(n=lost) if lost else ""}


def make(engine: Engine, pinned: _Pinned, t: Translations) -> tuple[Brief, int]:
    """The brief of what is pinned, and how many quotes are lost; an InputError for no pin."""
    if not pinned.items:
        raise InputError(t.gettext("Nothing is pinned yet."))
    writer = _Writer(engine, t)
    for pin in pinned.items:
        writer.add(pin)
    writer.close(always=not writer.answers)
    title = one_line(pinned.title) or t.gettext("Brief")
    url = engine.settings.report_url
    if not url and re.fullmatch(r"https?://[!-z|~]+", pinned.address):
        url = pinned.address + "?report={report}"
    brief = make_brief(writer.answers, title, date.today(), url)
    annex = t.gettext("Annex: the quotes and where they stand")
    parts = []
    for part in map(writer.short, brief.parts):
        lists = tuple(
            (annex, tuple(replace(source, qr=_qr(source.link)) for source in sources))
            for _, sources in part.source_lists
        )
        parts.append(replace(part, scope=(), facts=(), source_lists=lists))
    parts[-1] = replace(parts[-1], facts=((t.gettext("Index"), engine.revision),))
    author = one_line(pinned.author)
    when = f"{author} · {brief.when}" if author else brief.when
    return replace(brief, when=when, parts=(*parts, *writer.tables), has_annex=True), writer.lost


def _qr(link: str) -> str:
    """A link as a QR code in SVG; "" without a link."""
    look: Any = {"scale": 2, "border": 2, "svgclass": "qr", "lineclass": ""}
    return str(segno.make(link, error="m").svg_inline(**look)) if link else ""


def standing(engine: Engine, report: str, passage: str, quote: str) -> Passage | None:
    """The passage of a report that has a quote, by preference the one it was taken from."""
    try:
        passages = engine.passages_of(report) if quote.strip() else ()
    except UnknownReport:
        return None
    having = [p for p in passages if find_quote(p.text, quote)]
    return next((p for p in having if p.id == passage), having[0] if having else None)


class _Writer:
    """Writes what is pinned as answers, also what stands before, between and after these."""

    def __init__(self, engine: Engine, t: Translations) -> None:
        self.engine, self.t, self.lost = engine, t, 0
        self.answers: list[Answer] = []
        self.heading = ""  # of what comes next
        self.lines: list[str] = []
        self.citations: list[Citation] = []
        self.tables: list[Part] = []  # of the annex

    def add(self, pin: _Pin) -> None:
        """Write one pin."""
        words = defuse(pin.text).strip()
        if pin.kind == "heading" and words:
            self.close()
            self.heading = one_line(words)
        elif pin.kind == "note":
            self.lines += words.splitlines()
        elif pin.kind == "table":
            head = one_line(words), self.t.gettext("Reports")
            table = Table("", head, cells(pin.rows), (5, 1))
            self.lines += [f"### {head[0]}", defuse(self._begun(head[0], "", table))]
        elif pin.kind == "quote":
            self._quotes(pin)
        elif pin.answer is not None:
            self.close()
            self._answer(answer_from_dict(pin.answer))

    def _quotes(self, pin: _Pin) -> None:
        said, info = [], None
        before = [pair for answer in self.answers for pair in quoted(answer)]
        before += [(citation, bare(citation.quote)) for citation in self.citations]
        told = [(citation.passage.id, words) for citation, words in before]
        for quote in pin.quotes:
            found = self._standing(pin.report, pin.passage, quote)
            if found and not any(found.id == own and bare(quote) in words for own, words in told):
                info = found.report
                self.citations.append(Citation(len(self.citations) + 1, found, quote))
                said.append(f"{defuse(' '.join(quote.split()))} [{len(self.citations)}]")
        if info:
            who = report_label(info, self.t)
            self.lines.append(f"- {format_label(self.t, who, ' '.join(said))}")

    def _answer(self, answer: Answer) -> None:
        text = key_points(answer.text, answer.language) or answer.text
        numbers = marks(text)
        gone = {id(c) for c, _ in quoted(answer)}
        gone -= {id(c) for c, _ in quoted(replace(answer, text=text))}
        cited = [c for c in answer.citations if c.n in numbers and id(c) not in gone]
        found = [(c, self._standing(c.passage.report.id, c.passage.id, c.quote)) for c in cited]
        kept = tuple(replace(c, passage=passage) for c, passage in found if passage)
        text = drop_marks(text, {c.n for c in cited} - {c.n for c in kept})
        plain = keep_known(text, 0)
        doubted = tuple(one for one in answer.doubted if one.text in plain)
        known = self.engine.catalog.reports if answer.is_list else {}
        infos = (known[name] for name in answer.coverage.reports if name in known)
        hits = tuple(Hit(Passage("", info, "", "", "", ()), 0) for info in infos)
        answer = replace(answer, text=text, citations=kept, doubted=doubted, hits=hits)
        self.answers.append(replace(answer, language=language_code(self.t)))

    def short(self, part: Part) -> Part:
        """A part that only begins a long table or a comparison; the whole of it is in the annex."""
        table = part.table
        if table is None or (len(table.rows) <= FEW and table.head[0]):
            return part
        lead, *others = part.lines
        said = Run(self._begun(part.question, lead.text.rstrip(" :\u00a0"), table))
        lines = (Line("paragraph", (said,)), *others)
        return replace(part, lines=lines, table=None, after=())

    def _begun(self, heading: str, lead: str, table: Table) -> str:
        """What a table says first, and the first of its counts; the whole of it in the annex."""
        few = table.rows[:FEW] if len(table.head) == 2 else ()
        counts = [format_label(self.t, *(cell.text for cell in row)) for row in few]
        said = [part for part in (lead, join_parts(self.t, "; ", counts)) if part]
        if len(few) < len(table.rows):
            said.append(self.t.gettext("The whole table is in the annex."))
            language = language_code(self.t)
            self.tables.append(Part(heading, language, table=replace(table, heading="")))
        return ". ".join(said)

    def _standing(self, report: str, passage: str, quote: str) -> Passage | None:
        found = standing(self.engine, report, passage, quote)
        self.lost += found is None
        return found

    def close(self, *, always: bool = False) -> None:
        """End what stands before, between or after answers."""
        if self.lines or self.heading or always:
            labs = tuple(citation.passage.report.lab for citation in self.citations)
            made = self.heading, self.heading, "\n".join(self.lines), False, tuple(self.citations)
            coverage, language = Coverage("answer", labs=labs), language_code(self.t)
            self.answers.append(Answer(*made, (), coverage, "extractive", language))
        self.heading, self.lines, self.citations = "", [], []
