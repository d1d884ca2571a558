"""Writes a brief as a Word document with python-docx; `docx_text` knows how text is set."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from copy import deepcopy
from datetime import datetime, time

import docx
from docx.document import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_TAB_ALIGNMENT
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.shared import Cm, Pt, RGBColor
from docx.styles.style import ParagraphStyle
from docx.text.paragraph import Paragraph
from docx.text.run import Run as DocxRun

from rag.export.brief import (
    PRODUCT,
    Brief,
    Fact,
    Line,
    Part,
    Quote,
    Run,
    Source,
    right_to_left,
)

INK = RGBColor(0x1B, 0x1F, 0x24)
SOFT = RGBColor(0x57, 0x60, 0x6A)
ITEM_INDENT = Cm(0.63)
TEXT_WIDTH = Cm(16)
# On every Windows and macOS Word, and replaced by the like of them elsewhere.
FONT, ARABIC_FONT = "Calibri", "Arial"


# Text in a Word document: its directions, languages, links, borders, fields.
#
# Word lays out text by what the file says of each paragraph (`w:bidi`) and run (`w:rtl`), not by
# the letters alone. So a paragraph runs right to left when its first letter does, and its words
# are cut into runs of one direction each.


BLUE = RGBColor(0x0B, 0x4A, 0x8A)
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


def to_docx(brief: Brief) -> bytes:
    """The brief as a .docx file; the same brief gives the same bytes."""
    document = docx.Document()
    _set_up(document, brief)
    writer = _Writer(document, brief)
    writer.title_block()
    for number, part in enumerate(brief.parts, 1):
        writer.part(part, number)
    buffer = io.BytesIO()
    document.save(buffer)
    return undated(buffer.getvalue())


def _set_up(document: Document, brief: Brief) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.5)
    section.top_margin = section.bottom_margin = Cm(2.2)
    for name in ("Facts", "Producer"):
        document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        document.styles[name].base_style = document.styles["Normal"]
    for name, size, colour, before, after in _STYLES:
        style = document.styles[name]
        assert isinstance(style, ParagraphStyle)
        _style(style, size, colour)
        space = style.paragraph_format
        space.space_before, space.space_after = Pt(before), Pt(after)
        space.widow_control = True
    quote = document.styles["Quote"].font
    quote.italic = quote.cs_italic = False
    for name in ("Title", "Producer"):
        font = document.styles[name].font
        font.bold = font.cs_bold = True
    document.styles["Quote"].paragraph_format.left_indent = Cm(0.8)
    document.styles["Title"].element.get_or_add_pPr().remove_all("w:pBdr")
    for name, *_ in _STYLES:
        _match_twin(document.styles[name])
    set_language(document.styles.element, brief.language)
    about = document.core_properties
    about.title, about.author, about.comments = brief.title[:255], PRODUCT, ""
    about.language = brief.language
    about.created = about.modified = datetime.combine(brief.day, time())


def _style(style: ParagraphStyle, size: float, colour: RGBColor) -> None:
    style.font.size, style.font.color.rgb = Pt(size), colour
    properties = style.element.get_or_add_rPr()
    fonts = properties.get_or_add_rFonts()
    # A theme's font would win over a named one.
    fonts.attrib.clear()
    for script, font in zip(
        ("ascii", "hAnsi", "eastAsia", "cs"), (FONT, FONT, FONT, ARABIC_FONT), strict=True
    ):
        fonts.set(qn(f"w:{script}"), font)
    # Arabic and Hebrew have a size of their own.
    properties.remove_all("w:szCs")
    complex_size = OxmlElement("w:szCs")
    complex_size.set(qn("w:val"), str(round(size * 2)))
    properties.find(qn("w:sz")).addnext(complex_size)


def _match_twin(style: ParagraphStyle) -> None:
    """Make the style of words that goes with a style of paragraphs look like it."""
    named = {one.get(qn("w:styleId")): one for one in style.element.getparent()}
    for link in style.element.findall(qn("w:link")):
        twin = named[link.get(qn("w:val"))]
        twin.remove_all("w:rPr")
        twin.append(deepcopy(style.element.rPr))


class _Writer:
    """Places the parts of a brief in a document."""

    def __init__(self, document: Document, brief: Brief) -> None:
        self._document = document
        self._brief = brief
        self._labels = brief.labels
        self._style_ids = {style.name: style.style_id for style in document.styles}

    def title_block(self) -> None:
        """The title, who made it and when, and the footer of every page."""
        brief = self._brief
        self._new("Producer", brief.rtl, PRODUCT)
        self._new("Title", right_to_left(brief.title), brief.title)
        when = self._new("Facts", brief.rtl, brief.when)
        when.paragraph_format.space_after = Pt(6)
        add_border(when, "bottom")
        if brief.summary:
            self._facts(brief.summary)
        footer = self._document.sections[0].footer.paragraphs[0]
        footer.style = self._document.styles["Facts"]
        stops = footer.paragraph_format.tab_stops
        # The style's own stops, of another width of page, would catch the tab.
        for stop in list(self._document.styles["Footer"].paragraph_format.tab_stops):
            stops.add_tab_stop(stop.position, WD_TAB_ALIGNMENT.CLEAR)
        stops.add_tab_stop(TEXT_WIDTH, WD_TAB_ALIGNMENT.RIGHT)
        make_right_to_left(footer, brief.rtl)
        # The mark keeps the name from turning the date beside it.
        mark = "\u200f" if brief.rtl else ""
        add_words(footer, f"{PRODUCT}{mark} · {brief.when}\t")
        add_field(footer, "PAGE")
        add_words(footer, " / ")
        add_field(footer, "NUMPAGES")

    def part(self, part: Part, number: int) -> None:
        """One question with all that belongs to it."""
        self._new("Heading 1", right_to_left(part.question), part.question)
        self._facts(part.scope).paragraph_format.space_after = Pt(8)
        for line in part.lines:
            self._line(line, number, part.language)
        if part.listed:
            self._heading(part.list_heading)
            for report in part.listed:
                self._new("List Bullet", right_to_left(report), report)
        for heading, sources in part.source_lists:
            self._heading(heading)
            for source in sources:
                self._source(source, number)
        if part.left_out:
            self._heading(self._labels.left_out)
        for line, reason in part.left_out:
            struck = self._line(line, number, part.language, struck=True)
            struck.paragraph_format.keep_with_next = True
            why = self._fact(self._labels.reason, reason)
            why.paragraph_format.left_indent, why.paragraph_format.space_after = ITEM_INDENT, Pt(6)
        self._heading(self._labels.about)
        self._facts(part.facts)

    def _heading(self, words: str) -> None:
        self._new("Heading 2", self._brief.rtl, words)

    def _new(self, style: str, rtl: bool, words: str = "") -> Paragraph:
        paragraph = self._document.add_paragraph()
        # The library would look through all styles for each paragraph.
        paragraph._p.style = self._style_ids[style]
        make_right_to_left(paragraph, rtl)
        add_words(paragraph, words)
        return paragraph

    def _line(self, line: Line, number: int, language: str, *, struck: bool = False) -> Paragraph:
        styles = {"bullet": "List Bullet", "heading": "Heading 3"}
        words = "".join(run.text for run in line.runs)
        paragraph = self._new(styles.get(line.kind, "Normal"), right_to_left(words))
        if line.number:
            paragraph.paragraph_format.left_indent = ITEM_INDENT
            paragraph.paragraph_format.first_line_indent = -ITEM_INDENT
            add_words(paragraph, f"{line.number}.\t")
        for run in line.runs:
            if run.note:
                _add_note(paragraph, run, number)
            else:
                bold = run.bold or None
                add_words(paragraph, run.text, bold=bold, language=language, struck=struck)
        return paragraph

    def _source(self, source: Source, number: int) -> None:
        head = self._new("Normal", self._brief.rtl)
        head.paragraph_format.keep_with_next = True
        head.paragraph_format.space_before = Pt(10)
        if source.n:
            _add_bookmark(head, source, number)
        add_words(head, source.who, bold=True, apart=True)
        kind = f" ({source.kind})" if source.kind else ""
        add_words(head, f"{kind}{self._labels.colon} ")
        add_words(head, source.title, language=source.language, apart=True)
        rows = []
        for quote in source.quotes:
            self._quote(quote, source.language)
            if quote.status:
                rows.append(self._fact(self._labels.status, quote.status))
        rows += [self._fact(label, value) for label, value in source.facts]
        if source.link:
            rows.append(self._fact(self._labels.link, ""))
            add_link(rows[-1], source.link)
        for row in rows[:-1]:
            row.paragraph_format.keep_with_next = True

    def _quote(self, quote: Quote, language: str) -> None:
        for line in quote.lines:
            rtl = right_to_left(line)
            paragraph = self._new("Quote", rtl)
            paragraph.paragraph_format.keep_with_next = True
            add_border(paragraph, "right" if rtl else "left")
            add_words(paragraph, line, language=language)

    def _facts(self, facts: Sequence[Fact]) -> Paragraph:
        """Facts on lines that stay together; returns the last."""
        rows = [self._fact(label, value) for label, value in facts]
        for row in rows[:-1]:
            row.paragraph_format.keep_with_next = True
        return rows[-1]

    def _fact(self, label: str, value: str) -> Paragraph:
        paragraph = self._new("Facts", self._brief.rtl)
        add_words(paragraph, f"{label}{self._labels.colon} ", bold=True)
        add_words(paragraph, value, apart=True)
        return paragraph


def _add_note(paragraph: Paragraph, run: Run, number: int) -> None:
    mark = add_jump(paragraph, f"[{run.note}]", _anchor(number, run.note))
    mark.font.superscript = True
    mark.font.color.rgb = BLUE


def _anchor(number: int, n: int) -> str:
    return f"source_{number}_{n}"


def _add_bookmark(paragraph: Paragraph, source: Source, number: int) -> None:
    start, end = OxmlElement("w:bookmarkStart"), OxmlElement("w:bookmarkEnd")
    for element in (start, end):
        element.set(qn("w:id"), f"{number * 10_000 + source.n}")
    start.set(qn("w:name"), _anchor(number, source.n))
    paragraph._p.append(start)
    add_words(paragraph, f"[{source.n}] ", bold=True)
    paragraph._p.append(end)


# The children of w:pPr that come after a border: the order is part of the format.
_AFTER_BORDER = (
    *("w:shd", "w:tabs", "w:suppressAutoHyphens", "w:bidi", "w:adjustRightInd", "w:snapToGrid"),
    *("w:spacing", "w:ind", "w:contextualSpacing", "w:mirrorIndents", "w:jc", "w:outlineLvl"),
    *("w:rPr", "w:sectPr"),
)
_AFTER_BIDI = _AFTER_BORDER[4:]
_RTL_LETTER = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff"
# From one letter of a direction to the last one before a letter of the other.
_RTL_WORDS = re.compile(rf"[{_RTL_LETTER}](?:[\W\d_]*[{_RTL_LETTER}])*")
_LTR_MARK, _RTL_MARK = "\u200e", "\u200f"
_LTR_LETTER = rf"[^\W\d_{_RTL_LETTER}]"
_LTR_WORDS = re.compile(rf"{_LTR_LETTER}(?:[\W\d_]*{_LTR_LETTER})*")


def make_right_to_left(paragraph: Paragraph, rtl: bool) -> None:
    """Let an empty paragraph run from right to left, or as it is."""
    if rtl:
        # After what may stand before it: the order is part of the format.
        bidi = OxmlElement("w:bidi")
        paragraph._p.get_or_add_pPr().insert_element_before(bidi, *_AFTER_BIDI)


def set_language(styles: BaseOxmlElement, language: str) -> None:
    """Name the language of a document's text, for who checks its spelling or reads it aloud."""
    for tag in styles.iter(qn("w:lang")):
        tag.set(qn("w:val"), language)
        tag.set(qn("w:bidi"), language)


