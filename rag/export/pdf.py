"""Writes a brief as a PDF with Typst: tagged for screen readers (PDF/UA-1), fonts inside.

The brief goes to Typst as data, never as Typst source, so that nothing in it is run or laid
out. FiraGO covers Latin, Greek, Cyrillic, Arabic, Hebrew, Georgian, Devanagari and Thai, and
looks the same on every computer. Where it lacks a character the computer's fonts are tried
too; a symbol that no font has is named in brackets, and a letter that none has is an error.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typst
from pymupdf_fonts import FiraGO_Bold, FiraGO_Regular, NotoSansSymbols2_Regular

from rag.errors import InputError
from rag.export.brief import (
    PRODUCT,
    Brief,
    Fact,
    Line,
    Part,
    Quote,
    Source,
    right_to_left,
)

LONG_SOURCE, MANY_QUOTES = 1200, 2
_TEMPLATE = r"""
#let brief = json(bytes(sys.inputs.brief))
#let soft = rgb("#57606a")
#let blue = rgb("#0b4a8a")
#let directed(one, body) = {
  set text(dir: if one.rtl { rtl } else { ltr }, lang: one.lang)
  body
}
#let words(one) = directed(one, one.text)
#let fact(label, body) = block(
  spacing: .55em, text(size: 8.5pt, fill: soft)[#strong(label + brief.colon) #body],
)
#let facts(pairs) = for (label, one) in pairs { fact(label, words(one)) }
#let source(one) = block(breakable: one.long, above: 1.5em, below: 0pt, {
  block(sticky: true, below: .8em, {
    if "anchor" in one [#strong(one.number)#label(one.anchor) ]
    strong(words(one.who)) + one.kind + words(one.title)
  })
  for quote in one.quotes {
    let (side, bar) = (if quote.rtl { "right" } else { "left" }, 1.5pt + blue)
    block(
      width: 100%, above: .8em, below: .8em, stroke: ((side): bar), inset: ((side): 9pt, y: 2pt),
      sticky: true,
      for words-of-line in quote.lines { directed(words-of-line, par(words-of-line.text)) },
    )
    facts(quote.facts)
  }
  facts(one.facts)
  if one.link != "" {
    fact(brief.link, link(one.link, text(fill: blue, dir: ltr, lang: "en", one.link)))
  }
})
#let runs(one) = for run in one.runs {
  if "anchor" in run {
    link(label(run.anchor), text(fill: blue, super(typographic: false, run.text)))
  } else if run.bold { strong(run.text) } else { run.text }
}
#let line(one) = directed(one, {
  let body = runs(one)
  if one.kind == "bullet" { list(body) }
  else if one.kind == "numbered" { enum(enum.item(one.number, body)) }
  else if one.kind == "heading" { block(sticky: true, above: 1.3em, strong(body)) }
  else { par(body) }
})

#set document(
  title: brief.title, author: brief.product,
  date: datetime(year: brief.year, month: brief.month, day: brief.day),
)
#set text(font: ("FiraGO", "Noto Sans Symbols2", "DejaVu Sans Mono"), size: 10pt,
  fill: rgb("#1b1f24"), lang: brief.lang, dir: if brief.rtl { rtl } else { ltr })
#set page(paper: "a4", margin: (x: 2.5cm, top: 2.2cm, bottom: 2.4cm), footer: context {
  set text(size: 8pt, fill: soft)
  grid(columns: (1fr, auto), gutter: 1em,
    // In a box of its own the name does not turn the date beside it.
    [#box(text(lang: "en", dir: ltr, brief.product)) · #brief.when],
    text(dir: ltr, counter(page).display("1 / 1", both: true)))
})
#set par(leading: .7em, spacing: 1.2em)
#show std.title: set text(size: 20pt)
#show heading.where(level: 1): set text(size: 13.5pt, fill: blue)
#show heading.where(level: 1): set block(above: 2.2em, below: 1em)
#show heading.where(level: 2): set text(size: 11pt, fill: blue)
#show heading.where(level: 2): set block(above: 1.8em, below: .9em)

#block(below: 1.2em, text(size: 9pt, fill: blue, weight: "bold", lang: "en", brief.product))
#directed(brief.heading, std.title())
#block(width: 100%, above: 1em, below: 0pt, inset: (bottom: .9em),
  stroke: (bottom: .75pt + blue), text(size: 9pt, fill: soft, brief.when))
