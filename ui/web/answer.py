"""Turns questions and answers into escaped HTML: pure functions, no state, no engine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from operator import attrgetter

from rag.answer.pipeline import HITS_PER_ANSWER
from rag.catalog.fields import ReportInfo
from rag.export.brief import speaker
from rag.feedback import MAX_COMMENT
from rag.i18n.labels import (
    country_label,
    format_count,
    kind_label,
    lab_label,
    mode_label,
    reports_and_labs,
)
from rag.i18n.notices import (
    REASON,
    checked_sentence,
    coverage_sentence,
    notice_words,
    struck_sentence,
)
from rag.i18n.translations import (
    ENGLISH,
    Translations,
    format_number,
    format_seconds,
    is_right_to_left,
    language_code,
    marked,
)
from rag.retrieval.hybrid import MOST_PASSAGES
from rag.types import Answer, Citation
from ui.web.conversation import Exchange
from ui.web.filters import scope
from ui.web.sources import by_number, cite, lab, open_report, uncited

ROWS_SHOWN = 12
COLUMNS = (marked("Lab"), marked("Year"), marked("Kind"), marked("Report"))
_MARK = re.compile(r" ?\[(\d{1,6})\]")
_ITEM = re.compile(r"\s*(?:[-*•]|(\d{1,3})[.)])\s+(.*)")
_HEADING = re.compile(r"#{1,6}\s+(.*)")


def prose(
    text: str,
    turn: int,
    citations: Mapping[int, Sequence[Citation]] | None,
    t: Translations,
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
            parts.append(f"<li>{_inline(item[2], turn, citations, t)}</li>")
        elif heading:
            parts.append(f'<h4 dir="auto">{_inline(heading[1], turn, citations, t)}</h4>')
        else:
            parts.append(f'<p dir="auto">{_inline(line.strip(), turn, citations, t)}</p>')
    parts.append(f"</{within}>" if within else "")
    return "".join(parts)


def _inline(
    text: str, turn: int, citations: Mapping[int, Sequence[Citation]] | None, t: Translations
) -> str:
    def link(match: re.Match[str]) -> str:
        n = int(match[1])
        if citations is not None and n not in citations:
            return match[0]
        # A narrow no-break space keeps the number on the line of the words it belongs to.
        return "\u202f" + cite(n, turn, citations[n] if citations else (), t)

    name, said, turns = speaker(text) or ("", text, False)
    html = BOLD.sub(r"<strong>\1</strong>", _MARK.sub(link, escape(said)))
    html = html.replace("</a>\u202f<a", "</a>\u2009<a")  # a row of numbers may wrap
    before = f"<strong>{escape(name)}</strong>" if name else ""
    return before + (f" <bdi>{html.strip()}</bdi>" if turns else html)


def conversation(
    talk: Sequence[Exchange],
    reports: Mapping[str, ReportInfo],
    t: Translations,
    idle: bool = True,
) -> str:
    """All finished questions of a conversation with their answers.

    While nothing is being answered (`idle`), the last one can be asked again without its chips.
    """
    return "".join(
        exchange(one, n, reports, idle and n == len(talk), t, idle=idle)
        for n, one in enumerate(talk, 1)
    )


def exchange(
    one: Exchange,
    turn: int,
    reports: Mapping[str, ReportInfo],
    last: bool,
    t: Translations,
    *,
    idle: bool = True,
) -> str:
    """One finished question: answer, refusal, error, or what was written before a stop.

    The `last` one can be asked again; nothing can be said of an answer while not `idle`.
    """
    body = scope(one, turn if last else 0, t, reports) + _outcome(one, turn, reports, t)
    return _article(one, turn, body + row(one, turn, last, t, idle=idle))


def _outcome(one: Exchange, turn: int, reports: Mapping[str, ReportInfo], t: Translations) -> str:
    if one.error:
        said = notice_words([one.notice], t) if one.notice else one.error
        return f'<p class="error" role="alert">{escape(said)}</p>'
    cut = t.gettext("Stopped before the end.")
    stopped = f'<p class="note">{cut}</p>' if one.stopped else ""
    if one.answer is None:
        return f'<div class="answer">{prose(one.text, turn, {}, t)}</div>{stopped}'
    answer = one.answer
    citations = by_number(answer.citations)
    listed = answer.coverage.intent == "list" and not answer.refused
    # The table says all that the lines after the first do, and is easier to scan.
    said = answer.text.partition("\n")[0] if listed else answer.text
    text = f'<div class="answer" lang="{escape(answer.language)}">'
    text += f"{prose(said, turn, citations, t)}</div>"
    if listed:
        text += complete_list(answer, turn, reports, t)
        text += also_mentioned(answer, turn, t)
    if answer.notices:
        text += f'<p class="note">{escape(notice_words(answer.notices, t))}</p>'
    body = f'<div class="refused">{text}</div>' if answer.refused else text
    return body + left_out(answer, t) + stopped + footer(answer, turn, reports, t)


def left_out(answer: Answer, t: Translations) -> str:
    """The sentences that were struck from an answer, folded, each with its reason."""
    if not answer.struck:
        return ""
    before = f'<span class="away">{t.gettext("Struck")}: </span>'
    lang = escape(answer.language)
    items = "".join(
        f'<li>{before}<del dir="auto" lang="{lang}">'
        f"{_inline(struck_sentence(one), 0, {}, t)}</del>"
        f'<span class="why">{t.gettext(REASON)}: '
        f"{escape(notice_words([one.reason], t))}</span></li>"
        for one in answer.struck
    )
    told = t.gettext("Left out: {sentences} that no passage supports").format(
        sentences=format_count(len(answer.struck), "sentence", t)
    )
    return f'<details class="left-out"><summary>{told}</summary><ul>{items}</ul></details>'


def pending(
    one: Exchange,
    text: str,
    turn: int,
    t: Translations,
    reports: Mapping[str, ReportInfo],
) -> str:
    """The question that is being answered, with what has been written so far."""
    reading = t.gettext("Reading the reports")
    body = f'<p class="wait"><span aria-hidden="true"></span> {reading}</p>'
    if text.strip():
        body = f'<div class="answer writing">{prose(text, turn, None, t)}</div>'
    return _article(one, turn, scope(one, 0, t, reports) + body)


def _article(one: Exchange, turn: int, body: str) -> str:
    return (
        f'<article class="exchange" id="turn-{turn}" tabindex="-1">'
        f'<h3 class="question" dir="auto">{escape(one.question)}</h3>{body}</article>'
    )


def complete_list(
    answer: Answer, turn: int, reports: Mapping[str, ReportInfo], t: Translations
) -> str:
    """The complete list that a "which" or "how many" question asks for, with its count."""
    coverage = answer.coverage
    cites = {c.passage.report.id: cite(c.n, turn, [c], t) for c in answer.citations}
    rows = [_row(reports[i], cites.get(i, ""), t) for i in coverage.reports if i in reports]
    names = [t.gettext(name) for name in (*COLUMNS, "Source")]
    names[-1] = f'<span class="away">{names[-1]}</span>'
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    total = t.gettext("{reports} of {labs}").format(
        **reports_and_labs(coverage.count, len(coverage.labs), t)
    )
    table = (
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows[:ROWS_SHOWN])}</tbody></table>"
    )
    rest = rows[ROWS_SHOWN:]
    if rest:
        other = t.gettext("Show the other {n}").format(n=format_number(t, len(rest)))
        table += (
            f"<details><summary>{other}</summary><table>"
            f"<tbody>{''.join(rest)}</tbody></table></details>"
        )
    return f'<section class="list" aria-label="{total}">{table}</section>'


def also_mentioned(answer: Answer, turn: int, t: Translations) -> str:
    """The reports that only speak of what a list asks for, with a passage each; not counted."""
    if not answer.mentions:
        return ""
    told = t.gettext(
        "Not counted: also mentioned in the text of {reports}, without the tag"
    ).format(reports=format_count(len(answer.coverage.mentioned), "more report", t))
    shown = uncited(answer.mentions, turn, t)
    return f'<details class="mentioned"><summary>{told}</summary>{shown}</details>'


def _row(info: ReportInfo, link: str, t: Translations) -> str:
    kind = escape(kind_label(info, t))
    when = f"<td>{info.year or ''}</td><td>{kind}</td>"
    return (
        f'<tr><td>{lab(info, t)}</td>{when}<td dir="auto">{escape(info.title)}</td>'
        f"<td>{link}</td></tr>"
    )


def footer(answer: Answer, turn: int, reports: Mapping[str, ReportInfo], t: Translations) -> str:
    """The lines under an answer: its sources, what it covered, who wrote it, how long it took."""
    mode = escape(mode_label(answer.mode, t))
    spent = sum(v for k, v in answer.timings.items() if k.endswith("_ms")) / 1000
    took = f" · {format_seconds(t, max(spent, 0.1))}" if answer.timings else ""
    cited = len(by_number(answer.citations))
    near = t.gettext("Nearest passages")
    label = near if answer.refused else format_count(cited, "source", t)
    link = f'<a class="to-sources" href="#sources" data-turn="{turn}" data-n="0">{label}</a>'
    shown = cited if not answer.refused else len(answer.hits)
    said = checked_sentence(answer.checked, t)
    checked = f'<p class="checked">{said}</p>' if said else ""
    return (
        f"<footer>{covered(answer, reports, t)}{checked}"
        f'<p class="run">{link + " · " if shown else ""}{mode}{took}</p></footer>'
    )


def collection(
    reports: Mapping[str, ReportInfo], index: str, revision: str, t: Translations = ENGLISH
) -> str:
    """What is being asked: how many reports and labs, which years, which index and state of it."""
    years = sorted({info.year for info in reports.values() if info.year})
    span = f"{years[0]}–{years[-1]}" if len(years) > 1 else "".join(str(y) for y in years)
    facts = (
        (t.gettext("Reports"), format_number(t, len(reports))),
        (t.gettext("Labs"), format_number(t, labs_of(reports.values()))),
        (t.gettext("Years"), span and f'<bdi dir="ltr">{span}</bdi>'),
    )
    rows = "".join(f"<div><dt>{k}</dt><dd>{v}</dd></div>" for k, v in facts if v)
    whole = t.gettext("Fingerprint of its content: {fingerprint}").format(fingerprint=revision)
    state = f'title="{escape(whole)}"'
    named = f"{t.gettext('Index')}: {escape(index)} · {escape(revision[:8])}"
    return f'<dl class="facts">{rows}</dl><p class="index" {state}>{named}</p>'


def labs_of(reports: Iterable[ReportInfo]) -> int:
    """How many labs wrote the reports; a country under two names is one."""
    return len({lab for info in reports for lab in info.iso or info.countries})


def welcome(reports: int, t: Translations = ENGLISH) -> str:
    """The words of a page on which nothing has been asked yet."""
    asked = t.gettext("What would you like to know from the labs?")
    told = t.gettext(
        "Answers come from {reports}, each sentence tied to the lab that wrote it, in its own "
        "words. Where the reports say nothing, you are told so. Ask in any language."
    ).format(reports=format_count(reports, "report", t))
    return f"<h2>{asked}</h2><p>{told}</p>"


def masthead(t: Translations = ENGLISH) -> str:
    """The product's name with its sign, a citation's number in brackets, in the page's language."""
    tagline = t.gettext("What innovation labs wrote, with the words that say so.")
    language = language_code(t)
    direction = "rtl" if is_right_to_left(t) else "ltr"
    return (
        f'<h1 class="name" data-language="{language}" data-direction="{direction}">'
        '<svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" '
        'rx="7"/><path d="M10 8H7v16h3M22 8h3v16h-3M14 12l3-2v12"/></svg>Ask the Labs</h1>'
        f'<p class="tagline">{tagline}</p>'
    )


