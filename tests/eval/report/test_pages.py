"""Reports of runs: complete, each case with a place and a cause, no text is markup."""

import json
import shutil
import tomllib
from pathlib import Path

import pytest
from readers import Outline, rendered
from runs import BOATS, HOSTILE, answered, case, hostile, outcome, reported, save

from eval.cases import Case
from eval.report.diagnosis import diagnose
from eval.report.pages import LATEST, keep_latest, latest, load_summary, write_report
from eval.run import Outcome
from rag.errors import InputError
from rag.settings import Settings


def test_templates_are_packaged() -> None:
    root = Path(__file__).parents[3]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["eval"]
    for path in (root / "eval/report/templates").iterdir():
        name = path.relative_to(root / "eval")
        assert any(name.match(pattern) for pattern in patterns), name


def test_untrusted_text_is_no_markup(tmp_path: Path) -> None:
    table = write_report(save(tmp_path, hostile(), Outcome(case(f"f{HOSTILE}"), error=HOSTILE)))
    shown = Outline(rendered(table))
    shown.is_inert()
    assert not shown.all("a")


def test_a_report_has_headline_figures_causes_and_record(tmp_path: Path) -> None:
    scored = [outcome(case(f"c{i}"), **{"rep@10": float(i > 0), "refused": 0.0}) for i in range(4)]
    french = outcome(case("f", lang="fr"), **{"rep@10": 1.0})
    bad = answered(found=("x", "boats"), cited=("x",), text="Nine boats [1].")
    text = write_report(save(tmp_path, *scored, french, bad, cases=9))
    assert "- **4 of 5** questions about one report" in text
    assert "- 1: Right report found, but others cited" in text
    assert "6 of 9 cases asked" in text
    assert "(the run was interrupted)" in text


def test_failed_cases_are_named_and_in_no_figure(tmp_path: Path) -> None:
    failed = Outcome(case("c2"), error="ModelError: down |\x1b[2J\n" + "x" * 300)
    out = save(tmp_path / "a", outcome(case("c1"), mrr=0.5, facts=1.0), failed)
    table = write_report(out)
    assert "| single | 1 | 0.50 [0.50, 0.50] |" in table
    assert r"- c2: ModelError: down \| \[2J xxx" in table
    assert "\x1b" not in table
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert (summary["groups"]["single"]["n"], summary["groups"]["single"]["errors"]) == (1, 1)
    assert summary["groups"]["all"]["metrics"]["facts"]["mean"] == 1.0
    assert (summary["run"]["index"], summary["run"]["answered_by"]) == (["f1"], ["extractive"])
    assert "No question was answered." in write_report(save(tmp_path / "b", failed))


def test_the_latest_run_over_an_index_is_kept_in_its_folder(tmp_path: Path) -> None:
    index, out = tmp_path / "index", tmp_path / "run"
    index.mkdir()
    assert latest(Settings(index=index)) is None
    for mode in ("extractive", "gpt-4.1-mini"):
        shutil.rmtree(out, ignore_errors=True)
        keep_latest(reported(out, outcome(case("s"), mode=mode)), index)
        summary = latest(Settings(index=index))
        assert summary
        assert summary.run.answered_by == (mode,)
    assert [path.name for path in index.iterdir()] == [LATEST]
    with pytest.raises(InputError, match="can't be kept there"):
        keep_latest(out, tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["", '{"run": {"date": "soon"}}', "\xff"])
def test_a_damaged_run_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / LATEST).write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=r"not a summary of a run.*eval run"):
        latest(Settings(index=tmp_path))


def test_a_summary_is_short_and_without_questions_of_readers(tmp_path: Path) -> None:
    asked = Case("feedback-1", "single", "en", "Something private?", ("boats",))
    bad = {"found": ("x",), "cited": ("x",), "scores": {"rep@10": 0.0}}
    out = reported(tmp_path / "run", answered(asked, **bad), answered(text="word " * 2000, **bad))
    summary = load_summary(out / "summary.json")
    assert [len(worst.answer) for worst in summary.worst] == [900]
    assert summary.causes == {"not_found": 2}
    assert "private" not in (out / "summary.json").read_text(encoding="utf-8")


SEVERAL = Case("x", "cross", "en", "Who?", ("a", "b", "c"))
LISTING = case("l", "listing")
RANKED = Case("r", "tags", "en", "Which?", (), ranking=(("Pilots", 9), ("Surveys", 4)))
NONE = case("u", "unanswerable")


def boats(text: str = "12 boats [1].", **scores: float) -> Outcome:
    """An answer from the right report, with these scores."""
    return answered(found=("boats",), cited=("boats",), text=text, scores=scores)


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (boats(), []),
        (boats(ev_cited=0.0), ["evidence_not_cited"]),
        (boats("Some."), ["facts_missing"]),
        (boats(quote_ok=0.5), ["not_verbatim"]),
        (answered(found=("boats", "x"), cited=("boats", "x")), ["other_cited"]),
        (answered(found=("x", "boats"), cited=("x",)), ["not_cited"]),
        (answered(found=("x",), cited=("x",)), ["not_found", "evidence_not_found"]),
        (answered(found=("x",), refused=True), ["refused", "not_found", "evidence_not_found"]),
        (Outcome(BOATS, error="ModelError: down"), ["error"]),
        (answered(SEVERAL, found=("a", "b"), cited=("a",)), ["some_not_found", "some_not_cited"]),
        (answered(NONE), ["answered"]),
        (answered(NONE, refused=True), []),
        (answered(LISTING, cited=("b",)), ["list_lacks", "list_extra"]),
        (answered(RANKED, text="Pilots: 9."), ["facts_missing"]),
        (answered(RANKED, text="Pilots: 9, surveys: 4."), []),
    ],
)
def test_the_cause_is_named_by_rules(of: Outcome, expected: list[str]) -> None:
    report = diagnose(of)
    assert list(report.causes) == expected
    assert report.cause == (expected[0] if expected else "right")
