"""The worst cases of an evaluation as escaped HTML, each folded under its question."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from eval.diagnosis import Cited, Found, Gold, Told
from eval.phrases import WORST, finding_words, type_words
from rag.check_words import STATUS_WORDS
from rag.labels import joined, language_words
from rag.translate import Words, number


def worst_cases(cases: Sequence[Told], words: Words) -> str:
    """The cases with what went wrong, what was found and what was answered; "" without any."""
    if not cases:
        return ""
    title = words.gettext("What went worst")
    told = "".join(_case(one, words) for one in cases)
    return (
        f'<section class="worst"><h3>{title}</h3><p class="hint">{words.gettext(WORST)}</p>'
        f"{told}</section>"
    )


def _case(one: Told, words: Words) -> str:
    facts = [type_words(one.group, words), language_words(one.lang, words), one.id]
    why = f"<b>{escape(finding_words(one.findings[0], words))}</b> · " if one.findings else ""
    head = (
        f'<span class="ask" dir="auto">{escape(one.question)}</span>'
        f'<span class="why">{why}{" · ".join(f"<bdi>{escape(x)}</bdi>" for x in facts)}</span>'
    )
    inside = "".join(_parts(one, words))
    return f'<details><summary>{head}</summary><div class="inside">{inside}</div></details>'


def _parts(one: Told, words: Words) -> Iterator[str]:
    if len(one.findings) > 1:
        found = (escape(finding_words(finding, words)) for finding in one.findings)
        yield _list(words.gettext("What went wrong"), found)
    if one.error:
        yield f"<p>{escape(one.error)}</p>"
    if one.history:
        said = (f"<bdi>{escape(text)}</bdi>" for _, text in one.history)
        yield _list(words.gettext("Said before"), said)
    yield _list(words.gettext("Right reports"), (_name(name) for name in one.reports))
    yield _list(words.gettext("Evidence"), (_evidence(gold, words) for gold in one.evidence))
    missing = (_name(fact) for fact, told in one.facts if not told)
    yield _list(words.gettext("Missing facts"), missing)
    yield _list(words.gettext("Not listed"), map(_name, one.lacking))
    yield _list(words.gettext("Wrongly listed"), map(_name, one.extra))
    if one.answer:
        lines = (line for line in one.answer.splitlines() if line.strip())
        told = "".join(f'<p dir="auto">{escape(line)}</p>' for line in lines)
        yield f'<h4>{words.gettext("Answer")}</h4><div class="said">{told}</div>'
    yield _list(words.gettext("Sources"), _sources(one.citations, words))
    yield _list(
        words.gettext("Found among the first 20 passages"),
        (_found(report, words) for report in one.found),
    )


def _list(title: str, items: Iterator[str]) -> str:
    inside = "".join(f"<li>{item}</li>" for item in items)
    return f"<h4>{title}</h4><ul>{inside}</ul>" if inside else ""


def _name(name: str) -> str:
    return f"<bdi>{escape(name)}</bdi>"


def _evidence(gold: Gold, words: Words) -> str:
    rank = words.gettext("not found")
    if gold.rank:
        rank = words.gettext("rank {n}").format(n=number(words, gold.rank))
    return f"<q>{_name(gold.quote)}</q> <small>{rank}</small>"


def _sources(citations: Sequence[Cited], words: Words) -> Iterator[str]:
    for n, group in groupby(citations, key=lambda c: c.n):
        cited = list(group)
        right = _right(words) if cited[0].right else ""
        quotes = "".join(
            f'<blockquote dir="auto">{escape(c.quote)} <small>{_status(c.status, words)}</small>'
            "</blockquote>"
            for c in cited
        )
        yield f"[{number(words, n)}] {_name(cited[0].report)}{right}{quotes}"


def _status(status: str, words: Words) -> str:
    known = {str(key): told for key, told in STATUS_WORDS.items()}
    return words.gettext(known[status]) if status in known else escape(status)


def _found(found: Found, words: Words) -> str:
    ranks = joined(words, ", ", [number(words, rank) for rank in found.ranks])
    return f"{ranks}: {_name(found.report)}{_right(words) if found.right else ''}"


def _right(words: Words) -> str:
    return f' <span class="right">{words.gettext("right report")}</span>'