# The quiet row under an answer: copy it, ask again, read more widely, say what it was worth.


_THUMB = (
    '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M8 11v10H4V11zl4-8c2 0 3 1 3 3v4h4.5'
    'c1.2 0 2 1 1.8 2.2l-1.2 7c-.2 1-1 1.8-2 1.8H8"/></svg>'
)


def row(one: Exchange, turn: int, last: bool, t: Translations, *, idle: bool = True) -> str:
    """The buttons of one exchange; the `last` one can be asked again, an answer be voted on.

    While another answer is written (not `idle`) only copying is left.
    """
    parts = [_copy(one, t)]
    if last:
        parts.append(_button("again", t.gettext("Ask again")))
        parts.append(_wider(one, t))
    if idle and one.answer:
        parts.append(_votes(one, t))
    if not any(parts):
        return ""
    # What came of a button is said beside the buttons, before what may be asked back.
    parts.append('<span class="said" role="status"></span>')
    if idle and one.answer:
        parts.append(_word(t))
    label = escape(t.gettext("This answer"))
    group = f'class="answer-row" role="group" aria-label="{label}"'
    return f'<div {group} data-turn="{turn}">{"".join(parts)}</div>'


def can_widen(one: Exchange) -> bool:
    """Whether an answer was made from a part of the passages that were found."""
    if one.answer is None:
        return False
    covered, hits = one.answer.coverage, len(one.answer.hits)
    if covered.intent in ("list", "about") or one.passages >= MOST_PASSAGES:
        return False
    if not 0 < covered.read_passages < MOST_PASSAGES:
        return False
    # Of the hits only so many are kept with an answer: there may be more.
    more = hits > covered.read_passages or hits >= HITS_PER_ANSWER
    return more or covered.matched_reports > covered.read_reports


