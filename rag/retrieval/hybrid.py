"""Finds passages: dense, static and keyword rankings in the filters, fused by reciprocal rank.

Each ranking gives a passage weight / (K + rank); fusion is ours because the weights depend on the
passage. A ranking that knows nothing of a passage, because that is in another language than the
question, abstains: for half of its weight the dense ranking, which works across languages, votes
in its place. Where the question names a country, the rankings are made once more among that
country's reports and added, so that the named lab comes first and another lab's better match still
shows. A passage then gains from the other passages found in its report, unless the question is put
to many labs. Answers that say little without their form question (a name, a date, "yes") count
half, unless they share two words with the question.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import Filters, ReportInfo
from rag.index.interface import Index, Query
from rag.models.embeddings import Embedding
from rag.models.encoder import LANGUAGE, encode_static
from rag.models.prompts import numbered, passage_text
from rag.models.tokens import count_tokens
from rag.places.countries import without_regions
from rag.query.entities import without_countries
from rag.query.gloss import in_english
from rag.query.wordings import has_wording
from rag.retrieval.postprocess import fit_budget, fold_duplicates, interleave, spread
from rag.retrieval.rerank import CrossEncoder, rerank_first
from rag.settings import Settings
from rag.text.tokenize import focus, question_terms, terms
from rag.types import Hit, Passage, Plan, Stage

# Rank constant of the fusion. With the usual 60, keyword search drowns the dense ranking where
# question and passage differ in language.
K = 20
# How many passages of each ranking take part.
DEPTH = 200
STATIC_OTHER = 0.25  # weight of the static ranking for questions in other languages than English
PROXY = 0.5  # share of an abstaining ranking's weight that the dense ranking has in its place
BOOST = 1.3  # factor of passages of a year or kind that the question names
# Factor of passages of the form's administration, and of those of less than MINOR_LENGTH characters
# that share no two words with the question.
MINOR = 0.5
MINOR_LENGTH = 60
COLLECTED = 0.5  # factor of what innovators wrote, for questions to labs that name no solutions
COMPANY = 0.2  # share of the scores of its report's two best passages that a passage gains
# A report "matches" when a passage of it has this share of the best keyword score.
MATCH_SHARE = 0.5
WIDE_PER_LAB = 5  # how many passages of a lab come first for a question to many labs
READ_WHOLE = 2  # reports that are read whole where no model answers
WHOLE_REPORTS = 12  # reports of which a model reads more than what was found
# Intents whose digest tells of few reports: a model reads these and no others.
_OF_FEW = ("report", "compare", "trend")
# The stages of a report, those first that a digest needs most.
STAGES: tuple[Stage, ...] = ("finding", "intention", "evidence", "method", "partner", "admin")
MOST_PASSAGES = 100  # no answer reads more passages than this
# How many times as many passages and tokens as the settings say are read for many labs.
WIDE_PASSAGES = 3
WIDE_TOKENS = 4


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits in rank order, and the ids of the reports in scope that match."""

    hits: tuple[Hit, ...]
    matched: frozenset[str]


def find(index: Index, embedding: Embedding, plan: Plan) -> SearchResult:
    """The best passages for a plan, within its filters."""
    scopes = [plan.filters]
    # A work that the question names belongs to one lab.
    reports = index.catalog.reports
    of_work = {country for i in plan.reports for country in reports[i].countries}
    named = plan.boosted.country or tuple(sorted(of_work))
    if named and not plan.filters.country:
        scopes.append(replace(plan.filters, country=named))
    found = index.candidates(_query(embedding, plan, scopes))
    passages = index.rows(found.similarity.keys())
    points: dict[int, float] = defaultdict(float)
    for name, ranking in chain.from_iterable(rankings.items() for rankings in found.rankings):
        # Another ingest may have taken some away.
        there = (i for i, _ in ranking if i in passages)
        for rank, i in enumerate(there, start=1):
            points[i] += _weight(name, plan.language, passages[i].language) / (K + rank)
    factor = _factor(index.catalog, plan)
    scores = {i: given * factor(passages[i]) for i, given in points.items()}
    if not plan.wide:
        by_report: dict[str, list[float]] = defaultdict(list)
        for i, score in scores.items():
            by_report[passages[i].report.id].append(score)
        gains = {report: COMPANY * sum(sorted(s)[-2:]) for report, s in by_report.items()}
        scores = {i: score + gains[passages[i].report.id] for i, score in scores.items()}
    best = sorted(scores, key=lambda i: (-scores[i], passages[i].id))[:DEPTH]
    hits = tuple(Hit(passages[i], scores[i], found.similarity[i]) for i in best)
    matched = found.matching.union(passages[i].report.id for i in best[:20])
    return SearchResult(hits, matched)


