"""Writes a brief as a document: a web page, Markdown, PDF by Typst, Word.

A Word document is an archive of parts, each with a template in `word/`. Word lays out text by what
the file says of each paragraph (`w:bidi`) and run (`w:rtl`), not by the letters alone. So a
paragraph runs right to left when its first letter does, and its words are cut into runs of one
direction each.
"""

import io
import json
import re
import unicodedata
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, time
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from rag.errors import InputError
from rag.export.brief import PRODUCT, Brief
from rag.export.lines import right_to_left

TEMPLATES = Path(__file__).with_name("templates")
# Where the parts are in the archive, and their templates; what others refer to comes first.
_PARTS = {
    "[Content_Types].xml": "types",
    "_rels/.rels": "package",
    "docProps/core.xml": "core",
    "word/document.xml": "document",
    "word/_rels/document.xml.rels": "links",
    **{f"word/{name}.xml": name for name in ("styles", "numbering", "settings", "footer")},
}
_MM = 36_000  # in Word's units of pictures
_TEXT = (160 * _MM, 240 * _MM)  # width and height of a page without its margins
_CODE = (19 * _MM, 19 * _MM)
_RTL_LETTER = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff"
_LTR_LETTER = rf"[^\W\d_{_RTL_LETTER}]"
# From one letter of a direction to the last one before a letter of the other.
_RTL_WORDS = re.compile(rf"[{_RTL_LETTER}](?:[\W\d_]*[{_RTL_LETTER}])*")
_LTR_WORDS = re.compile(rf"{_LTR_LETTER}(?:[\W\d_]*{_LTR_LETTER})*")
_LTR_MARK, _RTL_MARK = "\u200e", "\u200f"
# What CommonMark and GitHub's dialect give a meaning anywhere in a line: links, also bare ones
# (a colon, a www, an address), HTML, emphasis, code, tables, footnotes, formulas, shortcodes.
_MARKUP = re.compile(r"[\\`*_\[\]<>&~|$#^{}]|:(?=\S)|(?<=www)\.|(?<=WWW)\.|@")
# What has a meaning only where a line begins.
_AT_START = re.compile(r"^(\d*)([-+=.)])")


def escape_markdown(text: str, *, at_start: bool = True) -> Markup:
    """One line of text with everything escaped that Markdown would take for markup."""
    escaped = _MARKUP.sub(r"\\\g<0>", text)
    return Markup(_AT_START.sub(r"\1\\\2", escaped) if at_start else escaped)


@cache
def environment(*, markdown: bool = False) -> Environment:
    """The templates of briefs; every value is escaped for HTML or Markdown unless it is markup."""
    templates = Environment(
        autoescape=True,
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=(lambda v: v if isinstance(v, Markup) else escape_markdown(str(v)))
        if markdown
        else None,
    )
    templates.filters["inline"] = lambda text: escape_markdown(text, at_start=False)
    templates.filters["direction"] = lambda texts: "rtl" if right_to_left("".join(texts)) else "ltr"
    return templates


def to_html(brief: Brief) -> bytes:
    """The brief as one page of HTML, which loads nothing."""
    template = environment().get_template("brief.html.jinja")
    return template.render(brief=brief, product=PRODUCT).encode()


def to_markdown(brief: Brief) -> bytes:
    """The brief as Markdown."""
    template = environment(markdown=True).get_template("brief.md.jinja")
    text = template.render(brief=brief, product=PRODUCT)
    return (re.sub(r"\n{3,}", "\n\n", text).strip() + "\n").encode()


# How Typst's errors name the texts that no font can show.
_NO_GLYPH = re.compile(r'the text `"((?:[^"\\]|\\.)*)"` could not be displayed')
_ESCAPE = re.compile(r"\\u\{([0-9a-f]+)\}|\\(.)")