def _wider(one: Exchange, t: Translations) -> str:
    if not can_widen(one):
        return ""
    why = t.gettext("Asks the same once more and reads twice as many passages")
    return _button("wider", t.gettext("Read more widely"), f' title="{escape(why)}"')


def _copy(one: Exchange, t: Translations) -> str:
    if one.answer is None:
        return ""
    told = {
        "text": plain_text(one.answer, t),
        "done": t.gettext("Copied"),
        "failed": t.gettext("This browser does not let a page copy"),
    }
    data = "".join(f' data-{key}="{escape(value)}"' for key, value in told.items())
    why = t.gettext("Copies the answer with its numbered sources, as plain text")
    return _button("copy", t.gettext("Copy"), f'{data} title="{escape(why)}"')


def _votes(one: Exchange, t: Translations) -> str:
    given = one.vote.vote if one.vote else ""
    labels = {"up": t.gettext("Good answer"), "down": t.gettext("Bad answer")}
    buttons = "".join(
        _button("vote", _THUMB, f'{_pressed(vote == given)} data-vote="{vote}"{_label(label)}')
        for vote, label in labels.items()
    )
    return f'<span class="votes">{buttons}</span>'


def _word(t: Translations) -> str:
    asked = escape(t.gettext("A word on why (optional)"))
    return (
        '<form class="word" hidden>'
        f'<input type="text" maxlength="{MAX_COMMENT}" autocomplete="off" dir="auto" '
        f'aria-label="{asked}" placeholder="{asked}" />'
        f'<button type="submit">{t.gettext("Send")}</button></form>'
    )


