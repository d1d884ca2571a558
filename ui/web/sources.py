"""Turns passages into source cards, the quoted words highlighted: pure, everything escaped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from rag.catalog.fields import ReportInfo
from rag.export.brief import shortened
from rag.i18n.labels import (
    STAGE_LABELS,
    format_count,
    kind_label,
    lab_label,
    language_label,
)
from rag.i18n.notices import verdicts
from rag.i18n.translations import ENGLISH, Translations, format_number
from rag.types import Answer, Citation, Hit, Passage, Span, Status

# Each has a sign of its own, so that colour is never the only difference; the weakest come last.
SIGNS = {"supported": "✓", "partly": "≈", "unsupported": "?", "corrected": "⇄"}
NEAREST = 5
UNCITED = 8
PREVIEW = 240
SHORT = 60
_ELLIPSIS = re.compile(r"\s*(?:\[?…\]?|\[?\.{3}\]?)\s*")


def flags(iso: Sequence[str]) -> str:
    """The flag emoji of ISO 3166 alpha-2 codes; codes of any other shape are left out."""
    codes = [code.upper() for code in iso if re.fullmatch(r"[A-Za-z]{2}", code)]
    return "".join(chr(0x1F1E6 + ord(letter) - 65) for code in codes for letter in code)


def lab(info: ReportInfo, t: Translations) -> str:
    """A lab as HTML: its flag, which not every system draws, and always its name."""
    flag = flags(info.iso)
    before = f'<span class="flag" aria-hidden="true">{flag}</span> ' if flag else ""
    return f'{before}<span class="lab" dir="auto">{escape(lab_label(info, t))}</span>'


def find_quote(text: str, quote: str) -> list[Span]:
    """Where the words of a quote stand in a passage, white space aside; empty if they don't.

    A quote shortened with an ellipsis is found piece by piece.
    """
    whole = _find(text, quote)
    if whole:
        return [whole]
    pieces = [_find(text, piece) for piece in _ELLIPSIS.split(quote) if piece.strip()]
    found = [span for span in pieces if span]
    return sorted(set(found)) if found and len(found) == len(pieces) else []


def _find(text: str, words: str) -> Span | None:
    pattern = r"\s+".join(re.escape(word) for word in words.split())
    match = re.search(pattern, text) if pattern else None
    return match.span() if match else None


def highlighted(text: str, quotes: Sequence[str]) -> str:
    """A passage's text with the words of the quotes in `<mark>`; one not found stands above it."""
    marked = [find_quote(text, quote) for quote in quotes]
    pairs = zip(quotes, marked, strict=True)
    apart = [quote for quote, spans in pairs if quote.strip() and not spans]
    parts = [f'<p class="apart"><mark>{escape(quote)}</mark></p>' for quote in apart]
    at = 0
    for start, end in sorted(span for spans in marked for span in spans):
        if end > at:
            start = max(start, at)
            parts += [escape(text[at:start]), "<mark>", escape(text[start:end]), "</mark>"]
            at = end
    return "".join([*parts, escape(text[at:])])


def by_number(citations: Sequence[Citation]) -> dict[int, list[Citation]]:
    """An answer's citations by number: one passage can be cited for several of its sentences."""
    numbers: dict[int, list[Citation]] = {}
    for citation in citations:
        numbers.setdefault(citation.n, []).append(citation)
    return numbers


def weakest(citations: Sequence[Citation]) -> Status:
    """The status of a number: that of its least supported use, so that no doubt is hidden."""
    return max((c.status for c in citations), key=list(SIGNS).index)


