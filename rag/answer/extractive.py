"""Writes answers from numbered passages: what an answerer is, and the one that needs no model.

Answerers stream pieces of text whose `[n]` marks count the given passages from 1; what the marks
stand for is resolved afterwards (`rag.citation.citations`). `rag.answer.generate` asks a language
model.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import log
from typing import TYPE_CHECKING, Protocol

import numpy as np

from rag.catalog.fields import ReportInfo
from rag.i18n.labels import (
    format_label,
    join_parts,
    lab_label,
    value_label,
)
from rag.i18n.translations import translations_for
from rag.models.chat import Generation
from rag.models.prompts import refusal
from rag.query.entities import countries_in
from rag.text.marks import defuse, with_marks
from rag.text.numbers import gives_quantity
from rag.text.prompt_injection import instructs
from rag.text.sentences import sentences
from rag.text.tokenize import strip_accents, terms_and_pairs, words
from rag.types import Alike, Hit, Plan, Span, Turn

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding

# Cosine similarity (built-in embedding) of the best passage below which a question is not
# about anything in the reports. All answerable development questions (n=114) and sample cases
# (n=54) are above it; so are questions about the reports' topics that they don't answer.
MIN_SIMILARITY = 0.26
# A question to many labs is compared without its words of asking, which are like other such words:
# the least share of that similarity that it needs. The 15 development questions reach 0.99 and more
# of it, made-up ones about nothing in the reports 0.6 to 1.3.
WIDE_SHARE = 0.88
# What a lab found answers better than what it meant to find out, and a question answers none. Of
# the development questions to one English report (n=56) 0.82 of the citations are right without the
# bonus and 0.81 with twice as much, instead of 0.88; a malus of 0.1 does as well, 0.6 gives 0.86.
FINDING_BONUS = 0.05
QUESTION_MALUS = 0.3
# It counts for more where the question asks for just that: of the citations of answers by many labs
# (n=15) 0.63 are right, without it 0.61.
LEARNED_FACTOR = 1.3
_LEARNED = re.compile(
    r"\b(?:learn\w*|lessons?|found|findings?|results?|barriers?|obstacles?|worked|enseigne\w*"
    r"|appris|lecons?|resultats?|aprend\w+|lecciones|licoes|resultados?|barreras?|barreiras?)\b"
    r"|تعلم|نتائج|دروس"
)
# Without it the answers have 0.55 instead of 0.59 of the facts (n=56); twice as much does as well.
NUMBER_BONUS = 0.1
# How much a sentence's score gains from a passage of full relevance; one that was not judged counts
# as the mean of those that were. Of the development questions to one English report (n=56, 52 of
# them answered) 0.81 instead of 0.73 of the citations are of a right report and the answers hold
# 0.63 instead of 0.58 of the facts; weights from 0.3 to 0.7 do as well.
RELEVANCE_WEIGHT = 0.5
# A question for a quantity is answered where a sentence that gives one is, by its similarity to
# the question, no further than this behind the closest sentence; further where that is in another
# language, of which similarity tells less. Of the development questions it keeps 9 of 11 that ask
# for what no report counts from an answer, and 7 of 26 that have one.
QUANTITY_GAP = 0.06
QUANTITY_GAP_ACROSS = 0.2
NEAREST_SENTENCES = 3
_DIGIT = re.compile(r"\d")
_THE_SIZE = (
    r"(?:the|le|la|el|o|a) (?:\w+ ){0,3}?(?:rate|percentage|share|amount|number|total|taux|montant"
    r"|pourcentage|nombre|tasa|porcentaje|cantidad|numero|taxa|percentagem|montante)\b"
)
_QUANTITY = re.compile(
    r"\bhow (?:many|much|long|often|far)\b|\bwhat (?:share|percentage|rate|amount|number)\b"
    r"|\bcombien\b|\bquel(?:le)? (?:montant|part|taux|nombre|pourcentage)\b|\bcuant[oa]s?\b"
    rf"|\b(?:what|quel(?:le)?|cual|qual) (?:is|was|were|est|etait|es|fue|era|e|foi) {_THE_SIZE}"
    r"|\bque (?:tasa|porcentaje|cantidad)\b|\bquant[oa]s?\b|\bqual (?:taxa|percentagem)\b|كم"
)


class Answerer(Protocol):
    """Writes a cited answer."""

    name: str

    def stream(
        self, plan: Plan, hits: Sequence[Hit], history: Sequence[Turn], writing: Generation
    ) -> Iterator[str]:
        """The pieces of an answer whose marks count `hits` from 1; all else goes to `writing`."""
        ...


class ExtractiveAnswerer:
    """Answers with the reports' own sentences, those that fit the question best.

    A sentence's score is half its similarity to the question and half the share of the
    question's words (rare ones count more) that it or its passage's context line holds, and half
    the relevance of its passage where that was judged.
    """

    name = "extractive"

    def __init__(self, embedding: BaseEmbedding, min_similarity: float) -> None:
        self._embedding = embedding
        self._min_similarity = min_similarity

    def stream(
        self,
        plan: Plan,
        hits: Sequence[Hit],
        history: Sequence[Turn],
        writing: Generation | None = None,
    ) -> Iterator[str]:
        """One line a report: its lab, year, and sentences, each with its mark."""
        del history, writing  # The plan's stand-alone question carries what is needed of it.
        told = _told_of(plan, hits)
        near = max((hit.similarity for hit in hits), default=0.0)
        least = self._min_similarity * (WIDE_SHARE if plan.wide else 1.0)
        candidates = self._candidates(plan, hits, told) if near >= least else []
        if not candidates:
            yield refusal(plan.language)
            yield from nearest(plan, hits)
            return
        judged = all(hit.relevance is not None for hit in hits)
        chosen = choose(candidates, plan, FOCUS_SHARE_JUDGED if judged else FOCUS_SHARE)
        if self._lacks_quantity(candidates, plan, hits):
            yield f"{refusal(plan.language)}\n{_nearest_are(plan.language, '').rstrip(' ')}"
            for line in _lines(chosen[:NEAREST_SENTENCES], hits, plan.language):
                yield f"\n{line}"
            return
        chosen = by_lab(chosen, hits)
        yield _frame(plan.language, len({hits[c.n - 1].passage.report.lab for c in chosen}))
        for line in _lines(chosen, hits, plan.language):
            yield f"\n{line}"

    def _lacks_quantity(
        self, candidates: Sequence[Candidate], plan: Plan, hits: Sequence[Hit]
    ) -> bool:
        """Whether what comes close to a question for a quantity gives none."""
        if not is_quantity(plan.question):
            return False
        given = [c.similarity for c in candidates if gives_quantity(c.text)]
        # The gaps were measured with the built-in embedding, as the least similarity was.
        if not given or plan.wide or not self._min_similarity:
            return not given
        closest = max(candidates, key=lambda c: c.similarity)
        alike = hits[closest.n - 1].passage.language == plan.language
        gap = QUANTITY_GAP if alike else QUANTITY_GAP_ACROSS
        return max(given) < closest.similarity - gap

    def _candidates(
        self, plan: Plan, hits: Sequence[Hit], told: Collection[int]
    ) -> list[Candidate]:
        """The sentences of the passages, from 1, that can tell of what is asked."""
        found = [
            (n, hit, span)
            for n, hit in enumerate(hits, 1)
            if n in told
            for span in usable(hit.passage.text)
        ]
        if not found:
            return []
        texts = [hit.passage.text[a:b] for _, hit, (a, b) in found]
        vectors = np.asarray(self._embedding.get_text_embedding_batch(texts), dtype=np.float32)
        similar = vectors @ np.asarray(
            self._embedding.get_query_embedding(plan.standalone), np.float32
        )
        wanted = _weights(plan, hits)
        total = sum(wanted.values()) or 1.0
        quantity = is_quantity(plan.question)
        learned = LEARNED_FACTOR if _LEARNED.search(strip_accents(plan.question)) else 1.0
        judged = [hit.relevance for hit in hits if hit.relevance is not None]
        unjudged = sum(judged) / max(1, len(judged))
        candidates = []
        for (n, hit, (a, _)), text, likeness in zip(found, texts, similar, strict=True):
            passage = hit.passage
            have = set(terms_and_pairs(f"{text} {passage.context}", passage.language))
            have |= set(terms_and_pairs(text, plan.language))
            near = plan.alike if passage.language != plan.language else ()
            covered = sum(_shares(wanted, have, near)) / total
            score = 0.5 * float(likeness) + 0.5 * covered + 0.2 / (4 + n)
            if passage.stage == "finding":
                score = score * learned + FINDING_BONUS
            score += NUMBER_BONUS if quantity and _DIGIT.search(text) else 0.0
            score += RELEVANCE_WEIGHT * (unjudged if hit.relevance is None else hit.relevance)
            score -= QUESTION_MALUS if text.rstrip(' "”»').endswith(("?", "؟")) else 0.0
            key = frozenset(words(text))
            candidates.append(Candidate(n, a, text, passage.report.id, key, float(likeness), score))
        return with_neighbours(candidates)


def _told_of(plan: Plan, hits: Sequence[Hit]) -> set[int]:
    """The passages, from 1, that can tell of a country that a question names; all if it names none.

    They are of its lab, or name it: another lab's comparison with it.
    """
    named = set(plan.countries)
    passages = enumerate((hit.passage for hit in hits), start=1)
    return {
        n
        for n, p in passages
        if not named or named & {*p.report.iso} or named & {*countries_in(f"{p.context} {p.text}")}
    }


def _weights(plan: Plan, hits: Sequence[Hit]) -> dict[str, float]:
    """The question's words, and pairs of words that follow each other, with their rarity.

    Rarity counts among the passages. Pairs keep "mobile money" from being met by a mobile
    unit and much money.
    """
    wanted = set(terms_and_pairs(plan.standalone, plan.language))
    wanted |= set(terms_and_pairs(plan.standalone, "en"))
    counts: Counter[str] = Counter()
    for hit in hits:
        counts.update(set(terms_and_pairs(hit.passage.text, hit.passage.language)))
    return {
        word: log(1 + len(hits) / (1 + counts[word]))
        for word in wanted
        if " " not in word or counts[word]
    }


def _shares(
    wanted: Mapping[str, float], have: Collection[str], alike: Sequence[Alike]
) -> Iterator[float]:
    """What a sentence that has some terms gives of the weight of each that is wanted.

    In another language than the question's, a word gives the square of the similarity of what is
    most like it. With that the citations of the development questions in other languages (n=28)
    are of the right report in 0.70 instead of 0.61, and quote the evidence in 0.71 instead of
    0.59.
    """
    for word, weight in wanted.items():
        if word in have:
            yield weight
        else:
            near = (w.near for w in alike if word in w.terms)
            found = (s for terms in near for term, s in terms.items() if term in have)
            yield weight * max(found, default=0.0) ** 2


def is_quantity(question: str) -> bool:
    """Whether a question asks for a number: an answer without one is none."""
    return bool(_QUANTITY.search(strip_accents(question)))


def _frame(language: str, labs: int) -> str:
    """What goes before an answer made of the reports' own sentences."""
    frame = translations_for(language).ngettext("The lab wrote:", "{n} labs wrote:", labs)
    return frame.format(n=labs)


