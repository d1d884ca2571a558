"""Reports of runs: figures against numbers computed by hand, kept for the page, no markup."""

import json
import shutil
import tomllib
from pathlib import Path

import pytest
from readers import Outline, rendered
from runs import case, numbered, outcome, reported, save

from eval import report
from eval.report import LATEST, compare, keep_latest, load_summary, render, write_report
from eval.run import Outcome
from rag.errors import InputError

HOSTILE = "<script>hacked=1</script><img src=x onerror=hacked=1>\"'[x](javascript:hacked) {{ 7*7 }}"


def test_templates_and_tables_are_packaged() -> None:
    root = Path(__file__).parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    for package, patterns in project["tool"]["setuptools"]["package-data"].items():
        for path in (*(root / package).rglob("*.toml"), *(root / package).rglob("templates/*.*")):
            name = path.relative_to(root / package)
            assert any(name.match(pattern) for pattern in patterns), path


def test_failed_cases_are_named_and_in_no_figure_and_untrusted_text_is_no_markup(
    tmp_path: Path,
) -> None:
    failed = Outcome(case("c2"), error="ModelError: down |\x1b[2J\n" + "x " * 300)
    good = outcome(case("c1"), facts=1.0, **{"rep@10": 1.0, "ev@10": 0.5})
    french = outcome(case("f", lang="fr"), **{"rep@10": 0.0})
    out = save(tmp_path / "a", good, french, failed, cases=9)
    table = write_report(out)
    assert "- **1 of 2** questions about one report" in table
    assert "3 of 9 cases asked" in table
    assert "(the run was interrupted)" in table
    assert "| single | 1 | 1.00 [1.00, 1.00] | 0.50 [0.50, 0.50] |" in table
    assert r"- c2: ModelError: down \|\[2J x x" in table
    assert "\x1b" not in table
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert (summary["groups"]["single"]["n"], summary["groups"]["single"]["errors"]) == (1, 1)
    assert summary["groups"]["all"]["metrics"]["facts"]["mean"] == 1.0
    assert (summary["run"]["index"], summary["run"]["answered_by"]) == (["f1"], ["extractive"])
    assert "No question was answered." in write_report(save(tmp_path / "b", failed))
    bad = outcome(case(f"c{HOSTILE}"), mode=HOSTILE, index=HOSTILE, refused=0.0)
    failed = Outcome(case(f"f{HOSTILE}"), error=HOSTILE)
    shown = Outline(rendered(write_report(save(tmp_path / "c", bad, failed))))
    shown.is_inert()
    assert not shown.all("a")


def test_the_latest_run_over_an_index_is_kept_in_its_folder(tmp_path: Path) -> None:
    index, out = tmp_path / "index", tmp_path / "run"
    index.mkdir()
    assert load_summary(index / LATEST) is None
    for mode in ("extractive", "gpt-4.1-mini"):
        shutil.rmtree(out, ignore_errors=True)
        keep_latest(reported(out, outcome(case("s"), mode=mode)), index)
        assert load_summary(index / LATEST).run.answered_by == (mode,)
    assert [path.name for path in index.iterdir()] == [LATEST]
    with pytest.raises(InputError, match="can't be kept there"):
        keep_latest(out, tmp_path / "nowhere")
    for text in ("", '{"run": {"date": "soon"}}', "\xff"):
        (index / LATEST).write_text(text, encoding="latin-1")
        with pytest.raises(InputError, match=r"not a summary of a run.*eval run"):
            load_summary(index / LATEST)


def test_intervals_and_p_values_are_those_computed_by_hand() -> None:
    half = report.estimate([0.0, 1.0] * 50)
    assert (half.mean, half.n) == (0.5, 100)
    # The standard error is 0.05, so the normal interval reaches from 0.402 to 0.598.
    assert (half.low, half.high) == pytest.approx((0.402, 0.598), abs=0.015)
    assert (report.estimate([0.3]).low, report.estimate([0.3]).high) == (0.3, 0.3)
    assert report.estimate([1.0, 0.0], [3, 1]).mean == 0.75
    nine, half = report.proportion(9, 9), report.proportion(5, 10)
    assert (nine.mean, nine.low, nine.high) == (1.0, pytest.approx(0.701, abs=0.001), 1.0)
    assert (half.low, half.high) == pytest.approx((0.237, 0.763), abs=0.001)
    # P values count patterns of signs and are corrected by rank.
    assert report.randomisation_p([1.0, 1.0, 1.0]) == 0.25  # two of eight patterns are as extreme
    assert report.randomisation_p([1.0, -1.0] * 20) > 0.9
    assert report.randomisation_p([1.0] * 40) == 1 / 10_001
    assert report.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert report.holm([0.5, 0.9]) == [1.0, 1.0]


