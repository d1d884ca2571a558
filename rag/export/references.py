"""Writes the reports that answers cite as references: BibTeX, RIS and CSL-JSON.

There is one entry a report, in the order of first citations; what it is cited for stands in it
as notes, in the language of the first question.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from rag.catalog.tag_fields import ReportInfo
from rag.export.brief import one_line, report_link
from rag.i18n.labels import author_label, kind_label, language_label
from rag.i18n.translations import translations_for
from rag.types import Answer

_TEX = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    # BibTeX counts braces, also escaped ones, so these must not be braces.
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    **{character: f"\\{character}" for character in "$&%#_"},
}


@dataclass(frozen=True, slots=True)
class _Cited:
    """A report, a key of its own, what sort it is, where it is, and what it is cited for."""

    info: ReportInfo
    key: str
    kind: str
    link: str
    title: str
    authors: Sequence[str]
    notes: list[str]


def to_bibtex(answers: Sequence[Answer], report_url: str) -> bytes:
    """One @techreport per cited report, in UTF-8; what it is cited for stands in `annote`."""
    entries = []
    for cited in _cited(answers, report_url):
        fields = {
            "title": f"{{{_tex(cited.title)}}}",
            "author": " and ".join(f"{{{_tex(name)}}}" for name in cited.authors),
            "institution": f"{{{_tex(cited.info.lab)}}}",
            "year": str(cited.info.year or ""),
            "type": _tex(cited.kind),
            "number": _tex(cited.info.id),
            "langid": _tex(language_label(cited.info.language).lower()),
            # An address is taken as it stands; one that is checked has no brace.
            "url": cited.link,
            "annote": _tex(" ".join(cited.notes)),
        }
        lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items() if value)
        entries.append(f"@techreport{{{cited.key},\n{lines}}}\n")
    return "\n".join(entries).encode()


def _tex(text: str) -> str:
    return "".join(_TEX.get(character, character) for character in one_line(text))


def to_ris(answers: Sequence[Answer], report_url: str) -> bytes:
    """One entry per cited report, in UTF-8; each quote is a note."""
    entries = []
    for cited in _cited(answers, report_url):
        pairs = [
            ("TY", "RPRT"),
            ("TI", cited.title),
            *(("AU", name) for name in cited.authors),
            ("PY", str(cited.info.year or "")),
            ("PB", cited.info.lab),
            ("M3", cited.kind),
            ("LA", cited.info.language),
            ("ID", cited.info.id),
            ("UR", cited.link),
            *(("N1", note) for note in cited.notes),
            ("ER", " "),
        ]
        entries.append("".join(f"{tag}  - {one_line(v)}\r\n" for tag, v in pairs if v))
    return "\r\n".join(entries).encode()


def to_csl(answers: Sequence[Answer], report_url: str) -> bytes:
    """One item per cited report, as citation managers read it; each quote is a line of `note`."""
    items = []
    for cited in _cited(answers, report_url):
        item = {
            "id": cited.key,
            "type": "report",
            "title": one_line(cited.title),
            # A lab has no first and last name.
            "author": [{"literal": one_line(name)} for name in cited.authors],
            "publisher": one_line(cited.info.lab),
            "issued": {"date-parts": [[cited.info.year]]} if cited.info.year else None,
            "genre": one_line(cited.kind),
            "number": one_line(cited.info.id),
            "language": one_line(cited.info.language),
            "URL": cited.link,
            "note": "\n".join(map(one_line, cited.notes)),
        }
        items.append({name: value for name, value in item.items() if value})
    text = json.dumps(items, ensure_ascii=False, indent=1)
    return (text + "\n").encode("utf-8", "backslashreplace")


def _cited(answers: Sequence[Answer], report_url: str) -> list[_Cited]:
    t = translations_for(answers[0].language)
    reports: dict[str, _Cited] = {}
    keys = set[str]()
    for answer in answers:
        cited_in = t.gettext("Cited in the answer to: {question}").format(question=answer.question)
        seen = set[str]()
        for citation in answer.citations:
            info = citation.passage.report
            if info.id not in reports:
                kind, link = kind_label(info, t), report_link(report_url, info.id)
                ours = info.countries if info.author == "lab" else ()
                title, authors = info.title or info.id, ours or (author_label(info),)
                key = _key(info, keys)
                reports[info.id] = _Cited(info, key, kind, link, title, authors, [])
            notes = reports[info.id].notes
            if info.id not in seen:
                seen.add(info.id)
                notes.append(cited_in)
            section = one_line(citation.passage.section)
            where = f" ({section})" if section else ""
            notes.append(f"[{citation.n}] “{citation.quote}”{where}")
    return list(reports.values())


def _key(info: ReportInfo, taken: set[str]) -> str:
    plain = unicodedata.normalize("NFKD", info.id).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:60] or "report"
    key, number = stem, 1
    while key in taken:
        number += 1
        key = f"{stem}-{number}"
    taken.add(key)
    return key