#if brief.summary.len() > 0 { block(above: 1em, facts(brief.summary)) }
#for part in brief.parts {
  directed(part.question, heading(level: 1, part.question.text))
  block(breakable: false, sticky: true, below: 1.4em, facts(part.scope))
  for one in part.lines { line(one) }
  if part.listed.len() > 0 {
    heading(level: 2, part.list_heading)
    list(..part.listed.map(words))
  }
  for (name, sources) in part.source_lists {
    heading(level: 2, name)
    for one in sources { source(one) }
  }
  if part.left_out.len() > 0 { heading(level: 2, brief.left_out) }
  for one in part.left_out { directed(one, list({ strike(runs(one)); facts(one.facts) })) }
  heading(level: 2, brief.about)
  block(breakable: false, facts(part.facts))
}
"""
_FONTS = {
    "FiraGO-Regular.ttf": FiraGO_Regular,
    "FiraGO-Bold.ttf": FiraGO_Bold,
    "NotoSansSymbols2-Regular.ttf": NotoSansSymbols2_Regular,
}
_NO_GLYPH = re.compile(r'the text `"((?:[^"\\]|\\.)*)"` could not be displayed')
_ESCAPE = re.compile(r"\\u\{([0-9a-f]+)\}|\\(.)")


def to_pdf(brief: Brief) -> bytes:
    """The brief as a PDF; the same brief on the same computer gives the same bytes.

    Raises:
        InputError: no font of this computer has the letters of some text.
    """
    given = _Setting(brief, lambda text: text).whole()
    try:
        return _compile(given, brief, system_fonts=False)
    except typst.TypstError as error:
        if not _without_glyph(error):
            raise
    try:
        return _compile(given, brief, system_fonts=True)
    except typst.TypstError as error:
        missing = _without_glyph(error)
        if not missing:
            raise
    names = {ord(character): _named(character) for text in missing for character in text}
    return _compile(
        _Setting(brief, lambda text: text.translate(names)).whole(), brief, system_fonts=True
    )


def _compile(given: Mapping[str, Any], brief: Brief, *, system_fonts: bool) -> bytes:
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for name, module in _FONTS.items():
            Path(folder, name).write_bytes(module.fontbuffer)
        template = Path(folder, "brief.typ")
        template.write_text(_TEMPLATE, encoding="utf-8")
        return typst.compile(
            str(template),
            format="pdf",
            root=folder,
            font_paths=typst.Fonts(include_system_fonts=system_fonts, font_paths=[folder]),
            sys_inputs={"brief": json.dumps(given)},
            pdf_standards="ua-1",
            timestamp=datetime.combine(brief.day, time(), UTC),
        )


def _without_glyph(error: typst.TypstError) -> list[str]:
    """The texts that the fonts at hand can't show."""

    def character(match: re.Match[str]) -> str:
        return chr(int(match[1], 16)) if match[1] else match[2]

    return [_ESCAPE.sub(character, text) for text in _NO_GLYPH.findall(error.diagnostic)]


def _named(character: str) -> str:
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


@dataclass(frozen=True, slots=True)
class _Setting:
    """A brief as the template reads it; `show` makes the text that is set."""

    brief: Brief
    show: Callable[[str], str]

    def whole(self) -> dict[str, Any]:
        brief, labels = self.brief, self.brief.labels
        return {
            "title": self.show(brief.title),
            "heading": self._text(brief.title),
            "when": brief.when,
            "summary": self._facts(brief.summary),
            "year": brief.day.year,
            "month": brief.day.month,
            "day": brief.day.day,
            "product": PRODUCT,
            "lang": brief.language,
            "rtl": brief.rtl,
            "colon": labels.colon,
            "about": labels.about,
            "left_out": labels.left_out,
            "link": labels.link,
            "parts": [self._part(one, number) for number, one in enumerate(brief.parts, 1)],
        }

    def _part(self, one: Part, number: int) -> dict[str, Any]:
        return {
            "question": self._text(one.question, one.language),
            "scope": self._facts(one.scope),
            "lines": [self._line(each, number, one.language) for each in one.lines],
            "listed": [self._text(report) for report in one.listed],
            "list_heading": one.list_heading,
            "source_lists": [
                (heading, [self._source(each, number) for each in sources])
                for heading, sources in one.source_lists
            ],
            "left_out": [
                self._line(each, number, one.language)
                | {"facts": self._facts([(self.brief.labels.reason, reason)])}
                for each, reason in one.left_out
            ],
            "facts": self._facts(one.facts),
        }

    def _source(self, one: Source, number: int) -> dict[str, Any]:
        anchor = {"number": f"[{one.n}]", "anchor": f"source-{number}-{one.n}"} if one.n else {}
        kind = f" ({one.kind})" if one.kind else ""
        return anchor | {
            "who": self._text(one.who),
            "kind": self.show(f"{kind}{self.brief.labels.colon} "),
            "title": self._text(one.title, one.language),
            "quotes": [self._quote(each, one.language) for each in one.quotes],
            # Kept on one page unless that would leave much of one empty.
            "long": len(one.quotes) > MANY_QUOTES
            or sum(len(words) for each in one.quotes for words in each.lines) > LONG_SOURCE,
            "facts": self._facts(one.facts),
            "link": one.link,
        }

    def _quote(self, one: Quote, language: str) -> dict[str, Any]:
        status = [(self.brief.labels.status, one.status)] if one.status else []
        return {
            "lines": [self._text(words, language) for words in one.lines],
            "rtl": right_to_left("".join(one.lines)),
            "facts": self._facts(status),
        }

    def _line(self, one: Line, number: int, language: str) -> dict[str, Any]:
        runs = [
            {"text": f"[{run.note}]", "anchor": f"source-{number}-{run.note}"}
            if run.note
            else {"text": self.show(run.text), "bold": run.bold}
            for run in one.runs
        ]
        whole = self._text("".join(run.text for run in one.runs), language)
        return {**whole, "kind": one.kind, "number": one.number, "runs": runs}

    def _facts(self, pairs: Sequence[Fact]) -> list[tuple[str, dict[str, Any]]]:
        return [(label, self._text(value)) for label, value in pairs]

    def _text(self, value: str, language: str = "") -> dict[str, Any]:
        lang = language if re.fullmatch("[a-z]{2,3}", language) else self.brief.language
        return {"text": self.show(value), "rtl": right_to_left(value), "lang": lang}