def _query(embedding: Embedding, plan: Plan, scopes: Sequence[Filters]) -> Query:
    # "What did labs learn about ..." is close to every answer to "What did you learn?": for
    # many labs only the words of the topic are searched for.
    asked = sought(plan)
    text = focus(asked, plan.language) if plan.wide else asked
    dense = np.asarray(embedding.get_query_embedding(text), np.float32)
    static = encode_static([text])[0]
    # Plans tell no reasons yet.
    stage = "finding" if plan.intent == "reasons" else ""
    words = question_terms(asked, plan.language, plan.wide)
    if plan.gloss:
        words += question_terms(without_countries(plan.gloss), LANGUAGE, plan.wide)
        words += question_terms(plan.named, LANGUAGE, plan.wide)
    return Query(words, dense, static, scopes, DEPTH, MATCH_SHARE, stage)


def _factor(catalog: Catalog, plan: Plan) -> Callable[[Passage], float]:
    """What the score of a passage is multiplied by for a plan."""
    boosted = replace(plan.boosted, country=())
    named = catalog.ids(boosted) if boosted else frozenset()
    question = frozenset(terms(plan.standalone, plan.language))
    collected = collected_factor(plan)

    def factor(passage: Passage) -> float:
        made = MINOR if passage.stage == "admin" else 1.0
        if len(passage.text) < MINOR_LENGTH:
            shared = question.intersection(terms(passage.text, passage.language))
            if len(shared) < 2:
                made *= MINOR  # It says little by itself.
        if collected < 1 and passage.report.author != "lab":
            made *= collected
        if passage.report.id in named:
            made *= BOOST
        return made

    return factor


def sought(plan: Plan) -> str:
    """The question without the names of places where these are asked first, or alone, anyway.

    A name would bring what speaks of its country before what answers.
    """
    named = plan.boosted.country or plan.filters.country
    return (named and without_regions(without_countries(plan.renamed))) or plan.renamed


def _weight(ranking: str, asked: str, written: str) -> float:
    """The weight of a ranking for a passage, by the languages of question and passage."""
    static = 1.0 if asked == LANGUAGE else STATIC_OTHER
    if ranking != "dense":
        return static if ranking == "static" else 1.0
    abstain = 0.0 if written == asked else 1.0 + (static if written != LANGUAGE else 0.0)
    return 1.0 + PROXY * abstain


