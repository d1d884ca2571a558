"""The summary of a run: what it leaves out, and which run is the latest over an index."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from runs import case, outcome, save

from eval.cases import Case
from eval.report.pages import write_report
from eval.report.summary import LATEST, keep_latest, latest, load_summary
from eval.run import Outcome
from rag.errors import InputError, SettingsError
from rag.settings import Settings
from tests.eval.report.test_diagnosis import answered


def report_of(out: Path, *outcomes: Outcome) -> Path:
    write_report(save(out, *outcomes))
    return out


def test_the_latest_run_over_an_index_is_kept_in_its_folder(tmp_path: Path) -> None:
    index, out = tmp_path / "index", tmp_path / "run"
    index.mkdir()
    assert latest(Settings(index=index)) is None
    for mode in ("extractive", "gpt-4.1-mini"):
        shutil.rmtree(out, ignore_errors=True)
        keep_latest(report_of(out, outcome(case("s"), mode=mode)), index)
        summary = latest(Settings(index=index))
        assert summary
        assert summary.run.answered_by == (mode,)
    assert [path.name for path in index.iterdir()] == [LATEST]
    assert latest(Settings(index=tmp_path / "other", evaluation=out)) == summary
    with pytest.raises(SettingsError, match=r"no summary\.json of a run in it"):
        latest(Settings(evaluation=tmp_path))
    with pytest.raises(InputError, match="ASKLABS_EVALUATION="):
        keep_latest(out, tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["", "{}", '{"run": {"date": "soon"}}', "\xff"])
def test_a_damaged_run_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / LATEST).write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=r"not a summary of a run.*eval run"):
        latest(Settings(index=tmp_path))


def test_questions_of_readers_are_counted_but_not_shown(tmp_path: Path) -> None:
    asked = Case("feedback-1", "single", "en", "Something private?", ("boats",))
    out = report_of(tmp_path / "run", answered(asked, ("x",), ("x",), scores={"rep@10": 0.0}))
    text = (out / "summary.json").read_text(encoding="utf-8")
    assert "private" not in text
    assert json.loads(text)["causes"] == {"not_found": 1}
    assert "private" in (out / "report.html").read_text(encoding="utf-8")


def test_a_summary_keeps_long_texts_short(tmp_path: Path) -> None:
    long = answered(found=("x",), cited=("x",), text="word " * 2000, scores={"rep@10": 0.0})
    (worst,) = load_summary(report_of(tmp_path / "run", long) / "summary.json").worst
    assert len(worst.answer) == 900
    assert worst.answer.endswith("…")
