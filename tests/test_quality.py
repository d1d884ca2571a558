"""The Quality view: which run is shown, its figures in words, and what stands there without one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_engine import HOSTILE
from free_port import free_port

from eval.cases import Case, case_to_dict
from eval.report import write_report
from eval.run import Outcome, run_record
from eval.summary import LATEST, Summary, keep_latest, latest, load_summary
from rag.errors import InputError, SettingsError
from rag.settings import Settings, load_settings
from ui.quality import quality, unreadable, without_run
from ui.starting import start


def case(name: str, kind: str = "single") -> Case:
    gold = () if kind == "unanswerable" else ("a",)
    return Case(name, kind, "en", "Why?", gold)  # type: ignore[arg-type]


def outcome(asked: Case, index: str = "f1", mode: str = "extractive", **scores: float) -> Outcome:
    answer = {"citations": [{}], "mode": mode, "index": index}
    return Outcome(asked, answer, scores, {"total_ms": 12.0})


def a_run(out: Path, *outcomes: Outcome) -> Path:
    """A folder as `asklabs eval run` leaves it."""
    out.mkdir(parents=True, exist_ok=True)
    record = run_record(Settings(), [one.case for one in outcomes])
    (out / "run.json").write_text(json.dumps(record), encoding="utf-8")
    lines = [
        json.dumps(
            {
                "id": one.case.id,
                "error": one.error,
                "scores": dict(one.scores),
                "timings": dict(one.timings),
                "case": case_to_dict(one.case),
                "answer": one.answer,
            }
        )
        for one in outcomes
    ]
    (out / "outcomes.jsonl").write_text("\n".join([*lines, ""]), encoding="utf-8")
    write_report(out)
    return out


def a_summary(out: Path, *outcomes: Outcome) -> Summary:
    return load_summary(a_run(out, *outcomes) / "summary.json")


def test_figures_have_their_interval_n_and_words(tmp_path: Path) -> None:
    found = [
        *(outcome(case(f"s{i}"), **{"rep@10": float(i > 0), "quote_ok": 1.0}) for i in range(4)),
        outcome(case("u", "unanswerable"), refusal_ok=0.0),
        Outcome(case("e"), error="ModelError: gone"),
    ]
    summary = a_summary(tmp_path, *found)
    shown = quality(summary, "f1")
    assert "<b>75%</b> of the reports asked about are among the first 10 passages found" in shown
    assert "<b>100%</b> of the quotes are verbatim" in shown
    one = summary.groups["single"].metrics["rep@10"]
    assert f'<b>75%</b><span class="line" aria-hidden="true" style="--low:{one.low:.3f};' in shown
    assert f"{round(one.low * 100)}–{round(one.high * 100)}%" in shown
    assert " · n 4" in shown
    assert "1 question failed and is in no figure." in shown
    assert "6 questions" in shown
    assert "12 ms" in shown
    for words in ("One report", "Not in the reports", "All questions", "Report found"):
        assert words in shown


def test_it_says_whether_the_index_is_the_one_being_served(tmp_path: Path) -> None:
    summary = a_summary(tmp_path, outcome(case("s"), index="0123456789abcdef"))
    assert "01234567: the index that is being served" in quality(summary, "0123456789abcdef")
    other = quality(summary, "fedcba9876543210")
    assert "01234567: not the index that is being served now (fedcba98)" in other


def test_what_a_run_names_is_escaped(tmp_path: Path) -> None:
    summary = a_summary(tmp_path, outcome(case("s"), index=HOSTILE, mode=HOSTILE))
    data = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    data["groups"][HOSTILE] = data["groups"]["single"]
    data["run"]["embedding"] = HOSTILE
    (tmp_path / "summary.json").write_text(json.dumps(data), encoding="utf-8")
    for one in (summary, load_summary(tmp_path / "summary.json")):
        assert "<img" not in quality(one, HOSTILE)
        assert "<script" not in quality(one, HOSTILE)
    assert "<img" not in without_run(HOSTILE)


def test_a_run_without_answers_has_a_page(tmp_path: Path) -> None:
    summary = a_summary(tmp_path, Outcome(case("e"), error="ModelError: gone"))
    assert "No question was answered." in quality(summary, "f1")


def test_the_latest_run_over_an_index_is_kept_in_its_folder(tmp_path: Path) -> None:
    index = tmp_path / "index"
    settings = Settings(index=index)
    assert latest(settings) is None
    index.mkdir()
    for mode in ("extractive", "gpt-4.1-mini"):
        keep_latest(a_run(tmp_path / "run", outcome(case("s"), mode=mode)), index)
        found = latest(settings)
        assert found
        assert found.run.answered_by == (mode,)
    assert sorted(path.name for path in index.iterdir()) == [LATEST]
    with pytest.raises(InputError, match="ASKLABS_EVALUATION="):
        keep_latest(tmp_path / "run", tmp_path / "nowhere")


def test_a_setting_names_another_run(tmp_path: Path) -> None:
    out = a_run(tmp_path / "run", outcome(case("s")))
    settings = load_settings({"ASKLABS_EVALUATION": str(out)}, Path("none.toml"))
    assert settings.evaluation == out
    assert latest(settings)


def test_a_setting_without_a_run_is_refused_before_the_page_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")  # set by the start, and taken back here
    with pytest.raises(SettingsError, match=r"no summary\.json of a run in it"):
        start(Settings(evaluation=tmp_path, port=free_port()))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"run": {"date": "soon"}}', "\xff"])
def test_a_damaged_run_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / LATEST).write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=r"not a summary of a run.*eval run"):
        latest(Settings(index=tmp_path))


def test_without_a_run_it_says_what_to_type() -> None:
    assert "asklabs eval run CASES.jsonl --out RUN --index my-index" in without_run("my-index")
    assert 'role="alert"' in unreadable()
