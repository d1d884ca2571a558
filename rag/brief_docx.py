"""Writes a brief as a Word document with python-docx, right-to-left text included.

Word lays out text by what the file says of each paragraph (`w:bidi`) and run (`w:rtl`), not by
the letters alone. So a paragraph runs right to left when its first letter does, and its words
are cut into runs of one direction each.
"""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime, time

import docx
from docx.document import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from docx.styles.style import ParagraphStyle
from docx.text.paragraph import Paragraph
from docx.text.run import Run as DocxRun

from rag.briefs import ABOUT, LEFT_OUT, Brief, Line, Part, Quote, Run, Source, right_to_left
from rag.check_words import REASON

INK = RGBColor(0x1B, 0x1F, 0x24)
SOFT = RGBColor(0x57, 0x60, 0x6A)
BLUE = RGBColor(0x0B, 0x4A, 0x8A)
ITEM_INDENT = Cm(0.63)
# On every Windows and macOS Word, and replaced by the like of them elsewhere.
FONT, ARABIC_FONT = "Calibri", "Arial"
# The children of w:pPr that come after a border: the order is part of the format.
_AFTER_BORDER = (
    *("w:shd", "w:tabs", "w:suppressAutoHyphens", "w:bidi", "w:adjustRightInd", "w:snapToGrid"),
    *("w:spacing", "w:ind", "w:contextualSpacing", "w:mirrorIndents", "w:jc", "w:outlineLvl"),
    *("w:rPr", "w:sectPr"),
)
_RTL_LETTER = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff"
# From one letter of a direction to the last one before a letter of the other.
_RTL_WORDS = re.compile(rf"[{_RTL_LETTER}](?:[\W\d_]*[{_RTL_LETTER}])*")
_LTR_LETTER = rf"[^\W\d_{_RTL_LETTER}]"
_LTR_WORDS = re.compile(rf"{_LTR_LETTER}(?:[\W\d_]*{_LTR_LETTER})*")


def to_docx(brief: Brief) -> bytes:
    """The brief as a .docx file; the same brief gives the same bytes."""
    document = docx.Document()
    _set_up(document, brief)
    _add(document, "Title", brief.title)
    _add(document, "Facts", brief.when)
    for number, part in enumerate(brief.parts, 1):
        _write_part(document, part, number)
    buffer = io.BytesIO()
    document.save(buffer)
    return _undated(buffer.getvalue())


def _set_up(document: Document, brief: Brief) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.5)
    section.top_margin = section.bottom_margin = Cm(2.2)
    facts = document.styles.add_style("Facts", WD_STYLE_TYPE.PARAGRAPH)
    facts.base_style = document.styles["Normal"]
    for name, size, colour, before, after in (
        ("Normal", 11, INK, 0, 7),
        ("Title", 22, INK, 0, 4),
        ("Heading 1", 15, BLUE, 22, 6),
        ("Heading 2", 12, BLUE, 16, 4),
        ("Heading 3", 11, INK, 8, 3),
        ("List Bullet", 11, INK, 0, 4),
        ("Quote", 11, INK, 4, 4),
        ("Facts", 9.5, SOFT, 0, 1),
    ):
        style = document.styles[name]
        assert isinstance(style, ParagraphStyle)
        _style(style, size, colour)
        style.paragraph_format.space_before, style.paragraph_format.space_after = (
            Pt(before),
            Pt(after),
        )
    quote = document.styles["Quote"].font
    quote.italic = quote.cs_italic = False
    document.styles["Title"].font.bold = document.styles["Title"].font.cs_bold = True
    document.styles["Quote"].paragraph_format.left_indent = Cm(0.8)
    document.styles["Title"].element.get_or_add_pPr().remove_all("w:pBdr")
    about = document.core_properties
    about.title, about.author, about.comments = brief.title[:255], "Ask the Labs", ""
    about.created = about.modified = datetime.combine(brief.day, time())
    footer = section.footer.paragraphs[0]
    footer.style = document.styles["Facts"]
    _add_words(footer, f"{brief.title}\u200e · {brief.when} · ")
    _add_field(footer, "PAGE")


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


def _write_part(document: Document, part: Part, number: int) -> None:
    _add(document, "Heading 1", part.question)
    for line in part.lines:
        _write_line(document, line, number, part.language)
    if part.listed:
        _add(document, "Heading 2", part.list_heading)
        for report in part.listed:
            _add(document, "List Bullet", report)
    for heading, sources in part.source_lists:
        _add(document, "Heading 2", heading)
        for source in sources:
            _write_source(document, source, number)
    if part.left_out:
        _add(document, "Heading 2", LEFT_OUT)
    for line, reason in part.left_out:
        struck = _write_line(document, line, number, part.language, struck=True)
        struck.paragraph_format.keep_with_next = True
        why = _add_fact(document, REASON, reason)
        why.paragraph_format.left_indent, why.paragraph_format.space_after = ITEM_INDENT, Pt(6)
    _add(document, "Heading 2", ABOUT)
    for label, value in part.facts:
        _add_fact(document, label, value)


