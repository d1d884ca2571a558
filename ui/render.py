"""Turns questions and answers into escaped HTML: pure functions, no state, no engine."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape

from rag.check_words import REASON, checked_sentence, struck_sentence, verdicts
from rag.labels import MODE_WORDS, counted
from rag.types import Answer, Citation, ReportInfo
from ui.cards import SIGNS, by_number, lab, uncited, weakest
from ui.chips import scope
from ui.exchange import Exchange

ROWS_SHOWN = 12

_MARK = re.compile(r" ?\[(\d{1,6})\]")
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")
_ITEM = re.compile(r"\s*(?:[-*•]|(\d{1,3})[.)])\s+(.*)")
# How an answer made of the reports' own sentences says who speaks: "Peru (2022, plan): ..."
_SPEAKER = re.compile(r"([^\[\]*:]{2,80} \((?:\d{4}|\w+)(?:, \w+)?\):)(?= )")
_HEADING = re.compile(r"#{1,6}\s+(.*)")


def prose(text: str, turn: int, citations: Mapping[int, Sequence[Citation]] | None = None) -> str:
    """An answer's text as paragraphs and lists whose `[n]` marks are links to source cards.

    Only bold, lists and headings of Markdown are understood; everything else is shown as it
    stands. Given `citations`, a number that has none stays plain text.
    """
    parts: list[str] = []
    within = ""
    for line in filter(str.strip, text.splitlines()):
        item = _ITEM.fullmatch(line)
        wanted = ("ol" if item[1] else "ul") if item else ""
        if within != wanted:
            parts.append(f"</{within}>" if within else "")
            start = f' start="{int(item[1])}"' if item and item[1] else ""
            parts.append(f'<{wanted}{start} dir="auto">' if wanted else "")
            within = wanted
        heading = _HEADING.fullmatch(line.strip())
        if item:
            parts.append(f"<li>{_inline(item[2], turn, citations)}</li>")
        elif heading:
            parts.append(f'<h4 dir="auto">{_inline(heading[1], turn, citations)}</h4>')
        else:
            parts.append(f'<p dir="auto">{_inline(line.strip(), turn, citations)}</p>')
    parts.append(f"</{within}>" if within else "")
    return "".join(parts)


def _inline(text: str, turn: int, citations: Mapping[int, Sequence[Citation]] | None) -> str:
    def link(match: re.Match[str]) -> str:
        n = int(match[1])
        if citations is not None and n not in citations:
            return match[0]
        # A narrow no-break space keeps the number on the line of the words it belongs to.
        return "\u202f" + _cite(n, turn, citations[n] if citations else ())

    said = _SPEAKER.sub(r"**\1**", text, count=1) if _SPEAKER.match(text) else text
    html = _BOLD.sub(r"<strong>\1</strong>", _MARK.sub(link, escape(said)))
    return html.replace("</a>\u202f<a", "</a>\u2009<a")  # a row of numbers may wrap


def _cite(n: int, turn: int, citations: Sequence[Citation]) -> str:
    signs, name, kinds = "", f"Source {n}", ["supported"]
    if citations:
        info = citations[0].passage.report
        told = verdicts(weakest(citations), any(c.corrected for c in citations))
        kinds = list(told)
        shown = "".join(SIGNS[kind] for kind in kinds if kind != "supported")
        signs = f'<span aria-hidden="true">{shown}</span>' if shown else ""
        name = ". ".join((f"Source {n}: {_and_year(info.lab, info.year)}", *told.values()))
    return (
        f'<a class="cite {" ".join(kinds)}" href="#source-{turn}-{n}" data-turn="{turn}" '
        f'data-n="{n}" title="{escape(name)}" aria-label="{escape(name)}">{n}{signs}</a>'
    )


def _and_year(name: str, year: int | None) -> str:
    return f"{name}, {year}" if year else name


def conversation(
    talk: Sequence[Exchange], reports: Mapping[str, ReportInfo], idle: bool = True
) -> str:
    """All finished questions of a conversation with their answers.

    While nothing is being answered (`idle`), the last one can be asked again without its chips.
    """
    last = len(talk) if idle else 0
    return "".join(exchange(one, n, reports, n == last) for n, one in enumerate(talk, 1))


def exchange(
    one: Exchange, turn: int, reports: Mapping[str, ReportInfo], last: bool = False
) -> str:
    """One finished question: answer, refusal, error, or what was written before a stop."""
    chips = scope(one, turn if last else 0)
    return _article(one, turn, chips + _outcome(one, turn, reports))


def _outcome(one: Exchange, turn: int, reports: Mapping[str, ReportInfo]) -> str:
    if one.error:
        return f'<p class="error" role="alert">{escape(one.error)}</p>'
    stopped = '<p class="note">Stopped before the end.</p>' if one.stopped else ""
    if one.answer is None:
        return f'<div class="answer">{prose(one.text, turn, {})}</div>{stopped}'
    answer = one.answer
    citations = by_number(answer.citations)
    listed = answer.coverage.intent == "list" and not answer.refused
    # The table says all that the lines after the first do, and is easier to scan.
    words = answer.text.partition("\n")[0] if listed else answer.text
    text = f'<div class="answer" lang="{escape(answer.language)}">'
    text += f"{prose(words, turn, citations)}</div>"
    if listed:
        text += complete_list(answer, turn, reports) + also_mentioned(answer, turn)
    if answer.notice:
        text += f'<p class="note">{escape(answer.notice)}</p>'
    body = f'<div class="refused">{text}</div>' if answer.refused else text
    return body + left_out(answer) + stopped + footer(answer, turn)


def left_out(answer: Answer) -> str:
    """The sentences that were struck from an answer, folded, each with its reason."""
    if not answer.struck:
        return ""
    items = "".join(
        f'<li><span class="away">Struck: </span><del dir="auto" lang="{escape(answer.language)}">'
        f"{_inline(struck_sentence(one), 0, {})}</del>"
        f'<span class="why">{REASON}: {escape(one.why)}</span></li>'
        for one in answer.struck
    )
    number = counted(len(answer.struck), "sentence")
    return (
        f'<details class="left-out"><summary>Left out: {number} that no passage supports'
        f"</summary><ul>{items}</ul></details>"
    )


def pending(one: Exchange, text: str, turn: int) -> str:
    """The question that is being answered, with what has been written so far."""
    wait = '<p class="wait"><span aria-hidden="true"></span> Reading the reports</p>'
    body = f'<div class="answer writing">{prose(text, turn)}</div>' if text.strip() else wait
    return _article(one, turn, scope(one) + body)


def _article(one: Exchange, turn: int, body: str) -> str:
    return (
        f'<article class="exchange" id="turn-{turn}" tabindex="-1">'
        f'<h3 class="question" dir="auto">{escape(one.question)}</h3>{body}</article>'
    )


def complete_list(answer: Answer, turn: int, reports: Mapping[str, ReportInfo]) -> str:
    """The complete list that a "which" or "how many" question asks for, with its count."""
    coverage = answer.coverage
    cites = {c.passage.report.id: _cite(c.n, turn, [c]) for c in answer.citations}
    rows = [_row(reports[i], cites.get(i, "")) for i in coverage.reports if i in reports]
    names = ("Lab", "Year", "Kind", "Report", '<span class="away">Source</span>')
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    total = f"{counted(coverage.count, 'report')} of {counted(len(coverage.labs), 'lab')}"
    table = (
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows[:ROWS_SHOWN])}</tbody></table>"
    )
    rest = rows[ROWS_SHOWN:]
    if rest:
        table += (
            f"<details><summary>Show the other {len(rest):,}</summary><table>"
            f"<tbody>{''.join(rest)}</tbody></table></details>"
        )
    return f'<section class="list" aria-label="{total}">{table}</section>'


def also_mentioned(answer: Answer, turn: int) -> str:
    """The reports that only speak of what a list asks for, with a passage each; not counted."""
    if not answer.mentions:
        return ""
    number = counted(len(answer.coverage.mentioned), "more report")
    return (
        f'<details class="mentioned"><summary>Not counted: also mentioned in the text of {number}, '
        f"without the tag</summary>{uncited(answer.mentions, turn)}</details>"
    )


def _row(info: ReportInfo, cite: str) -> str:
    kind = escape((info.kind or info.type).capitalize())
    when = f"<td>{info.year or ''}</td><td>{kind}</td>"
    return (
        f'<tr><td>{lab(info)}</td>{when}<td dir="auto">{escape(info.title)}</td>'
        f"<td>{cite}</td></tr>"
    )


def footer(answer: Answer, turn: int) -> str:
    """The lines under an answer: its sources, what it covered, who wrote it, how long it took."""
    mode = MODE_WORDS.get(answer.mode) or f"Written by {escape(answer.mode)}"
    seconds = sum(v for k, v in answer.timings.items() if k.endswith("_ms")) / 1000
    took = f" · {max(seconds, 0.1):.1f} s" if answer.timings else ""
    number = len(by_number(answer.citations))
    label = "Nearest passages" if answer.refused else counted(number, "source")
    link = f'<a class="to-sources" href="#sources" data-turn="{turn}" data-n="0">{label}</a>'
    shown = number if not answer.refused else len(answer.hits)
    said = checked_sentence(answer.checked)
    checked = f'<p class="checked">{said}</p>' if said else ""
    return (
        f'<footer><p class="coverage">{coverage_line(answer)}</p>{checked}'
        f'<p class="run">{link + " · " if shown else ""}{mode}{took}</p></footer>'
    )


def coverage_line(answer: Answer) -> str:
    """One sentence on what an answer covered: passages read, reports used, reports left unread."""
    c = answer.coverage
    if c.intent == "list":
        return "" if answer.refused else "The complete list of reports whose tags match."
    if c.intent == "about":
        return "Counted over the whole collection."
    if not c.read_passages:
        return "There was no passage to read."
    read = f"Read {counted(c.read_passages, 'passage')} from {counted(c.read_reports, 'report')}"
    if not answer.refused:
        read += f"; the answer rests on {counted(c.count, 'report')}"
        read += f" of {counted(len(c.labs), 'lab')}"
    left = c.matched_reports - c.read_reports
    verb = "was" if left == 1 else "were"
    more = f"; {counted(left, 'more report')} matched and {verb} not read" if left > 0 else ""
    return f"{read}{more}."


def collection(reports: Mapping[str, ReportInfo], index: str, revision: str) -> str:
    """What is being asked: how many reports and labs, which years, which index and state of it."""
    labs = {name for info in reports.values() for name in info.countries}
    years = sorted({info.year for info in reports.values() if info.year})
    span = f"{years[0]}–{years[-1]}" if len(years) > 1 else "".join(str(y) for y in years)
    facts = (("Reports", f"{len(reports):,}"), ("Labs", f"{len(labs):,}"), ("Years", span))
    rows = "".join(f"<div><dt>{k}</dt><dd>{v}</dd></div>" for k, v in facts if v)
    state = f'title="Fingerprint of its content: {escape(revision)}"'
    named = f"Index: {escape(index)} · {escape(revision[:8])}"
    return f'<dl class="facts">{rows}</dl><p class="index" {state}>{named}</p>'


def welcome(reports: int) -> str:
    """The words of a page on which nothing has been asked yet."""
    return (
        "<h2>What would you like to know from the labs?</h2><p>Answers come from "
        f"{counted(reports, 'report')}, each sentence tied to the lab that wrote it, in its own "
        "words. Where the reports say nothing, you are told so. Ask in any language.</p>"
    )


def masthead() -> str:
    """The product's name with its sign, a citation's number in brackets."""
    return (
        '<h1 class="name"><svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" '
        'rx="7"/><path d="M10 8H7v16h3M22 8h3v16h-3M14 12l3-2v12"/></svg>Ask the Labs</h1>'
        '<p class="tagline">What innovation labs wrote, with the words that say so.</p>'
    )
