"""What an answer covered, as one line that unfolds: the reports read, and those not read by lab."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from itertools import groupby
from operator import attrgetter

from rag.coverage_words import coverage_sentence
from rag.labels import country_words
from rag.translate import Words, number
from rag.types import Answer, ReportInfo
from ui.cards import lab, open_report


def covered(answer: Answer, reports: Mapping[str, ReportInfo], words: Words) -> str:
    """The coverage of an answer as HTML; of a list, which is complete, only the line."""
    line = coverage_sentence(answer, words)
    read = [reports[i] for i in answer.coverage.read if i in reports]
    if not read:
        return f'<p class="coverage">{line}</p>'
    return (
        f'<details class="covered"><summary class="coverage">{line}</summary>'
        f"<h4>{words.gettext('Reports that were read')}</h4>"
        f'<ul class="read">{_read(read, frozenset(answer.coverage.reports), words)}</ul>'
        f"{_unread(answer, words)}</details>"
    )


def _read(read: list[ReportInfo], cited: frozenset[str], words: Words) -> str:
    items = []
    ordered = sorted(read, key=lambda r: (r.lab, r.year or 0, r.title))
    for _, group in groupby(ordered, attrgetter("lab")):
        infos = list(group)
        named = "".join(f"<li>{_named(info, info.id in cited, words)}</li>" for info in infos)
        items.append(f"<li>{lab(infos[0], words)}<ul>{named}</ul></li>")
    return "".join(items)


def _named(info: ReportInfo, cited: bool, words: Words) -> str:
    about = " · ".join(str(x) for x in (info.year, cited and words.gettext("cited")) if x)
    when = f' <span class="when">{escape(about)}</span>' if about else ""
    return open_report(info.id, words, label=info.title or info.id) + when


def _unread(answer: Answer, words: Words) -> str:
    if not answer.coverage.unread:
        return ""
    labs = " · ".join(
        f'<bdi class="lab">{escape(country_words(name, words))}</bdi> {number(words, n)}'
        for name, n in answer.coverage.unread
    )
    return f'<h4>{words.gettext("Matched, not read")}</h4><p class="unread">{labs}</p>'
