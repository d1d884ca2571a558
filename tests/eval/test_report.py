"""Reports of runs: complete, kept for the page, no text is markup."""

import json
import shutil
import tomllib
from pathlib import Path

import pytest
from readers import Outline, rendered
from runs import case, outcome, reported, save

from eval.report import LATEST, keep_latest, load_summary, write_report
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


def test_untrusted_text_is_no_markup(tmp_path: Path) -> None:
    bad = outcome(case(f"c{HOSTILE}"), mode=HOSTILE, index=HOSTILE, refused=0.0)
    table = write_report(save(tmp_path, bad, Outcome(case(f"f{HOSTILE}"), error=HOSTILE)))
    shown = Outline(rendered(table))
    shown.is_inert()
    assert not shown.all("a")


def test_failed_cases_are_named_and_in_no_figure(tmp_path: Path) -> None:
    failed = Outcome(case("c2"), error="ModelError: down |\x1b[2J\n" + "x " * 300)
    good = outcome(case("c1"), mrr=0.5, facts=1.0, **{"rep@10": 1.0})
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
