"""Writes answers from the reports' own sentences, without a language model.

Answerers stream pieces of text whose `[n]` marks count the passages from 1; what the marks stand
for is resolved afterwards (`rag.citation.quotes`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import log
from operator import mul
from statistics import fmean
from typing import Literal, Protocol, get_args

from rag.answer.candidates import (
    MOST_TERMS,
    Candidate,
    best_scores,
    covered,
    find_candidates,
    in_context,
    is_on_topic,
    kind_wanted,
)
from rag.catalog.tag_fields import ReportInfo
from rag.i18n.labels import (
    author_label,
    format_count,
    format_label,
    join_parts,
    lab_label,
    report_label,
    value_label,
)
from rag.i18n.translations import Translations, marked, translations_for
from rag.models.chat import Generation
from rag.models.embeddings import Embedding
from rag.models.prompts import refusal
from rag.query.forms import OFF_TOPIC_CLEAR, as_topic, asks_of_one
from rag.query.wordings import any_of
from rag.retrieval.rerank import CrossEncoder, asked
from rag.text.citation_marks import defuse, keep_known, with_marks
from rag.text.tokenize import gives_quantity, is_quantity, strip_accents, terms, words
from rag.types import FACTS, Hit, Intent, Plan, Turn

# What tells whether the best sentence answers: the log odds that the cross-encoder gives it, how
# relevant it finds the best passage, and how many more content words than usual the question has;
# where it is not read, its score (of a question for a number, the best score of one with a number)
# and what share of the question's words the best passages hold; and how much, from a least value
# on, the question looks like one off the topic. Weights of logistic regressions, with the sum below
# which a question is refused, a lower one where question or sentence is read word by word in
# English, and the one from which on it is answered; between them, what is closest is quoted so.
READ, READ_SUMS, BY_WORD_SUMS = (0.9, 2.2, 0.1, -3.5), (0.17, 1.06), (-0.4, 1.06)
UNREAD, UNREAD_SUMS = (4.0, 2.0, -3.1), (1.8, 2.45)
# Such limits of the score of the best sentence with a number, where that is asked for.
NUMBER_SCORES = (0.45, 0.55)
BEST_PASSAGES = 3  # that tell how much of a question is held
LEAST_OFF_TOPIC = -0.2
# From where a question that names a lab, or is put to one report, is shown nothing when refused.
OFF_TOPIC_FOR_LAB = 0.4
# How many reports, or sentences, a refusal shows instead of an answer.
NEAREST = 3
# How many sentences an answer has: of one report, of several or of the form question that is asked
# or where the best one is less likely to answer than this, and of many labs. Of 63 questions none
# had a fact told by the ones after the fifth.
SENTENCES = 5
SENTENCES_MORE, SURE = 8, 0.5
SENTENCES_WIDE = 12
# The same to each of several things that a question asks for, of the reports whose best sentences
# for all of them have this share of the best report's scores.
SENTENCES_OF_ASK, ASKS_SHARE = 4, 0.85
# How many of them one report may give where several labs are to be heard.
PER_REPORT_WIDE = 2
# A sentence with less than this share of the best one's score is left out.
MIN_SHARE = 0.5
# The same of a lab's sentences where many labs are asked.
MIN_SHARE_WIDE = 0.6
# Reports whose best sentence has this share of the best score answer as well; of a question of many
# words, which asks for one thing of one report, only what is as good. Of short questions to the
# sample 13 of 20 that several labs answer have one of another lab, 8 of 156 that one answers.
FOCUS_SHARE, FOCUS_SHARE_LONG = 0.7, 0.98
# How many sentences the reranker reads, and what the score of one gains that answers for sure.
SENTENCES_READ, ANSWERS_WEIGHT = 60, 1.0
# Stands before what is closest.
UNSURE = marked("It is not certain that this answers the question.")
# So few content words ask the only report for no more than its form does.
FEW_TERMS = 2
# Two sentences say the same if they share more than this of the words of the shorter one.
SAME, FEW_WORDS = 0.6, 8

Outcome = Literal["refused", "unsure", "answered"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


class Answerer(Protocol):
    """Writes a cited answer.

    `window` is how many tokens of passages it can read; 0: it reads only what was found.
    """

    name: str
    window: int

    def stream(
        self, plan: Plan, hits: Sequence[Hit], history: Sequence[Turn], generation: Generation
    ) -> Iterator[str]:
        """The pieces of an answer whose marks count `hits` from 1.

        What else becomes known of it is noted in `generation`.
        """
        ...


class ExtractiveAnswerer:
    """Answers with the reports' own sentences, those that fit the question best.

    How well each fits is told by `rag.answer.candidates`.
    """

    name = "extractive"
    window = 0

    def __init__(
        self, embedding: Embedding, *, builtin: bool, reranker: CrossEncoder | None = None
    ) -> None:
        """`builtin` is whether the embedding is the one that thresholds were measured with."""
        self._embedding = embedding
        self._reranker = reranker
        self._builtin = builtin

    def stream(
        self,
        plan: Plan,
        hits: Sequence[Hit],
        history: Sequence[Turn],
        generation: Generation | None = None,
    ) -> Iterator[str]:
        """One line a report: what it is, and sentences, each with its mark."""
        del generation
        t = translations_for(plan.language)
        asked = [
            replace(plan, question=a.question, standalone=a.standalone, gloss=a.gloss)
            for a in plan.asks
        ] or [plan]
        most = SENTENCES_READ // len(asked)
        ways = self._embedding, self._reranker
        found = [answering(p, hits, *ways, most=most) for p in asked]
        candidates = found[0]
        if not candidates:
            yield refusal(plan.language)
            yield from nearest(plan, hits)
            return
        found = _of_best_reports(found) if plan.asks else found
        outcomes = [self._outcome(c, p, hits) for c, p in zip(found, asked, strict=True)]
        outcome = max(outcomes, key=OUTCOMES.index)
        off_topic = OFF_TOPIC_FOR_LAB if _is_named(plan) else OFF_TOPIC_CLEAR
        if outcome == "refused" and plan.off_topic > off_topic:
            hint = t.gettext("It does not look like a question about these reports.")
            yield f"{refusal(plan.language)} {hint}"
            return
        # Of one work what was quoted may answer another question, too.
        is_other = plan.alone and plan.standalone == plan.question
        before = history[-1].content if plan.follows and not is_other else ""
        last = _phrase(keep_known(before, 0))
        is_refused = outcome == "refused"
        most = NEAREST if is_refused else SENTENCES_OF_ASK if plan.asks else 0
        chosen: list[Candidate] = []
        closest: dict[str, list[Candidate]] = {}
        for candidates, part, told_of in zip(found, asked, outcomes, strict=True):
            is_unsure = told_of == "refused" and not is_refused
            # What was asked first is what was searched for: others may tell it in passing.
            if is_unsure and part is asked[0]:
                continue
            new = [c for c in candidates if _phrase(c.text) not in last] or candidates
            told = choose(new, part, NEAREST if is_unsure else most)
            told = [c for c in told if not any(says_same(c.words, o.words) for o in chosen)]
            if not is_unsure:
                chosen += told
            elif told:
                closest[part.question] = told
        reports = [c.passage.report for c in chosen] if outcome == "answered" else []
        if is_refused:
            yield f"{refusal(plan.language)}\n"
        elif outcome == "unsure":
            yield f"{t.gettext(UNSURE)}\n"
        yield quotes_head(reports, t)
        alone = len({info.id for info in reports}) == 1
        for line in _lines(chosen, t, named=not alone):
            # What the head says of one report need not stand apart.
            yield f" {line}" if alone else f"\n{line}"
        for question, told in closest.items():
            own = {c.passage.report.id for c in told} - {info.id for info in reports}
            text = " ".join(_lines(told, t, named=not alone or bool(own)))
            label = f"{t.gettext('Closest in the reports')} ({defuse(question)})"
            yield f"\n{format_label(t, label, text)}"

    def _outcome(self, candidates: Sequence[Candidate], plan: Plan, hits: Sequence[Hit]) -> Outcome:
        """Whether what was found answers the question, may answer it, or doesn't.

        It doesn't where the collection has no report of the year or the country that is asked for,
        unless a sentence surely answers, and where no digest could be made of a topic, or of its
        reasons.
        """
        if (
            plan.intent == "topic"
            or (plan.intent == "reasons" and plan.subject)
            or plan.topics
            or any(n.code == "no_reports_of_year" for n in plan.notices)
        ):
            return "refused"
        # A size or a cost that any form asks for is hardly what is asked for in other words.
        own = set(terms(plan.english, "en"))
        facts = {c for c in candidates if c.passage.section == FACTS}
        worded = {c for c in facts if own & c.words}
        told = {report for report in {c.report for c in worded} if is_on_topic(report, plan, hits)}
        said = [c for c in candidates if c not in facts or (c in worded and c.report in told)]
        if not (said or plan.alone):
            return "refused"
        lead = max(said or candidates, key=lambda c: c.score)
        off_topic = max(plan.off_topic, LEAST_OFF_TOPIC)
        named = set(plan.countries)
        from_there = not named or any(named.intersection(h.passage.report.iso) for h in hits)
        if lead.answers is not None:
            odds = log(lead.answers / (1 - lead.answers))
            # Passages of elsewhere are no sign that a country is told of.
            read = [h.relevance for h in hits if h.relevance is not None and from_there]
            relevant = max(read, default=lead.answers)
            more = max(0, len(set(terms(plan.standalone, plan.language))) - MOST_TERMS)
            is_english = plan.language == lead.passage.language == "en"
            sums = READ_SUMS if is_english else BY_WORD_SUMS
            found = _between(sum(map(mul, READ, (odds, relevant, more, off_topic))), sums)
        else:
            counts = is_quantity(plan.question)
            giving = (c.score for c in candidates if not counts or gives_quantity(c.text))
            score = max(giving, default=0.0)
            best = sorted(candidates, key=lambda c: -c.score)[:BEST_PASSAGES]
            held = fmean(covered(plan, c.passage) for c in best)
            found = _between(sum(map(mul, UNREAD, (score, held, off_topic))), UNREAD_SUMS)
            if counts:
                found = min(found, _between(score, NUMBER_SCORES), key=OUTCOMES.index)
            if not self._builtin:  # the scores and cosines of another embedding mean something else
                found = "answered" if score else "refused"
        if not from_there and (lead.answers is None or found == "unsure"):
            return "refused"
        if found == "unsure" and plan.off_topic > OFF_TOPIC_CLEAR and not _is_named(plan):
            return "refused"
        if as_topic(plan).intent == "topic":
            found = min(found, "unsure", key=OUTCOMES.index)  # a digest would tell of it
        if (
            plan.alone
            and lead.fits
            and len(set(terms(plan.standalone, plan.language))) <= FEW_TERMS
        ):
            # "What was the hypothesis?" is what the form asked.
            return "answered"
        if asks_of_one(plan):
            # Any report has something of what any is asked for; where its form did not ask for
            # the cost that a question asks for, what is nearest hardly tells it.
            lacks = kind_wanted(plan) and not any(c.fits for c in candidates)
            likely = (lead.answers or 0.0) >= SURE
            return "unsure" if found == "refused" or (lacks and not likely) else found
        return found


@dataclass(slots=True)
class Digest:
    """A digest's text, whose marks count the passages that it quotes in reading order.

    `counted` is what it says first where all reports of its scope were counted; `sides` are those
    of a comparison; `speaking` are the ids of all reports that speak of a topic.
    """

    text: str
    hits: tuple[Hit, ...]
    intent: Intent
    counted: str = ""
    sides: tuple[str, ...] = ()
    speaking: tuple[str, ...] = ()
    name: str = "extractive"
    window: int = 0

    def stream(
        self, plan: Plan, hits: Sequence[Hit], history: Sequence[Turn], generation: Generation
    ) -> Iterator[str]:
        """The text in one piece."""
        del plan, hits, history, generation
        yield self.text


def _is_named(plan: Plan) -> bool:
    """Whether a question names a lab, or is put to one report, of which it may have no word."""
    return plan.alone or bool(plan.boosted.country)


def _between(value: float, limits: tuple[float, float]) -> Outcome:
    """What a value between these limits means."""
    return OUTCOMES[sum(value >= limit for limit in limits)]


def _phrase(text: str) -> str:
    """The words of a text, with a space at both ends."""
    return f" {' '.join(words(text))} "


def quotes_head(reports: Sequence[ReportInfo], t: Translations) -> str:
    """Whose quotes follow: a lab's, those of labs and innovators; of none, what is closest."""
    if not reports:
        return format_label(t, t.gettext("Closest in the reports"), "").rstrip(" ")
    infos = {info.id: info for info in reports}.values()
    labs = {c for info in infos if info.author == "lab" for c in info.countries or (info.lab,)}
    others = [info for info in infos if info.author != "lab"]
    first = next(iter(infos))
    if len(labs) == 1 and not others:
        kind = value_label("kind", first.kind, t)
        what = t.gettext("{year} {kind}").format(year=first.year or "?", kind=kind)
        if len(infos) > 1:
            what = format_count(len(infos), "report", t)
        head = t.gettext("Quotes from the {country} lab, {what}:")
        return head.format(country=author_label(first, t), what=what)
    if len(infos) == 1 and first.countries and others:
        head = t.gettext("Quotes from an innovator in {country}, collected by the lab:")
        return head.format(country=lab_label(first, t))
    sources = format_count(len(labs), "lab", t) if labs else ""
    if others:
        innovators = format_count(len(others), "innovator", t)
        of_both = t.gettext("{labs} and {innovators}") if labs else "{innovators}"
        sources = of_both.format(labs=sources, innovators=innovators)
    return t.gettext("Quotes from {sources}:").format(sources=sources)


