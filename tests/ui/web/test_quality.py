"""The Quality view: its figures in words, and no text of a run is markup."""

from dataclasses import replace
from pathlib import Path

from fake_engine import HOSTILE
from runs import case, hostile, outcome, reported, save

from eval.report import Summary, load_summary
from eval.run import Outcome
from rag.i18n.translations import ENGLISH
from ui.web.quality import render_quality, render_without_run


def summary_of(out: Path, *outcomes: Outcome) -> Summary:
    return load_summary(reported(out, *outcomes) / "summary.json")


def test_figures_have_their_interval_n_and_words(tmp_path: Path) -> None:
    outcomes = [
        *(outcome(case(f"s{i}"), **{"rep@10": float(i > 0), "quote_ok": 1.0}) for i in range(4)),
        outcome(case("u", "unanswerable"), refusal_ok=0.0),
        Outcome(case("e"), error="ModelError: gone"),
    ]
    summary = summary_of(tmp_path / "run", *outcomes)
    html = render_quality(summary, "f1", ENGLISH)
    estimate = summary.groups["single"].metrics["rep@10"]
    for words in (
        "<b>3 of 4</b><div>questions about one report: the right report is among",
        "<span>75%, 95 % interval 30–95%</span>",
        f'<span class="interval">{estimate.low * 100:.0f}–{estimate.high * 100:.0f}% · n 4',
        "Not in the reports",
        "1 question failed and is in no figure.",
        "6 questions",
        "10 ms",
        "f1: the index that is being served",
        "<b>4 of 4</b><div>answers with quotes: every quote stands word for word",
    ):
        assert words in html, words
    served = render_quality(summary, "f2", ENGLISH)
    assert "f1: not the index that is being served now (f2)" in served
    failed = summary_of(tmp_path / "failed", outcomes[-1])
    assert "No question was answered." in render_quality(failed, "f1", ENGLISH)


def test_what_a_run_names_is_escaped(tmp_path: Path) -> None:
    run = [outcome(case("s"), index=HOSTILE, mode=HOSTILE), hostile()]
    save(tmp_path / "run" / "baselines" / HOSTILE.replace("/", ""), *run)
    summary = summary_of(tmp_path / "run", *run)
    forged = replace(
        summary,
        run=replace(summary.run, embedding=HOSTILE),
        groups={**summary.groups, HOSTILE: summary.groups["single"]},
        claims=(replace(summary.claims[0], name=HOSTILE),),
    )
    for html in (
        render_quality(summary, HOSTILE, ENGLISH),
        render_quality(forged, HOSTILE, ENGLISH),
        render_without_run(ENGLISH),
    ):
        assert "<img" not in html
        assert "<script" not in html
