"""Hybrid search over the sample collection: rank, scope, and what a question names."""

from __future__ import annotations

from math import prod

import pytest

from rag.catalog.fields import Filters
from rag.engine import Engine
from rag.retrieval.hybrid import HybridRetriever, K
from rag.types import Plan


@pytest.fixture
def retriever(quick_engine: Engine) -> HybridRetriever:
    return quick_engine._current()[1]


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
    hits = retriever.search(plan(question, language)).hits[:5]
    assert any(hit.passage.report.id.startswith(report) for hit in hits)


def test_hits_are_ranked_and_unique(retriever: HybridRetriever) -> None:
    hits = retriever.search(plan("mobile money")).hits
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert len({hit.passage.id for hit in hits}) == len(hits) >= 40
    assert all(-1.0 <= hit.similarity <= 1.0 for hit in hits)
    assert retriever.search(plan("mobile money"), limit=5).hits == hits[:5]
    nodes = retriever.retrieve("mobile money")
    assert [(n.node.node_id, n.score) for n in nodes] == [(h.passage.id, h.score) for h in hits]


def test_filters_narrow_and_boosts_do_not(retriever: HybridRetriever) -> None:
    fiji = Filters(country=("Fiji",))
    narrowed = retriever.search(plan("mobile money", filters=fiji))
    assert {hit.passage.report.lab for hit in narrowed.hits} == {"Fiji"}
    assert len(narrowed.matched) == 1
    boosted = retriever.search(plan("women's income", boosted=fiji))
    assert boosted.hits[0].passage.report.lab == "Fiji"
    assert len({hit.passage.report.lab for hit in boosted.hits}) > 3
    nothing = retriever.search(plan("mobile money", filters=Filters(year=(1990,))))
    assert (nothing.hits, nothing.matched) == ((), frozenset())


def test_more_reports_match_a_broad_question(retriever: HybridRetriever) -> None:
    broad = retriever.search(plan("women"))
    narrow = retriever.search(plan("women", filters=Filters(country=("Fiji", "Lesotho"))))
    assert 0 < len(narrow.matched) < len(broad.matched)


@pytest.mark.parametrize("language", ["en", "es"])
def test_for_foreign_passages_the_dense_ranking_votes_in_place_of_others(
    retriever: HybridRetriever, language: str
) -> None:
    asked = plan("mujeres y dinero móvil en el mercado", language)
    for hit in retriever.search(asked, explain=True).hits:
        assert hit.why
        for vote in hit.why.votes:
            if vote.ranking == "dense":
                weight = vote.points * (K + vote.rank)
                assert (weight > 1.01) == (hit.passage.language != language)


def test_an_explanation_adds_up_and_names_what_is_boosted(retriever: HybridRetriever) -> None:
    boosted = Filters(country=("Lesotho",), year=(2023,))
    asked = plan("What fees did women pay?", boosted=boosted)
    factors = set()
    for hit in retriever.search(asked, explain=True).hits:
        assert hit.why
        points = sum(vote.points for vote in hit.why.votes)
        assert hit.score == pytest.approx(points * prod(hit.why.factors.values()) + hit.why.company)
        named = hit.passage.report.year == 2023
        assert ("the year or kind that is named" in hit.why.factors) is named
        if "says little by itself" in hit.why.factors:
            assert len(hit.passage.text) < 60
        factors |= set(hit.why.factors)
    assert "says little by itself" in factors
    assert all(hit.why is None for hit in retriever.search(asked).hits)
