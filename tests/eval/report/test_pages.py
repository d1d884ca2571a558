"""Reports of runs as page, text and data: complete, each case with a place, no text is markup."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

from readers import Outline, rendered
from runs import case, outcome, save

from eval.cases import Case, Evidence
from eval.report.pages import write_report
from eval.run import Outcome
from rag.types import Turn
from tests.eval.report.test_diagnosis import BOATS, answered

HOSTILE = "<script>hacked=1</script><img src=x onerror=hacked=1>\"'[x](javascript:hacked) {{ 7*7 }}"


def page_of(out: Path) -> str:
    write_report(out)
    return (out / "report.html").read_text(encoding="utf-8")


def hostile() -> Outcome:
    """A case all of whose texts try to become markup."""
    case_ = Case(
        f"c {HOSTILE}",
        "single",
        "en",
        HOSTILE,
        (HOSTILE,),
        (Evidence(HOSTILE, HOSTILE),),
        (HOSTILE,),
        alt_reports=(f"alt{HOSTILE}",),
        history=(Turn("user", HOSTILE),),
    )
    answer = answered(case_, found=("x",), cited=("x",), text=HOSTILE).answer or {}
    cited = [{"n": 1, "report": HOSTILE, "quote": HOSTILE, "status": HOSTILE}]
    passages = [{"rank": 1, "report": HOSTILE, "text": HOSTILE}]
    named = {"mode": HOSTILE, "index": HOSTILE}
    changed = {**answer, "citations": cited, "passages": passages, **named}
    return Outcome(case_, changed, {"rep@10": 0.0, "refused": 0.0}, {"total_ms": 5.0})


def test_the_page_asks_for_nothing_and_runs_nothing(tmp_path: Path) -> None:
    text = page_of(save(tmp_path / "a", answered(found=("x",), scores={"mrr": 0.5})))
    page = Outline(text)
    page.is_inert()
    assert {tag for tag, _ in page.tags}.isdisjoint({"link", "form", "input"})
    assert all(value.startswith("#") for value in page.values("href"))
    assert any(value.startswith("default-src 'none'") for value in page.values("content"))
    assert "url(" not in text
    assert "@import" not in text


def test_templates_are_packaged() -> None:
    root = Path(__file__).parents[3]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["eval"]
    for path in (*(root / "eval/report/templates").iterdir(), root / "eval/list_questions.toml"):
        name = path.relative_to(root / "eval")
        assert any(name.match(pattern) for pattern in patterns), name


def test_untrusted_text_is_no_markup(tmp_path: Path) -> None:
    out = save(tmp_path / "a", hostile(), Outcome(case(f"f{HOSTILE}"), error=HOSTILE))
    page = page_of(out)
    Outline(page).is_inert()
    assert "&lt;script&gt;hacked=1" in page
    assert "{{ 7*7 }}" in page
    for name in ("report.md", "table.md"):
        shown = Outline(rendered((out / name).read_text(encoding="utf-8")))
        shown.is_inert()
        assert not shown.all("a")


def test_every_case_has_a_place_and_the_worst_come_first(tmp_path: Path) -> None:
    def about_boats(name: str) -> Case:
        return Case(name, "single", "en", "Why?", ("boats",))

    good = [answered(about_boats(f"g{i}"), ("boats",), ("boats",)) for i in range(3)]
    lost = {"rep@10": 0.0}
    bad = [answered(about_boats(f"b{i:02}"), ("x",), ("x",), scores=lost) for i in range(24)]
    page = page_of(save(tmp_path / "a", *good, *bad))
    ids = Outline(page).values("id")
    places = [name for name in ids if name.startswith("case-")]
    assert len(ids) == len(set(ids))
    assert len(places) == 27
    assert places[:20] == [f"case-b{i:02}" for i in range(20)]
    assert "The other 7 cases" in page


def test_a_report_has_headline_figures_cases_and_record(tmp_path: Path) -> None:
    scored = [outcome(case(f"c{i}"), **{"rep@10": float(i > 0), "refused": 0.0}) for i in range(4)]
    french = outcome(case("f", lang="fr"), **{"rep@10": 1.0})
    bad = answered(found=("x", "boats"), cited=("x",), text="Nine boats [1].")
    out = save(tmp_path / "a", *scored, french, bad, cases=9)
    page = re.sub(r"\s+", " ", page_of(out))
    for words in (
        "<b>4 of 5</b>",
        "6 questions of 9 (the run was interrupted)",
        'aria-label="Report found: One report 75% · n 4, 95 % interval ',
        '<th scope="row">French</th>',
        BOATS.evidence[0].quote,
        "found at rank 2",
        "right report, evidence at 2",
        "Nine boats [1].",
    ):
        assert words in page, words
    text = (out / "report.md").read_text(encoding="utf-8")
    assert "- **4 of 5** questions about one report" in text
    assert "## By language of the question" in text
    assert "- **Right report found, but others cited (rank 2)**" in text
    assert "- fact missing: 12 boats" in text


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
    assert "No question was answered." in page_of(save(tmp_path / "b", failed))
