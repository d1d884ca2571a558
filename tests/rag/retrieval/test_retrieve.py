"""Hybrid search over the sample collection: rank, scope, and what a question names."""

from __future__ import annotations

from math import prod

import pytest
from llama_index.core.schema import QueryBundle

from rag.catalog.fields import Filters, ReportInfo
from rag.engine import Engine
from rag.index.snapshot import open_snapshot
from rag.index.store import open_store
from rag.models.embeddings import make_embedding
from rag.retrieval.hybrid import HybridRetriever, PlannedQuery, _shares_words, node_to_passage
from rag.settings import Settings
from rag.text.tokenize import terms
from rag.types import Passage, Plan


@pytest.fixture(scope="module")
def retriever(sample_engine: Engine) -> HybridRetriever:
    folder = sample_engine.settings.index
    store = open_store(folder, {})
    return HybridRetriever(open_snapshot(store), make_embedding(Settings()))


def plan(question: str, language: str = "en", **more: object) -> Plan:
    return Plan(question, question, language, **more)  # type: ignore[arg-type]


@pytest.mark.quality
@pytest.mark.parametrize(
    ("question", "language", "report"),
    [
        ("solar pumps rented by the hour", "en", "shared_solar_pump_by_the_hour"),
        ("Wovor hatten die Marktfrauen in Maseru Angst?", "en", "phones_full_of_doubt"),
        ("women's quarrels between paid work and care", "en", "care_has_a_timetable"),
        ("algas y mujeres en la laguna caliente", "es", "women__seaweed"),
        ("alerte avant le cyclone à la radio", "fr", "the_last_kilometre"),
        ("pesca artesanal e rádio em Santo Antão", "pt", "1_"),
    ],
)
def test_the_report_is_among_the_first(
    retriever: HybridRetriever, question: str, language: str, report: str
) -> None:
    found = retriever.find(plan(question, language)).hits[:5]
    assert any(h.passage.report.id.startswith(report) for h in found)


def test_hits_are_ranked_and_unique(retriever: HybridRetriever) -> None:
    found = retriever.find(plan("mobile money"))
    scores = [h.score for h in found.hits]
    assert scores == sorted(scores, reverse=True)
    assert len({h.passage.id for h in found.hits}) == len(found.hits) >= 40
    assert all(-1.0 <= h.similarity <= 1.0 for h in found.hits)
    assert found.hits[0].similarity > 0
    assert retriever.find(plan("mobile money"), limit=5).hits == found.hits[:5]


def test_filters_narrow_and_boosts_do_not(retriever: HybridRetriever) -> None:
    fiji = Filters(country=("Fiji",))
    narrowed = retriever.find(plan("mobile money", filters=fiji))
    assert {h.passage.report.lab for h in narrowed.hits} == {"Fiji"}
    assert len(narrowed.matched) == 1
    boosted = retriever.find(plan("women's income", boosted=fiji))
    assert boosted.hits[0].passage.report.lab == "Fiji"
    assert len({h.passage.report.lab for h in boosted.hits}) > 3


def test_the_year_that_a_question_names_comes_first(retriever: HybridRetriever) -> None:
    def rank(boost: Filters) -> int:
        found = retriever.find(plan("mobile money at the market of Maseru", boosted=boost)).hits
        return next(n for n, h in enumerate(found) if h.passage.report.year == 2023)

    assert rank(Filters(year=(2023,))) <= rank(Filters())


def test_more_reports_match_a_broad_question(retriever: HybridRetriever) -> None:
    broad = retriever.find(plan("women"))
    narrow = retriever.find(plan("women", filters=Filters(country=("Fiji", "Lesotho"))))
    assert 0 < len(narrow.matched) < len(broad.matched)


def test_it_is_a_llama_index_retriever(retriever: HybridRetriever) -> None:
    nodes = retriever.retrieve(QueryBundle("mobile money"))
    hits = retriever.find(plan("mobile money")).hits
    assert [node_to_passage(n.node) for n in nodes] == [h.passage for h in hits]
    fiji = plan("mobile money", filters=Filters(country=("Fiji",)))
    planned = retriever.retrieve(PlannedQuery("mobile money", plan=fiji))
    assert {node_to_passage(n.node).report.lab for n in planned} == {"Fiji"}


def test_nothing_in_scope_finds_nothing(retriever: HybridRetriever) -> None:
    found = retriever.find(plan("mobile money", filters=Filters(year=(1990,))))
    assert (found.hits, found.matched) == ((), frozenset())


def test_rankings_that_cannot_read_a_passage_abstain(retriever: HybridRetriever) -> None:
    """Of a foreign passage the dense ranking speaks for words and static vectors too."""
    languages = retriever._snapshot.languages
    for asked, more in (("en", ("es", "fr", "pt")), ("es", ("fr", "pt", "en"))):
        _, weights = retriever._rankings(plan("mujeres y dinero móvil", asked))["dense"]
        assert set(weights[languages == asked]) == {1.0}
        for language in more:
            assert weights[languages == language].min() > 1.0


def test_a_short_answer_counts_in_full_where_it_says_what_is_asked() -> None:
    def passage(text: str) -> Passage:
        return Passage("a", ReportInfo("a", "A"), "S", "Q?", text, ())

    asked = frozenset(terms("Who keeps quince orchards?", "en"))
    assert _shares_words(passage("Twelve families keep quince orchards."), asked)
    assert not _shares_words(passage("Twelve families."), asked)


def test_an_explanation_adds_up_to_the_score(retriever: HybridRetriever) -> None:
    boosted = Filters(country=("Lesotho",), year=(2023,))
    asked = plan("What fees did women pay?", boosted=boosted)
    for hit in retriever.find(asked, explain=True).hits:
        assert hit.why
        points = sum(vote.points for vote in hit.why.votes)
        assert hit.score == pytest.approx(points * prod(hit.why.factors.values()) + hit.why.company)
    assert all(hit.why is None for hit in retriever.find(asked).hits)
