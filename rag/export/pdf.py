"""Writes a brief as a PDF with Typst: tagged for screen readers (PDF/UA-1), fonts inside.

The brief goes to the template as data, never as Typst source, so that nothing in it is run or laid
out. FiraGO covers Latin, Greek, Cyrillic, Arabic, Hebrew, Georgian, Devanagari and Thai, and
looks the same on every computer. Where it lacks a character the computer's fonts are tried
too; a symbol that no font has is named in brackets, and a letter that none has is an error.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import asdict
from datetime import UTC, datetime, time
from pathlib import Path
from tempfile import TemporaryDirectory

import typst
from pymupdf_fonts import FiraGO_Bold, FiraGO_Regular, NotoSansSymbols2_Regular

from rag.errors import InputError
from rag.export.brief import PRODUCT, Brief

_TEMPLATE = Path(__file__).with_name("templates") / "brief.typ"
_FONTS = {
    "FiraGO-Regular.ttf": FiraGO_Regular,
    "FiraGO-Bold.ttf": FiraGO_Bold,
    "NotoSansSymbols2-Regular.ttf": NotoSansSymbols2_Regular,
}
_NO_GLYPH = re.compile(r'the text `"((?:[^"\\]|\\.)*)"` could not be displayed')
_ESCAPE = re.compile(r"\\u\{([0-9a-f]+)\}|\\(.)")


class _NoGlyph(Exception):
    """The characters that no font at hand can show."""


def to_pdf(brief: Brief) -> bytes:
    """The brief as a PDF; the same brief on the same computer gives the same bytes.

    Raises:
        InputError: no font of this computer has the letters of some text.
    """
    data = json.dumps(asdict(brief), ensure_ascii=False, default=str)
    missing = ""
    for system_fonts in (False, True):
        try:
            return _compile(data, brief, system_fonts=system_fonts)
        except _NoGlyph as error:
            missing = str(error)
    # A name has no character that means something to JSON.
    names = {ord(character): _name(character) for character in missing}
    return _compile(data.translate(names), brief, system_fonts=True)


def _compile(data: str, brief: Brief, *, system_fonts: bool) -> bytes:
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for name, module in _FONTS.items():
            Path(folder, name).write_bytes(module.fontbuffer)
        try:
            return typst.compile(
                str(_TEMPLATE),
                format="pdf",
                root=str(_TEMPLATE.parent),
                font_paths=typst.Fonts(include_system_fonts=system_fonts, font_paths=[folder]),
                sys_inputs={"brief": data, "product": PRODUCT},
                pdf_standards="ua-1",
                timestamp=datetime.combine(brief.day, time(), UTC),
            )
        except typst.TypstError as error:
            texts = _NO_GLYPH.findall(error.diagnostic)
            if not texts:
                raise
            missing = _ESCAPE.sub(
                lambda match: chr(int(match[1], 16)) if match[1] else match[2], "".join(texts)
            )
            raise _NoGlyph(missing) from error


def _name(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] in "LN":
        raise InputError(
            f"No font on this computer has the letter {character} (U+{ord(character):04X}), so "
            "the PDF would show a box. Install a font for its script, such as Noto Sans, or "
            "export to .docx or .html."
        )
    if category[0] == "M" or category in ("Cf", "Sk"):
        return ""
    # Bullets of old word processors have no name of their own.
    name = unicodedata.name(character, "")
    return f"[{name.lower()}]" if name else "▪"
