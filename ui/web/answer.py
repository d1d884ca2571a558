"""Questions and answers as HTML, and an answer as plain text: pure functions, no engine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from rag.answer.digests import KEY_POINTS
from rag.answer.pipeline import HITS_PER_ANSWER
from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import TAGS, Filters, ReportInfo
from rag.export.brief import shortened, speaker
from rag.feedback import MAX_COMMENT
from rag.i18n.labels import (
    author_label,
    field_label,
    kind_label,
    reports_and_labs,
    run_sentence,
    value_label,
)
from rag.i18n.notices import (
    REASON,
    checked_sentence,
    coverage_sentence,
    notice_words,
    struck_sentence,
)
from rag.i18n.translations import ENGLISH, Translations, format_seconds, translations_for
from rag.retrieval.hybrid import MOST_PASSAGES
from rag.survey.stream import survey_scope
from rag.types import Answer, Citation, Intent, Notice, Struck
from ui.rendering import render
from ui.web.filters import render_scope
from ui.web.sources import by_number, render_cite, render_uncited
from ui.web.suggestions import follow_ups
from ui.web.survey_view import Address

if TYPE_CHECKING:
    from rag.watch import Watch
    from ui.web.handlers import Exchange

Reports = Mapping[str, ReportInfo]
ROWS_SHOWN = 12
TOPICS: tuple[Intent, ...] = ("topic", "reasons")
# Stands before a topic where a report's id is asked for: who works on it opens like a report.
WHO = "who:"
PREVIEW = 120  # characters of what a lab says in a group of quotes that is folded
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")
_MARK = re.compile(r" ?\[(\d{1,6})\]")
_ITEM = re.compile(r"\s*(?:[-*•]|(\d{1,3})[.)])\s+(.*)")
_HEADING = re.compile(r"#{1,6}\s+(.*)")
# A number stays on the line of the words before it; a row of numbers may wrap.
_NARROW_SPACE, _THIN_SPACE = "\u202f", "\u2009"


def render_prose(
    text: str, turn: int, citations: Mapping[int, Sequence[Citation]] | None, t: Translations
) -> Markup:
    """An answer's text as paragraphs and lists whose `[n]` marks are links to source cards.

    Only bold, lists and headings of Markdown are understood; everything else is shown as it
    stands. Given `citations`, a number that has none stays plain text.
    """
    blocks: list[tuple[str, int | None, list[Markup]]] = []
    for line in filter(str.strip, text.splitlines()):
        if item := _ITEM.fullmatch(line):
            tag, start, content = "ol" if item[1] else "ul", item[1], item[2]
            if not blocks or blocks[-1][0] != tag:
                blocks.append((tag, int(start) if start else None, []))
        elif heading := _HEADING.fullmatch(line.strip()):
            content = heading[1]
            blocks.append(("h4", None, []))
        else:
            content = line.strip()
            blocks.append(("p", None, []))
        blocks[-1][2].append(_inline(content, turn, citations, t))
    return render("prose.html", t, blocks=blocks)


def _inline(
    text: str, turn: int, citations: Mapping[int, Sequence[Citation]] | None, t: Translations
) -> Markup:
    def link(match: re.Match[str]) -> str:
        n = int(match[1])
        if citations is not None and n not in citations:
            return match[0]
        return _NARROW_SPACE + render_cite(n, turn, citations[n] if citations else (), t)

    speaker_name, words, changes_direction = speaker(text) or ("", text, False)
    # Marks are put into text that is escaped already.
    line = _BOLD.sub(r"<strong>\1</strong>", _MARK.sub(link, str(escape(words))))
    html = Markup(line.replace(f"</a>{_NARROW_SPACE}<a", f"</a>{_THIN_SPACE}<a"))
    if changes_direction:
        html = Markup(' <span class="turned" dir="auto">{}</span>').format(html.strip())
    return Markup("<strong>{}</strong>").format(speaker_name) + html if speaker_name else html


def render_conversation(
    talk: Sequence[Exchange], catalog: Catalog, t: Translations, is_idle: bool = True
) -> Markup:
    """All finished questions of a conversation with their answers.

    While nothing is being answered (`is_idle`), the last one can be asked again.
    """
    return Markup("").join(
        render_exchange(exchange, turn, catalog, is_idle and turn == len(talk), t, is_idle=is_idle)
        for turn, exchange in enumerate(talk, 1)
    )


def render_exchange(
    exchange: Exchange,
    turn: int,
    catalog: Catalog,
    is_last: bool,
    t: Translations,
    *,
    is_idle: bool = True,
) -> Markup:
    """One finished question: answer, refusal, error, or what was written before a stop."""
    error = notice_words([exchange.notice], t) if exchange.notice else exchange.error
    if exchange.answer and not error:
        outcome = render_answer(
            exchange.answer, turn, catalog, t, exchange.stopped, is_idle, exchange.filters
        )
    else:
        text = render_prose(exchange.text, turn, {}, t)
        values = {"error": error, "text": text, "is_stopped": exchange.stopped, "steps": ()}
        outcome = render("unanswered.html", t, is_running=False, **values)
    scope = render_scope(exchange, turn if is_last else 0, t, catalog.reports)
    row = render_row(exchange, turn, is_last, t, is_idle=is_idle)
    answer, now = (exchange.answer if is_last and is_idle else None), ""
    if answer and not answer.refused and answer.coverage.intent in (*TOPICS, "trend"):
        now = WHO + answer.standalone
    values = {"question": exchange.question, "scope": scope, "outcome": outcome, "row": row}
    related = follow_ups(answer, catalog, t) if answer else []
    return render("exchange.html", t, turn=turn, related=related, now=now, **values)


def render_pending(
    exchange: Exchange,
    text: str,
    turn: int,
    t: Translations,
    reports: Reports,
    steps: Sequence[Notice] = (),
) -> Markup:
    """The question that is being answered, with what was looked for and written so far."""
    prose = render_prose(text, turn, None, t) if text.strip() else ""
    values = {"error": "", "steps": [notice_words([step], t) for step in steps]}
    outcome = render("unanswered.html", t, is_running=True, text=prose, **values)
    scope = render_scope(exchange, 0, t, reports)
    values = {"question": exchange.question, "scope": scope, "outcome": outcome, "row": ""}
    return render("exchange.html", t, turn=turn, related=(), now="", **values)


def render_answer(
    answer: Answer,
    turn: int,
    catalog: Catalog,
    t: Translations,
    is_stopped: bool = False,
    is_idle: bool = True,
    chosen: Filters = Filters(),
) -> Markup:
    """An answer or a refusal with its list, its notes and the lines under it."""
    coverage, citations = answer.coverage, by_number(answer.citations)
    reports = catalog.reports
    # The table says all that the lines after the first do, and is easier to scan.
    is_table = answer.is_list or coverage.table or coverage.sides
    text = answer.text.partition("\n")[0] if is_table else answer.text
    text, evidence = _evidence(text, answer.language, turn, citations, t)
    numbers = {c.passage.report.id: c.n for c in answer.citations}
    rows = [
        (reports[i], numbers.get(i, 0)) for i in coverage.reports if answer.is_list and i in reports
    ]
    by_lab: dict[str, list[tuple[ReportInfo, int]]] = {}
    for row in rows:
        by_lab.setdefault(row[0].lab, []).append(row)
    spent = sum(value for key, value in answer.timings.items() if key.endswith("_ms")) / 1000
    return render(
        "answer.html",
        t,
        answer=answer,
        turn=turn,
        prose=render_prose(text, turn, citations, t),
        evidence=evidence,
        rows=rows,
        groups=sorted(by_lab.values(), key=len, reverse=True),
        rows_shown=ROWS_SHOWN,
        values=[(value_label(coverage.grouped_by, v, t), n) for v, n in coverage.table],
        compared=[
            (heading, [_inline(cell, turn, citations, t) for cell in cells])
            for heading, cells in answer.comparison
        ],
        value_heading=field_label(coverage.grouped_by, t),
        total=t.gettext("{reports} of {labs}").format(
            **reports_and_labs(coverage.count, len(coverage.labs), t)
        ),
        mentioned=render_mentions(answer, turn, t) if answer.is_list else "",
        notice=notice_words(answer.notices, t),
        struck=_with_reasons(answer.struck, t),
        doubted=_with_reasons(answer.doubted, t),
        can_restore=is_idle and not answer.refused,
        reason_label=REASON,
        steps=[notice_words([step], t) for step in answer.generation.steps],
        spent=run_sentence(answer, t) if answer.generation.steps else "",
        is_stopped=is_stopped,
        coverage=render_coverage(answer, reports, t),
        to_survey=render_to_survey(answer, catalog, t, turn, chosen),
        is_topic=coverage.intent in TOPICS,
        checked=checked_sentence(answer.checked, t),
        shown=len(answer.hits) if answer.refused else 0 if answer.is_list else len(citations),
        took=format_seconds(t, max(spent, 0.1)) if answer.timings else "",
    )


def _evidence(
    text: str,
    language: str,
    turn: int,
    citations: Mapping[int, Sequence[Citation]],
    t: Translations,
) -> tuple[str, list[tuple[str, list[tuple[ReportInfo, str, list[Markup]]]]]]:
    """An answer's text up to its key points, and its groups of quotes after them.

    A group has a heading and its labs, each with a first report, a preview and its lines. Without
    key points there is no group.
    """
    shown = key_points(text, language)
    if not shown:
        return text, []
    evidence = []
    for group in text[len(shown) :].split("### ")[1:]:
        heading, *lines = group.strip().split("\n")
        labs: dict[str, tuple[ReportInfo, str, list[Markup]]] = {}
        for line in lines:
            mark = _MARK.search(line)
            if mark and int(mark[1]) in citations:
                info, words = citations[int(mark[1])][0].passage.report, line.removeprefix("- ")
                said = (speaker(words) or ("", words))[1]
                preview = shortened(_MARK.sub("", said).strip(), PREVIEW)
                lab = labs.setdefault(author_label(info, t), (info, preview, []))
                # The lab's name stands over its first words.
                lab[2].append(_inline(words if lab[2] else said, turn, citations, t))
        evidence.append((heading, list(labs.values())))
    return shown, evidence


def key_points(text: str, language: str) -> str:
    """An answer's text up to the end of its key points; "" for one that has none."""
    head, *groups = re.split(r"^### ", text, flags=re.MULTILINE)
    if groups and groups[0].startswith(translations_for(language).gettext(KEY_POINTS)):
        return f"{head}### {groups[0]}"
    return ""


