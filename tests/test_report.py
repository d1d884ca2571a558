"""Reports: figures by type with intervals, the run record, and two runs compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from eval.cases import Case, case_to_dict
from eval.report import aggregate, compare, write_report
from eval.run import Outcome, run_record
from eval.stats import estimate, randomisation_p
from rag.errors import InputError
from rag.settings import Settings


def case(name: str, kind: str = "single", lang: str = "en", question: str = "Why?") -> Case:
    gold = () if kind == "unanswerable" else ("a",)
    return Case(name, kind, lang, question, gold)  # type: ignore[arg-type]


def outcome(asked: Case, citations: int = 1, ms: float = 10.0, **scores: float) -> Outcome:
    answer = {"citations": [{}] * citations, "mode": "extractive", "index": "f1"}
    return Outcome(asked, answer, scores, {"total_ms": ms})


def save(out: Path, *outcomes: Outcome, cases: int = 0) -> Path:
    out.mkdir()
    record = run_record(Settings(), [o.case for o in outcomes]) | {"cases": cases or len(outcomes)}
    (out / "run.json").write_text(json.dumps(record), encoding="utf-8")
    lines = []
    for o in outcomes:
        data: Mapping[str, Any] = {
            "case": case_to_dict(o.case),
            "answer": o.answer,
            "scores": o.scores,
            "timings": o.timings,
            "error": o.error,
        }
        lines.append(json.dumps(data) + "\n")
    (out / "outcomes.jsonl").write_text("".join(lines), encoding="utf-8")
    return out


def numbered(n: int, **scores: float) -> list[Outcome]:
    return [outcome(case(f"c{i}"), **scores) for i in range(n)]


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
    assert "- c2: ModelError: down | [2J xxx" in table
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


def test_a_run_compared_with_itself_shows_no_difference(tmp_path: Path) -> None:
    runs = [save(tmp_path / name, *numbered(9, mrr=0.5, refused=0.0)) for name in "ab"]
    text = compare(*runs)
    assert "**No difference**" in text
    assert "| mrr | 9 | 0.500 | 0.500 | +0.000 | [+0.000, +0.000] | 1.000 | no difference |" in text
    assert "Got better" not in text
    assert "Got worse" not in text


def test_a_clear_difference_is_named_with_its_cases(tmp_path: Path) -> None:
    before, after = numbered(9, mrr=0.5, facts=1.0), numbered(8, mrr=1.0, facts=1.0)
    text = compare(
        save(tmp_path / "a", *before),
        save(tmp_path / "b", *after, outcome(case("c8"), mrr=0.25, facts=1.0)),
    )
    assert "**B is better in** mrr; **worse in** nothing." in text
    assert "| mrr | 9 | 0.500 | 0.917 | +0.417 |" in text
    assert "## Got better (8)" in text
    assert "## Got worse (1)\n\n- c8 (single): Why?: mrr 0.50 -> 0.25" in text


def test_few_cases_and_refusals_get_no_verdict(tmp_path: Path) -> None:
    text = compare(
        save(tmp_path / "a", *numbered(3, mrr=0.5), *more(8, refused=0.0)),
        save(tmp_path / "b", *numbered(3, mrr=1.0), *more(8, refused=1.0)),
    )
    assert "[+0.500, +0.500] | 0.250 | too few cases to say |" in text
    assert "[+1.000, +1.000] | 0.008 | more |" in text
    assert "**No difference**" in text


def more(n: int, **scores: float) -> list[Outcome]:
    return [outcome(case(f"m{i}"), **scores) for i in range(n)]


def test_only_the_same_answered_cases_are_paired(tmp_path: Path) -> None:
    a = save(tmp_path / "a", *numbered(4, mrr=0.5), outcome(case("x"), mrr=0.0))
    changed = outcome(case("c1", question="Who?"), mrr=1.0)
    failed = Outcome(case("c2"), error="ModelError: down")
    b = save(tmp_path / "b", *numbered(1, mrr=0.5), changed, failed, outcome(case("c3"), mrr=0.5))
    text = compare(a, b)
    assert "2 cases paired; 1 only in A, 0 only in B, 1 changed between the runs, 1 failed" in text
    assert "## Failed in B only (1)\n\n- c2: ModelError: down" in text


def test_runs_without_a_common_case_are_refused(tmp_path: Path) -> None:
    a, b = save(tmp_path / "a", *numbered(2, mrr=1.0)), save(tmp_path / "b", *more(2, mrr=1.0))
    with pytest.raises(InputError, match="no answered case in common"):
        compare(a, b)
    with pytest.raises(InputError, match="no readable outcomes"):
        compare(a, tmp_path / "none")
