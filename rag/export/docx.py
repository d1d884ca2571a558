"""Writes a brief as a Word document with python-docx.

Word lays out text by what the file says of each paragraph (`w:bidi`) and run (`w:rtl`), not by
the letters alone. So a paragraph runs right to left when its first letter does, and its words
are cut into runs of one direction each.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from datetime import datetime, time

import docx
import segno
from docx.document import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_TAB_ALIGNMENT
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.shared import Cm, Length, Pt, RGBColor
from docx.styles.style import ParagraphStyle
from docx.text.paragraph import Paragraph
from docx.text.run import Run as DocxRun

from rag.export.brief import PRODUCT, Brief, Fact, Line, Part, Run, Source, Table, right_to_left

INK, SOFT, BLUE = (RGBColor.from_string(colour) for colour in ("1B1F24", "57606A", "0B4A8A"))
ITEM_INDENT = Cm(0.63)
TEXT_WIDTH, TEXT_HEIGHT = Cm(16), Cm(24)
# On every Windows and macOS Word, and replaced by the like of them elsewhere.
FONT, ARABIC_FONT = "Calibri", "Arial"
# Name, size in points, colour, space before and after in points.
_STYLES = (
    ("Normal", 11, INK, 0, 7),
    ("Title", 22, INK, 0, 4),
    ("Heading 1", 15, BLUE, 22, 6),
    ("Heading 2", 12, BLUE, 16, 4),
    ("Heading 3", 11, INK, 8, 3),
    ("List Bullet", 11, INK, 0, 4),
    ("Quote", 11, INK, 4, 4),
    ("Facts", 9.5, SOFT, 0, 1),
    ("Producer", 10, BLUE, 0, 6),
)
_LINE_STYLES = {"bullet": "List Bullet", "heading": "Heading 3"}
# The children of w:pPr that may follow: their order is part of the format.
_AFTER_BIDI = ("w:spacing", "w:ind")
_AFTER_BORDER = ("w:tabs", "w:bidi", *_AFTER_BIDI)
_RTL_LETTER = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff"
_LTR_LETTER = rf"[^\W\d_{_RTL_LETTER}]"
# From one letter of a direction to the last one before a letter of the other.
_RTL_WORDS = re.compile(rf"[{_RTL_LETTER}](?:[\W\d_]*[{_RTL_LETTER}])*")
_LTR_WORDS = re.compile(rf"{_LTR_LETTER}(?:[\W\d_]*{_LTR_LETTER})*")
_LTR_MARK, _RTL_MARK = "\u200e", "\u200f"


def to_docx(brief: Brief) -> bytes:
    """The brief as a .docx file; the same brief gives the same bytes."""
    document = docx.Document()
    _set_up(document, brief)
    writer = _Writer(document, brief)
    writer.title_block()
    writer.footer()
    for number, part in enumerate(brief.parts, 1):
        writer.part(part, number)
    dated, undated = io.BytesIO(), io.BytesIO()
    document.save(dated)
    # The time of writing in the archive would make each file differ.
    with zipfile.ZipFile(dated) as old, zipfile.ZipFile(undated, "w") as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo(name)
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 0
            new.writestr(entry, old.read(name))
    return undated.getvalue()


def _set_up(document: Document, brief: Brief) -> None:
    section, styles = document.sections[0], document.styles
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.5)
    section.top_margin = section.bottom_margin = Cm(2.2)
    for name in ("Facts", "Producer"):
        styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        styles[name].base_style = styles["Normal"]
    for name, size, colour, before, after in _STYLES:
        style = styles[name]
        assert isinstance(style, ParagraphStyle)
        _set_font(style, size, colour)
        space = style.paragraph_format
        space.space_before, space.space_after = Pt(before), Pt(after)
        space.widow_control = True
    quote = styles["Quote"].font
    quote.italic = quote.cs_italic = False
    for name in ("Title", "Producer"):
        styles[name].font.bold = styles[name].font.cs_bold = True
    styles["Quote"].paragraph_format.left_indent = Cm(0.8)
    styles["Title"].element.get_or_add_pPr().remove_all("w:pBdr")
    # For whoever checks the spelling or reads the text aloud.
    for language in styles.element.iter(qn("w:lang")):
        language.set(qn("w:val"), brief.language)
        language.set(qn("w:bidi"), brief.language)
    about = document.core_properties
    about.title, about.author, about.comments = brief.title[:255], PRODUCT, ""
    about.language = brief.language
    about.created = about.modified = datetime.combine(brief.day, time())


def _set_font(style: ParagraphStyle, size: float, colour: RGBColor) -> None:
    style.font.size, style.font.color.rgb = Pt(size), colour
    properties = style.element.get_or_add_rPr()
    fonts = properties.get_or_add_rFonts()
    # A theme's font would win over a named one.
    fonts.attrib.clear()
    for script in ("ascii", "hAnsi", "eastAsia"):
        fonts.set(qn(f"w:{script}"), FONT)
    fonts.set(qn("w:cs"), ARABIC_FONT)
    # Arabic and Hebrew have a size of their own.
    properties.remove_all("w:szCs")
    properties.find(qn("w:sz")).addnext(_element("w:szCs", val=round(size * 2)))


class _Writer:
    """Places the parts of a brief in a document."""

    def __init__(self, document: Document, brief: Brief) -> None:
        self._document = document
        self._brief = brief
        self._labels, self._colon = brief.labels, brief.labels["colon"]
        self._style_ids = {style.name: style.style_id for style in document.styles}

    def title_block(self) -> None:
        """The title, who made it and when, and what it rests on."""
        brief = self._brief
        self._paragraph("Producer", PRODUCT, rtl=brief.rtl)
        self._paragraph("Title", brief.title)
        when = self._paragraph("Facts", brief.when, rtl=brief.rtl)
        when.paragraph_format.space_after = Pt(6)
        _add_border(when, "bottom")
        self._facts(brief.summary)

    def footer(self) -> None:
        """The product, the date and the number of the page, on every page."""
        footer = self._document.sections[0].footer.paragraphs[0]
        footer.style = self._document.styles["Facts"]
        stops = footer.paragraph_format.tab_stops
        # The style's own stops, of another width of page, would catch the tab.
        for stop in list(self._document.styles["Footer"].paragraph_format.tab_stops):
            stops.add_tab_stop(stop.position, WD_TAB_ALIGNMENT.CLEAR)
        stops.add_tab_stop(TEXT_WIDTH, WD_TAB_ALIGNMENT.RIGHT)
        if self._brief.rtl:
            _make_right_to_left(footer)
        # The mark keeps the name from turning the date beside it.
        mark = _RTL_MARK if self._brief.rtl else ""
        _add_words(footer, f"{PRODUCT}{mark} · {self._brief.when}\t")
        footer._p.append(_element("w:fldSimple", instr="PAGE"))
        _add_words(footer, " / ")
        footer._p.append(_element("w:fldSimple", instr="NUMPAGES"))

    def part(self, part: Part, number: int) -> None:
        """One question with all that belongs to it."""
        if part.question:
            self._paragraph("Heading 1", part.question)
        for fact in self._facts(part.scope)[-1:]:
            fact.paragraph_format.space_after = Pt(8)
        for line in part.lines:
            self._line(line, number, part.language)
        if part.picture:
            self._picture(part.picture)
        if part.table:
            if part.table.heading:
                self._heading(part.table.heading)
            self._table(part.table, number)
        for heading, sources in part.source_lists:
            self._heading(heading).paragraph_format.page_break_before = self._brief.has_annex
            for source in sources:
                self._source(source, number)
        if part.left_out:
            self._heading(self._labels["left_out"])
        for line, reason in part.left_out:
            struck = self._line(line, number, part.language, struck=True)
            struck.paragraph_format.keep_with_next = True
            why = self._fact(self._labels["reason"], reason)
            why.paragraph_format.left_indent, why.paragraph_format.space_after = ITEM_INDENT, Pt(6)
        if part.facts:
            self._heading(self._labels["about"])
        self._facts(part.facts)

    def _paragraph(self, style: str, words: str = "", *, rtl: bool | None = None) -> Paragraph:
        paragraph = self._document.add_paragraph()
        # The library would look through all styles for each paragraph.
        paragraph._p.style = self._style_ids[style]
        if right_to_left(words) if rtl is None else rtl:
            _make_right_to_left(paragraph)
        _add_words(paragraph, words)
        return paragraph

    def _heading(self, words: str) -> Paragraph:
        return self._paragraph("Heading 2", words, rtl=self._brief.rtl)

    def _line(self, line: Line, number: int, language: str, *, struck: bool = False) -> Paragraph:
        style = _LINE_STYLES.get(line.kind, "Normal")
        paragraph = self._paragraph(style, rtl=right_to_left(line.text))
        if line.number:
            paragraph.paragraph_format.left_indent = ITEM_INDENT
            paragraph.paragraph_format.first_line_indent = -ITEM_INDENT
            _add_words(paragraph, f"{line.number}.\t")
        self._runs(paragraph, line, number, language, struck=struck)
        return paragraph

    def _runs(
        self, paragraph: Paragraph, line: Line, number: int, language: str, *, struck: bool = False
    ) -> None:
        for run in line.runs:
            if run.note:
                link = _element("w:hyperlink", anchor=_anchor(number, run.note))
                mark = _add_link(paragraph, f"[{run.note}]", link)
                mark.font.superscript = True
            else:
                bold = run.bold or None
                _add_words(paragraph, run.text, bold=bold, language=language, struck=struck)

    def _table(self, table: Table, part: int) -> None:
        width = TEXT_WIDTH // sum(table.widths)
        made = self._document.add_table(0, len(table.head), "Table Grid")
        made.autofit = False
        if self._brief.rtl:
            made._tblPr.append(_element("w:bidiVisual"))
        for column, share in zip(made.columns, table.widths, strict=True):
            column.width = width * share
        heads = tuple(Line("paragraph", (Run(text, bold=True),)) for text in table.head)
        for number, lines in enumerate((heads, *table.rows)):
            row = made.add_row()
            for cell, line, share in zip(row.cells, lines, table.widths, strict=True):
                cell.width = width * share
                paragraph = cell.paragraphs[0]
                paragraph._p.style = self._style_ids["Facts"]
                if right_to_left(line.text):
                    _make_right_to_left(paragraph)
                self._runs(paragraph, line, part, "")
            if not number:
                row._tr.get_or_add_trPr().append(_element("w:tblHeader"))

    def _picture(self, data: bytes) -> None:
        picture = self._paragraph("Normal").add_run().add_picture(io.BytesIO(data))
        scale = min(TEXT_WIDTH / picture.width, TEXT_HEIGHT / picture.height)
        picture.width = Length(picture.width * scale)
        picture.height = Length(picture.height * scale)

    def _source(self, source: Source, number: int) -> None:
        head = self._paragraph("Normal", rtl=self._brief.rtl)
        head.paragraph_format.keep_with_next = True
        head.paragraph_format.space_before = Pt(10)
        if source.n:
            mark = number * 10_000 + source.n
            name = _anchor(number, source.n)
            head._p.append(_element("w:bookmarkStart", id=mark, name=name))
            _add_words(head, f"[{source.n}] ", bold=True)
            head._p.append(_element("w:bookmarkEnd", id=mark))
        _add_words(head, source.who, bold=True, apart=True)
        kind = f" ({source.kind})" if source.kind else ""
        _add_words(head, f"{kind}{self._colon} ")
        _add_words(head, source.title, language=source.language, apart=True)
        rows = []
        for quote in source.quotes:
            for line in quote.lines:
                paragraph = self._paragraph("Quote", rtl=right_to_left(line))
                paragraph.paragraph_format.keep_with_next = True
                _add_border(paragraph, "right" if right_to_left(line) else "left")
                _add_words(paragraph, line, language=source.language)
            if quote.status:
                rows.append(self._fact(self._labels["status"], quote.status))
        rows += [self._fact(label, value) for label, value in source.facts]
        if source.link:
            rows.append(self._fact(self._labels["link"], ""))
            external = RELATIONSHIP_TYPE.HYPERLINK
            target = head.part.relate_to(source.link, external, is_external=True)
            link = OxmlElement("w:hyperlink")
            link.set(qn("r:id"), target)
            _add_link(rows[-1], source.link, link).font.underline = True
        if source.qr:
            image = io.BytesIO()
            segno.make(source.link, error="m").save(image, kind="png", scale=4, border=2)
            rows.append(self._paragraph("Facts", rtl=self._brief.rtl))
            rows[-1].add_run().add_picture(image, width=Cm(1.9))
        _keep_together(rows)

    def _facts(self, facts: Sequence[Fact]) -> list[Paragraph]:
        rows = [self._fact(label, value) for label, value in facts]
        _keep_together(rows)
        return rows

    def _fact(self, label: str, value: str) -> Paragraph:
        paragraph = self._paragraph("Facts", rtl=self._brief.rtl)
        _add_words(paragraph, f"{label}{self._colon} ", bold=True)
        _add_words(paragraph, value, apart=True)
        return paragraph


def _anchor(number: int, n: int) -> str:
    return f"source_{number}_{n}"


def _element(tag: str, **attributes: str | int) -> BaseOxmlElement:
    element = OxmlElement(tag)
    for name, value in attributes.items():
        element.set(qn(f"w:{name}"), str(value))
    return element


def _keep_together(rows: Sequence[Paragraph]) -> None:
    for row in rows[:-1]:
        row.paragraph_format.keep_with_next = True


def _make_right_to_left(paragraph: Paragraph) -> None:
    properties = paragraph._p.get_or_add_pPr()
    properties.insert_element_before(_element("w:bidi"), *_AFTER_BIDI)


def _add_border(paragraph: Paragraph, side: str) -> None:
    border = OxmlElement("w:pBdr")
    border.append(_element(f"w:{side}", val="single", sz=12, space=8, color=str(BLUE)))
    paragraph._p.get_or_add_pPr().insert_element_before(border, *_AFTER_BORDER)


def _add_link(paragraph: Paragraph, words: str, link: BaseOxmlElement) -> DocxRun:
    run = paragraph.add_run(words)
    run.font.color.rgb = BLUE
    paragraph._p.append(link)
    link.append(run._r)
    return run


def _add_words(
    paragraph: Paragraph,
    words: str,
    *,
    bold: bool | None = None,
    language: str = "",
    struck: bool = False,
    apart: bool = False,
) -> None:
    """Add text to a paragraph, in runs of one direction each.

    What is `apart` runs as its first letter does, and keeps its full stop on its own end.
    """
    properties = paragraph._p.pPr
    rtl = properties is not None and properties.find(qn("w:bidi")) is not None
    if apart and words and right_to_left(words) != rtl:
        mark = _LTR_MARK if rtl else _RTL_MARK
        rtl, words = not rtl, f"{mark}{words}{mark}"
    for piece, turned in _directions(words, rtl):
        run = paragraph.add_run(piece)
        run.font.bold = run.font.cs_bold = bold
        run.font.strike = struck or None
        if turned:
            run.font.rtl = True
        if language:
            tag = _element("w:lang", **{"bidi" if turned else "val": language})
            run._r.get_or_add_rPr().append(tag)


def _directions(words: str, rtl: bool) -> list[tuple[str, bool]]:
    """A text cut into (piece, runs right to left); joined, the pieces are the text.

    What lies between words of the paragraph's other direction goes with them, all else with
    the paragraph.
    """
    pieces: list[tuple[str, bool]] = []
    at = 0
    for match in (_LTR_WORDS if rtl else _RTL_WORDS).finditer(words):
        pieces += [(words[at : match.start()], rtl), (match[0], not rtl)]
        at = match.end()
    return [piece for piece in [*pieces, (words[at:], rtl)] if piece[0]]