def _with_reasons(sentences: Sequence[Struck], t: Translations) -> list[tuple[Markup, str]]:
    return [(_inline(struck_sentence(s), 0, {}, t), notice_words([s.reason], t)) for s in sentences]


def render_mentions(answer: Answer, turn: int, t: Translations) -> Markup:
    """The reports that only mention what a list asks for, with a passage each."""
    cards = render_uncited(answer.mentions, turn, t)
    return render("mentioned.html", t, answer=answer, cards=cards)


def survey_key(answer: Answer) -> str:
    """By what the browser knows an answer of which a survey can say more: "" for any other.

    That is one on a topic, or the list of the reports of one tag: more may speak of it.
    """
    covered = answer.coverage
    values = [value for field in TAGS for value in getattr(covered.filters, field)]
    is_list = covered.intent == "list" and not covered.grouped_by and not covered.excluded
    is_topic = covered.intent in TOPICS and not (answer.refused or covered.speaking)
    if is_topic or (is_list and len(values) == 1):
        return f"{answer.standalone}|{covered.filters.as_dict()}|{covered.count}"
    return ""


def render_to_survey(
    answer: Answer, catalog: Catalog, t: Translations, turn: int = 0, chosen: Filters = Filters()
) -> Markup:
    """A link to a survey of all reports that pass the `chosen` filters, or nothing.

    It stands where more of them may speak of the question than were read, or have its tag.
    """
    covered, key = answer.coverage, survey_key(answer)
    has_more = covered.intent == "answer" and covered.matched_reports > covered.read_reports
    is_wide = (
        key or covered.speaking or (not answer.refused and (has_more or covered.intent == "trend"))
    )
    scope = len(catalog.ids(chosen.merged(survey_scope(covered.filters)))) if is_wide else 0
    if scope <= covered.read_reports:
        return Markup("")
    link = Address(answer.standalone).link()
    return render("to_survey.html", t, scope=scope, key=key, turn=turn, survey=link)