def _pressed(is_so: bool) -> str:
    return f' aria-pressed="{str(is_so).lower()}"'


def _label(text: str) -> str:
    return f' aria-label="{escape(text)}" title="{escape(text)}"'


def _button(name: str, shown: str, more: str = "") -> str:
    return f'<button type="button" class="{name}"{more}>{shown}</button>'


# What an answer covered, as one line that unfolds: the reports read, and those not read by lab.


def covered(answer: Answer, reports: Mapping[str, ReportInfo], t: Translations) -> str:
    """The coverage of an answer as HTML; of a list, which is complete, only the line."""
    line = coverage_sentence(answer, t)
    read = [reports[i] for i in answer.coverage.read if i in reports]
    if not read:
        return f'<p class="coverage">{line}</p>'
    return (
        f'<details class="covered"><summary class="coverage">{line}</summary>'
        f"<h4>{t.gettext('Reports that were read')}</h4>"
        f'<ul class="read">{_read(read, frozenset(answer.coverage.reports), t)}</ul>'
        f"{_unread(answer, t)}</details>"
    )


def _read(read: list[ReportInfo], cited: frozenset[str], t: Translations) -> str:
    items = []
    ordered = sorted(read, key=lambda r: (r.lab, r.year or 0, r.title))
    for _, group in groupby(ordered, attrgetter("lab")):
        infos = list(group)
        named = "".join(f"<li>{_named(info, info.id in cited, t)}</li>" for info in infos)
        items.append(f"<li>{lab(infos[0], t)}<ul>{named}</ul></li>")
    return "".join(items)


def _named(info: ReportInfo, cited: bool, t: Translations) -> str:
    about = " · ".join(str(x) for x in (info.year, cited and t.gettext("cited")) if x)
    when = f' <span class="when">{escape(about)}</span>' if about else ""
    return open_report(info.id, t, label=info.title or info.id) + when


def _unread(answer: Answer, t: Translations) -> str:
    if not answer.coverage.unread:
        return ""
    labs = " · ".join(
        f'<bdi class="lab">{escape(country_label(name, t))}</bdi> {format_number(t, n)}'
        for name, n in answer.coverage.unread
    )
    return f'<h4>{t.gettext("Matched, not read")}</h4><p class="unread">{labs}</p>'


# An answer as plain text, for the clipboard: what it says, and its numbered sources.


BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")


def plain_text(answer: Answer, t: Translations) -> str:
    """The question, the answer, its sources by number with their quotes, and what it covered."""
    blocks = [answer.question, BOLD.sub(r"\1", answer.text).strip()]
    if answer.citations:
        blocks.append(t.gettext("Sources"))
        blocks += ["\n".join(_source(group, t)) for group in by_number(answer.citations).values()]
    return "\n\n".join([*blocks, coverage_sentence(answer, t)]) + "\n"


def _source(citations: list[Citation], t: Translations) -> Iterator[str]:
    passage = citations[0].passage
    info = passage.report
    told = (lab_label(info, t), info.year, kind_label(info, t))
    facts = ", ".join(str(x) for x in told if x)
    yield f"[{citations[0].n}] {facts}: {info.title}"
    for citation in citations:
        yield f"“{' '.join(citation.quote.split())}”"
    place = " › ".join(filter(None, passage.place))
    if place:
        yield place
