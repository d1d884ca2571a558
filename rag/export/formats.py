"""Turns answers into files: briefs to read, data to work with, references to cite.

`FORMATS` is the table to add a format to. Briefs (docx, pdf, html, md) are laid out once, by
`rag.export.brief`, and written by `rag.export.documents`. What a report or a model wrote is text in
every format, never markup.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import count
from typing import Any

from rag.catalog.tag_fields import ReportInfo
from rag.errors import InputError
from rag.export.answer_json import answers_to_json, citation_to_dict
from rag.export.brief import Brief, make_brief, report_link, table_of
from rag.export.documents import to_docx, to_html, to_markdown, to_pdf
from rag.export.lines import clean, one_line
from rag.i18n.labels import author_label, kind_label, language_label
from rag.i18n.translations import marked, translations_for
from rag.text.tokenize import strip_accents
from rag.types import Answer

# Makes a file of answers, a title, a day, and the template of the reports' addresses.
Writer = Callable[[Sequence[Answer], str, date, str], bytes]


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file: its media type, what it is for and called on the page, and its writer."""

    media: str
    use: str
    name: str
    write: Writer


Value = str | float | None  # of a cell
# The quote stands in the report's file from character `start` up to `end`.
_COLUMNS = (
    *("question", "n", "status", "lab", "year", "type", "kind", "title", "section", "prompt"),
    *("stage", "quote", "language", "report", "start", "end", "corrected", "link", "author"),
)
# A spreadsheet takes a cell that begins with one of these, also in full width, for a formula.
_FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@＝＋－＠]")
LONGEST_CELL = 32_000  # characters; Excel takes 32,767


def export(
    answers: Sequence[Answer],
    ending: str,
    title: str = "",
    *,
    day: date | None = None,
    report_url: str = "",
) -> bytes:
    """A file of these answers, of the kind that `ending` names (see FORMATS), or an InputError.

    `day` dates a brief and is today if not given; equal input gives equal bytes. `report_url` is
    the template of the reports' addresses.
    """
    kind = FORMATS.get(ending)
    if kind is None:
        raise InputError(f"There is no export to {ending!r}. Choose one of {', '.join(FORMATS)}.")
    if not answers:
        raise InputError("There is no answer to export. Ask a question first.")
    return kind.write(answers, title, day or date.today(), report_url)


def file_name(title: str, ending: str) -> str:
    """A file's name made of the first words of a title."""
    words = re.findall(r"[a-z0-9]+", strip_accents(title).casefold())
    return f"{'-'.join(words[:8]) or 'conversation'}.{ending}"


def _brief(write: Callable[[Brief], bytes]) -> Writer:
    return lambda answers, title, day, url: write(make_brief(answers, title, day, url))


