"""Hybrid search over the sample collection: rank, scope, what a question names, what is read."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import fake_engine
import pytest

from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import Filters
from rag.engine import Engine
from rag.retrieval.hybrid import (
    COLLECTED,
    SearchResult,
    add_reports,
    choose_passages,
    collected_factor,
    find,
    reports_to_read,
    side_plans,
)
from rag.settings import Settings
from rag.types import Hit, Plan, Side

Finding = Callable[..., SearchResult]


@pytest.fixture
def found(quick_engine: Engine) -> Finding:
    return partial(find, quick_engine.index, quick_engine._embedding)


def plan(question: str, language: str = "en", **more: object) -> Plan:
    return Plan(question, question, language, **more)  # type: ignore[arg-type]


def test_hits_are_ranked_and_unique_and_boosts_do_not_narrow(found: Finding) -> None:
    hits = found(plan("women's income", boosted=Filters(country=("Fiji",)))).hits
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert len({hit.passage.id for hit in hits}) == len(hits) >= 40
    assert hits[0].passage.report.lab == "Fiji"
    assert len({hit.passage.report.lab for hit in hits}) > 3


def test_what_innovators_wrote_comes_last_in_questions_to_labs(
    found: Finding, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = plan("What did labs find about keeping fish cold?")
    hits = found(asked).hits
    french = plan("Qu'a appris le laboratoire sur le froid ?")
    assert collected_factor(asked) == collected_factor(french) == COLLECTED
    of_solutions = plan("What did labs find about solutions for keeping fish cold?")
    assert collected_factor(of_solutions) == collected_factor(plan("How is fish kept cold?")) == 1
    monkeypatch.setattr("rag.retrieval.hybrid.collected_factor", lambda _: 1.0)
    same = {hit.passage.id: hit.score for hit in found(asked).hits}
    for hit in hits:
        lowered = hit.score < same.get(hit.passage.id, 0.0)
        assert lowered == (hit.passage.report.author == "innovator")


def test_names_and_ages_of_innovators_are_not_read() -> None:
    solution = fake_engine.report(1, kind="solution")
    kinds = {"age": {"stage": "admin"}, "box": {}}
    theirs = [fake_engine.passage(solution, n, k, **kinds[k]) for n, k in enumerate(kinds)]
    own = fake_engine.passage(fake_engine.report(2), 3, "cost", stage="admin")
    found = SearchResult(tuple(Hit(p, 1.0) for p in (*theirs, own)), frozenset())
    read = choose_passages(found, plan("How old is the innovator?"), Settings())
    assert [hit.passage.text for hit in read] == ["box", "cost"]


def test_a_digest_reads_whole_reports_and_their_findings_before_all_else() -> None:
    infos = [fake_engine.report(n) for n in (0, 3, 6)]  # of one lab, of 2021, 2024 and 2023
    infos.append(fake_engine.report(9, kind="solution"))
    stages = {"partner": ((0, 1),), "finding": ((2, 3),), "intention": ((4, 5),)}
    passages = [
        fake_engine.passage(info, n, f"{info.id} {stage}", stage=stage, spans=spans)
        for info in infos
        for n, (stage, spans) in enumerate(stages.items())
    ]
    lab = Plan("Q?", "Q?", intent="lab", boosted=Filters(country=("Peru",)))
    catalog = Catalog([*infos, fake_engine.report(1)])
    found = SearchResult((Hit(passages[0], 1.0), Hit(passages[3], 0.5)), frozenset())

    def read(plan: Plan, window: int = 10_000, first: Sequence[Hit] = ()) -> list[str]:
        reports = reports_to_read(plan, found, catalog, first)
        hits = add_reports(plan, first, found.hits, reports, passages, Settings(), window)
        return [hit.passage.text.removeprefix("report_") for hit in hits]

    whole = [f"{n} {stage}" for n in (3, 6, 0, 9) for stage in stages]
    assert read(lab) == whole
    part = read(lab, 350)
    assert sum("finding" in text for text in part) == 4 < len(part) < 9
    assert [text for text in part if "partner" in text] == ["3 partner", "0 partner"]
    for intent in ("report", "answer"):
        texts = read(replace(lab, intent=intent))
        assert texts == [*(f"0 {stage}" for stage in stages), "3 partner"]
    assert len(read(replace(lab, intent="topic"))) == 6
    # What a digest quotes comes first; a comparison reads its reports alone.
    quoted = [Hit(passages[8], 0.0)]
    assert len(read(replace(lab, intent="topic"), first=quoted)) == 9
    assert read(replace(lab, intent="topic"), 180, quoted)[:1] == ["6 intention"]
    assert read(replace(lab, intent="compare"), first=quoted) == [f"6 {stage}" for stage in stages]


def test_more_passages_are_read_where_more_are_wanted() -> None:
    def read(text: str, wanted: int, wide: bool = False) -> int:
        hits = [
            Hit(fake_engine.passage(fake_engine.report(n), n, f"{text} {n}"), 1 / (n + 1))
            for n in range(90)
        ]
        found = SearchResult(tuple(hits), frozenset())
        return len(choose_passages(found, replace(plan("Q?"), wide=wide), Settings(), wanted))

    short, long = "Sand keeps boxes cool.", "Sand keeps boxes cool. " * 60
    assert [read(short, n) for n in (0, 40, 100)] == [20, 40, 90]
    assert [read(short, n, wide=True) for n in (0, 100)] == [60, 90]
    assert 1 < read(long, 0) < 20
    assert read(long, 0, wide=True) == 60
    assert read(long, 40) in (2 * read(long, 0), 2 * read(long, 0) + 1)


def test_a_side_is_asked_its_own_part_in_english_too() -> None:
    sides = (Side("¿cuántas mujeres?", "Peru"), Side("¿cuánta basura?", "Chile"))
    both = Filters(country=("Peru", "Chile"))
    asked = plan("¿?", "es", intent="compare", boosted=both, sides=sides, gloss="of both")
    assert ["women" in side.english for side in side_plans(asked)] == [True, False]
