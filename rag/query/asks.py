"""Splits a question that asks for two things or more at the words that join them.

"Who were the partners and why was it stopped?" asks who the partners were, and why it was stopped.
"""

import re
from collections.abc import Iterator

from rag.query.wordings import any_of, has_wording
from rag.text.tokenize import strip_accents, terms
from rag.types import Ask, Plan

_MARKS = " ¿?؟;؛,،.:!"
_ENDS = ("?", "؟", ";", "؛")
_AND = "و"  # Arabic writes it as one with the next word


def asks_of(plan: Plan) -> tuple[Ask, ...]:
    """What a question asks for, each after what the parts before are about; () for one thing.

    What is put to many labs, or held against something, is asked whole.
    """
    if plan.intent != "answer" or plan.wide or plan.follows:
        return ()
    subject, known, asks = set(plan.subject.split()), list(plan.boosted.country), []
    for part in parts_of(plan.standalone, plan.language):
        own = part.split()
        about = " ".join(word for word in known if word not in own)
        asks.append(Ask(part, f"{part} ({about})" if about else part))
        known += [word for word in own if word.lower().strip(_MARKS) in subject]
    return tuple(asks)


def parts_of(question: str, language: str) -> tuple[str, ...]:
    """The parts of a question that each ask for something; () where it asks for one thing."""
    words, start, parts = question.split(), 0, []
    for i, after in _joins(words):
        before = " ".join(words[start:i]).strip(_MARKS)
        # "What and where is the tide broom?" asks both of the broom.
        if i > start and terms(before, language) and has_wording("asks", before):
            parts.append(before)
            start = after
            words[start] = words[start].removeprefix(_AND)
    return (*parts, " ".join(words[start:]).strip(_MARKS)) if parts else ()


def _joins(words: list[str]) -> Iterator[tuple[int, int]]:
    """Where a part of a question may end and the next one begins, by their words."""
    for i, word in enumerate(words[1:], start=1):
        bare = word.removeprefix(_AND)
        if has_wording("joins_asks", word.strip(_MARKS)) and _asks(words[i + 1 :]):
            yield i, i + 1
        elif (bare != word or words[i - 1].endswith(_ENDS)) and _asks([bare, *words[i + 1 :]]):
            yield i, i


def _asks(words: list[str]) -> bool:
    """Whether words begin as a question does."""
    text = strip_accents(" ".join(words)).lstrip(_MARKS)
    return bool(re.match(rf"{any_of('asks')}(?!\w)", text))
