"""Two runs compared: what counts as a difference, which cases moved, and where links lead."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from runs import Altered, case, numbered, outcome, save

from eval.cases import Case
from eval.compare import Comparison, compare
from eval.report.compare import (
    headline,
    to_dict,
    to_html,
    to_markdown,
    write,
)
from eval.report.report import write_report
from eval.run import Outcome, run_cases
from eval.stats import randomisation_p
from rag.errors import InputError
from rag.types import Answer

HOSTILE = "<script>alert(1)</script>\" onmouseover=x | [x](javascript:1) 'q'"


def of(found: Comparison, metric: str) -> Any:
    return next(d for d in found.overall if d.metric == metric)


def more(n: int, **scores: float) -> list[Outcome]:
    return [outcome(case(f"m{i}"), **scores) for i in range(n)]


def test_a_run_compared_with_itself_shows_no_difference(tmp_path: Path) -> None:
    found = compare(*(save(tmp_path / name, *numbered(9, mrr=0.5, refused=0.0)) for name in "ab"))
    assert (found.verdict, found.identical, found.same) == ("no difference", True, 9)
    assert headline(found) == "No difference: every score is the same in all 9 cases."
    assert {d.verdict for d in (*found.overall, *found.by_type)} == {"no difference"}
    text = to_markdown(found, tmp_path)
    assert "| mrr | 9 | 0.500 | 0.500 | +0.000 | [+0.000, +0.000] | 1.000 | 1.000 |" in text
    assert "Got better" not in text
    assert "Got worse" not in text


def test_a_metric_that_only_one_run_measured_makes_no_difference(tmp_path: Path) -> None:
    old, new = numbered(4, mrr=0.5), numbered(4, mrr=0.5, facts=1.0)
    found = compare(save(tmp_path / "a", *old), save(tmp_path / "b", *new))
    assert (found.same, [d.metric for d in found.overall]) == (4, ["mrr"])


def test_a_clear_difference_is_named_with_its_cases(tmp_path: Path) -> None:
    before, after = numbered(9, mrr=0.5, facts=1.0), numbered(8, mrr=1.0, facts=1.0)
    found = compare(
        save(tmp_path / "a", *before),
        save(tmp_path / "b", *after, outcome(case("c8"), mrr=0.25, facts=1.0)),
    )
    assert (found.verdict, found.better, found.worse) == ("better", ("mrr",), ())
    assert headline(found) == "Of 2 figures, B is better in 1 (mrr)."
    # Few sign patterns are as extreme; with two metrics tested, Holm doubles the smaller p.
    assert of(found, "mrr").p == pytest.approx(randomisation_p([0.5] * 8 + [-0.25]))
    assert of(found, "mrr").p_holm == pytest.approx(2 * of(found, "mrr").p)
    text = to_markdown(found, tmp_path)
    assert "| mrr | 9 | 0.500 | 0.917 | +0.417 |" in text
    assert "## Got better (8)" in text
    assert "## Got worse (1)\n\n- c8 (single): Why?: mrr 0.50 -> 0.25" in text


def test_what_only_one_of_many_tests_finds_does_not_count(tmp_path: Path) -> None:
    names = ("rep@5", "rep@10", "rep@20", "ev@5", "ev@10", "ev@20", "cite_prec", "cite_rec")
    still = dict.fromkeys(names, 0.5)
    found = compare(
        save(tmp_path / "a", *numbered(7, mrr=0.5, **still)),
        save(tmp_path / "b", *numbered(7, mrr=1.0, **still)),
    )
    # Alone 2 of 128 sign patterns: 0.016; nine times that is no longer below 0.05.
    assert (of(found, "mrr").p, of(found, "mrr").verdict) == (2 / 128, "unclear")
    assert found.verdict == "no difference"
    assert "could be chance among so many tests" in to_markdown(found, tmp_path)


def test_few_cases_and_refusals_get_no_verdict(tmp_path: Path) -> None:
    found = compare(
        save(tmp_path / "a", *numbered(3, mrr=0.5), *more(8, refused=0.0)),
        save(tmp_path / "b", *numbered(3, mrr=1.0), *more(8, refused=1.0)),
    )
    assert (of(found, "mrr").p, of(found, "mrr").verdict) == (0.25, "too few")
    assert of(found, "refused").verdict == "more"
    assert found.verdict == "no difference"
    assert "same in 0 of 11" in headline(found)


def test_types_are_compared_by_themselves(tmp_path: Path) -> None:
    def both(single: float) -> list[Outcome]:
        crossing = [outcome(case(f"x{i}", "cross"), mrr=0.5) for i in range(12)]
        return [*(outcome(case(f"s{i}"), mrr=single) for i in range(12)), *crossing]

    found = compare(save(tmp_path / "a", *both(1.0)), save(tmp_path / "b", *both(0.0)))
    verdicts = {(d.group, d.metric): d.verdict for d in found.by_type}
    assert verdicts == {("single", "mrr"): "worse", ("cross", "mrr"): "no difference"}
    assert "| single | mrr | 12 |" in to_markdown(found, tmp_path)


def test_only_the_same_answered_cases_are_paired(tmp_path: Path) -> None:
    a = save(tmp_path / "a", *numbered(4, mrr=0.5), outcome(case("x"), mrr=0.0))
    changed = outcome(case("c1", question="Who?"), mrr=1.0)
    failed = Outcome(case("c2"), error="ModelError: down")
    b = save(tmp_path / "b", *numbered(1, mrr=0.5), changed, failed, outcome(case("c3"), mrr=0.5))
    text = to_markdown(compare(a, b), tmp_path)
    assert "2 cases paired; 1 only in A, 0 only in B, 1 changed between the runs, 1 failed" in text
    assert "## Failed in B only (1)\n\n- c2: ModelError: down" in text


def test_runs_without_a_common_case_are_refused(tmp_path: Path) -> None:
    a, b = save(tmp_path / "a", *numbered(2, mrr=1.0)), save(tmp_path / "b", *more(2, mrr=1.0))
    with pytest.raises(InputError, match="no answered case in common"):
        compare(a, b)
    with pytest.raises(InputError, match=r"outcomes\.jsonl: can't be read"):
        compare(a, tmp_path / "none")


def test_links_lead_to_the_case_in_both_reports(tmp_path: Path) -> None:
    name = "c 1/é"
    a = save(tmp_path / "run a", outcome(case(name), mrr=0.0))
    b = save(tmp_path / "b", outcome(case(name), mrr=1.0))
    for folder in (a, b):
        write_report(folder)
    found = compare(a, b)
    page, place = to_html(found, tmp_path / "out"), "case-c%201%2F%C3%A9"
    assert f'href="../run%20a/report.html#{place}"' in page
    assert f'href="../b/report.html#{place}"' in page
    assert f"[B](<b/report.html#{place}>)" in to_markdown(found, tmp_path)
    assert f'id="{place}"' in (b / "report.html").read_text(encoding="utf-8")
    (a / "report.html").unlink()
    assert "run%20a" not in to_html(found, tmp_path / "out")


def test_untrusted_text_stays_text(tmp_path: Path) -> None:
    asked = case("c" + HOSTILE, question=HOSTILE)
    failing = case("f" + HOSTILE)
    a = save(tmp_path / "a", outcome(asked, mrr=0.0), outcome(failing, mrr=0.0))
    b = save(tmp_path / "b", outcome(asked, mrr=1.0), Outcome(failing, error=HOSTILE))
    write_report(a)
    found = compare(a, b)
    page, text = to_html(found, tmp_path), to_markdown(found, tmp_path)
    assert "<script" not in page
    assert not re.search(r"<[^>]*\sonmouseover", page)
    assert "&lt;script&gt;" in page
    shown = MarkdownIt("gfm-like", {"linkify": False}).render(text)
    assert "<script" not in shown
    assert "javascript:1) 'q'" in shown
    assert 'href="javascript' not in shown


def test_it_is_written_as_page_text_and_data(tmp_path: Path) -> None:
    found = compare(*(save(tmp_path / name, *numbered(3, mrr=0.5)) for name in "ab"))
    write(found, tmp_path / "new" / "c.html")
    write(found, tmp_path / "c.md")
    page = (tmp_path / "new" / "c.html").read_text(encoding="utf-8")
    assert "No difference: every score is the same in all 3 cases." in page
    assert (tmp_path / "c.md").read_text(encoding="utf-8") == to_markdown(found, tmp_path)
    data = json.loads(json.dumps(to_dict(found)))
    assert (data["verdict"], data["identical"], data["paired"]) == ("no difference", True, 3)
    assert data["overall"][0]["change"] == {"mean": 0.0, "low": 0.0, "high": 0.0, "n": 3}
    for bad, why in (("c.txt", "end with .html or .md"), ("a/run.json/c.md", "can't be written")):
        with pytest.raises(InputError, match=why):
            write(found, tmp_path / bad)


@pytest.fixture(scope="module")
def ours(
    quick_engine: Any, sample_cases: tuple[Case, ...], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("ours")
    run_cases(quick_engine, sample_cases, out)
    return out


def test_two_runs_of_the_same_code_show_no_difference(
    quick_engine: Any, sample_cases: tuple[Case, ...], ours: Path, tmp_path: Path
) -> None:
    run_cases(quick_engine, sample_cases, tmp_path)
    found = compare(ours, tmp_path)
    assert (found.paired, found.same) == (len(sample_cases), len(sample_cases))


def test_a_broken_retriever_is_caught(
    quick_engine: Any, sample_cases: tuple[Case, ...], ours: Path, tmp_path: Path
) -> None:
    def backwards(answer: Answer) -> Answer:
        return replace(answer, hits=answer.hits[::-1])

    run_cases(Altered(quick_engine, answer=backwards), sample_cases, tmp_path)
    found = compare(ours, tmp_path)
    assert found.verdict == "worse"
    assert {"rep@5", "ev@5", "mrr"} <= set(found.worse)
    assert found.worsened
    assert not found.better
    back = compare(tmp_path, ours)
    assert (back.verdict, set(back.better)) == ("better", set(found.worse))
