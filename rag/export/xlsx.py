"""Writes tables as an Excel workbook (Office Open XML): files of XML in an archive.

Every text is an inline string, which no program takes for a formula.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from rag.export.brief import clean
from rag.export.formats import Value, environment

LONGEST = 32_000  # characters of a cell; Excel takes 32,767
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
# Styles of cells by their number: as it is, head, link.
_PLAIN, _HEAD, _LINK = range(3)
_FONTS = ("", "<b/>", '<u/><color rgb="FF0B4A8A"/>')


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table whose first row, the head, stays in view; if `filtered`, it filters the others.

    `widths` are those of the columns in characters. The cells of the last column are addresses if
    `linked`.
    """

    name: str
    rows: Sequence[Sequence[Value]]
    widths: Sequence[int]
    filtered: bool = False
    linked: bool = False


def to_xlsx(sheets: Sequence[Sheet]) -> bytes:
    """The workbook; equal sheets give equal bytes."""
    names = [f"sheet{n}" for n in range(1, len(sheets) + 1)]
    parts = {
        "[Content_Types].xml": _types(names),
        "_rels/.rels": _relations([("officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": _workbook(sheets),
        "xl/_rels/workbook.xml.rels": _relations(
            [*(("worksheet", f"worksheets/{name}.xml") for name in names), ("styles", "styles.xml")]
        ),
        "xl/styles.xml": _styles(),
    }
    templates = environment()
    for name, sheet in zip(names, sheets, strict=True):
        rows = [[_cell(sheet, n, k) for k in range(len(row))] for n, row in enumerate(sheet.rows)]
        last = _place(len(sheet.rows) - 1, len(sheet.rows[0]) - 1)
        links = [(c["place"], c["value"]) for row in rows for c in row if c["style"] == _LINK]
        made = {"sheet": sheet, "rows": rows, "last": last, "links": links}
        parts[f"xl/worksheets/{name}.xml"] = templates.get_template("sheet.xml.jinja").render(made)
        if links:
            text = templates.get_template("links.xml.jinja").render(links=links)
            parts[f"xl/worksheets/_rels/{name}.xml.rels"] = text
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for path, text in parts.items():
            entry = zipfile.ZipInfo(path)
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 0
            file.writestr(entry, text)
    return archive.getvalue()


def _cell(sheet: Sheet, row: int, column: int) -> dict[str, Value]:
    value = sheet.rows[row][column]
    text = "" if value is None else clean(str(value))[:LONGEST]
    is_link = sheet.linked and row and column == len(sheet.widths) - 1 and text
    style = _LINK if is_link else _PLAIN if row else _HEAD
    number = isinstance(value, (int, float))
    return {"place": _place(row, column), "value": text, "style": style, "number": number}


def _place(row: int, column: int) -> str:
    """The name of a cell: "A1", "AB12"."""
    first, second = divmod(column, len(ascii_uppercase))
    return f"{ascii_uppercase[first - 1] if first else ''}{ascii_uppercase[second]}{row + 1}"


def _types(names: Sequence[str]) -> str:
    kinds = {"/xl/workbook.xml": "sheet.main", "/xl/styles.xml": "styles"}
    kinds |= {f"/xl/worksheets/{name}.xml": "worksheet" for name in names}
    overrides = "".join(
        f'<Override PartName="{path}" ContentType="{_TYPE}.{kind}+xml"/>'
        for path, kind in kinds.items()
    )
    return (
        f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>'
    )


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    rows = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(targets, start=1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{rows}</Relationships>'


def _workbook(sheets: Sequence[Sheet]) -> str:
    rows = "".join(
        f'<sheet name="{sheet.name}" sheetId="{n}" r:id="rId{n}"/>'
        for n, sheet in enumerate(sheets, start=1)
    )
    return f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{rows}</sheets></workbook>'


def _styles() -> str:
    fonts = "".join(f'<font>{look}<sz val="10"/><name val="Calibri"/></font>' for look in _FONTS)
    cells = "".join(
        f'<xf xfId="0" fontId="{n}" applyFont="1" applyAlignment="1">'
        '<alignment vertical="top" wrapText="1"/></xf>'
        for n in range(len(_FONTS))
    )
    return (
        f'<styleSheet xmlns="{_MAIN}"><fonts count="3">{fonts}</fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
        f'<cellXfs count="3">{cells}</cellXfs><cellStyles count="1">'
        '<cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )
