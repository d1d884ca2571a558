"""Writes tables as an Excel workbook, by XlsxWriter.

Every text is written as text, which no program takes for a formula.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import xlsxwriter

from rag.export.brief import clean
from rag.export.formats import Value

LONGEST = 32_000  # characters of a cell; Excel takes 32,767
# The most characters of an address that Excel opens.
_LONGEST_LINK = 2079


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
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        # The time of writing would make each file differ.
        book.set_properties({"created": datetime(2000, 1, 1, tzinfo=UTC)})
        top = {"valign": "top", "text_wrap": True, "font_name": "Calibri", "font_size": 10}
        plain, head = book.add_format(top), book.add_format({**top, "bold": True})
        link = book.add_format({**top, "underline": 1, "font_color": "#0B4A8A"})
        for sheet in sheets:
            page = book.add_worksheet(sheet.name)
            page.freeze_panes(1, 0)
            for column, width in enumerate(sheet.widths):
                page.set_column(column, column, width)
            for number, row in enumerate(sheet.rows):
                for column, value in enumerate(row):
                    look = plain if number else head
                    text = "" if value is None else clean(str(value))[:LONGEST]
                    is_link = sheet.linked and number and column == len(sheet.widths) - 1
                    if isinstance(value, (int, float)):
                        page.write_number(number, column, value, look)
                    elif is_link and 0 < len(text) <= _LONGEST_LINK:
                        page.write_url(number, column, text, link, text)
                    else:
                        page.write_string(number, column, text, look)
            if sheet.filtered:
                page.autofilter(0, 0, len(sheet.rows) - 1, len(sheet.rows[0]) - 1)
    return file.getvalue()