def search(
    index: Index, embedding: Embedding, plan: Plan, reranker: CrossEncoder | None = None
) -> SearchResult:
    """What is found for a plan, reranked, duplicates folded, spread over the labs."""
    plans = side_plans(plan) or [plan]
    results = [find(index, embedding, p) for p in plans]
    rankings = []
    for own, result in zip(plans, results, strict=True):
        hits = fold_duplicates(result.hits, _apart(plan))
        if plan.alone and plan.reports:
            hits = [hit for hit in hits if hit.passage.report.id in plan.reports]
        if plan.wide or len(plans) > 1:
            hits = spread(hits, per_report=1, per_lab=99 if len(plans) > 1 else WIDE_PER_LAB)
        hits = sorted(hits, key=lambda hit: hit.passage.report.id not in plan.reports)
        # The answer to a "list" question is computed, not found.
        if reranker and plan.intent != "list":
            hits = rerank_first(hits, own, reranker, reranker.depth // len(plans))
        rankings.append(hits)
    matched = frozenset[str]().union(*(result.matched for result in results))
    return SearchResult(tuple(interleave(rankings)), matched)


def side_plans(plan: Plan) -> list[Plan]:
    """What a comparison asks of each country that it names, as plans; none for fewer than two."""
    countries = plan.boosted.country if plan.intent == "compare" else ()
    if len(countries) < 2 or plan.filters.country:
        return []
    asked = {side.country: side.question for side in plan.sides}
    language = plan.language
    glosses = {c: in_english(q, language, (), {}) for c, q in asked.items()}
    of_all = replace(plan.boosted, country=())
    return [
        replace(
            plan,
            question=asked.get(country, plan.question),
            standalone=asked.get(country, plan.standalone),
            gloss=glosses.get(country, plan.gloss),
            filters=replace(plan.filters, country=(country,)),
            boosted=of_all,
            wide=False,
            sides=(),
            countries=(),
        )
        for country in countries
    ]


def collected_factor(plan: Plan) -> float:
    """The factor of what innovators wrote: 1 unless a question is to labs and not of solutions."""
    to_labs = plan.wide or has_wording("labs", plan.standalone)
    of_others = any(has_wording(n, plan.standalone) for n in ("solutions", "innovators"))
    return 1.0 if of_others or not to_labs else COLLECTED


def _apart(plan: Plan) -> tuple[str, ...]:
    # A question that names two years asks for both.
    return tuple(name for name in ("year", "kind") if len(getattr(plan.boosted, name)) > 1)


def choose_passages(
    result: SearchResult, plan: Plan, settings: Settings, passages: int = 0
) -> list[Hit]:
    """The hits that the answer is made from: so many, or, for 0, as settings say."""
    usual, room = settings.passages, settings.context_tokens
    if plan.wide:
        usual, room = usual * WIDE_PASSAGES, room * WIDE_TOKENS
    count = passages or usual
    # Twice as many passages are as long as each was before.
    tokens = room * max(count, usual) // usual
    hits = [hit for hit in result.hits if not is_personal(hit.passage)]
    if plan.intent == "answer" and plan.reports:
        # A question about a work is answered by that work's own reports.
        hits = [hit for hit in hits if hit.passage.report.id in plan.reports] or hits
    if not plan.wide:
        return fit_budget(hits, count, tokens)
    # Two of a report: one is enough to know that it speaks of something, not to say what.
    ranked = fold_duplicates(sorted(hits, key=lambda hit: -hit.score), _apart(plan))
    return fit_budget(spread(ranked, per_report=2, per_lab=WIDE_PER_LAB), count, tokens)


def reports_to_read(
    plan: Plan, result: SearchResult, catalog: Catalog, first: Sequence[Hit] = ()
) -> list[str]:
    """The ids of the reports of which more is read than what was found, first the best.

    `first` are the hits that a digest quotes. For changes over time the reports are in the order of
    their years. Of a lab they are all, the newest first, and last what innovators wrote. Where a
    question names a report by other words than its title's, or asks for a particular, it is the one
    found first.
    """
    if plan.intent == "lab":
        infos = (catalog.reports[i] for i in catalog.ids(plan.filters.merged(plan.boosted)))
        ranked = sorted(infos, key=lambda r: (r.author != "lab", -(r.year or 0), r.id))
        return [info.id for info in ranked]
    best = list(dict.fromkeys((*plan.reports, *(hit.passage.report.id for hit in first))))
    if plan.reports and plan.intent != "trend":
        return best
    if not (best and plan.intent in _OF_FEW):
        single = plan.intent == "report" or (plan.intent == "answer" and not plan.wide)
        found = dict.fromkeys((*best, *(hit.passage.report.id for hit in result.hits)))
        best = list(found)[: 1 if single else WHOLE_REPORTS]
    if plan.intent == "trend":
        best.sort(key=lambda i: catalog.reports[i].year or 0)
    return best


def add_reports(
    plan: Plan,
    first: Sequence[Hit],
    hits: Sequence[Hit],
    reports: Sequence[str],
    passages: Iterable[Passage],
    settings: Settings,
    window: int,
) -> list[Hit]:
    """Hits with more passages of these reports, in the order of the reports and of their files.

    A prompt has as many tokens of passages as the settings say, and at most `window`; where that
    has no room for the hits, they stay alone. `first` come those that a digest quotes. After the
    hits come the findings of each report in turn, then the next stage. In a digest of few reports
    other hits come last, or not at all.
    """
    room = settings.context_tokens * (
        1 if plan.intent == "answer" and not plan.wide else WIDE_TOKENS
    )
    known = {hit.passage.id: hit for hit in hits}
    by_report: dict[str, list[Hit]] = {report: [] for report in reports}
    for passage in passages:
        if passage.report.id in by_report and not is_personal(passage):
            by_report[passage.report.id].append(known.get(passage.id, Hit(passage, 0.0)))
    turns = interleave([sorted(parts, key=_stage_order) for parts in by_report.values()])
    ranked = fold_duplicates(sorted(turns, key=_stage_order))
    of_few = plan.intent == "lab" or (plan.intent in _OF_FEW and (first or plan.intent == "report"))
    inside = [hit for hit in hits if hit.passage.report.id in by_report]
    lead = interleave([[*first, *(inside if of_few else hits)]])
    chosen: list[Hit] = []
    tokens, begun = 0, set[str]()
    for hit in interleave([[*lead, *ranked, *(hits if plan.intent == "report" else ())]]):
        n, name = len(chosen) + 1, hit.passage.report.id
        tokens += count_tokens(passage_text(n, hit) if name in begun else numbered([(n, hit)])) + 1
        begun.add(name)
        if tokens > min(window, room) and len(chosen) >= len(first or lead):
            break
        if tokens > window:
            return lead
        chosen.append(hit)
    own = [hit for hit in chosen if hit.passage.report.id in by_report]
    order = list(by_report)
    own.sort(key=lambda h: (order.index(h.passage.report.id), h.passage.spans, h.passage.part))
    return own + [hit for hit in chosen if hit.passage.report.id not in by_report]


def whole_reports(
    hits: Sequence[Hit],
    opened: Callable[[Collection[str]], Sequence[Hit]],
    same_work: Callable[[ReportInfo], Sequence[ReportInfo]],
) -> tuple[Hit, ...]:
    """Hits with the other passages of the reports found first: an answer may be in any of them.

    Of the first one all its line of work is read: a closing tells what came of a plan. `opened`
    gives the passages of reports. What was not found has a score of 0.
    """
    found = {hit.passage.id for hit in hits}
    first = list({hit.passage.report.id: hit.passage.report for hit in hits}.values())[:READ_WHOLE]
    work = [info for best in first[:1] for info in same_work(best)]
    read = dict.fromkeys(info.id for info in (*first, *work))
    return (*hits, *(hit for hit in opened(list(read)) if hit.passage.id not in found))


def _stage_order(hit: Hit) -> int:
    return STAGES.index(hit.passage.stage)


def is_personal(passage: Passage) -> bool:
    """Whether it is what an innovator filled in about himself: names, ages and contacts."""
    return passage.stage == "admin" and passage.report.author != "lab"


def more_passages(passages: int, settings: Settings) -> int:
    """How many passages to read after an answer that has read so many."""
    return min(2 * max(passages, settings.passages), max(MOST_PASSAGES, settings.passages))


def count_unread(
    result: SearchResult, read: Collection[str], reports: Mapping[str, ReportInfo]
) -> tuple[tuple[str, int], ...]:
    """How many of the reports that match were not among those read, by lab, most first."""
    labs = Counter(reports[i].lab for i in result.matched if i in reports and i not in read)
    return tuple(sorted(labs.items(), key=lambda pair: (-pair[1], pair[0])))
