"""Reports: figures by type with intervals, the summary, the table, and baselines beside them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from runs import case, numbered, outcome, save

from eval.compare import compare_baselines, load_baselines
from eval.figures import aggregate, by_language, histogram
from eval.report.report import write_report
from eval.report.tables import meaning
from eval.run import Outcome, load_outcomes
from eval.stats import (
    estimate,
    holm,
    proportion,
    randomisation_p,
)


def test_estimate_is_the_mean_with_an_interval_around_it() -> None:
    half = estimate([0.0, 1.0] * 50)
    assert (half.mean, half.n) == (0.5, 100)
    # The standard error is 0.05, so the normal interval reaches from 0.402 to 0.598.
    assert half.low == pytest.approx(0.402, abs=0.015)
    assert half.high == pytest.approx(0.598, abs=0.015)
    assert estimate([0.0, 1.0] * 50) == half


def test_estimate_of_equal_values_has_no_width() -> None:
    assert (estimate([0.3]).low, estimate([0.3]).high) == (0.3, 0.3)


def test_weights_make_a_ratio_of_sums() -> None:
    assert estimate([1.0, 0.0], [3, 1]).mean == 0.75


def test_randomisation_p_counts_sign_patterns() -> None:
    assert randomisation_p([1.0, 1.0, 1.0]) == 0.25  # two of eight patterns are as extreme
    assert randomisation_p([0.1] * 8) == 2 / 256
    assert randomisation_p([0.0] * 5) == 1.0
    assert randomisation_p([1.0, -1.0] * 20) > 0.9
    assert randomisation_p([1.0] * 40) == 1 / 10_001


def test_a_proportion_keeps_a_width_where_all_are_alike() -> None:
    # Wilson's interval of 9 of 9, and of 5 of 10.
    nine, half = proportion(9, 9), proportion(5, 10)
    assert (nine.mean, nine.low, nine.high) == (1.0, pytest.approx(0.701, abs=0.001), 1.0)
    assert (half.low, half.high) == pytest.approx((0.237, 0.763), abs=0.001)
    assert proportion(0, 9).high == pytest.approx(0.299, abs=0.001)


def test_holm_corrects_by_rank_and_keeps_the_order() -> None:
    assert holm([0.01, 0.04, 0.03]) == [pytest.approx(x) for x in (0.03, 0.06, 0.06)]
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_groups_keep_languages_apart_and_leave_out_what_does_not_apply() -> None:
    groups = aggregate(
        [
            outcome(case("c1"), mrr=1.0),
            outcome(case("c2"), mrr=0.5),
            outcome(case("c3", lang="fr"), mrr=0.0),
            outcome(case("c4", "unanswerable"), refused=1.0),
        ]
    )
    assert list(groups) == ["single", "unanswerable", "crosslingual", "all"]
    assert (groups["single"].metrics["mrr"].mean, groups["single"].n) == (0.75, 2)
    assert (groups["all"].metrics["mrr"].mean, groups["all"].metrics["mrr"].n) == (0.5, 3)
    assert "mrr" not in groups["unanswerable"].metrics


def test_quotes_count_one_by_one_whatever_the_answer() -> None:
    groups = aggregate([outcome(case("c1"), 3, quote_ok=1.0), outcome(case("c2"), 1, quote_ok=0.0)])
    assert groups["single"].metrics["quote_ok"].mean == 0.75


def test_latency_percentiles_are_measured_values() -> None:
    latency = aggregate([outcome(case(f"c{i}"), ms=float(i)) for i in range(1, 21)])["all"].latency
    assert (latency["total_ms"].p50, latency["total_ms"].p95) == (10.0, 19.0)


def test_report_of_a_run_with_a_failure(tmp_path: Path) -> None:
    failed = Outcome(case("c2"), error="ModelError: down |\x1b[2J\n" + "x" * 300)
    out = save(tmp_path / "a", outcome(case("c1"), mrr=0.5, facts=1.0), failed)
    table = write_report(out)
    assert (out / "table.md").read_text(encoding="utf-8") == table
    assert "| single | 1 | 0.50 [0.50, 0.50] |" in table
    assert r"- c2: ModelError: down \| \[2J xxx" in table
    assert "2 of 2 cases asked" in table
    assert "\x1b" not in table
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert (summary["groups"]["single"]["n"], summary["groups"]["single"]["errors"]) == (1, 1)
    assert summary["groups"]["all"]["metrics"]["facts"]["mean"] == 1.0
    assert (summary["run"]["index"], summary["run"]["answered_by"]) == (["f1"], ["extractive"])
    assert "list_p" not in table


def test_report_of_an_interrupted_run_says_so(tmp_path: Path) -> None:
    table = write_report(save(tmp_path / "a", outcome(case("c1"), mrr=0.5), cases=9))
    assert "1 of 9 cases asked" in table
    assert "the run was interrupted" in table


def test_languages_are_those_of_the_questions_the_most_frequent_first() -> None:
    found = by_language(
        [outcome(case(f"c{i}", lang="fr"), mrr=1.0) for i in range(2)]
        + [outcome(case("x"), mrr=0.0)]
    )
    assert list(found) == ["fr", "en"]
    assert found["fr"].metrics["mrr"].mean == 1.0


def test_slow_answers_share_the_last_bar_of_the_histogram() -> None:
    times = [outcome(case(f"c{i}"), ms=10.0 * i) for i in range(1, 40)]
    found = histogram([*times, outcome(case("slow"), ms=90_000.0)])
    assert found
    assert sum(found.counts) == 40
    assert len(found.counts) * found.step < 1000
    assert found.counts[-1] >= 1
    assert histogram([Outcome(case("c"), error="x")]) is None


def test_metrics_say_what_they_mean() -> None:
    assert meaning("rep@10").startswith("Report recall at k: the share of gold reports")
    assert meaning("list_exact").startswith("1 when the listed reports are the gold reports")
    assert meaning("unknown") == ""


def test_baselines_in_the_folder_are_paired_with_the_run(tmp_path: Path) -> None:
    out = save(tmp_path / "run", *numbered(9, **{"rep@10": 1.0, "facts": 0.5}))
    save(out / "baselines" / "bm25", *numbered(9, **{"rep@10": 0.0, "facts": 0.5}))
    save(out / "baselines" / "others", outcome(case("other"), mrr=1.0))
    (out / "baselines" / "empty").mkdir()
    found = compare_baselines(load_baselines(out), load_outcomes(out))
    assert list(found) == ["bm25"]
    by_metric = {d.metric: d for d in found["bm25"].differences}
    assert (by_metric["rep@10"].change.mean, by_metric["rep@10"].verdict) == (1.0, "better")
    assert by_metric["facts"].verdict == "no difference"
    assert (found["bm25"].paired, found["bm25"].figures["rep@10"].mean) == (9, 0.0)
    write_report(out)
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert list(summary["baselines"]) == ["bm25"]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Ours less BM25 alone" in page
    assert "Ours less BM25 alone" not in (out / "report.md").read_text(encoding="utf-8")
    assert "## Beside BM25 alone" in (out / "report.md").read_text(encoding="utf-8")
