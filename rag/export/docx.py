"""Writes a brief as a Word document: an archive of parts, each with a template in `word/`.

Word lays out text by what the file says of each paragraph (`w:bidi`) and run (`w:rtl`), not by
the letters alone. So a paragraph runs right to left when its first letter does, and its words
are cut into runs of one direction each.
"""

import io
import re
import zipfile
from typing import NamedTuple

import segno

from rag.export.brief import PRODUCT, Brief, right_to_left
from rag.export.formats import environment

# Where the parts are in the archive, and their templates; what others refer to comes first.
_PARTS = {
    "[Content_Types].xml": "types",
    "_rels/.rels": "package",
    "docProps/core.xml": "core",
    "word/document.xml": "document",
    "word/_rels/document.xml.rels": "links",
    **{f"word/{name}.xml": name for name in ("styles", "numbering", "settings", "footer")},
}
_PAGE = 9071  # width of a table, in twentieths of a point
_MM = 36_000  # in Word's units of pictures
_TEXT = (160 * _MM, 240 * _MM)  # width and height of a page without its margins
_CODE = (19 * _MM, 19 * _MM)
_CODE_COLUMN = 1191  # width of what holds a code, in twentieths of a point
_RTL_LETTER = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff"
_LTR_LETTER = rf"[^\W\d_{_RTL_LETTER}]"
# From one letter of a direction to the last one before a letter of the other.
_RTL_WORDS = re.compile(rf"[{_RTL_LETTER}](?:[\W\d_]*[{_RTL_LETTER}])*")
_LTR_WORDS = re.compile(rf"{_LTR_LETTER}(?:[\W\d_]*{_LTR_LETTER})*")
_LTR_MARK, _RTL_MARK = "\u200e", "\u200f"


class _Picture(NamedTuple):
    number: int
    width: int
    height: int


def to_docx(brief: Brief) -> bytes:
    """The brief as a .docx file; the same brief gives the same bytes."""
    links: dict[str, str] = {}
    pictures: list[bytes] = []

    def link_to(address: str) -> str:
        return links.setdefault(address, f"link{len(links) + 1}")

    def drawn(png: bytes, room: tuple[int, int] = _TEXT) -> _Picture:
        pictures.append(png)
        sides = [int.from_bytes(png[at : at + 4], "big") for at in (16, 20)]
        scale = min(most / side for most, side in zip(room, sides, strict=True))
        return _Picture(len(pictures), *(int(side * scale) for side in sides))

    def code_of(address: str) -> _Picture:
        image = io.BytesIO()
        segno.make(address, error="m").save(image, kind="png", scale=4, border=2)
        return drawn(image.getvalue(), _CODE)

    values = {
        **{"brief": brief, "product": PRODUCT, "links": links, "pictures": pictures},
        **{"link_to": link_to, "drawn": drawn, "code_of": code_of},
        **{"right_to_left": right_to_left, "directions": _directions},
        **{"page": _PAGE, "code": _CODE_COLUMN},
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:

        def write(name: str, content: str | bytes) -> None:
            # The time of writing would make each file differ.
            entry = zipfile.ZipInfo(name)
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 0
            archive.writestr(entry, content)

        for name, template in _PARTS.items():
            write(name, environment().get_template(f"word/{template}.xml").render(values))
        for number, png in enumerate(pictures, start=1):
            write(f"word/media/picture{number}.png", png)
    return file.getvalue()


def _directions(words: str, rtl: bool, apart: bool) -> list[tuple[str, bool]]:
    """A text cut into (piece, runs right to left); joined, the pieces are the text.

    What lies between words of the paragraph's other direction goes with them, all else with
    the paragraph. What is `apart` runs as its first letter does, and keeps its full stop on its own
    end.
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