def add_words(
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
    for piece, turned in directions(words, rtl):
        run = paragraph.add_run(piece)
        run.font.bold = run.font.cs_bold = bold
        run.font.strike = struck or None
        if turned:
            run.font.rtl = True
        if re.fullmatch("[a-z]{2,3}", language):
            tag = OxmlElement("w:lang")
            tag.set(qn("w:bidi" if turned else "w:val"), language)
            run._r.get_or_add_rPr().append(tag)


def directions(words: str, rtl: bool) -> list[tuple[str, bool]]:
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


def add_border(paragraph: Paragraph, side: str) -> None:
    """Draw a line at one side of a paragraph."""
    borders, border = OxmlElement("w:pBdr"), OxmlElement(f"w:{side}")
    for key, value in (("val", "single"), ("sz", "12"), ("space", "8"), ("color", str(BLUE))):
        border.set(qn(f"w:{key}"), value)
    borders.append(border)
    paragraph._p.get_or_add_pPr().insert_element_before(borders, *_AFTER_BORDER)


def add_jump(paragraph: Paragraph, words: str, anchor: str) -> DocxRun:
    """Add words that lead to a bookmark; returns their run."""
    link = OxmlElement("w:hyperlink")
    link.set(qn("w:anchor"), anchor)
    return _linked(paragraph, words, link)


def add_link(paragraph: Paragraph, address: str) -> None:
    """Add an address that leads to itself."""
    target = paragraph.part.relate_to(address, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
    link = OxmlElement("w:hyperlink")
    link.set(qn("r:id"), target)
    run = _linked(paragraph, address, link)
    run.font.color.rgb = BLUE
    run.font.underline = True


def _linked(paragraph: Paragraph, words: str, link: BaseOxmlElement) -> DocxRun:
    run = paragraph.add_run(words)
    paragraph._p.append(link)
    link.append(run._r)
    return run


def add_field(paragraph: Paragraph, code: str) -> None:
    """Add what the word processor works out, such as the number of the page."""
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), code)
    paragraph._p.append(field)


def undated(data: bytes) -> bytes:
    """The same archive without the time of writing, which would make each file differ."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            entry = zipfile.ZipInfo(name)
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 0
            new.writestr(entry, old.read(name))
    return buffer.getvalue()