def render_coverage(answer: Answer, reports: Reports, t: Translations) -> Markup:
    """What an answer covered; of a list, which is complete, only the line."""
    read = [reports[i] for i in answer.coverage.read if i in reports]
    read.sort(key=lambda r: (r.lab, r.year or 0, r.title))
    return render(
        "coverage.html",
        t,
        line=coverage_sentence(answer, t),
        coverage=answer.coverage,
        cited=answer.cited,
        read=[list(group) for _, group in groupby(read, attrgetter("lab"))],
    )


def render_row(
    exchange: Exchange, turn: int, is_last: bool, t: Translations, *, is_idle: bool = True
) -> Markup:
    """The buttons of one exchange; the last one can be asked again, an answer be voted on.

    While another answer is written (not `is_idle`) only copying is left.
    """
    answer = exchange.answer
    if not (answer or is_last):
        return Markup("")
    return render(
        "answer_row.html",
        t,
        turn=turn,
        copied=plain_text(answer, t) if answer else "",
        can_pin=is_idle and answer is not None and not answer.refused,
        can_repeat=is_last,
        can_widen=is_last and can_widen(exchange),
        can_deepen=is_last and can_deepen(exchange),
        can_vote=is_idle and answer is not None,
        vote=exchange.vote.vote if exchange.vote else "",
        longest_comment=MAX_COMMENT,
    )


