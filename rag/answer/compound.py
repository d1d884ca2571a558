"""Answers to a text that holds several questions: one after the other, made one answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial, reduce
from itertools import chain
from typing import Any

from rag.answer.pipeline import AnswerStream, moved
from rag.catalog.tag_fields import Filters
from rag.errors import AskLabsError, ModelError, TooLong
from rag.models.client import Stop
from rag.retrieval.postprocess import interleave
from rag.text.citation_marks import change_marks, defuse
from rag.types import Answer, Coverage, GenerationRecord, Notice, Turn

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

    `filters` are those that the user set. An error of the first one is raised; where a later one
    ends with one, a notice says so.
    """
    first, scope = questions[0]
    streams, asked = [ask(first, history, scope)], [first]
    failures: list[Notice] = []

    def pieces() -> Iterator[str]:
        said, cited = list(history), 0
        for n, (question, scope) in enumerate(questions):
            if n:
                try:
                    streams.append(ask(question, said, scope))
                except AskLabsError as error:
                    if stop.is_set():
                        return
                    failures.extend(_failure(question, error))
                    continue
                asked.append(question)
            stream = streams[-1]
            yield _heading(question, n)
            try:
                yield from (change_marks(piece, cited.__add__) for piece in stream)
            finally:
                stream.close()
            cited += _highest_mark(stream.answer)
            said += [Turn("user", question), stream.answer.turn]

    def finish(_: str) -> Answer:
        answers = [stream.answer for stream in streams]
        whole = joined(asked, answers, filters)
        notices = (*whole.notices, *failures)
        return replace(whole, question=text, standalone=text, notices=notices)

    return AnswerStream(pieces(), finish, stop)


def _failure(question: str, error: AskLabsError) -> tuple[Notice, Notice]:
    why = Notice("text", {"text": str(error)})
    if isinstance(error, (ModelError, TooLong)):
        why = error.notice
    return Notice("part_not_answered", {"question": question}), why


def joined(questions: Sequence[str], answers: Sequence[Answer], filters: Filters) -> Answer:
    """One answer of several: each under its question, with citations numbered through."""
    parts: list[Answer] = []
    text, cited = "", 0
    for n, (question, answer) in enumerate(zip(questions, answers, strict=True)):
        change = partial(_after, text + _heading(question, n), cited)
        citations = tuple(replace(c, n=c.n + cited) for c in answer.citations)
        struck = moved(answer.struck, answer.text, change)
        parts.append(replace(answer, citations=citations, struck=struck))
        text = change(answer.text)
        cited += _highest_mark(answer)

    def every(name: str) -> tuple[Any, ...]:
        return tuple(chain.from_iterable(getattr(part, name) for part in parts))

    notices = every("notices")
    return replace(
        parts[0],
        text=text,
        refused=all(part.refused for part in parts),
        citations=every("citations"),
        hits=tuple(interleave([part.hits for part in parts])),
        coverage=_coverage([part.coverage for part in parts], filters),
        # How its prose was made says more than that lists come from the catalogue.
        mode=next((a.mode for a in parts if a.coverage.intent != "list"), parts[0].mode),
        timings=_sums([part.timings for part in parts]),
        tokens=_sums([part.tokens for part in parts]),
        notices=tuple(n for i, n in enumerate(notices) if n not in notices[:i]),
        struck=every("struck"),
        doubted=every("doubted"),
        checked=_sums([part.checked for part in parts]),
        generation=_generation([p.generation for p in parts if p.generation.model]),
    )


def _heading(question: str, n: int) -> str:
    gap = "\n\n" if n else ""
    return f"{gap}## {defuse(question[:1].upper() + question[1:])}\n"


def _highest_mark(answer: Answer) -> int:
    return max((citation.n for citation in answer.citations), default=0)


def _after(before: str, cited: int, text: str) -> str:
    """A text after what goes before it, its marks numbered on from those there."""
    return before + change_marks(text, cited.__add__)


def _sums(counts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = dict.fromkeys(chain.from_iterable(counts))
    return {name: sum(count.get(name, 0) for count in counts) for name in names}


def _generation(records: Sequence[GenerationRecord]) -> GenerationRecord:
    """What models cost together; the rest is that of the first one."""
    if not records:
        return GenerationRecord()
    costs = [record.cost_usd for record in records if record.cost_usd is not None]
    return replace(
        records[0],
        cost_usd=sum(costs) if len(costs) == len(records) else None,
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