def to_pdf(brief: Brief) -> bytes:
    """A PDF made with Typst: tagged for screen readers (PDF/UA-1), fonts inside.

    The brief goes to the template as data, never as Typst source, so that nothing in it is run.
    Where FiraGO lacks a character the computer's fonts are tried too; a symbol that no font has is
    named in brackets, and a letter that none has is an error.
    """
    plain = {**asdict(brief), "day": str(brief.day)}
    data = json.dumps(plain, ensure_ascii=False, default=bytes.decode)
    day = datetime.combine(brief.day, time(), UTC)
    kind = {"format": "pdf", "pdf_standards": "ua-1", "timestamp": day}
    try:
        return typeset("brief.typ", {"brief": data, "product": PRODUCT}, **kind)
    except RuntimeError as error:  # Typst's own, which tells what is wrong in `diagnostic`.
        missing = "".join(_NO_GLYPH.findall(getattr(error, "diagnostic", "")))
        if not missing:
            raise
    missing = _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else m[2], missing)
    # A name has no character that means something to JSON.
    data = data.translate({ord(sign): _character_name(sign) for sign in missing})
    return typeset("brief.typ", {"brief": data, "product": PRODUCT}, **kind)


def typeset(template: str, values: Mapping[str, str], **kind: Any) -> bytes:
    """What Typst makes of a template and values, in the fonts of briefs and those there are."""
    # They load a typesetter, and unpack fonts.
    import typst
    from pymupdf_fonts import FiraGO_Bold, FiraGO_Regular, NotoSansSymbols2_Regular

    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for number, font in enumerate((FiraGO_Regular, FiraGO_Bold, NotoSansSymbols2_Regular)):
            Path(folder, f"{number}.ttf").write_bytes(font.fontbuffer)
        fonts = typst.Fonts(include_system_fonts=True, font_paths=[folder])
        options: Any = {"root": str(TEMPLATES), "font_paths": fonts, "sys_inputs": values}
        made: bytes = typst.compile(str(TEMPLATES / template), **options, **kind)
        return made


def _character_name(character: str) -> str:
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


def to_docx(brief: Brief) -> bytes:
    """The brief as a .docx file; the same brief gives the same bytes."""
    links: dict[str, str] = {}
    pictures: list[bytes] = []

    def link_to(address: str) -> str:
        return links.setdefault(address, f"link{len(links) + 1}")

    def drawn(png: bytes, room: tuple[int, int] = _TEXT) -> dict[str, int]:
        pictures.append(png)
        width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
        scale = min(room[0] / width, room[1] / height)
        size = {"width": int(width * scale), "height": int(height * scale)}
        return {"number": len(pictures), **size}

    def code_of(address: str) -> dict[str, int]:
        image = io.BytesIO()
        segno.make(address, error="m").save(image, kind="png", scale=4, border=2)
        return drawn(image.getvalue(), _CODE)

    values = {
        **{"brief": brief, "product": PRODUCT, "links": links, "pictures": pictures},
        **{"link_to": link_to, "drawn": drawn, "code_of": code_of},
        **{"right_to_left": right_to_left, "directions": _directions},
    }
    parts = {
        name: environment().get_template(f"word/{template}.xml").render(values).encode()
        for name, template in _PARTS.items()
    }
    parts |= {f"word/media/picture{n}.png": png for n, png in enumerate(pictures, start=1)}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            # The time of writing would make each file differ.
            entry = zipfile.ZipInfo(name)
            entry.create_system = 0
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def _directions(words: str, rtl: bool, apart: bool) -> list[tuple[str, bool]]:
    """A text cut into pieces, each with whether it runs right to left.

    What lies between words of the direction that is not the paragraph's goes with them, all else
    with the paragraph. A text that is `apart` runs as its first letter does, and keeps its full
    stop on its own end.
    """
    if apart and words and right_to_left(words) != rtl:
        mark = _LTR_MARK if rtl else _RTL_MARK
        rtl, words = not rtl, f"{mark}{words}{mark}"
    pieces: list[tuple[str, bool]] = []
    at = 0
    for match in (_LTR_WORDS if rtl else _RTL_WORDS).finditer(words):
        pieces += [(words[at : match.start()], rtl), (match[0], not rtl)]
        at = match.end()
    return [piece for piece in [*pieces, (words[at:], rtl)] if piece[0]]