def _lines(chosen: Sequence[Candidate], hits: Sequence[Hit], language: str) -> Iterator[str]:
    t = translations_for(language)
    for _, group in groupby(chosen, key=lambda c: c.report):
        members = list(group)
        info = hits[members[0].n - 1].passage.report
        said = " ".join(_with_mark(c.text, c.n) for c in members)
        kind = value_label("kind", info.kind, t)
        when = join_parts(t, ", ", [str(info.year or "?"), kind])
        yield format_label(t, f"{lab_label(info, t)} ({when})", said)


def _with_mark(sentence: str, n: int) -> str:
    """A sentence with its mark before its full stop, so that the mark belongs to it."""
    # The number or bullet of a list item means nothing out of its list.
    text = defuse(re.sub(r"^(?:[-*•·]|\(?\w{1,2}[.)])\s+", "", sentence))
    return with_marks(text, [n])


def nearest(plan: Plan, hits: Sequence[Hit], count: int = 3) -> Iterator[str]:
    """What is near instead of an answer: the best reports by name, one mark each."""
    first: dict[str, tuple[int, ReportInfo]] = {}
    for n, hit in enumerate(hits, 1):
        first.setdefault(hit.passage.report.id, (n, hit.passage.report))
    t = translations_for(plan.language)
    named = [
        f"{lab_label(info, t)} ({info.year or '?'}), {defuse(info.title)} [{n}]"
        for n, info in list(first.values())[:count]
    ]
    if named:
        yield f"\n{_nearest_are(plan.language, join_parts(t, '; ', named))}."


def _nearest_are(language: str, said: str) -> str:
    t = translations_for(language)
    return format_label(t, t.gettext("Nearest"), said)


# Chooses among the sentences that could answer a question, and puts them in order to be read.


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


def choose(candidates: Sequence[Candidate], plan: Plan, focus_share: float) -> list[Candidate]:
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
