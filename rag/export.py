"""Turns answers into files: briefs to read, data to work with, references to cite.

Briefs (md, html, docx, pdf) are laid out once, in `rag.briefs`; each of their writers is a
module of its own. What a report or a model wrote is text in every format, never markup.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date

from rag.answer_json import answer_to_dict, answers_to_json
from rag.answer_read import answer_from_dict, answers_from_json
from rag.brief_text import to_html, to_markdown
from rag.briefs import Brief, clean, make_brief, one_line
from rag.errors import InputError
from rag.types import Answer, ReportInfo

__all__ = ["FORMATS", "answer_from_dict", "answer_to_dict", "answers_from_json", "export"]

Writer = Callable[[Sequence[Answer], str, date], bytes]

COLUMNS = (
    *("question", "n", "status", "lab", "year", "type", "kind", "title", "section", "prompt"),
    *("stage", "quote", "language", "report", "start", "end"),
    "corrected",
)
# A spreadsheet takes a cell that begins with one of these, also in full width, for a formula.
_FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@＝＋－＠]")
_LANGUAGES = {
    "en": "english",
    "fr": "french",
    "es": "spanish",
    "pt": "portuguese",
    "ar": "arabic",
}
_TEX = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    # BibTeX counts braces, also escaped ones, so these must not be braces.
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    **{character: f"\\{character}" for character in "$&%#_"},
}


def export(
    answers: Sequence[Answer], ending: str, title: str = "", *, day: date | None = None
) -> bytes:
    """A file of these answers, of the kind that `ending` names (see FORMATS).

    `day` dates a brief and is today if not given; all else being equal, equal input gives
    equal bytes.

    Raises:
        InputError: no format has this ending, there is no answer, or no font for the PDF.
    """
    writer = FORMATS.get(ending.lower().lstrip("."))
    if writer is None:
        raise InputError(f"There is no export to {ending!r}. Choose one of {', '.join(FORMATS)}.")
    if not answers:
        raise InputError("There is no answer to export. Ask a question first.")
    return writer(answers, title, day or date.today())


def _briefly(write: Callable[[Brief], bytes]) -> Writer:
    return lambda answers, title, day: write(make_brief(answers, title, day))


def _to_docx(brief: Brief) -> bytes:
    # Imported when it is needed: its XML library is slow to load.
    from rag.brief_docx import to_docx

    return to_docx(brief)


def _to_pdf(brief: Brief) -> bytes:
    # Imported when it is needed: it loads a typesetter and unpacks fonts.
    from rag.brief_pdf import to_pdf

    return to_pdf(brief)


def to_csv(answers: Sequence[Answer]) -> bytes:
    """One row per citation under COLUMNS, in UTF-8 with the mark that Excel looks for.

    The quote stands in the report's file from character `start` up to `end`.
    """
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(COLUMNS)
    for answer in answers:
        for citation in answer.citations:
            passage, info = citation.passage, citation.passage.report
            row = (
                *(answer.question, citation.n, citation.status, info.lab, info.year or ""),
                *(info.type, info.kind, info.title, passage.section, passage.prompt),
                *(passage.stage, citation.quote, passage.language, info.id),
                *(citation.span or ("", "")),
                "yes" if citation.corrected else "no",
            )
            writer.writerow([cell(value) for value in row])
    return table.getvalue().encode("utf-8-sig")


def cell(value: str | int) -> str:
    """A value as a spreadsheet cell that is text or a number, never a formula."""
    text = clean(str(value))
    return f"'{text}" if _FORMULA.match(str(value)) or _FORMULA.match(text) else text


def to_bibtex(answers: Sequence[Answer]) -> bytes:
    """One @techreport per cited report, in UTF-8; what it is cited for stands in `annote`."""
    entries, keys = [], set[str]()
    for info, notes in _cited(answers):
        key = _key(info, keys)
        fields = {
            "title": f"{{{tex(info.title or info.id)}}}",
            "author": " and ".join(f"{{{tex(name)}}}" for name in info.countries or (info.lab,)),
            "institution": f"{{{tex(info.lab)}}}",
            "year": str(info.year or ""),
            "type": tex((info.kind or info.type).capitalize()),
            "number": tex(info.id),
            "langid": _LANGUAGES.get(info.language, ""),
            "annote": tex(" ".join(notes)),
        }
        lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items() if value)
        entries.append(f"@techreport{{{key},\n{lines}}}\n")
    return "\n".join(entries).encode()


def _key(info: ReportInfo, taken: set[str]) -> str:
    plain = unicodedata.normalize("NFKD", info.id).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:60] or "report"
    key, number = stem, 1
    while key in taken:
        number += 1
        key = f"{stem}-{number}"
    taken.add(key)
    return key


def tex(text: str) -> str:
    """One line of text with what TeX and BibTeX would act on escaped."""
    return "".join(_TEX.get(character, character) for character in one_line(text))


def to_ris(answers: Sequence[Answer]) -> bytes:
    """One entry per cited report, in UTF-8; each quote is a note."""
    return "\r\n".join("".join(_ris(info, notes)) for info, notes in _cited(answers)).encode()


def _ris(info: ReportInfo, notes: Sequence[str]) -> Iterator[str]:
    pairs = [
        ("TY", "RPRT"),
        ("TI", info.title or info.id),
        *(("AU", name) for name in info.countries or (info.lab,)),
        ("PY", str(info.year or "")),
        ("PB", info.lab),
        ("M3", (info.kind or info.type).capitalize()),
        ("LA", info.language),
        ("ID", info.id),
        *(("N1", note) for note in notes),
        ("ER", " "),
    ]
    for tag, value in pairs:
        if value:
            yield f"{tag}  - {one_line(value)}\r\n"


def _cited(answers: Sequence[Answer]) -> list[tuple[ReportInfo, list[str]]]:
    """Each cited report in the order of its first citation, with what it is cited for."""
    reports: dict[str, tuple[ReportInfo, list[str]]] = {}
    for answer in answers:
        seen = set[str]()
        for citation in answer.citations:
            info = citation.passage.report
            notes = reports.setdefault(info.id, (info, []))[1]
            if info.id not in seen:
                seen.add(info.id)
                notes.append(f"Cited in the answer to: {answer.question}")
            section = one_line(citation.passage.section)
            where = f" ({section})" if section else ""
            notes.append(f"[{citation.n}] “{citation.quote}”{where}")
    return list(reports.values())


FORMATS: Mapping[str, Writer] = {
    "md": _briefly(to_markdown),
    "html": _briefly(to_html),
    "docx": _briefly(_to_docx),
    "pdf": _briefly(_to_pdf),
    "json": lambda answers, _title, _day: answers_to_json(answers),
    "csv": lambda answers, _title, _day: to_csv(answers),
    "bib": lambda answers, _title, _day: to_bibtex(answers),
    "ris": lambda answers, _title, _day: to_ris(answers),
}
