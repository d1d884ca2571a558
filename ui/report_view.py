"""A whole report as HTML: by section and form question, quoted words marked, tags at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import groupby

from rag.fields import TAGS
from rag.labels import counted, kind_words, language_words
from rag.tags import fold_tag
from rag.translate import Words
from rag.types import FACTS, Passage, ReportInfo
from ui.cards import find_quote, highlighted, lab

Quotes = Mapping[str, Sequence[str]]


def report_view(
    info: ReportInfo,
    passages: Sequence[Passage],
    words: Words,
    *,
    quotes: Quotes | None = None,
    at: str = "",
    unanswered: Sequence[str] = (),
    link: str = "",
    key: str = "",
) -> str:
    """A report as a dialog.

    Args:
        info: its tags.
        passages: all of it, in the order of its file.
        words: the reader's language.
        quotes: what to mark, by the id of its passage.
        at: the id of the passage to begin at where nothing is marked.
        unanswered: the form's questions that the lab left open.
        link: address of the report in the public archive, "" for none.
        key: what the browser knows by whether it has this view already.
    """
    wanted = quotes or {}
    known = {p.id: p.text for p in passages}
    lost = any(
        not find_quote(known.get(i, ""), quote)
        for i, given in wanted.items()
        if not i.endswith("#tags")
        for quote in given
    )
    told = words.gettext("The quoted words are not in this report as the index has it now.")
    note = f'<p class="note">{told}</p>' if lost else ""
    body = note + "".join(_sections(passages, wanted, at, words))
    body += _tags(info, [p for p in passages if p.section == FACTS], wanted, words)
    body += _unanswered(unanswered, words)
    return dialog(_head(info, link, words), body, words, key)


def missing(message: str, words: Words, key: str = "") -> str:
    """A dialog that says why a report can't be shown."""
    head = f'<h2 id="report-title">{words.gettext("Report")}</h2>'
    return dialog(head, f'<p class="note">{escape(message)}</p>', words, key)


def dialog(head: str, body: str, words: Words, key: str) -> str:
    """The frame: a heading that stays, a way out, and a text that scrolls with the keyboard."""
    close = f'<button type="button" class="close">{words.gettext("Close")}</button>'
    return (
        f'<dialog class="report" aria-labelledby="report-title" data-key="{escape(key)}">'
        f"<header><div>{head}</div>{close}</header>"
        f'<div class="text" tabindex="0" role="region" aria-labelledby="report-title">{body}</div>'
        "</dialog>"
    )


def _head(info: ReportInfo, link: str, words: Words) -> str:
    facts = " · ".join(escape(str(x)) for x in (info.year, kind_words(info, words)) if x)
    public = words.gettext("Open in the public archive")
    archive = (
        f'<a class="archive" href="{escape(link)}" target="_blank" rel="noopener noreferrer">'
        f"{public}</a>"
        if link
        else ""
    )
    return (
        f'<p class="who">{lab(info, words)} <span class="when">{facts}</span></p>'
        f'<h2 id="report-title" dir="auto">{escape(info.title or info.id)}</h2>{archive}'
    )


def _sections(passages: Iterable[Passage], quotes: Quotes, at: str, words: Words) -> Iterator[str]:
    own = (p for p in passages if p.section != FACTS)
    for section, group in groupby(own, lambda p: p.place[0]):
        heading = f'<h3 dir="auto">{escape(section)}</h3>' if section.strip() else ""
        yield f"<section>{heading}{''.join(_answers(group, quotes, at, words))}</section>"


def _answers(passages: Iterable[Passage], quotes: Quotes, at: str, words: Words) -> Iterator[str]:
    for passage in passages:
        question = passage.place[1]
        # The parts of one answer stand together under its question.
        if passage.part == 1 and question.strip():
            yield f'<h4 dir="auto">{escape(question)}</h4>'
        yield _said(passage, quotes, at, words)


def _said(passage: Passage, quotes: Quotes, at: str, words: Words) -> str:
    here = ' class="here"' if passage.id == at else ""
    language = passage.language
    other = language != passage.report.language and passage.part == 1
    named = escape(language_words(language, words))
    note = f'<p class="in">{named}</p>' if other else ""
    # A quote that is not here any more is said once, above all: not in each passage.
    found = [q for q in quotes.get(passage.id, ()) if find_quote(passage.text, q)]
    shown = highlighted(passage.text, found)
    return f'{note}<blockquote{here} dir="auto" lang="{escape(language)}">{shown}</blockquote>'


def _tags(info: ReportInfo, facts: Sequence[Passage], quotes: Quotes, words: Words) -> str:
    wanted = fold_tag(" ".join(quotes.get(f"{info.id}#tags", ())))
    rows = []
    for tag in TAGS.values():
        values = [_tag(value, wanted) for value in getattr(info, tag.key)]
        if values:
            items = "".join(f'<li dir="auto">{value}</li>' for value in values)
            rows.append(f"<dt>{words.gettext(tag.many)}</dt><dd><ul>{items}</ul></dd>")
    said = "".join(_said(passage, quotes, "", words) for passage in facts)
    if not rows and not said:
        return ""
    here = " here" if wanted else ""
    return (
        f'<section class="tags{here}"><h3>{words.gettext("Tags of this report")}</h3>'
        f"<dl>{''.join(rows)}</dl>{said}</section>"
    )


def _tag(value: str, wanted: str) -> str:
    folded = fold_tag(value)
    is_quoted = bool(folded) and f" {folded} " in f" {wanted} "
    return f"<mark>{escape(value)}</mark>" if is_quoted else escape(value)


def _unanswered(questions: Sequence[str], words: Words) -> str:
    if not questions:
        return ""
    told = words.gettext("Left open by the lab: {questions}").format(
        questions=counted(len(questions), "form question", words)
    )
    items = "".join(f'<li dir="auto">{escape(question)}</li>' for question in questions)
    return f'<details class="open"><summary>{told}</summary><ul>{items}</ul></details>'
