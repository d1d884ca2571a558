"""Evidence ladders, outcomes of hypotheses, gap maps and trends, by hand."""

from collections import defaultdict

import pytest
from passages import passage, report

from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import Filters
from rag.engine import Engine
from rag.survey.evidence import evidence_of, gap_map, is_finding, outcome_of, trend, trend_score
from rag.survey.types import Evidence, Survey, SurveyCell, SurveyRow, Verdict


def test_outcomes_are_read_where_the_wording_is_plain() -> None:
    for answer, outcome in {
        "Proven": "proven",
        "Yes, sales rose.": "proven",
        "L'hypothèse de départ a été vérifiée.": "proven",
        "Partially proven.": "partly",
        "Yes, sort of.": "partly",
        "Disproven. Nobody came.": "disproven",
        "The hypothesis was not proven.": "disproven",
        "No probado.": "disproven",
        "Not proven yet": "unclear",
        "It was proven that boats float. The rest was not supported.": "unclear",
        "Three villages took part.": "unclear",
    }.items():
        assert outcome_of(answer, ()) == outcome, answer
    # A question left blank is told from one not asked.
    asked = "Was the original hypothesis proven or disproven?"
    assert (outcome_of("", (asked,)), outcome_of("", ())) == ("blank", None)


def test_each_rung_names_the_field_that_says_it(sample_engine: Engine) -> None:
    by_kind = defaultdict(list)
    for name, head in sample_engine.index.heads.items():
        evidence = evidence_of(name, sample_engine.report_measure())
        by_kind[head.report.info.kind].append(evidence)
        assert bool(evidence.rung) == bool(evidence.field)
    assert {evidence.rung for evidence in by_kind["plan"]} == {"intention"}
    experiments = by_kind["experiment"]
    assert {e.rung for e in experiments} & {"test", "compared", "scaled"}
    assert all(e.span for e in experiments if e.quote)


def test_a_finding_is_no_hypothesis_question_or_plan() -> None:
    for sentence in ("The mill saved two hours a day.", "Se comprobó que las bombas duran."):
        assert is_finding(passage(sentence), sentence)
    for sentence, more in (
        ("Si le moulin est solaire, alors les femmes gagneront du temps.", {}),
        ("Do women trust the mill?", {}),
        ("The mill will be tried in two more villages.", {"prompt": "What comes next?"}),
        ("The mill saves time.", {"stage": "intention"}),
    ):
        assert not is_finding(passage(sentence, **more), sentence)


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
    cells = [made.at("Fiji", year) for year in ("2021", "2022")]
    assert [(c.state, c.rung) for c in cells] == [("about", "scaled"), ("silent", None)]
    assert made.at("Mali", "2021").state == "none"
    blank = gap_map(survey, catalog, column="cost")
    assert (made.at("Peru", "2021").state, blank.at("Peru", "2021").state) == ("mentions", "blank")
    assert [(p.year, p.found, p.share) for p in trend(survey)] == [(2021, 3, None), (2022, 0, 0.0)]
    assert survey.ladder["scaled"] == survey.ladder["test"] == 1


def test_a_share_surely_rises_where_chance_hardly_would_make_it() -> None:
    # Two proportions, pooled: 0.2 / sqrt(0.2 * 0.8 * (1/100 + 1/100)).
    assert trend_score([(0, 100, 10), (1, 100, 30)]) == pytest.approx(3.5355, abs=1e-4)
    years = [(2021, 50, 2), (2022, 50, 6), (2023, 50, 12)]
    assert trend_score(years) == -trend_score([(-year, n, k) for year, n, k in years]) > 2.6
    assert trend_score([(2021, 9, 9), (2022, 9, 9)]) == trend_score([(2021, 9, 4)]) == 0
