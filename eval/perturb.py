"""Makes sentences that passages support, and the same sentences with one thing made wrong."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from eval.cases import Case
from eval.texts import holds
from rag.types import Passage
from rag.words import language_of, sentences, words

if TYPE_CHECKING:
    from rag.engine import Engine

Change = Literal["none", "number", "country", "denial", "citation"]
CHANGES: tuple[Change, ...] = ("number", "country", "denial", "citation")

SEED = 7
# Sentences of reports are taken by themselves where they have so many words.
_LENGTH = range(8, 46)
_LEAST = 4
# After which word a denial is put, and what it is there; the second form goes before the word.
_DENIED = {
    "en": (r"\b(?:was|were|is|are|had|has|have|can|could|will|would|did|should)\b", "{} not"),
    "fr": (r"\b(?:est|était|sont|ont|a)\b", "n'{} pas"),
    "es": (r"\b(?:fue|fueron|son|es|era|está|han|ha)\b", "no {}"),
    "pt": (r"\b(?:foi|foram|são|é|era|está|têm|tem)\b", "não {}"),
}
_DENIAL = re.compile(r"\b(?:not|no|never|without) ")
_NUMBER = re.compile(r"(?<![\w.,])\d{1,3}(?![\w.,]*\d)")
_ITEM = re.compile(r"^\W*\(?\w{1,2}[.)]\s+")


@dataclass(frozen=True, slots=True)
class Pair:
    """A sentence with the passages that it cites, whether they support it, and what was changed.

    `quoted` are sentences of reports themselves, others were written from them to answer the
    `question`. Pairs of one `group` were made of one sentence.
    """

    sentence: str
    language: str
    passages: tuple[Passage, ...]
    supported: bool
    change: Change
    quoted: bool
    group: str
    question: str = ""


def make_pairs(engine: Engine, cases: Sequence[Case], quotes: int) -> list[Pair]:
    """Supported pairs and changed ones: of the cases' good answers, and of `quotes` sentences."""
    rng = random.Random(SEED)
    labs = sorted({p.report.lab for p in engine.passages if len(p.report.countries) == 1})
    supported = [*_of_cases(engine, cases), *_of_reports(engine, quotes, rng)]
    return [pair for one in supported for pair in (one, *_changed(one, engine, labs, rng))]


def _of_cases(engine: Engine, cases: Sequence[Case]) -> Iterator[Pair]:
    by_report: dict[str, list[Passage]] = {}
    for passage in engine.passages:
        by_report.setdefault(passage.report.id, []).append(passage)
    for case in cases:
        found = [_holding(by_report.get(e.report, ()), e.quote) for e in case.evidence]
        passages = tuple({p.id: p for p in found if p}.values())
        if not passages or case.type == "listing" or len(passages) < len(set(case.reports)):
            continue
        for n, (start, end) in enumerate(sentences(case.answer)):
            said = case.answer[start:end]
            if len(words(said)) >= _LEAST:
                group = f"{case.id}.{n}"
                yield Pair(said, case.lang, passages, True, "none", False, group, case.question)


def _holding(passages: Sequence[Passage], quote: str) -> Passage | None:
    found = [passage for passage in passages if holds(passage.text, quote)]
    return min(found, key=lambda passage: len(passage.text)) if found else None


def _of_reports(engine: Engine, count: int, rng: random.Random) -> Iterator[Pair]:
    pool = [p for p in engine.passages if p.stage != "admin" and len(p.report.countries) == 1]
    for passage in rng.sample(pool, min(count, len(pool))):
        told = [_ITEM.sub("", passage.text[a:b]) for a, b in sentences(passage.text)]
        told = [one for one in told if len(words(one)) in _LENGTH]
        if told:
            said = f"{_speaker(passage.report.lab, passage)}: {rng.choice(told)}"
            yield Pair(said, passage.language, (passage,), True, "none", True, passage.id)


def _speaker(lab: str, passage: Passage) -> str:
    return f"{lab} ({passage.report.year}, {passage.report.kind})"


def _changed(pair: Pair, engine: Engine, labs: Sequence[str], rng: random.Random) -> Iterator[Pair]:
    """The pair with each of the changes that it can take."""
    head, _, said = pair.sentence.rpartition("): ") if pair.quoted else ("", "", pair.sentence)
    lead = f"{head}): " if head else ""
    wrong = rng.choice([lab for lab in labs if lab not in {p.report.lab for p in pair.passages}])
    if pair.quoted:
        other_lab = f"{_speaker(wrong, pair.passages[0])}: {said}"
    else:
        other_lab = f"{wrong}: {said}"
    found: dict[Change, str] = {
        "number": _renumbered(said, pair, rng),
        "denial": _denied(said, pair.language),
    }
    for change, text in found.items():
        if text:
            yield replace(pair, sentence=lead + text, supported=False, change=change)
    yield replace(pair, sentence=other_lab, supported=False, change="country")
    own = {p.report.id for p in pair.passages}
    other = [
        hit.passage
        for hit in engine.search(said[:300], k=12)
        if hit.passage.report.id not in own and not holds(hit.passage.text, said)
    ]
    if other:
        yield replace(pair, passages=(other[0],), supported=False, change="citation")


def _renumbered(said: str, pair: Pair, rng: random.Random) -> str:
    """The sentence with one number another one, which its passages don't have; or ""."""
    spots = list(_NUMBER.finditer(said))
    there = " ".join(f"{p.text} {p.context}" for p in pair.passages)
    if not spots:
        return ""
    spot = rng.choice(spots)
    values = [int(spot.group()) + step for step in (1, 2, 3, 7, 10)]
    new = [str(value) for value in values if not re.search(rf"\b{value}\b", there)]
    return f"{said[: spot.start()]}{rng.choice(new)}{said[spot.end() :]}" if new else ""


def _denied(said: str, language: str) -> str:
    """The sentence with its denial taken out, or one put in; "" where that can't be done."""
    if language == "en" and (found := _DENIAL.search(said)):
        return said[: found.start()] + said[found.end() :]
    if language_of(said, default=language) != language or language not in _DENIED:
        return ""
    verb, form = _DENIED[language]
    match = re.search(verb, said)
    return said[: match.start()] + form.format(match.group()) + said[match.end() :] if match else ""