def _lines(chosen: Sequence[Candidate], t: Translations, named: bool) -> Iterator[str]:
    """One line a report: what it is if `named`, and the sentences with their marks."""
    for _, group in groupby(chosen, key=lambda c: c.report):
        members = list(group)
        info = members[0].passage.report
        text = " ".join(with_marks(defuse(c.text), [c.n]) for c in members)
        yield format_label(t, report_label(info, t), text) if named else text


def nearest(plan: Plan, hits: Sequence[Hit]) -> Iterator[str]:
    """What is near instead of an answer: the best reports by name, one mark each."""
    first: dict[str, tuple[int, ReportInfo]] = {}
    for n, hit in enumerate(hits, 1):
        first.setdefault(hit.passage.report.id, (n, hit.passage.report))
    t = translations_for(plan.language)
    names = [
        f"{author_label(info, t)} ({info.year or '?'}), {defuse(info.title)} [{n}]"
        for n, info in list(first.values())[:NEAREST]
    ]
    if names:
        yield f"\n{format_label(t, t.gettext('Nearest'), join_parts(t, '; ', names))}."


def choose(candidates: Sequence[Candidate], plan: Plan, most: int = 0) -> list[Candidate]:
    """The best sentences, none that says what a better one says, in the order to be read.

    At most so many, or as many as an answer has.
    """
    lead = max(candidates, key=lambda c: c.score)
    best, is_short = lead.score, len(terms(plan.standalone, plan.language)) <= MOST_TERMS
    least = best * (FOCUS_SHARE if is_short else FOCUS_SHARE_LONG)
    near = {c.report for c in candidates if plan.wide or c.score >= least}
    labs = {c.passage.report.lab for c in candidates if c.report in near}
    wide = plan.wide or len(labs) > 1
    # What stands under the question that is asked is all wanted: each partner, each obstacle.
    is_sure = lead.answers is None or lead.answers >= SURE
    own = SENTENCES if is_sure and len(near) == 1 and not lead.fits else SENTENCES_MORE
    count = most or (SENTENCES_WIDE if wide else own)
    chosen: list[Candidate] = []
    per_report: Counter[str] = Counter()
    for candidate in sorted(candidates, key=lambda c: (-c.score, c.n, c.start)):
        strict = plan.wide and candidate.passage.report.author == "lab"
        if candidate.score < (MIN_SHARE_WIDE if strict else MIN_SHARE) * best:
            continue
        full = wide and per_report[candidate.report] >= PER_REPORT_WIDE
        if full or candidate.report not in near or len(chosen) == count:
            continue
        if not any(says_same(candidate.words, c.words) for c in chosen):
            chosen.append(candidate)
            per_report[candidate.report] += 1
    if wide:
        return by_lab(chosen)
    # What is needed to understand the first takes no place.
    return _answer_first(chosen, candidates)[: count + 1]


