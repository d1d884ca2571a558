"""Scores the sentences of passages by how well they answer a question.

A score is half the sentence's similarity to the question, half the share of the question's words
(rare ones count more) that it or its passage's context line holds, and half the relevance of its
passage. It gains where its form question asks for what the question does, and where its number
counts what the question does.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress
from math import log
from statistics import fmean

import numpy as np

from rag.catalog.tag_fields import ReportInfo
from rag.citation.quotable import short_question, usable
from rag.models.embeddings import Embedding
from rag.query.entities import countries_in
from rag.query.gloss import word_by_word
from rag.query.intents import asks_outcome
from rag.retrieval.hybrid import collected_factor, sought
from rag.survey.columns import CONTACT, QUESTION_LIKE_EXAMPLE, nearest_kinds
from rag.text.tokenize import (
    counted_thing,
    counted_words,
    is_quantity,
    terms,
    terms_and_pairs,
    words,
    words_by_numbers,
)
from rag.types import FACTS, Alike, Hit, Passage, Plan

# Added to the score of a sentence that a lab found, and taken from one that is a question itself.
FINDING_BONUS = 0.05
QUESTION_MALUS = 0.3
# The score of a finding is multiplied by this where the question asks what came of a work.
OUTCOME_FACTOR = 1.6
# Added to the score of a sentence with a number where the question asks for one.
NUMBER_BONUS = 0.1
# Times the likeness, above a least one, of what a sentence counts to what the question counts.
COUNTED_WEIGHT, LEAST_COUNTED = 0.7, 0.4
# What is counted stands mostly after its number, and is mostly the first word asked for.
BEFORE, SECOND = 0.85, 0.9
# Where a form question asks for the same as the question, its report tells the topic: its answers
# come so much nearer to the report's best sentence, and gain this; the first of them, this more.
REPORT_SHARE, ASKED_BONUS, FIRST_BONUS = 0.7, 0.2, 0.1
# That report is the best one that has such an answer and this share of the best score.
NEARLY = 0.8
# How near to its examples the beginning or the end of a question must be to ask for the same as a
# form question; both together; and where it is one word. They have at most so many words.
ASKED, ASKED_BY_BOTH, ASKED_BY_WORD, MOST_ASKING = 1.5, 1.8, 2.1, 7
# A question of more content words says by itself what it asks for.
MOST_TERMS = 8
# Words of an answer that needs no form question before it where that is what was asked.
MIN_ALONE = 3
# The share of a passage's relevance (0 to 1) that its sentences' scores gain.
RELEVANCE_WEIGHT = 0.5
# The relevance of a passage that was not found, as a share of the mean.
NOT_FOUND = 0.5
# The share of the mean score of the sentences before and after it that a sentence gains.
NEIGHBOURS = 0.2
NAMED_OFTEN = 3  # passages of a report that name a country from which on all of it is on that
USUALLY_HELD = 0.5  # the share of a question's words that its best passages hold
_NO_MARKS = str.maketrans(dict.fromkeys("¿?؟¡!:;,.،؛", " "))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence of a passage that was found as number `n`: where in it, and how well it answers.

    `fits` is whether its form question asks for what the question does, `answers` how likely it
    answers (0 to 1) as the cross-encoder reads it, None where that did not.
    """

    n: int
    start: int
    text: str
    hit: Hit = field(compare=False)
    words: frozenset[str]
    score: float
    fits: bool = False
    answers: float | None = None

    @property
    def passage(self) -> Passage:
        """The passage that it stands in."""
        return self.hit.passage

    @property
    def report(self) -> str:
        """The id of its report."""
        return self.hit.passage.report.id


