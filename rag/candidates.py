"""Chooses among the sentences that could answer a question, and puts them in order to be read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.injected import instructs
from rag.types import Hit, QueryPlan, Span
from rag.words import sentences, words

# How many sentences an extractive answer has: of one report or side by side, of many labs; and how
# many of them one report may give where several labs are to be heard. With 8 instead of 6 the
# development questions' answers have 0.54 instead of 0.49 of the facts asked for (n=56); with 10
# they have no more.
SENTENCES = 8
SENTENCES_WIDE = 12
PER_REPORT_WIDE = 2
# A sentence with less than this share of the best one's score is left out. With 0.6 the answers to
# one English report (n=56) have 0.56 instead of 0.59 of the facts; 0.2 changes nothing.
MIN_SHARE = 0.4
# Of the scores of the sentences beside it so much is added to a sentence's: of the citations of the
# answers to one English report (n=56) 0.88 are right, without it 0.83, with twice as much 0.86.
NEIGHBOURS = 0.1
# Of a question to one report the answer is made of the report that has the best sentence, and of
# others whose best reaches this share of it: more where all passages were judged, which makes the
# best report surer. Of the development questions to one English report (n=56) 0.88 instead of 0.82
# of the citations are then of a right one and as many answers cite one; by the two best sentences
# together 0.85 are. In other languages (n=28) a higher share loses one right report of 25.
FOCUS_SHARE = 0.9
FOCUS_SHARE_JUDGED = 0.98
# Of the words of the shorter of two sentences so many in the other say the same. With 0.8 the
# evidence is quoted in 0.67 instead of 0.71 in other languages (n=28); with 0.4 in 0.70.
SAME = 0.6
# Sentences with fewer words say nothing by themselves, unless they are the whole answer.
MIN_WORDS = 5
_URL = re.compile(r"\[?(?:https?://|www\.)\S+")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence of a passage: which passage (from 1), where in it, and how well it answers."""

    n: int
    start: int
    text: str
    report: str
    words: frozenset[str]
    similarity: float
    score: float


def usable(text: str) -> list[Span]:
    """The sentences of a passage's text that can stand alone; of a very short one, the first."""
    # The row of a table says nothing without its heads; an instruction is no lab's finding.
    told = [
        (a, b)
        for a, b in sentences(text)
        if not text[a:b].startswith("|") and not instructs(text[a:b])
    ]
    bare = {(a, b): _URL.sub("", text[a:b]) for a, b in told}
    # A sentence that is mostly links is a list of them.
    spans = [(a, b) for (a, b), said in bare.items() if words(said) and 2 * len(said) >= b - a]
    whole = [span for span in spans if len(words(bare[span])) >= MIN_WORDS]
    return whole or spans[:1]


def with_neighbours(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Candidates, in order, whose scores gain from the sentences beside them.

    A sentence among others that fit is where the passage speaks of the question.
    """
    gained = []
    for i, candidate in enumerate(candidates):
        beside = [*candidates[max(0, i - 1) : i], *candidates[i + 1 : i + 2]]
        gain = sum(other.score for other in beside if other.n == candidate.n) / 2
        gained.append(replace(candidate, score=candidate.score + NEIGHBOURS * gain))
    return gained


def choose(candidates: Sequence[Candidate], plan: QueryPlan, focus_share: float) -> list[Candidate]:
    """The best sentences, none that says what a better one says, in the order to be read."""
    wide = plan.wide
    count = SENTENCES_WIDE if wide and plan.intent != "compare" else SENTENCES
    chosen: list[Candidate] = []
    per_report: Counter[str] = Counter()
    floor = MIN_SHARE * max(c.score for c in candidates)
    reports = {c.report for c in candidates} if wide else _best_reports(candidates, focus_share)
    good = (c for c in candidates if c.score >= floor and c.report in reports)
    for candidate in sorted(good, key=lambda c: (-c.score, c.n, c.start)):
        if wide and per_report[candidate.report] >= PER_REPORT_WIDE:
            continue
        if any(_overlap(candidate.words, other.words) > SAME for other in chosen):
            continue
        chosen.append(candidate)
        per_report[candidate.report] += 1
        if len(chosen) == count:
            break
    rank = {report: i for i, report in enumerate(dict.fromkeys(c.report for c in chosen))}
    return sorted(chosen, key=lambda c: (rank[c.report], c.n, c.start))


def _best_reports(candidates: Sequence[Candidate], share: float) -> set[str]:
    """The report with the best sentence, and those whose best reaches a share of its score."""
    best: dict[str, float] = {}
    for candidate in candidates:
        best[candidate.report] = max(best.get(candidate.report, 0.0), candidate.score)
    return {report for report, score in best.items() if score >= share * max(best.values())}


def _overlap(a: frozenset[str], b: frozenset[str]) -> float:
    return len(a & b) / max(1, min(len(a), len(b)))


def by_lab(chosen: Sequence[Candidate], hits: Sequence[Hit]) -> list[Candidate]:
    """Sentences lab by lab, the best lab first; of a lab, reports with findings go first."""
    infos = {c.report: hits[c.n - 1].passage.report for c in chosen}
    labs = list(dict.fromkeys(info.lab for info in infos.values()))
    found = {c.report for c in chosen if hits[c.n - 1].passage.stage == "finding"}
    order = list(infos)
    return sorted(
        chosen,
        key=lambda c: (
            labs.index(infos[c.report].lab),
            c.report not in found,
            order.index(c.report),
        ),
    )
