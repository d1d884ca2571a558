"""Answers to a text that holds several questions: one after the other, made one answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from itertools import chain
from typing import TypeVar

from rag.answer.pipeline import AnswerStream
from rag.catalog.tag_fields import Filters
from rag.errors import AskLabsError
from rag.models.client import Stop
from rag.retrieval.postprocess import interleave
from rag.text.citation_marks import change_marks, defuse
from rag.types import Answer, Coverage, GenerationRecord, Struck, Turn

Number = TypeVar("Number", int, float)
# Asks a question after a conversation, in a scope.
Ask = Callable[[str, Sequence[Turn], Filters], AnswerStream]


def in_turn(
    text: str,
    questions: Sequence[tuple[str, Filters]],
    history: Sequence[Turn],
    filters: Filters,
    ask: Ask,
    stop: Stop,
) -> AnswerStream:
    """The answers to the questions of a text, each asked in its scope after those before it.

    `filters` are those that the user set. An error of the first one is raised; one that a later one
    ends with leaves the answers before it.
    """
    first, scope = questions[0]
    streams = [ask(first, history, scope)]

    def pieces() -> Iterator[str]:
        said, cited = list(history), 0
        for n, (question, scope) in enumerate(questions):
            if n:
                try:
                    streams.append(ask(question, said, scope))
                except AskLabsError:
                    return
            stream = streams[-1]
            yield _heading(question, n)
            try:
                for piece in stream:
                    yield change_marks(piece, cited.__add__)
            finally:
                stream.close()
            cited += _highest_mark(stream.answer)
            said += [Turn("user", question), stream.answer.turn]

    def finish(_: str) -> Answer:
        answers = [stream.answer for stream in streams]
        whole = joined([question for question, _ in questions], answers, filters)
        return replace(whole, question=text, standalone=text)

    return AnswerStream(pieces(), finish, stop)


def joined(questions: Sequence[str], answers: Sequence[Answer], filters: Filters) -> Answer:
    """One answer of several: each under its question, with citations numbered through."""
    numbered: list[Answer] = []
    text, cited = "", 0
    for n, (question, answer) in enumerate(zip(questions, answers, strict=False)):
        start = len(text := text + _heading(question, n))
        shift = cited.__add__
        citations = tuple(replace(c, n=c.n + cited) for c in answer.citations)
        struck = tuple(_moved(s, answer.text, start, shift) for s in answer.struck)
        numbered.append(replace(answer, citations=citations, struck=struck))
        text += change_marks(answer.text, shift)
        cited += _highest_mark(answer)
    notices = [*chain.from_iterable(a.notices for a in answers)]
    return replace(
        numbered[0],
        text=text,
        refused=all(a.refused for a in answers),
        citations=tuple(chain.from_iterable(a.citations for a in numbered)),
        hits=tuple(interleave([a.hits for a in answers])),
        coverage=_coverage([a.coverage for a in answers], filters),
        # How its prose was made says more than that lists come from the catalogue.
        mode=next((a.mode for a in answers if a.coverage.intent != "list"), answers[0].mode),
        timings=_sums(a.timings for a in answers),
        tokens=_sums(a.tokens for a in answers),
        notices=tuple(n for i, n in enumerate(notices) if n not in notices[:i]),
        struck=tuple(chain.from_iterable(a.struck for a in numbered)),
        doubted=tuple(chain.from_iterable(a.doubted for a in answers)),
        checked=_sums(a.checked for a in answers),
        generation=_generation([a.generation for a in answers if a.generation.model]),
    )


def _heading(question: str, n: int) -> str:
    gap = "\n\n" if n else ""
    return f"{gap}## {defuse(question[:1].upper() + question[1:])}\n"


def _highest_mark(answer: Answer) -> int:
    return max((citation.n for citation in answer.citations), default=0)


def _moved(struck: Struck, text: str, start: int, shift: Callable[[int], int]) -> Struck:
    """A struck sentence where it stands in an answer in which its own begins at `start`."""
    before = change_marks(text[: max(0, struck.at)], shift)
    return replace(struck, at=start + len(before)) if struck.at >= 0 else struck


def _sums(counts: Iterable[Mapping[str, Number]]) -> dict[str, Number]:
    sums: dict[str, Number] = {}
    for name, number in chain.from_iterable(count.items() for count in counts):
        sums[name] = sums[name] + number if name in sums else number
    return sums


def _generation(records: Sequence[GenerationRecord]) -> GenerationRecord:
    """What models cost together; the rest is that of the first one."""
    if not records:
        return GenerationRecord()
    costs = [record.cost_usd for record in records]
    known = [cost for cost in costs if cost is not None]
    return replace(
        records[0],
        cost_usd=sum(known) if len(known) == len(costs) else None,
        passages=sum(record.passages for record in records),
        tokens=sum(record.tokens for record in records),
    )


def _coverage(parts: Sequence[Coverage], filters: Filters) -> Coverage:
    """What answers covered together. It is no list: those among them stand in the text."""

    def every(*names: str) -> tuple[str, ...]:
        values = (getattr(part, name) for part in parts for name in names)
        return tuple(dict.fromkeys(chain.from_iterable(values)))

    read = every("read", "reports")
    return Coverage(
        intent="answer",
        reports=every("reports"),
        labs=every("labs"),
        matched_reports=len(read),
        read_passages=sum(part.read_passages for part in parts) or len(read),
        read_reports=len(read),
        filters=filters,
        ignored=reduce(Filters.merged, [part.ignored for part in parts]),
        read=every("read"),
    )