def _write_line(
    document: Document, line: Line, number: int, language: str, *, struck: bool = False
) -> Paragraph:
    styles = {"bullet": "List Bullet", "heading": "Heading 3"}
    words = "".join(run.text for run in line.runs)
    paragraph = _new(document, styles.get(line.kind, "Normal"), right_to_left(words))
    if line.number:
        paragraph.paragraph_format.left_indent = ITEM_INDENT
        paragraph.paragraph_format.first_line_indent = -ITEM_INDENT
        _add_words(paragraph, f"{line.number}.\t")
    for run in line.runs:
        if run.note:
            _add_note(paragraph, run, number)
        else:
            _add_words(paragraph, run.text, bold=run.bold or None, language=language, struck=struck)
    return paragraph


def _write_source(document: Document, source: Source, number: int) -> None:
    head = _new(document, "Normal", rtl=False)
    head.paragraph_format.keep_with_next = True
    head.paragraph_format.space_before = Pt(10)
    if source.n:
        _add_bookmark(head, source, number)
    _add_words(head, source.who, bold=True)
    _add_words(head, f" ({source.kind}): " if source.kind else ": ")
    _add_words(head, source.title)
    facts = []
    for quote in source.quotes:
        _write_quote(document, quote, source.language)
        if quote.status:
            facts.append(_add_fact(document, "Status", quote.status))
    facts += [_add_fact(document, label, value) for label, value in source.facts]
    for fact in facts[:-1]:
        fact.paragraph_format.keep_with_next = True


def _write_quote(document: Document, quote: Quote, language: str) -> None:
    for line in quote.lines:
        rtl = right_to_left(line)
        paragraph = _new(document, "Quote", rtl)
        paragraph.paragraph_format.keep_with_next = True
        _add_border(paragraph, "right" if rtl else "left")
        _add_words(paragraph, line, language=language)


def _add(document: Document, style: str, words: str) -> Paragraph:
    paragraph = _new(document, style, right_to_left(words))
    _add_words(paragraph, words)
    return paragraph


def _add_fact(document: Document, label: str, value: str) -> Paragraph:
    paragraph = _new(document, "Facts", rtl=False)
    _add_words(paragraph, f"{label}: ", bold=True)
    _add_words(paragraph, value)
    return paragraph


def _new(document: Document, style: str, rtl: bool) -> Paragraph:
    paragraph = document.add_paragraph(style=style)
    if rtl:
        paragraph._p.get_or_add_pPr().append(OxmlElement("w:bidi"))
    return paragraph


def _add_words(
    paragraph: Paragraph,
    words: str,
    *,
    bold: bool | None = None,
    language: str = "",
    struck: bool = False,
) -> None:
    properties = paragraph._p.pPr
    rtl = properties is not None and properties.find(qn("w:bidi")) is not None
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


def _add_note(paragraph: Paragraph, run: Run, number: int) -> None:
    link = OxmlElement("w:hyperlink")
    link.set(qn("w:anchor"), _anchor(number, run.note))
    mark = DocxRun(paragraph.add_run(f"[{run.note}]")._r, paragraph)
    mark.font.superscript = True
    mark.font.color.rgb = BLUE
    paragraph._p.append(link)
    link.append(mark._r)


def _anchor(number: int, n: int) -> str:
    return f"source_{number}_{n}"


def _add_bookmark(paragraph: Paragraph, source: Source, number: int) -> None:
    start, end = OxmlElement("w:bookmarkStart"), OxmlElement("w:bookmarkEnd")
    for element in (start, end):
        element.set(qn("w:id"), f"{number * 10_000 + source.n}")
    start.set(qn("w:name"), _anchor(number, source.n))
    paragraph._p.append(start)
    _add_words(paragraph, f"[{source.n}] ", bold=True)
    paragraph._p.append(end)


def _add_border(paragraph: Paragraph, side: str) -> None:
    borders, border = OxmlElement("w:pBdr"), OxmlElement(f"w:{side}")
    for key, value in (("val", "single"), ("sz", "12"), ("space", "8"), ("color", str(BLUE))):
        border.set(qn(f"w:{key}"), value)
    borders.append(border)
    paragraph._p.get_or_add_pPr().insert_element_before(borders, *_AFTER_BORDER)


def _add_field(paragraph: Paragraph, code: str) -> None:
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), code)
    paragraph._p.append(field)


def _undated(data: bytes) -> bytes:
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