def card(
    passage: Passage,
    turn: int,
    citations: Sequence[Citation],
    siblings: Sequence[ReportInfo],
    t: Translations,
) -> str:
    """One source as a card that opens: who, when and where, then the passage with its quotes.

    `citations` are those that cite the passage, all of one number; none for a passage that the
    answer doesn't cite. `siblings` are other reports that say the same.
    """
    info = passage.report
    n = citations[0].n if citations else 0
    facts = " · ".join(escape(str(x)) for x in (info.year, kind_label(info, t)) if x)
    away = f'<span class="away">{t.gettext("Source")} </span>'
    label = f'<span class="number">{away}{n}</span>' if n else ""
    identity = f' id="source-{turn}-{n}" data-turn="{turn}" data-n="{n}"' if n else ""
    lang = f' lang="{escape(passage.language)}"'
    quotes = [citation.quote for citation in citations]
    part = t.gettext("Part {part} of {parts}") if passage.parts > 1 else ""
    part = part.format(part=passage.part, parts=passage.parts)
    told = t.gettext("Back to the answer")
    back = f'<a class="back" href="#turn-{turn}" data-turn="{turn}" data-n="{n}">{told}</a>'
    return (
        f'<details class="source"{identity}><summary>{label}<span class="head">'
        f'<span class="who">{lab(info, t)} <span class="when">{facts}</span></span>'
        f'<span class="title" dir="auto">{escape(info.title)}</span>'
        f'<span class="preview" dir="auto"{lang}>{_short((*quotes, passage.text)[0], PREVIEW)}'
        f'</span></span></summary><div class="body">{back if n else ""}{_place(passage, t)}'
        f'<p class="stage {passage.stage}">{t.gettext(STAGE_LABELS[passage.stage])}'
        f"{f' <span>{part}</span>' if part else ''}</p>"
        f'<blockquote dir="auto"{lang}>{highlighted(passage.text, quotes)}</blockquote>'
        f"{_siblings(siblings, t)}{_verdicts(citations, t)}"
        f"{open_report(info.id, t, turn, n, passage.id)}</div></details>"
    )


def _short(text: str, length: int) -> str:
    return escape(shortened(text, length))


def _siblings(reports: Sequence[ReportInfo], t: Translations) -> str:
    if not reports:
        return ""
    named = "; ".join(f"{escape(info.title)} ({info.year or '?'})" for info in reports)
    also = t.gettext("Also in: {reports}").format(reports=named)
    return f'<p class="siblings" dir="auto">{also}</p>'


def _verdicts(citations: Sequence[Citation], t: Translations) -> str:
    """Each verdict in words; where it is not that of all quotes, with the quote that it is of."""
    found = [verdicts(one.status, one.corrected, t) for one in citations]
    lines = {}
    for citation, told in zip(citations, found, strict=True):
        for kind, said in told.items():
            apart = not all(kind in others for others in found)
            which = f' <q dir="auto">{_short(citation.quote, SHORT)}</q>' if apart else ""
            line = f'<b aria-hidden="true">{SIGNS[kind]}</b> {said}{which}'
            lines[line] = f'<p class="status {kind}">{line}</p>'
    return "".join(lines.values())


def _place(passage: Passage, t: Translations) -> str:
    # What a list rests on is a report's tags: not a part of the form that a lab filled in.
    if passage.id.endswith("#tags"):
        return f"<dl>{_term(t.gettext('Tag'), passage.prompt)}</dl>"
    section, question = passage.place
    asked = _term(t.gettext("Form question"), question)
    language = _term(t.gettext("Language"), language_label(passage.language, t))
    return f"<dl>{_term(t.gettext('Section'), section)}{asked}{language}</dl>"


def _term(name: str, value: str) -> str:
    if not value.strip():
        return ""
    return f'<div><dt>{name}</dt><dd dir="auto">{escape(value)}</dd></div>'


def open_report(
    report: str,
    t: Translations,
    turn: int = 0,
    n: int = 0,
    passage: str = "",
    label: str = "",
) -> str:
    """A button that shows a whole report, at a passage of it and with the quotes of a number."""
    data = {"report": report, "passage": passage, "turn": turn, "n": n}
    given = "".join(f' data-{key}="{escape(str(value))}"' for key, value in data.items())
    shown = escape(label or t.gettext("Open report"))
    return f'<button type="button" class="open-report" dir="auto"{given}>{shown}</button>'


