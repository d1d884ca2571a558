"""Evidence ladders, outcomes of hypotheses, gap maps and trends, by hand."""

from typing import Any

import pytest
from passages import passage, report

from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import Filters
from rag.engine import Engine
from rag.survey.evidence import evidence_of, gap_map, is_finding, outcome_of, trend
from rag.survey.types import Evidence, Survey, SurveyCell, SurveyRow, Verdict


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("Proven", "proven"),
        ("Yes, the hypothesis was supported. Sales rose.", "proven"),
        ("L'hypothèse de départ a été vérifiée.", "proven"),
        ("Partially proven.", "partly"),
        ("Yes, sort of.", "partly"),
        ("Disproven. Nobody came.", "disproven"),
        ("The hypothesis was not proven.", "disproven"),
        ("No probado.", "disproven"),
        ("Not proven yet", "unclear"),
        ("It was proven that boats float. The rest was not supported.", "unclear"),
        ("Three villages took part.", "unclear"),
    ],
)
def test_outcomes_are_read_where_the_wording_is_plain(answer: str, outcome: str) -> None:
    assert outcome_of(answer, ()) == outcome


def test_a_question_left_blank_is_told_from_one_not_asked() -> None:
    asked = "Was the original hypothesis proven or disproven?"
    assert (outcome_of("", (asked,)), outcome_of("", ())) == ("blank", None)


def test_each_rung_names_the_field_that_says_it(sample_engine: Engine) -> None:
    measure = sample_engine.report_measure()
    snapshot, kinds = measure.snapshot, {}
    for name in snapshot.heads:
        evidence = evidence_of(name, measure)
        kinds[name] = evidence
        assert bool(evidence.rung) == bool(evidence.field)
    info = {name: snapshot.heads[name].report.info for name in kinds}
    assert {e.rung for n, e in kinds.items() if info[n].kind == "plan"} == {"intention"}
    experiments = [e for n, e in kinds.items() if info[n].kind == "experiment"]
    assert {e.rung for e in experiments} & {"test", "compared", "scaled"}
    assert all(e.span for e in experiments if e.quote)


@pytest.mark.parametrize(
    ("sentence", "more", "found"),
    [
        ("The mill saved the women two hours a day.", {}, True),
        ("Si le moulin est solaire, alors les femmes gagneront du temps.", {}, False),
        ("If we lend pumps then yields rise.", {}, False),
        ("Se comprobó que las bombas duran.", {}, True),
        ("Do women trust the mill?", {}, False),
        ("The mill will be tried in two more villages.", {"prompt": "What comes next?"}, False),
        ("The mill saves time.", {"stage": "intention"}, False),
    ],
)
def test_a_finding_is_no_hypothesis_question_or_plan(
    sentence: str, more: dict[str, Any], found: bool
) -> None:
    assert is_finding(passage(sentence, **more), sentence) == found


def _row(name: str, country: str, year: int, verdict: Verdict, **values: object) -> SurveyRow:
    info = report(name, country, country[:2].upper(), year=year)
    return SurveyRow(info, verdict, 0.5, 0.5, **values)  # type: ignore[arg-type]


def test_gap_maps_tell_kinds_of_nothing_apart_and_trends_want_ten_reports() -> None:
    rows = (
        _row("a", "Fiji", 2021, "about", evidence=Evidence("test", "kind")),
        _row("b", "Fiji", 2021, "mentions", evidence=Evidence("scaled", "scaling")),
        _row("c", "Fiji", 2022, "silent", evidence=Evidence("compared", "control_group")),
        _row("d", "Peru", 2021, "mentions", cells={"cost": SurveyCell(state="blank")}),
        *(_row(f"s{n}", "Peru", 2022, "silent") for n in range(9)),
    )
    survey = Survey("q", "t", "en", Filters(), rows, (1, 4))
    catalog = Catalog([row.report for row in rows])
    made = gap_map(survey, catalog)
    assert (made.rows, made.columns) == (("Fiji", "Peru"), ("2021", "2022"))
    states = [made.at("Fiji", year).state for year in ("2021", "2022")]
    assert states == ["about", "silent"]
    assert (made.at("Fiji", "2021").rung, made.at("Fiji", "2022").rung) == ("scaled", None)
    assert made.at("Mali", "2021").state == "none"
    blank = gap_map(survey, catalog, column="cost")
    assert (made.at("Peru", "2021").state, blank.at("Peru", "2021").state) == ("mentions", "blank")
    assert [(p.year, p.found, p.share) for p in trend(survey)] == [(2021, 3, None), (2022, 0, 0.0)]
    assert survey.ladder["scaled"] == survey.ladder["test"] == 1
