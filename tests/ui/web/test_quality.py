"""The Quality view: which run is shown, its figures in words, and what stands there without one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from fake_engine import HOSTILE
from free_port import free_port
from runs import case, outcome, save

from eval.cases import Case
from eval.report.pages import write_report
from eval.report.summary import (
    LATEST,
    Summary,
    keep_latest,
    latest,
    load_summary,
)
from eval.run import Outcome
from rag.errors import InputError, SettingsError
from rag.i18n.translations import ENGLISH
from rag.settings import Settings, load_settings
from tests.eval.report.test_diagnosis import answered
from tests.eval.report.test_pages import hostile
from ui.server.start import start
from ui.web.quality import render_quality, render_unreadable, render_without_run


def a_run(out: Path, *outcomes: Outcome) -> Path:
    """A folder as `asklabs eval run` leaves it."""
    shutil.rmtree(out, ignore_errors=True)
    write_report(save(out, *outcomes))
    return out


def a_summary(out: Path, *outcomes: Outcome) -> Summary:
    return load_summary(a_run(out / "run", *outcomes) / "summary.json")


def test_figures_have_their_interval_n_and_words(tmp_path: Path) -> None:
    found = [
        *(outcome(case(f"s{i}"), **{"rep@10": float(i > 0), "quote_ok": 1.0}) for i in range(4)),
        outcome(case("u", "unanswerable"), refusal_ok=0.0),
        Outcome(case("e"), error="ModelError: gone"),
    ]
    summary = a_summary(tmp_path, *found)
    shown = render_quality(summary, "f1", ENGLISH)
    assert "<b>3 of 4</b><div>questions about one report: the right report is among" in shown
    assert "<span>75%, 95 % interval 30–95%</span>" in shown
    assert "<b>4 of 4</b><div>answers with quotes: every quote stands word for word" in shown
    one = summary.groups["single"].metrics["rep@10"]
    assert f'<span class="interval">{round(one.low * 100)}–{round(one.high * 100)}%' in shown
    assert 'role="img" aria-label="Report found: One report 75% · n 4, 95 % interval ' in shown
    assert 'aria-label="Where it goes wrong: ' in shown
    assert 'aria-label="Whole answer: ' in shown
    assert " · n 4" in shown
    assert "1 question failed and is in no figure." in shown
    assert "6 questions" in shown
    assert "12 ms" in shown
    for words in ("One report", "Not in the reports", "All questions", "Report found"):
        assert words in shown


def test_it_says_whether_the_index_is_the_one_being_served(tmp_path: Path) -> None:
    summary = a_summary(tmp_path, outcome(case("s"), index="0123456789abcdef"))
    assert "01234567: the index that is being served" in render_quality(
        summary, "0123456789abcdef", ENGLISH
    )
    other = render_quality(summary, "fedcba9876543210", ENGLISH)
    assert "01234567: not the index that is being served now (fedcba98)" in other


def test_what_a_run_names_is_escaped(tmp_path: Path) -> None:
    summary = a_summary(tmp_path, outcome(case("s"), index=HOSTILE, mode=HOSTILE), hostile())
    path = tmp_path / "run" / "summary.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    data["groups"][HOSTILE] = data["groups"]["single"]
    data["run"]["embedding"] = HOSTILE
    data["causes"][HOSTILE] = 3
    data["claims"][0]["name"] = HOSTILE
    data["worst"][0]["findings"] = [{"code": HOSTILE}]
    data["languages"][HOSTILE] = data["languages"]["en"]
    path.write_text(json.dumps(data), encoding="utf-8")
    assert summary.worst[0].question.startswith("<script>")
    for one in (summary, load_summary(path)):
        assert "<img" not in render_quality(one, HOSTILE, ENGLISH)
        assert "<script" not in render_quality(one, HOSTILE, ENGLISH)
    assert "<img" not in render_without_run(HOSTILE, ENGLISH)


def test_a_run_without_answers_has_a_page(tmp_path: Path) -> None:
    summary = a_summary(tmp_path, Outcome(case("e"), error="ModelError: gone"))
    assert "No question was answered." in render_quality(summary, "f1", ENGLISH)


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
    assert "asklabs eval run CASES.jsonl --out RUN --index my-index" in render_without_run(
        "my-index", ENGLISH
    )
    assert 'role="alert"' in render_unreadable(ENGLISH)


def test_the_worst_cases_are_folded_with_why(tmp_path: Path) -> None:
    lost = {"rep@10": 0.0, "refused": 0.0}
    shown = render_quality(
        a_summary(tmp_path, answered(found=("x",), cited=("x",), scores=lost)), "f1", ENGLISH
    )
    assert "<h3>What went worst</h3>" in shown
    assert '<details><summary><span class="ask" dir="auto">How many?</span>' in shown
    assert "<b>No right report in the first 20 passages</b>" in shown
    assert "<h4>Missing facts</h4>" not in shown
    assert "1: <bdi>x</bdi>" in shown
    assert "The lowest scores come first." in shown


def test_questions_of_readers_are_counted_but_not_shown(tmp_path: Path) -> None:
    asked = Case("feedback-1", "single", "en", "Something private?", ("boats",))
    out = a_run(tmp_path / "run", answered(asked, ("x",), ("x",), scores={"rep@10": 0.0}))
    text = (out / "summary.json").read_text(encoding="utf-8")
    assert "private" not in text
    assert json.loads(text)["causes"] == {"not_found": 1}
    assert "private" in (out / "report.html").read_text(encoding="utf-8")


def test_baselines_are_shown_beside(tmp_path: Path) -> None:
    def run(found: float) -> list[Outcome]:
        return [outcome(case(f"c{i}"), **{"rep@10": found, "facts": 0.5}) for i in range(9)]

    out = save(tmp_path / "run", *run(1.0))
    save(out / "baselines" / "plain", *run(0.0))
    save(out / "baselines" / HOSTILE.replace("/", ""), *run(0.5))
    write_report(out)
    shown = render_quality(load_summary(out / "summary.json"), "f1", ENGLISH)
    assert "<h3>Beside simpler ways</h3>" in shown
    assert "Plain llama-index 0% · n 9" in shown
    assert '<b>+100</b><span class="interval">+100 … +100 · n 9</span>' in shown
    assert '<b>+0</b><span class="interval">+0 … +0 · n 9 · no difference</span>' in shown
    assert "<img" not in shown


def test_a_summary_of_before_claims_and_cases_is_still_shown(tmp_path: Path) -> None:
    out = a_run(tmp_path / "run", outcome(case("s"), **{"rep@10": 1.0}))
    data = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    old = {name: data[name] for name in ("run", "groups", "errors")}
    (out / "summary.json").write_text(json.dumps(old), encoding="utf-8")
    shown = render_quality(load_summary(out / "summary.json"), "f1", ENGLISH)
    assert "Report found: One report 100% · n 1" in shown
    assert "What went worst" not in shown


def test_a_summary_keeps_long_texts_short(tmp_path: Path) -> None:
    long = answered(found=("x",), cited=("x",), text="word " * 2000, scores={"rep@10": 0.0})
    (told,) = a_summary(tmp_path, long).worst
    assert len(told.answer) == 900
    assert told.answer.endswith("…")