def sources(answer: Answer | None, turn: int, t: Translations = ENGLISH) -> str:
    """The sources panel of one answer: its citations in order, or its nearest passages."""
    if answer is None or answer.coverage.intent == "about":
        hint = t.gettext(
            "The passages that an answer rests on appear here, the quoted words highlighted."
        )
        return _panel(turn, t.gettext("Sources"), f'<p class="hint">{hint}</p>')
    cited = {c.passage.id for c in answer.citations}
    others = [hit for hit in answer.hits if hit.passage.id not in cited]
    siblings = {hit.passage.id: hit.siblings for hit in answer.hits}
    of = f'<span class="of" dir="auto">{escape(answer.question)}</span>'
    numbers = by_number(answer.citations)
    cards = "".join(
        card(group[0].passage, turn, group, siblings.get(group[0].passage.id, ()), t)
        for group in numbers.values()
    )
    if answer.refused:
        head = t.gettext("Nearest passages") + of
        near = t.gettext("They come closest to the question, but do not answer it.")
        hint = near if answer.hits else t.gettext("No passage comes close.")
        # What the refusal names comes first, so that its numbers lead somewhere.
        cards += uncited(others[: max(0, NEAREST - len(numbers))], turn, t)
        return _panel(turn, head, f'<p class="hint">{hint}</p>{cards}')
    more = others[:UNCITED]
    if more:
        told = t.ngettext(
            "{n} more passage found, not cited", "{n} more passages found, not cited", len(more)
        ).format(n=format_number(t, len(more)))
        shown = uncited(more, turn, t)
        cards += f'<details class="more"><summary>{told}</summary>{shown}</details>'
    return _panel(turn, format_count(len(numbers), "source", t) + of, cards)


def uncited(hits: Sequence[Hit], turn: int, t: Translations) -> str:
    """Cards of passages that an answer does not cite."""
    return "".join(card(hit.passage, turn, (), hit.siblings, t) for hit in hits)


def _panel(turn: int, head: str, body: str) -> str:
    return (
        f'<div class="panel" data-turn="{turn}" tabindex="-1">'
        f'<h2 class="panel-head" role="status">{head}</h2>{body}</div>'
    )


# The numbers in an answer: links to source cards that carry what a popover shows of them.


# Of a number that stands for several quotes of its passage, so many are shown.
QUOTES = 2
LONGEST_QUOTE = 320


def cite(n: int, turn: int, citations: Sequence[Citation], t: Translations) -> str:
    """The link of a number; without `citations`, while the answer is written, only the number.

    Its data is what the browser makes a popover of: lab and year, quotes, the verdict in words.
    """
    source = t.gettext("Source {n}").format(n=n)
    signs, name, kinds, data = "", source, ["supported"], ""
    if citations:
        passage = citations[0].passage
        who = _and_year(lab_label(passage.report, t), passage.report.year)
        told = verdicts(weakest(citations), any(c.corrected for c in citations), t)
        kinds = list(told)
        shown = "".join(SIGNS[kind] for kind in kinds if kind != "supported")
        signs = f'<span aria-hidden="true">{shown}</span>' if shown else ""
        name = ". ".join((f"{source}: {who}", *told.values()))
        verdict = "\n".join(f"{SIGNS[kind]} {said}" for kind, said in told.items())
        quotes = "\n".join(shortened(c.quote, LONGEST_QUOTE) for c in citations[:QUOTES])
        given = {"who": who, "quote": quotes, "lang": passage.language, "verdict": verdict}
        data = "".join(f' data-{key}="{escape(value)}"' for key, value in given.items())
    return (
        f'<a class="cite {" ".join(kinds)}" href="#source-{turn}-{n}" data-turn="{turn}" '
        f'data-n="{n}"{data} aria-label="{escape(name)}">{n}{signs}</a>'
    )


def _and_year(name: str, year: int | None) -> str:
    return f"{name}, {year}" if year else name