def find_candidates(plan: Plan, hits: Sequence[Hit], embedding: Embedding) -> list[Candidate]:
    """The sentences of passages that can answer the question, with their scores."""
    naming = [_is_about_countries(hit.passage, plan.countries) for hit in hits]
    # Of a country without a lab another one reports, and does not name it in each passage.
    there = any(not set(plan.countries).isdisjoint(hit.passage.report.iso) for hit in hits)
    often = Counter(hit.passage.report.id for hit in compress(hits, naming) if not there)
    numbered = [
        (n, hit)
        for n, (hit, names) in enumerate(zip(hits, naming, strict=True), start=1)
        if names or often[hit.passage.report.id] >= NAMED_OFTEN
    ]
    # "In its 2022 plan" is said of that plan; a year alone may be when something was.
    named = [(n, hit) for n, hit in numbered if _is_named(hit.passage.report, plan)]
    found = [(n, hit, sentence) for n, hit in named or numbered for sentence in usable(hit.passage)]
    if not found:
        return []
    texts = [sentence.text for *_, sentence in found]
    vectors = np.asarray(embedding.get_text_embedding_batch(texts), np.float32)
    questions = [sought(plan), plan.question] if plan.follows else [sought(plan)]
    query = np.asarray(embedding.get_text_embedding_batch(questions), np.float32).mean(axis=0)
    near = vectors @ query
    weights = _weights(plan, [hit for hit in hits if hit.score] or hits)
    total = sum(weights.values()) or 1.0
    quantity = is_quantity(plan.question)
    counted = _counted(plan, texts, embedding)
    wanted = kind_wanted(plan)
    asked = (asked_by(sentence.text, hit.passage) for _, hit, sentence in found)
    kinds = kinds_asked(asked) if wanted else [""] * len(found)
    collected = collected_factor(plan)
    # A long question says by itself what it asks for.
    is_long = len(terms(plan.question, plan.language)) > MOST_TERMS
    outcome = 1.0 if is_long else 1 + (OUTCOME_FACTOR - 1) * asks_outcome(plan.question)
    # A passage that was not judged counts as the mean of those that were.
    judged = [hit.relevance for hit in hits if hit.relevance is not None] or [0.0]
    mean = fmean(judged)
    candidates = []
    for i, ((n, hit, sentence), similarity) in enumerate(zip(found, near, strict=True)):
        passage, text = hit.passage, sentence.text
        own_terms = set(terms_and_pairs(f"{text} {passage.context}", passage.language))
        own_terms |= set(terms_and_pairs(text, plan.language))
        alike = plan.alike if passage.language != plan.language else ()
        covered = sum(shares(weights, own_terms, alike)) / total
        score = 0.5 * float(similarity) + 0.5 * covered + 0.2 / (4 + n)
        if passage.stage == "finding":
            score = score * outcome + FINDING_BONUS
        score += NUMBER_BONUS if quantity and re.search(r"\d", text) else 0.0
        score += COUNTED_WEIGHT * max(0.0, counted[i] - LEAST_COUNTED)
        fits = bool(wanted) and kinds[i] == wanted
        unjudged = mean if hit.score else NOT_FOUND * mean
        score += RELEVANCE_WEIGHT * (unjudged if hit.relevance is None else hit.relevance)
        score *= 1.0 if passage.report.author == "lab" else collected
        score -= QUESTION_MALUS * asks(text)
        if fits and len(words(alone := without_question(text, passage))) >= MIN_ALONE:
            text = alone
        own = frozenset(words(text))
        candidates.append(Candidate(n, sentence.start, text, hit, own, score, fits))
    kept = [c for c in candidates if _may_answer(c, plan)]
    return _fitting_nearer(with_neighbours(kept)) if kept else []


def _may_answer(candidate: Candidate, plan: Plan) -> bool:
    """Whether a candidate is more than a size or a cost that its form asks for, and nobody else.

    "More than 1,000" is an answer only to what its form question asks, or has a word of.
    """
    passage, text = candidate.passage, candidate.text
    is_short = len(terms(without_question(text, passage), passage.language)) < MIN_ALONE
    if candidate.fits or not (is_short or passage.section == FACTS):
        return True
    wanted = {*terms(plan.standalone, plan.language), *terms(plan.english, "en")}
    return not wanted.isdisjoint({*terms(text, passage.language), *terms(text, "en")})


def best_scores(candidates: Iterable[Candidate]) -> dict[str, float]:
    """The score of the best candidate of each report, by its id."""
    best: dict[str, float] = {}
    for c in candidates:
        best[c.report] = max(c.score, best.get(c.report, c.score))
    return best


