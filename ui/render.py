"""Turns questions and answers into escaped HTML: pure functions, no state, no engine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from rag.brief_lines import speaker
from rag.check_words import REASON, checked_sentence, struck_sentence
from rag.labels import counted, kind_words, mode_words, reports_and_labs
from rag.notices import notice_words
from rag.translate import ENGLISH, Words, code_of, marked, number, runs_right_to_left, seconds
from rag.types import Answer, Citation, ReportInfo
from ui.answer_row import row
from ui.cards import by_number, lab, uncited
from ui.chips import scope
from ui.cite import cite
from ui.covered import covered
from ui.exchange import Exchange
from ui.plain_text import BOLD

ROWS_SHOWN = 12
COLUMNS = (marked("Lab"), marked("Year"), marked("Kind"), marked("Report"))

_MARK = re.compile(r" ?\[(\d{1,6})\]")
_ITEM = re.compile(r"\s*(?:[-*•]|(\d{1,3})[.)])\s+(.*)")
_HEADING = re.compile(r"#{1,6}\s+(.*)")


def prose(
    text: str,
    turn: int,
    citations: Mapping[int, Sequence[Citation]] | None,
    words: Words,
) -> str:
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
            parts.append(f"<li>{_inline(item[2], turn, citations, words)}</li>")
        elif heading:
            parts.append(f'<h4 dir="auto">{_inline(heading[1], turn, citations, words)}</h4>')
        else:
            parts.append(f'<p dir="auto">{_inline(line.strip(), turn, citations, words)}</p>')
    parts.append(f"</{within}>" if within else "")
    return "".join(parts)


def _inline(
    text: str, turn: int, citations: Mapping[int, Sequence[Citation]] | None, words: Words
) -> str:
    def link(match: re.Match[str]) -> str:
        n = int(match[1])
        if citations is not None and n not in citations:
            return match[0]
        # A narrow no-break space keeps the number on the line of the words it belongs to.
        return "\u202f" + cite(n, turn, citations[n] if citations else (), words)

    name, said, turns = speaker(text) or ("", text, False)
    html = BOLD.sub(r"<strong>\1</strong>", _MARK.sub(link, escape(said)))
    html = html.replace("</a>\u202f<a", "</a>\u2009<a")  # a row of numbers may wrap
    before = f"<strong>{escape(name)}</strong>" if name else ""
    return before + (f" <bdi>{html.strip()}</bdi>" if turns else html)


def conversation(
    talk: Sequence[Exchange],
    reports: Mapping[str, ReportInfo],
    words: Words,
    idle: bool = True,
) -> str:
    """All finished questions of a conversation with their answers.

    While nothing is being answered (`idle`), the last one can be asked again without its chips.
    """
    return "".join(
        exchange(one, n, reports, idle and n == len(talk), words, idle=idle)
        for n, one in enumerate(talk, 1)
    )


def exchange(
    one: Exchange,
    turn: int,
    reports: Mapping[str, ReportInfo],
    last: bool,
    words: Words,
    *,
    idle: bool = True,
) -> str:
    """One finished question: answer, refusal, error, or what was written before a stop.

    The `last` one can be asked again; nothing can be said of an answer while not `idle`.
    """
    body = scope(one, turn if last else 0, words, reports) + _outcome(one, turn, reports, words)
    return _article(one, turn, body + row(one, turn, last, words, idle=idle))


def _outcome(one: Exchange, turn: int, reports: Mapping[str, ReportInfo], words: Words) -> str:
    if one.error:
        return f'<p class="error" role="alert">{escape(notice_words(one.error, words))}</p>'
    cut = words.gettext("Stopped before the end.")
    stopped = f'<p class="note">{cut}</p>' if one.stopped else ""
    if one.answer is None:
        return f'<div class="answer">{prose(one.text, turn, {}, words)}</div>{stopped}'
    answer = one.answer
    citations = by_number(answer.citations)
    listed = answer.coverage.intent == "list" and not answer.refused
    # The table says all that the lines after the first do, and is easier to scan.
    said = answer.text.partition("\n")[0] if listed else answer.text
    text = f'<div class="answer" lang="{escape(answer.language)}">'
    text += f"{prose(said, turn, citations, words)}</div>"
    if listed:
        text += complete_list(answer, turn, reports, words)
        text += also_mentioned(answer, turn, words)
    if answer.notice:
        text += f'<p class="note">{escape(notice_words(answer.notice, words))}</p>'
    body = f'<div class="refused">{text}</div>' if answer.refused else text
    return body + left_out(answer, words) + stopped + footer(answer, turn, reports, words)


def left_out(answer: Answer, words: Words) -> str:
    """The sentences that were struck from an answer, folded, each with its reason."""
    if not answer.struck:
        return ""
    before = f'<span class="away">{words.gettext("Struck")}: </span>'
    lang = escape(answer.language)
    items = "".join(
        f'<li>{before}<del dir="auto" lang="{lang}">'
        f"{_inline(struck_sentence(one), 0, {}, words)}</del>"
        f'<span class="why">{words.gettext(REASON)}: {escape(one.why)}</span></li>'
        for one in answer.struck
    )
    told = words.gettext("Left out: {sentences} that no passage supports").format(
        sentences=counted(len(answer.struck), "sentence", words)
    )
    return f'<details class="left-out"><summary>{told}</summary><ul>{items}</ul></details>'


def pending(
    one: Exchange,
    text: str,
    turn: int,
    words: Words,
    reports: Mapping[str, ReportInfo],
) -> str:
    """The question that is being answered, with what has been written so far."""
    reading = words.gettext("Reading the reports")
    body = f'<p class="wait"><span aria-hidden="true"></span> {reading}</p>'
    if text.strip():
        body = f'<div class="answer writing">{prose(text, turn, None, words)}</div>'
    return _article(one, turn, scope(one, 0, words, reports) + body)


def _article(one: Exchange, turn: int, body: str) -> str:
    return (
        f'<article class="exchange" id="turn-{turn}" tabindex="-1">'
        f'<h3 class="question" dir="auto">{escape(one.question)}</h3>{body}</article>'
    )


def complete_list(
    answer: Answer, turn: int, reports: Mapping[str, ReportInfo], words: Words
) -> str:
    """The complete list that a "which" or "how many" question asks for, with its count."""
    coverage = answer.coverage
    cites = {c.passage.report.id: cite(c.n, turn, [c], words) for c in answer.citations}
    rows = [_row(reports[i], cites.get(i, ""), words) for i in coverage.reports if i in reports]
    names = [words.gettext(name) for name in (*COLUMNS, "Source")]
    names[-1] = f'<span class="away">{names[-1]}</span>'
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    total = words.gettext("{reports} of {labs}").format(
        **reports_and_labs(coverage.count, len(coverage.labs), words)
    )
    table = (
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows[:ROWS_SHOWN])}</tbody></table>"
    )
    rest = rows[ROWS_SHOWN:]
    if rest:
        other = words.gettext("Show the other {n}").format(n=number(words, len(rest)))
        table += (
            f"<details><summary>{other}</summary><table>"
            f"<tbody>{''.join(rest)}</tbody></table></details>"
        )
    return f'<section class="list" aria-label="{total}">{table}</section>'


def also_mentioned(answer: Answer, turn: int, words: Words) -> str:
    """The reports that only speak of what a list asks for, with a passage each; not counted."""
    if not answer.mentions:
        return ""
    told = words.gettext(
        "Not counted: also mentioned in the text of {reports}, without the tag"
    ).format(reports=counted(len(answer.coverage.mentioned), "more report", words))
    shown = uncited(answer.mentions, turn, words)
    return f'<details class="mentioned"><summary>{told}</summary>{shown}</details>'


def _row(info: ReportInfo, link: str, words: Words) -> str:
    kind = escape(kind_words(info, words))
    when = f"<td>{info.year or ''}</td><td>{kind}</td>"
    return (
        f'<tr><td>{lab(info, words)}</td>{when}<td dir="auto">{escape(info.title)}</td>'
        f"<td>{link}</td></tr>"
    )


def footer(answer: Answer, turn: int, reports: Mapping[str, ReportInfo], words: Words) -> str:
    """The lines under an answer: its sources, what it covered, who wrote it, how long it took."""
    mode = escape(mode_words(answer.mode, words))
    spent = sum(v for k, v in answer.timings.items() if k.endswith("_ms")) / 1000
    took = f" · {seconds(words, max(spent, 0.1))}" if answer.timings else ""
    cited = len(by_number(answer.citations))
    near = words.gettext("Nearest passages")
    label = near if answer.refused else counted(cited, "source", words)
    link = f'<a class="to-sources" href="#sources" data-turn="{turn}" data-n="0">{label}</a>'
    shown = cited if not answer.refused else len(answer.hits)
    said = checked_sentence(answer.checked, words)
    checked = f'<p class="checked">{said}</p>' if said else ""
    return (
        f"<footer>{covered(answer, reports, words)}{checked}"
        f'<p class="run">{link + " · " if shown else ""}{mode}{took}</p></footer>'
    )


def collection(
    reports: Mapping[str, ReportInfo], index: str, revision: str, words: Words = ENGLISH
) -> str:
    """What is being asked: how many reports and labs, which years, which index and state of it."""
    years = sorted({info.year for info in reports.values() if info.year})
    span = f"{years[0]}–{years[-1]}" if len(years) > 1 else "".join(str(y) for y in years)
    facts = (
        (words.gettext("Reports"), number(words, len(reports))),
        (words.gettext("Labs"), number(words, labs_of(reports.values()))),
        (words.gettext("Years"), span and f'<bdi dir="ltr">{span}</bdi>'),
    )
    rows = "".join(f"<div><dt>{k}</dt><dd>{v}</dd></div>" for k, v in facts if v)
    whole = words.gettext("Fingerprint of its content: {fingerprint}").format(fingerprint=revision)
    state = f'title="{escape(whole)}"'
    named = f"{words.gettext('Index')}: {escape(index)} · {escape(revision[:8])}"
    return f'<dl class="facts">{rows}</dl><p class="index" {state}>{named}</p>'


def labs_of(reports: Iterable[ReportInfo]) -> int:
    """How many labs wrote the reports; a country under two names is one."""
    return len({lab for info in reports for lab in info.iso or info.countries})


def welcome(reports: int, words: Words = ENGLISH) -> str:
    """The words of a page on which nothing has been asked yet."""
    asked = words.gettext("What would you like to know from the labs?")
    told = words.gettext(
        "Answers come from {reports}, each sentence tied to the lab that wrote it, in its own "
        "words. Where the reports say nothing, you are told so. Ask in any language."
    ).format(reports=counted(reports, "report", words))
    return f"<h2>{asked}</h2><p>{told}</p>"


def masthead(words: Words = ENGLISH) -> str:
    """The product's name with its sign, a citation's number in brackets, in the page's language."""
    tagline = words.gettext("What innovation labs wrote, with the words that say so.")
    language = code_of(words)
    direction = "rtl" if runs_right_to_left(words) else "ltr"
    return (
        f'<h1 class="name" data-language="{language}" data-direction="{direction}">'
        '<svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" '
        'rx="7"/><path d="M10 8H7v16h3M22 8h3v16h-3M14 12l3-2v12"/></svg>Ask the Labs</h1>'
        f'<p class="tagline">{tagline}</p>'
    )
