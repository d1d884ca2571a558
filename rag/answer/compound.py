"""Answers to a message that holds several questions: one after the other, made one answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from rag.answer.pipeline import AnswerStream
from rag.catalog.tag_fields import Filters
from rag.models.client import Stop
from rag.retrieval.postprocess import interleave
from rag.text.citation_marks import change_marks, defuse
from rag.types import Answer, Coverage, Struck, Turn


def in_turn(
    question: str,
    parts: Mapping[str, Filters],
    history: Sequence[Turn],
    ask: Callable[[str, Sequence[Turn], Filters], AnswerStream],
    stop: Stop,
) -> AnswerStream:
    """The answers to the parts of a question, each asked in its scope after those before it."""
    streams: list[AnswerStream] = []

    def pieces() -> Iterator[str]:
        said, cited = list(history), 0
        for part, scope in parts.items():
            if stop.is_set():
                break
            streams.append(stream := ask(part, said, scope))
            yield _heading(part)
            for piece in stream:
                yield change_marks(piece, cited.__add__)
            cited += _last_number(stream.answer)
            said += [Turn("user", part), stream.answer.turn]

    def finish(_: str) -> Answer:
        answers = [stream.answer for stream in streams]
        return replace(joined([*parts], answers), question=question, standalone=question)

    return AnswerStream(pieces(), finish, stop)


def joined(parts: Sequence[str], answers: Sequence[Answer]) -> Answer:
    """One answer of several: each under its question, with citations numbered through."""
    told: list[Answer] = []
    text = ""
    for part, answer in zip(parts, answers, strict=False):
        cited = max(map(_last_number, told), default=0)
        head = len(text := text + _heading(part))

        def shifted(n: int, cited: int = cited) -> int:
            return n + cited

        def moved(struck: Struck, own: str = answer.text, head: int = head) -> Struck:
            before = change_marks(own[: max(0, struck.at)], shifted)
            return replace(struck, at=head + len(before)) if struck.at >= 0 else struck

        text += change_marks(answer.text, shifted)
        citations = (replace(c, n=c.n + cited) for c in answer.citations)
        struck = map(moved, answer.struck)
        told.append(replace(answer, citations=tuple(citations), struck=tuple(struck)))
    first, notices = told[0], [*chain.from_iterable(a.notices for a in told)]
    return replace(
        first,
        text=text.strip(),
        refused=all(a.refused for a in told),
        citations=tuple(chain.from_iterable(a.citations for a in told)),
        hits=tuple(interleave([a.hits for a in told])),
        coverage=_coverage([a.coverage for a in told]),
        mode=next((a.mode for a in told if a.mode != first.mode), first.mode),
        timings=dict(sum((Counter(a.timings) for a in told), Counter())),
        tokens=dict(sum((Counter(a.tokens) for a in told), Counter())),
        notices=tuple(n for i, n in enumerate(notices) if n not in notices[:i]),
        struck=tuple(chain.from_iterable(a.struck for a in told)),
        doubted=tuple(chain.from_iterable(a.doubted for a in told)),
        checked=dict(sum((Counter(a.checked) for a in told), Counter())),
        generation=next((a.generation for a in told if a.generation.model), first.generation),
    )


def _last_number(answer: Answer) -> int:
    return max((citation.n for citation in answer.citations), default=0)


def _heading(part: str) -> str:
    return f"\n\n## {defuse(part[:1].upper() + part[1:])}\n"


def _coverage(parts: Sequence[Coverage]) -> Coverage:
    """What answers covered together; it is a list where each of them is one."""

    def every(name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(chain.from_iterable(getattr(p, name) for p in parts)))

    first = parts[0]
    same = all(p.filters == first.filters and p.first == first.first for p in parts)
    read = every("read")
    return Coverage(
        intent="list" if all(p.intent == "list" for p in parts) else "answer",
        reports=every("reports"),
        labs=every("labs"),
        matched_reports=len(read),
        read_passages=sum(p.read_passages for p in parts),
        read_reports=len(read),
        filters=first.filters if same else Filters(),
        first=first.first if same else Filters(),
        ignored=first.ignored,
        read=read,
    )
