"""The figures of a run, its intervals and tests, against numbers computed by hand."""

from __future__ import annotations

import pytest
from runs import case, outcome

from eval.figures import (
    aggregate,
    by_language,
    estimate,
    headlines,
    holm,
    proportion,
    randomisation_p,
    run_figures,
)
from eval.report.labels import headline_count, headline_note
from eval.run import Outcome


def test_estimate_is_the_mean_with_an_interval_around_it() -> None:
    half = estimate([0.0, 1.0] * 50)
    assert (half.mean, half.n) == (0.5, 100)
    # The standard error is 0.05, so the normal interval reaches from 0.402 to 0.598.
    assert (half.low, half.high) == pytest.approx((0.402, 0.598), abs=0.015)
    assert (estimate([0.3]).low, estimate([0.3]).high) == (0.3, 0.3)
    assert estimate([1.0, 0.0], [3, 1]).mean == 0.75


def test_a_proportion_has_wilsons_interval() -> None:
    nine, half = proportion(9, 9), proportion(5, 10)
    assert (nine.mean, nine.low, nine.high) == (1.0, pytest.approx(0.701, abs=0.001), 1.0)
    assert (half.low, half.high) == pytest.approx((0.237, 0.763), abs=0.001)


def test_p_values_count_sign_patterns_and_are_corrected_by_rank() -> None:
    assert randomisation_p([1.0, 1.0, 1.0]) == 0.25  # two of eight patterns are as extreme
    assert randomisation_p([1.0, -1.0] * 20) > 0.9
    assert randomisation_p([1.0] * 40) == 1 / 10_001
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]


def test_groups_keep_languages_apart_and_leave_out_what_does_not_apply() -> None:
    outcomes = [
        outcome(case("c1"), 3, mrr=1.0, quote_ok=1.0),
        outcome(case("c2"), 1, mrr=0.5, quote_ok=0.0),
        *(outcome(case(f"f{i}", lang="fr"), mrr=0.0) for i in range(4)),
        outcome(case("c4", "unanswerable"), refused=1.0),
    ]
    groups = aggregate(outcomes)
    assert list(groups) == ["single", "unanswerable", "crosslingual", "all"]
    assert (groups["single"].metrics["mrr"].mean, groups["single"].n) == (0.75, 2)
    assert (groups["all"].metrics["mrr"].mean, groups["all"].metrics["mrr"].n) == (0.25, 6)
    assert "mrr" not in groups["unanswerable"].metrics
    # Quotes count one by one, whatever the answer.
    assert groups["single"].metrics["quote_ok"].mean == 0.75
    # The language of most questions comes first.
    languages = by_language(outcomes)
    assert [(code, group.n) for code, group in languages.items()] == [("fr", 4), ("en", 3)]


def test_refusal_precision_and_recall() -> None:
    unanswerable = [outcome(case(f"u{i}", "unanswerable"), refused=i < 3) for i in range(4)]
    answerable = [outcome(case(f"a{i}"), refused=i < 2) for i in range(6)]
    figures = run_figures([*unanswerable, *answerable])
    assert (figures["refusal_p"].mean, figures["refusal_p"].n) == (0.6, 5)  # 3 of the 5 refused
    assert (figures["refusal_r"].mean, figures["refusal_r"].n) == (0.75, 4)  # of 4 unanswerable
    assert set(run_figures([*unanswerable[3:], *answerable[2:]])) == {"refusal_r"}
    assert run_figures(answerable) == run_figures(unanswerable) == {}


def test_the_headline_counts_cases() -> None:
    unanswerable = [case(f"u{i}", "unanswerable") for i in range(4)]
    outcomes = [
        outcome(case("1"), refused=0.0, cite_rec=1.0, facts=1.0, **{"rep@10": 1.0}),
        outcome(case("2"), refused=0.0, cite_rec=0.0, facts=0.5, **{"rep@10": 0.0}),
        outcome(case("3"), refused=1.0, facts=0.0, **{"rep@10": 1.0}),
        outcome(case("x", "cross"), refused=0.0, cite_rec=0.5, **{"rep@10": 0.0}),
        outcome(case("l", "listing"), refused=0.0, list_exact=1.0),
        *(outcome(refused, refused=1.0) for refused in unanswerable[:3]),
        outcome(unanswerable[3], refused=0.0),
        Outcome(case("e"), error="x"),
    ]
    found = {headline.name: headline for headline in headlines(outcomes)}
    assert {name: (headline.hits, headline.share.n) for name, headline in found.items()} == {
        "found": (2, 3),
        "wrong": (2, 4),  # one cites no right report, one answers what isn't there
        "facts": (None, 3),
        "refused": (3, 4),
        "refused_wrongly": (1, 5),
        "lists": (1, 1),
    }
    assert headline_count(found["found"]) == "2 of 3"
    assert headline_note(found["refused"]) == "75%, 95 % interval 30–95%"