def _fitting_nearer(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Candidates, in order; what answers the question that is asked is nearer to the best."""
    best = best_scores(candidates)
    # A plan has no answer to what was learned, its closing does.
    least = NEARLY * max(best.values())
    fitting = {c.report for c in candidates if c.fits and best[c.report] >= least}
    first = max(fitting or best, key=lambda report: best[report])
    moved = []
    for i, c in enumerate(candidates):
        if c.fits and c.report == first:
            is_first = not i or candidates[i - 1].n != c.n
            gain = REPORT_SHARE * (best[c.report] - c.score) + ASKED_BONUS + FIRST_BONUS * is_first
            c = replace(c, score=c.score + gain)
        moved.append(c)
    return moved


def _counted(plan: Plan, texts: Sequence[str], embedding: Embedding) -> list[float]:
    """How like what each text counts is to what the question does, 0 to 1; 0 for no number."""
    wanted = counted_words(plan.question, plan.language)
    beside = [[*words_by_numbers(text)] if wanted else [] for text in texts]
    known = list(dict.fromkeys(w for pairs in beside for pair in pairs for ws in pair for w in ws))
    if not known:
        return [0.0] * len(texts)
    vectors = np.asarray(embedding.get_text_embedding_batch([*wanted, *known]), np.float32)
    factors = np.array([SECOND if n % 2 else 1.0 for n in range(len(wanted))], np.float32)
    near = (vectors[len(wanted) :] @ vectors[: len(wanted)].T * factors).max(axis=1)
    likeness = dict(zip(known, near.tolist(), strict=True))
    like = []
    for pairs in beside:
        values = [likeness[w] for after, _ in pairs for w in after]
        values += [BEFORE * likeness[w] for _, before in pairs for w in before]
        like.append(max(values, default=0.0))
    return like


def kind_wanted(plan: Plan) -> str:
    """The kind of form question that asks the same as a question: "cost", "outcome" ...; or "".

    What a question asks for stands at its beginning, its end, or both: "how long did ... take".
    """
    own = plan.question.translate(_NO_MARKS).split()
    if len(terms(plan.question, plan.language)) > MOST_TERMS:
        return ""
    lengths = range(1, min(MOST_ASKING, len(own)) + 1)
    ends = [(" ".join(part), ASKED) for n in lengths for part in (own[:n], own[-n:])]
    lengths = range(2, min(4, len(own)))
    both = [
        (" ".join(own[: n - m] + own[-m:]), ASKED_BY_BOTH) for n in lengths for m in (1, 2) if n > m
    ]
    parts = {part: least for part, least in (*both, *ends) if terms(part, plan.language)}
    # "Who did they do it with?" has no words of its own.
    parts = parts or {" ".join(own): ASKED}
    kind, best = "other", 0.0
    for (part, least), (name, near) in zip(parts.items(), nearest_kinds([*parts]), strict=True):
        if near >= (least if " " in part else ASKED_BY_WORD) and near > best:
            kind, best = name, near
    # "How much plastic" is no question for a cost, "how much money" is.
    thing = counted_thing(plan.question, plan.language)
    return "" if kind in ("other", CONTACT) or (thing and kinds_asked([thing]) != [kind]) else kind


def kind_beside_topic(plan: Plan, topic: str) -> str:
    """The kind of form question that a question asks by words that are not its topic's; or ""."""
    known = set(topic.split())
    rest = (word for word in plan.question.translate(_NO_MARKS).split() if word not in known)
    return kind_wanted(replace(plan, question=" ".join(rest)))


def kinds_asked(prompts: Iterable[str]) -> list[str]:
    """The kind of each form question, or ""."""
    nearest = nearest_kinds([*prompts])
    return [kind if near >= QUESTION_LIKE_EXAMPLE else "" for kind, near in nearest]


def asks(text: str) -> bool:
    """Whether a sentence is a question."""
    return text.rstrip(' "”»)').endswith(("?", "؟"))


def asked_by(text: str, passage: Passage) -> str:
    """The form question that a sentence of a passage answers; a fact has its own label."""
    return (
        text.partition(":")[0] if passage.section == FACTS else passage.prompt
    ) or passage.section


def without_question(text: str, passage: Passage) -> str:
    """What can be quoted without the form question that may stand before it."""
    return text.removeprefix(f"{short_question(passage)}: ")


def in_context(text: str, passage: Passage) -> str:
    """A sentence as the cross-encoder reads it: after its report's title and its form question.

    Other languages are put into English word by word.
    """
    said = word_by_word(replace(passage, text=text))
    return f"{said.report.title} | {said.prompt}\n{said.text}"


def _is_about_countries(passage: Passage, countries: Collection[str]) -> bool:
    """Whether a passage is of a lab of these countries or names one; True for no countries."""
    if not countries or not set(countries).isdisjoint(passage.report.iso):
        return True
    return not set(countries).isdisjoint(countries_in(f"{passage.context} {passage.text}"))


def _is_named(report: ReportInfo, plan: Plan) -> bool:
    """Whether a question names the year and the kind of a report, and its country if any."""
    named, places = plan.boosted, plan.countries
    is_kind = report.kind in named.kind or report.type in named.type
    is_of = not places or not set(places).isdisjoint(report.iso)
    return is_of and is_kind and report.year in named.year


def _weights(plan: Plan, hits: Sequence[Hit]) -> dict[str, float]:
    """The question's words, and pairs of words that follow each other, with their rarity.

    Rarity counts among the passages. Pairs keep "mobile money" from being met by a mobile
    unit and much money.
    """
    wanted = set(terms_and_pairs(sought(plan), plan.language))
    wanted |= set(terms_and_pairs(sought(plan), "en"))
    counts: Counter[str] = Counter()
    for hit in hits:
        counts.update(set(terms_and_pairs(hit.passage.text, hit.passage.language)))
    return {
        word: log(1 + len(hits) / (1 + counts[word]))
        for word in wanted
        if " " not in word or counts[word]
    }


def shares(
    weights: Mapping[str, float], terms: Collection[str], alike: Sequence[Alike]
) -> Iterator[float]:
    """What a sentence with these terms gets of the weight of each of the question's terms.

    Across languages, a term gives the square of its similarity to the most similar term there.
    """
    for term, weight in weights.items():
        if term in terms:
            yield weight
        else:
            near = (word.near for word in alike if term in word.terms)
            similarities = (s for similar in near for other, s in similar.items() if other in terms)
            yield weight * max(similarities, default=0.0) ** 2


def covered(plan: Plan, passage: Passage) -> float:
    """The share of the question's words that a passage holds, rare ones counting more, 0 to 1.

    What stands over a passage belongs to it; a word of nearly the same meaning counts by the square
    of its similarity. Of a question that only asks there is no word to hold.
    """
    total = sum(word.rarity for word in plan.alike)
    text = f"{passage.report.title} {passage.prompt} {passage.context} {passage.text}"
    own = {*terms(text, passage.language), *terms(text, plan.language)}
    held = 0.0
    for word in plan.alike:
        near = (near for term, near in word.near.items() if term in own)
        is_held = not own.isdisjoint(word.terms | word.english)
        likeness = 1.0 if is_held else max(near, default=0.0)
        held += word.rarity * likeness**2
    return held / total if total else USUALLY_HELD


def is_on_topic(report: str, plan: Plan, hits: Sequence[Hit]) -> bool:
    """Whether a report's found passages have half of the topic's words, or another language."""
    wanted = set(terms(plan.subject, plan.language))
    found = [hit.passage for hit in hits if hit.passage.report.id == report]
    own = {term for p in found for term in terms(f"{p.report.title} {p.text}", plan.language)}
    return len(own & wanted) >= len(wanted) / 2 or all(p.language != plan.language for p in found)


def with_neighbours(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Candidates, in order, whose scores gain from the sentences before and after them."""
    gained = []
    for i, candidate in enumerate(candidates):
        neighbours = [*candidates[max(0, i - 1) : i], *candidates[i + 1 : i + 2]]
        gain = sum(other.score for other in neighbours if other.n == candidate.n) / 2
        gained.append(replace(candidate, score=candidate.score + NEIGHBOURS * gain))
    return gained