def can_widen(exchange: Exchange) -> bool:
    """Whether an answer was made from a part of the passages that were found."""
    complete = ("list", "about", "report", "lab")
    if exchange.answer is None or exchange.answer.coverage.intent in complete:
        return False
    coverage, hits = exchange.answer.coverage, len(exchange.answer.hits)
    if exchange.passages >= MOST_PASSAGES or not 0 < coverage.read_passages < MOST_PASSAGES:
        return False
    # Only the first hits stay with an answer: there may be more.
    has_more = hits > coverage.read_passages or hits >= HITS_PER_ANSWER
    return has_more or coverage.matched_reports > coverage.read_reports


def can_deepen(exchange: Exchange) -> bool:
    """Whether a model wrote the answer and has not searched further for it."""
    generation = exchange.answer.generation if exchange.answer else None
    return generation is not None and bool(generation.model) and not generation.steps


def plain_text(answer: Answer, t: Translations) -> str:
    """The question, the answer, its sources by number with their quotes, and what it covered."""
    blocks = [answer.question, _BOLD.sub(r"\1", answer.text).strip()]
    # A list names its reports itself.
    if answer.citations and not answer.is_list:
        blocks.append(t.gettext("Sources"))
        blocks += ["\n".join(_source(group, t)) for group in by_number(answer.citations).values()]
    return "\n\n".join([*blocks, coverage_sentence(answer, t)]).rstrip() + "\n"


def _source(citations: list[Citation], t: Translations) -> Iterator[str]:
    passage = citations[0].passage
    report = passage.report
    facts = filter(None, (author_label(report, t), str(report.year or ""), kind_label(report, t)))
    yield f"[{citations[0].n}] {', '.join(facts)}: {report.title}"
    for citation in citations:
        yield f"“{' '.join(citation.quote.split())}”"
    if place := " › ".join(filter(None, passage.place)):
        yield place


def render_collection(
    catalog: Catalog,
    index: str,
    revision: str,
    t: Translations = ENGLISH,
    news: Sequence[Watch] = (),
) -> Markup:
    """What is being asked: how many reports and labs, which years, which index and state of it."""
    years = sorted({info.year for info in catalog.reports.values() if info.year})
    return render(
        "collection.html",
        t,
        reports=len(catalog.reports),
        labs=len(catalog.labs()),
        years=f"{years[0]}–{years[-1]}" if len(years) > 1 else "".join(map(str, years)),
        index=index,
        revision=revision,
        news=news,
    )
