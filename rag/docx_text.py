"""Text in a Word document: its directions, languages, links, borders, fields.

Word lays out text by what the file says of each paragraph (`w:bidi`) and run (`w:rtl`), not by
the letters alone. So a paragraph runs right to left when its first letter does, and its words
are cut into runs of one direction each.
"""

from __future__ import annotations

import io
import re
import zipfile

from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.shared import RGBColor
from docx.text.paragraph import Paragraph
from docx.text.run import Run

from rag.brief_lines import right_to_left

BLUE = RGBColor(0x0B, 0x4A, 0x8A)
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


def add_jump(paragraph: Paragraph, words: str, anchor: str) -> Run:
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


def _linked(paragraph: Paragraph, words: str, link: BaseOxmlElement) -> Run:
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