def test_groups_keep_languages_apart_and_leave_out_what_does_not_apply() -> None:
    outcomes = [
        outcome(case("c1"), 3, ev_cited=1.0, quote_ok=1.0),
        outcome(case("c2"), 1, ev_cited=0.5, quote_ok=0.0),
        *(outcome(case(f"f{i}", lang="fr"), ev_cited=0.0) for i in range(4)),
        outcome(case("c4", "unanswerable"), refused=1.0),
    ]
    groups = report.aggregate(outcomes)
    assert list(groups) == ["single", "unanswerable", "crosslingual", "all"]
    assert (groups["single"].metrics["ev_cited"].mean, groups["single"].n) == (0.75, 2)
    everywhere = groups["all"].metrics["ev_cited"]
    assert (everywhere.mean, everywhere.n) == (0.25, 6)
    assert "ev_cited" not in groups["unanswerable"].metrics
    # Quotes count one by one, whatever the answer.
    assert groups["single"].metrics["quote_ok"].mean == 0.75


def test_the_headline_counts_cases() -> None:
    outcomes = [
        outcome(case("1"), refused=0.0, cite_rec=1.0, facts=1.0, **{"rep@10": 1.0}),
        outcome(case("2"), refused=0.0, cite_rec=0.0, facts=0.5, **{"rep@10": 0.0}),
        outcome(case("3"), refused=1.0, facts=0.0, **{"rep@10": 1.0}),
        outcome(case("x", "cross"), refused=0.0, cite_rec=0.5, **{"rep@10": 0.0}),
        outcome(case("l", "listing"), refused=0.0, list_exact=1.0),
        *(outcome(case(f"u{i}", "unanswerable"), refused=float(i > 0)) for i in range(4)),
        Outcome(case("e"), error="x"),
    ]
    found = {headline.name: headline for headline in report.headlines(outcomes)}
    # Of the wrong ones one cites no right report, one answers what isn't there.
    assert {name: (headline.hits, headline.share.n) for name, headline in found.items()} == {
        "found": (2, 3), "wrong": (2, 4), "facts": (None, 3), "refused": (3, 4),
        "refused_wrongly": (1, 5), "lists": (1, 1),
    }  # fmt: skip
    assert report.headline_count(found["found"]) == "2 of 3"
    assert report.headline_note(found["refused"]) == "75%, 95 % interval 30–95%"


def test_a_clear_difference_is_named_with_its_cases(tmp_path: Path) -> None:
    after = [*numbered(8, ev_cited=1.0, facts=1.0), outcome(case("c8"), ev_cited=0.25, facts=1.0)]
    a = save(tmp_path / "a", *numbered(9, ev_cited=0.5, facts=1.0))
    comparison = compare(a, save(tmp_path / "b", *after))
    assert (comparison.metrics("better"), comparison.metrics("worse")) == (["ev_cited"], [])
    assert comparison.headline == "Of 2 figures, B is better in 1 (ev_cited)."
    # With two metrics tested, Holm doubles the smaller p.
    (ev_cited,) = (d for d in comparison.differences if d.metric == "ev_cited")
    assert ev_cited.p_holm == pytest.approx(2 * ev_cited.p)
    text = render("compare.md.jinja", comparison=comparison)
    assert "| ev_cited | 9 | 0.500 | 0.917 | +0.417 |" in text
    assert "## Got better (8)" in text
    assert "## Got worse (1)\n\n- c8 (single): Why?: ev_cited 0.50 -> 0.25" in text


def test_only_the_same_answered_cases_are_paired(tmp_path: Path) -> None:
    a = save(tmp_path / "a", *numbered(4, ev_cited=0.5), outcome(case("x"), ev_cited=0.0))
    first, _, _, last = numbered(4, ev_cited=0.5)
    changed = outcome(case("c1", question="Who?"), ev_cited=1.0)
    failed = Outcome(case("c2"), error="ModelError: down")
    b = save(tmp_path / "b", first, changed, failed, last)
    text = render("compare.md.jinja", comparison=compare(a, b))
    assert "2 cases paired; 3 are of one run alone, or failed or are others in one." in text
    with pytest.raises(InputError, match="no answered case in common"):
        compare(a, save(tmp_path / "c", outcome(case("other"), ev_cited=1.0)))
    with pytest.raises(InputError, match=r"outcomes\.jsonl: can't be read"):
        compare(a, tmp_path / "none")