def _source_rows(answers: Sequence[Answer], report_url: str) -> Iterator[Sequence[Value]]:
    """The names of the columns, and a row for every quote."""
    yield _COLUMNS
    for asked, citation in ((a.question, c) for a in answers for c in a.citations):
        passage, info = citation.passage, citation.passage.report
        start, end = citation.span or (None, None)
        told = {
            **citation_to_dict(citation),
            **{"question": asked, "lab": info.lab, "language": passage.language},
            **{"start": start, "end": end, "link": report_link(report_url, info.id)},
            "corrected": "yes" if citation.corrected else "no",
        }
        yield [told[name] for name in _COLUMNS]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table whose first row, the head, stays in view and filters the others if `filtered`."""

    name: str
    rows: Sequence[Sequence[Value]]
    widths: Sequence[int]  # of the columns in characters
    filtered: bool = True
    linked: bool = False  # whether the cells of the last column are addresses


def to_workbook(sheets: Sequence[Sheet]) -> bytes:
    """An Excel workbook, in which every text is text; equal sheets give equal bytes."""
    import xlsxwriter

    file, options = io.BytesIO(), {"strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, {"in_memory": True, **options}) as book:
        # The time of writing would make each file differ.
        book.set_properties({"created": datetime(2000, 1, 1, tzinfo=UTC)})
        top = {"valign": "top", "text_wrap": True, "font_name": "Calibri", "font_size": 10}
        plain, head = book.add_format(top), book.add_format({**top, "bold": True})
        link = book.add_format({**top, "underline": 1, "font_color": "#0B4A8A"})
        for sheet in sheets:
            page, last = book.add_worksheet(sheet.name), len(sheet.widths) - 1
            page.freeze_panes(1, 0)
            for column, width in enumerate(sheet.widths):
                page.set_column(column, column, width)
            for number, row in enumerate(sheet.rows):
                cells = [clean(v)[:LONGEST_CELL] if isinstance(v, str) else v for v in row]
                page.write_row(number, 0, cells, plain if number else head)
                if number and sheet.linked and cells[last]:
                    page.write_url(number, last, cells[last], link, cells[last])
            if sheet.filtered:
                page.autofilter(0, 0, len(sheet.rows) - 1, last)
    return file.getvalue()


def _to_xlsx(answers: Sequence[Answer], _title: str, _day: date, report_url: str) -> bytes:
    """A sheet for every list, count or comparison, and one of all sources."""
    t = translations_for(answers[0].language)
    sheets: list[Sheet] = []
    for answer in answers:
        if not (table := table_of(answer, {c.n: c.n for c in answer.citations}, t)):
            continue
        rows: list[list[Value]] = [[*table.head]]
        rows += [[cell.text for cell in row] for row in table.rows]
        for cells, number in zip(rows[1:], table.numbers, strict=False):
            cells[1] = number
        widths = [5 * share for share in table.widths]
        is_linked = bool(report_url) and answer.is_list and not answer.coverage.table
        if is_linked:
            links = (report_link(report_url, name) for name in answer.coverage.reports)
            rows = [[*row, end] for row, end in zip(rows, (t.gettext("Link"), *links), strict=True)]
            widths.append(40)
        name = f"{t.gettext('Reports')} {len(sheets) + 1}"
        sheets.append(Sheet(name, rows, widths, linked=is_linked))
    cited = [answer for answer in answers if not answer.is_list]
    widths = [{"question": 40, "title": 36, "quote": 60, "prompt": 30}.get(n, 12) for n in _COLUMNS]
    if cited or not sheets:
        sheets.append(Sheet(t.gettext("Sources"), [*_source_rows(cited, report_url)], widths))
    return to_workbook(sheets)


def to_csv(rows: Iterable[Iterable[Value]]) -> bytes:
    """Rows as CSV, in UTF-8 with the mark that Excel looks for, and one before formulas."""

    def cell(value: Value) -> str:
        written = "" if value is None else str(value)
        text = clean(written)
        return f"'{text}" if _FORMULA.match(written) or _FORMULA.match(text) else text

    table = io.StringIO(newline="")
    csv.writer(table).writerows(map(cell, row) for row in rows)
    return table.getvalue().encode("utf-8-sig")


# BibTeX counts braces, also escaped ones, so there are none here.
_NAMES = ("backslash", "asciicircum", "asciitilde", "braceleft", "braceright")
_TEX = str.maketrans(
    {sign: rf"\text{name}{{}}" for sign, name in zip("\\^~{}", _NAMES, strict=True)}
    | {sign: rf"\{sign}" for sign in "$&%#_"}
)


def _references(answers: Sequence[Answer], report_url: str) -> list[dict[str, Any]]:
    """What references say of each cited report, in the order of first citations."""
    t = translations_for(answers[0].language)
    items: dict[str, dict[str, Any]] = {}
    for answer in answers:
        cited_in = t.gettext("Cited in the answer to: {question}").format(question=answer.question)
        for citation in answer.citations:
            info = citation.passage.report
            if info.id not in items:
                ours = info.countries if info.author == "lab" else ()
                items[info.id] = {
                    "key": _key(info, {item["key"] for item in items.values()}),
                    "title": one_line(info.title or info.id),
                    "authors": [one_line(name) for name in ours or (author_label(info),)],
                    "publisher": one_line(info.lab),
                    "year": str(info.year or ""),
                    "genre": one_line(kind_label(info, t)),
                    "number": one_line(info.id),
                    "language": one_line(info.language),
                    "url": report_link(report_url, info.id),
                    "notes": [],
                }
            section = one_line(citation.passage.section)
            where = f" ({section})" if section else ""
            quote = one_line(f"[{citation.n}] “{citation.quote}”{where}")
            notes = items[info.id]["notes"]
            notes += [quote] if (cited := one_line(cited_in)) in notes else [cited, quote]
    return list(items.values())


def _to_bibtex(answers: Sequence[Answer], _title: str, _day: date, report_url: str) -> bytes:
    """One @techreport a report, in UTF-8; what it is cited for stands in `annote`."""
    entries = []
    for item in _references(answers, report_url):
        fields = {
            "title": f"{{{_tex(item['title'])}}}",
            # A lab has no first and last name.
            "author": " and ".join(f"{{{_tex(name)}}}" for name in item["authors"]),
            "institution": f"{{{_tex(item['publisher'])}}}",
            "year": item["year"],
            "type": _tex(item["genre"]),
            "number": _tex(item["number"]),
            "langid": _tex(language_label(item["language"]).lower()),
            # An address is taken as it stands; one that is checked has no brace.
            "url": item["url"],
            "annote": _tex(" ".join(item["notes"])),
        }
        lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items() if value)
        entries.append(f"@techreport{{{item['key']},\n{lines}}}\n")
    return "\n".join(entries).encode()


def _tex(text: str) -> str:
    return text.translate(_TEX)


# Tag of RIS -> what of an item it holds; of several values each has a line.
_RIS = {
    **{"TI": "title", "AU": "authors", "PY": "year", "PB": "publisher", "M3": "genre"},
    **{"LA": "language", "ID": "number", "UR": "url", "N1": "notes"},
}


def _to_ris(answers: Sequence[Answer], _title: str, _day: date, report_url: str) -> bytes:
    """One entry a report, in UTF-8; each quote is a note."""
    entries = []
    for item in _references(answers, report_url):
        lines = ["TY  - RPRT"]
        for tag, name in _RIS.items():
            values = item[name] if isinstance(item[name], list) else [item[name]]
            lines += [f"{tag}  - {value}" for value in values if value]
        entries.append("\r\n".join([*lines, "ER  - ", ""]))
    return "\r\n".join(entries).encode()


def _key(info: ReportInfo, taken: set[str]) -> str:
    plain = unicodedata.normalize("NFKD", info.id).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:60] or "report"
    keys = (f"{stem}-{number}" if number > 1 else stem for number in count(1))
    return next(key for key in keys if key not in taken)


_READ, _DATA, _CITE = marked("To read"), marked("Data"), marked("References")
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BRIEFS = {"docx": to_docx, "pdf": to_pdf, "html": to_html, "md": to_markdown}
# By the ending of the file, in the order of the page's menu, those of one use together. Names of
# programs and formats are the same in all languages.
FORMATS: Mapping[str, Format] = {
    "docx": Format(_WORD, _READ, "Word", _brief(to_docx)),
    "pdf": Format("application/pdf", _READ, "PDF", _brief(to_pdf)),
    "html": Format("text/html", _READ, marked("Web page"), _brief(to_html)),
    "md": Format("text/markdown", _READ, "Markdown", _brief(to_markdown)),
    "json": Format(
        "application/json", _DATA, marked("Whole answers"), lambda a, *_: answers_to_json(a)
    ),
    "xlsx": Format(_EXCEL, _DATA, "Excel", _to_xlsx),
    "csv": Format(
        *("text/csv", _DATA, marked("Table of sources")),
        lambda answers, _title, _day, url: to_csv(_source_rows(answers, url)),
    ),
    "bib": Format("application/x-bibtex", _CITE, "BibTeX", _to_bibtex),
    "ris": Format("application/x-research-info-systems", _CITE, "RIS", _to_ris),
}