def says_same(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two sentences say the same, by their words.

    Partners that do the same are two: of few words all have to be the same.
    """
    shared, least = len(one & other), min(len(one), len(other))
    return shared > SAME * least if least > FEW_WORDS else shared == least


def _of_best_reports(found: Sequence[Sequence[Candidate]]) -> list[list[Candidate]]:
    """The candidates for each of several asks, of the reports that answer best all of them."""
    totals: Counter[str] = Counter()
    for candidates in found:
        totals.update(best_scores(candidates))
    least = ASKS_SHARE * max(totals.values())
    return [[c for c in candidates if totals[c.report] >= least] for candidates in found]


def answering(
    plan: Plan,
    hits: Sequence[Hit],
    embedding: Embedding,
    reranker: CrossEncoder | None,
    *,
    most: int = SENTENCES_READ,
) -> list[Candidate]:
    """The sentences of passages with how well they answer; the reranker reads so many of them."""
    candidates = find_candidates(plan, hits, embedding)
    return read_candidates(candidates, plan, reranker, most) if reranker else candidates


def read_candidates(
    candidates: Sequence[Candidate],
    plan: Plan,
    reranker: CrossEncoder,
    most: int = SENTENCES_READ,
) -> list[Candidate]:
    """Candidates, the best of whose scores gain by how likely the reranker finds that they answer.

    All stay as they are where the question can't be told in English, and where it is busy.
    """
    read = list(candidates)
    if not (read and plan.english):
        return read
    places = sorted(range(len(read)), key=lambda i: -read[i].score)[:most]
    texts = [in_context(read[i].text, read[i].passage) for i in places]
    try:
        scores = reranker.scores(asked(plan, read[places[0]].passage), texts)
    except TimeoutError:
        return read
    for i, answers in zip(places, map(reranker.relevance, scores), strict=True):
        score = read[i].score + ANSWERS_WEIGHT * answers
        read[i] = replace(read[i], score=score, answers=answers)
    return read


def _answer_first(chosen: Sequence[Candidate], candidates: Sequence[Candidate]) -> list[Candidate]:
    """The best sentence, after the one before it where it points back, then the others.

    `chosen` are the best first. The others stand by report and passage, in the order of the text.
    """
    lead = chosen[0]
    at = candidates.index(lead)
    before = candidates[at - 1 : at] if at and candidates[at - 1].n == lead.n else []
    pointer = re.compile(rf"\W*{any_of('points_back', lead.passage.language)}")
    # What follows often has the number, or the reason.
    after = [] if lead.fits else candidates[at + 1 : at + 2]
    leads = [*(before if pointer.match(strip_accents(lead.text)) else ()), lead]
    leads += [c for c in after if c.n == lead.n]
    reports = list(dict.fromkeys(c.report for c in chosen))
    passages = list(dict.fromkeys(c.n for c in chosen))
    rest = [c for c in chosen if c not in leads]
    rest.sort(key=lambda c: (reports.index(c.report), passages.index(c.n), c.start))
    return [*leads, *rest]


def by_lab(chosen: Sequence[Candidate]) -> list[Candidate]:
    """Sentences lab by lab, the best lab first; of a lab, reports with findings go first.

    What innovators wrote comes after the labs; of a passage they keep their order.
    """
    findings = {c.report for c in chosen if c.passage.stage == "finding"}
    labs = [author_label(c.passage.report) for c in chosen]
    reports, passages = [c.report for c in chosen], [c.n for c in chosen]

    def place(c: Candidate) -> tuple[bool, int, bool, int, int, int]:
        info = c.passage.report
        lab, report = labs.index(author_label(info)), reports.index(c.report)
        inside = passages.index(c.n), c.start
        return info.author != "lab", lab, c.report not in findings, report, *inside

    return sorted(chosen, key=place)
