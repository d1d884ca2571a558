"""Two runs compared: what counts as a difference, which cases moved, and where links lead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from readers import Outline, rendered
from runs import HOSTILE, case, numbered, outcome, save

from eval.compare import Comparison, Difference, compare
from eval.report.pages import comparison_text, write_comparison
from eval.run import Outcome
from rag.errors import InputError


def of(comparison: Comparison, metric: str) -> Difference:
    return next(d for d in comparison.overall if d.metric == metric)


def test_a_run_compared_with_itself_shows_no_difference(tmp_path: Path) -> None:
    comparison = compare(*(save(tmp_path / name, *numbered(9, mrr=0.5)) for name in "ab"))
    assert comparison.headline == "No difference: every score is the same in all 9 cases."
    data = json.loads(json.dumps(comparison.to_dict()))
    assert (data["verdict"], data["identical"], data["paired"]) == ("no difference", True, 9)
    assert data["overall"][0]["change"] == {"mean": 0.0, "low": 0.0, "high": 0.0, "n": 9}
    write_comparison(comparison, tmp_path / "new" / "c.html")
    assert comparison.headline in (tmp_path / "new" / "c.html").read_text(encoding="utf-8")
    write_comparison(comparison, tmp_path / "c.md")
    text = (tmp_path / "c.md").read_text(encoding="utf-8")
    assert "| mrr | 9 | 0.500 | 0.500 | +0.000 | [+0.000, +0.000] | 1.000 | 1.000 |" in text
    assert "Got better" not in text
    for bad, why in (("c.txt", "end with .html or .md"), ("a/run.json/c.md", "can't be written")):
        with pytest.raises(InputError, match=why):
            write_comparison(comparison, tmp_path / bad)


def test_a_clear_difference_is_named_with_its_cases(tmp_path: Path) -> None:
    after = [*numbered(8, mrr=1.0, facts=1.0), outcome(case("c8"), mrr=0.25, facts=1.0)]
    a = save(tmp_path / "a", *numbered(9, mrr=0.5, facts=1.0))
    comparison = compare(a, save(tmp_path / "b", *after))
    assert (comparison.metrics("better"), comparison.metrics("worse")) == (["mrr"], [])
    assert comparison.headline == "Of 2 figures, B is better in 1 (mrr)."
    # With two metrics tested, Holm doubles the smaller p.
    assert of(comparison, "mrr").p_holm == pytest.approx(2 * of(comparison, "mrr").p)
    text = comparison_text(comparison, tmp_path)
    assert "| mrr | 9 | 0.500 | 0.917 | +0.417 |" in text
    assert "## Got better (8)" in text
    assert "## Got worse (1)\n\n- c8 (single): Why?: mrr 0.50 -> 0.25" in text


def test_a_verdict_needs_cases_and_more_than_one_of_many_tests(tmp_path: Path) -> None:
    def runs(n: int, *others: str, **sides: tuple[float, float]) -> Comparison:
        folders = []
        for side in (0, 1):
            scores = dict.fromkeys(others, 0.5) | {name: pair[side] for name, pair in sides.items()}
            folders.append(save(tmp_path / f"{n} {side}", *numbered(n, **scores)))
        return compare(*folders)

    names = ("rep@5", "rep@10", "rep@20", "ev@5", "ev@10", "ev@20", "cite_prec", "cite_rec")
    many = runs(7, *names, mrr=(0.5, 1.0))
    # Alone 2 of 128 sign patterns: 0.016; nine times that is no longer below 0.05.
    assert (of(many, "mrr").p, of(many, "mrr").verdict) == (2 / 128, "unclear")
    assert many.verdict == "no difference"
    assert of(runs(3, mrr=(0.5, 1.0)), "mrr").verdict == "too few"
    assert of(runs(8, refused=(0.0, 1.0)), "refused").verdict == "more"


def test_only_the_same_answered_cases_are_paired(tmp_path: Path) -> None:
    a = save(tmp_path / "a", *numbered(4, mrr=0.5), outcome(case("x"), mrr=0.0))
    changed = outcome(case("c1", question="Who?"), mrr=1.0)
    failed = Outcome(case("c2"), error="ModelError: down")
    b = save(tmp_path / "b", *numbered(1, mrr=0.5), changed, failed, outcome(case("c3"), mrr=0.5))
    text = comparison_text(compare(a, b), tmp_path)
    assert "2 cases paired; 1 only in A, 0 only in B, 1 changed between the runs, 1 failed" in text
    assert "## Failed in B only (1)\n\n- c2: ModelError: down" in text
    with pytest.raises(InputError, match="no answered case in common"):
        compare(a, save(tmp_path / "c", outcome(case("other"), mrr=1.0)))
    with pytest.raises(InputError, match=r"outcomes\.jsonl: can't be read"):
        compare(a, tmp_path / "none")


def test_untrusted_text_stays_text(tmp_path: Path) -> None:
    hostile, failing = case("c" + HOSTILE, question=HOSTILE), case("f" + HOSTILE)
    a = save(tmp_path / "a", outcome(hostile, mrr=0.0), outcome(failing, mrr=0.0))
    b = save(tmp_path / "b", outcome(hostile, mrr=1.0), Outcome(failing, error=HOSTILE))
    comparison = compare(a, b)
    page = comparison_text(comparison, tmp_path, ".html")
    Outline(page).is_inert()
    assert "&lt;script&gt;" in page
    shown = Outline(rendered(comparison_text(comparison, tmp_path)))
    shown.is_inert()
    assert not shown.all("a")
