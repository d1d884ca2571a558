"""Stress tests: what changes do to questions and collections, and what the table shows."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from openai_server import Reply, ScriptedServer
from pydantic import SecretStr

from eval.cases import (
    Case,
    Evidence,
    case_to_dict,
    load_cases,
)
from eval.compare import Difference, Verdict
from eval.list_questions import list_questions
from eval.perturbations import (
    COPY,
    INSTRUCTIONS,
    batches,
    chosen_reports,
    double,
    plain,
    plant,
    translated,
    typos,
    upper,
    with_country,
    with_year,
)
from eval.run import load_outcomes, run_cases
from eval.stats import Estimate
from eval.stress import (
    NOT_APPLICABLE,
    VARIANTS,
    Stress,
    Variant,
    stress_markdown,
)
from rag.catalog.fields import ReportInfo
from rag.engine import Engine
from rag.models.chat import make_chat
from rag.settings import Settings

pytest_plugins = ("command_line",)

CASE = Case("c", "single", "en", "How many 1,200 kg boats did São Tomé’s lab repair?", ("a",))
LISTING = Case(
    "l",
    "listing",
    "en",
    list_questions("en", {"methods": "Sensemaking", "year": "2022"})[1],
    ("a", "b"),
    gold_filter={"methods": ("Sensemaking", "sense making"), "year": 2022},
)
REPORTS = {
    "a": ReportInfo("a", "A", ("Fiji",), ("FJ",), 2022),
    "b": ReportInfo("b", "B", ("Fiji",), ("FJ",), 2022),
    "c": ReportInfo("c", "C", ("Mali",), ("ML",), 2023),
    "d": ReportInfo("d", "D", ("Mali",), ("ML",), None),
}


def chance() -> random.Random:
    return random.Random(5)


def question(changed: Case | None) -> str:
    assert changed is not None
    return changed.question


def test_typos_change_some_words_by_one_slip_each() -> None:
    for seed in range(50):
        text = question(typos(CASE, random.Random(seed)))
        before, after = CASE.question.split(" "), text.split(" ")
        assert len(before) == len(after)
        moved = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
        assert 1 <= len(moved) <= 2
        for a, b in moved:
            assert abs(len(a) - len(b)) <= 1
            assert a[0] == b[0]
            assert not re.search(r"\d", a)
    assert question(typos(CASE, chance())) == question(typos(CASE, chance()))
    assert typos(replace(CASE, question="Why so?"), chance()) is None


def test_capitals_and_bare_words() -> None:
    assert question(upper(CASE, chance())) == "HOW MANY 1,200 KG BOATS DID SÃO TOMÉ’S LAB REPAIR?"
    assert question(plain(CASE, chance())) == "How many 1,200 kg boats did Sao Tome s lab repair"
    assert upper(replace(CASE, question="ماذا؟"), chance()) is None
    assert plain(replace(CASE, question="Why so"), chance()) is None


def test_a_filter_is_named_where_all_gold_reports_have_it() -> None:
    several = replace(CASE, question="What did boats cost?", reports=("a", "b"))
    assert question(with_year(several, REPORTS)) == "What did boats cost in 2022?"
    assert question(with_country(several, REPORTS)) == "What did boats cost in Fiji?"
    french = replace(several, lang="fr", question="Que coûtent les bateaux ?")
    assert question(with_year(french, REPORTS)) == "Que coûtent les bateaux en 2022 ?"
    assert question(with_country(french, REPORTS)) == "Que coûtent les bateaux (Fidji) ?"
    for other in (("a", "c"), ("d",), ()):
        assert with_year(replace(several, reports=other), REPORTS) is None
    assert with_country(replace(several, reports=("a", "c")), REPORTS) is None
    assert with_year(replace(several, question="What of 2021?"), REPORTS) is None
    assert with_country(replace(several, question="What of Peru?"), REPORTS) is None
    # Alternatives of another year go.
    quotes = (Evidence("a", "in 2022"), Evidence("c", "in 2023"))
    changed = with_year(replace(several, alt_reports=("c",), evidence=quotes), REPORTS)
    assert changed is not None
    assert (changed.alt_reports, changed.evidence) == ((), quotes[:1])


def test_lists_of_drafts_are_translated_without_a_model() -> None:
    changed = translated(LISTING, chance(), None, 1)
    assert changed is not None
    assert changed.lang != "en"
    tags = {"methods": "Sensemaking", "year": "2022"}
    assert changed.question == list_questions(changed.lang, tags)[1]
    assert translated(CASE, chance(), None, 1) is None
    assert translated(replace(LISTING, question="Which of 2022?"), chance(), None, 1) is None


def test_a_model_translates_other_questions_or_they_are_left_out(server: ScriptedServer) -> None:
    settings = Settings(model="openai:m", openai_api_key=SecretStr("k"), openai_base_url=server.url)
    llm = make_chat(settings, retries=0)
    boats = replace(CASE, question="How many boats did the lab in Fiji repair in 2022?")
    into = random.Random(5).choice(["fr", "es", "pt", "ar"])
    good = {
        "fr": "Combien de bateaux le laboratoire des Fidji a-t-il réparés en 2022 ?",
        "es": "¿Cuántos barcos reparó el laboratorio de Fiyi en el año 2022?",
        "pt": "Quantos barcos foram reparados pelo laboratório das Fiji em 2022?",
        "ar": "كم عدد القوارب التي أصلحها المختبر في فيجي عام 2022؟",
    }[into]
    server.script(Reply((good,)))
    changed = translated(boats, chance(), llm, 10)
    assert changed is not None
    assert (changed.question, changed.lang) == (good, into)
    for bad in (boats.question, good.replace("2022", "2023"), good * 9):
        server.script(Reply((bad,)))
        assert translated(boats, chance(), llm, 10) is None
    server.script(Reply(status=400))
    assert translated(boats, chance(), llm, 10) is None


def test_what_cases_accept_is_always_among_the_reports() -> None:
    case = replace(CASE, alt_reports=("d", "gone"))
    assert chosen_reports([case], REPORTS, 3, chance()) in (["a", "b", "d"], ["a", "c", "d"])
    assert chosen_reports([case], REPORTS, 1, chance()) == ["a", "d"]
    assert chosen_reports([case], REPORTS, 99, chance()) == ["a", "b", "c", "d"]


def test_instructions_stand_in_reports_that_a_case_does_not_accept(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.md" for name in "ab"]
    for path in paths:
        path.write_text("[[year:2022]]", "utf-8")
    marks = plant(paths, [CASE, replace(CASE, id="d", reports=("a", "b"))], chance())
    assert set(marks) == {"c"}
    assert paths[0].read_text("utf-8") == "[[year:2022]]"
    text = paths[1].read_text("utf-8")
    assert marks["c"] in text
    assert "boats" in text
    assert len({text.split("{mark}")[0] for text in INSTRUCTIONS}) == len(INSTRUCTIONS)


def test_copies_and_lots_hold_all_files(tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.md" for n in range(6)]
    for path in paths:
        path.write_text(f"[[year:{path.stem}]]", "utf-8")
    copies = double(paths)
    assert [copy.stem for copy in copies] == [f"{path.stem}{COPY}" for path in paths]
    assert copies[0].read_text("utf-8").strip() == "[[year:0]]"
    assert copies[0].read_bytes() != paths[0].read_bytes()
    lots = batches(paths, chance())
    assert sorted(path for lot in lots for path in lot) == paths
    assert len(lots) == 4
    assert [path for lot in lots for path in lot] != paths


def moved(mean: float, low: float, high: float, verdict: Verdict) -> Mapping[str, Difference]:
    change = Estimate(mean, low, high, 20)
    return {"rep@10": Difference("all", "rep@10", 0.9, 0.9 + mean, change, 0.1, 0.2, verdict)}


def test_the_table_tells_what_got_worse_and_what_did_not() -> None:
    tried = (
        Variant("typos", 20, changes=moved(-0.3, -0.4, -0.2, "unclear"), failed=1),
        Variant("upper", 20, changes=moved(0.0, 0.0, 0.0, "no difference")),
        Variant("injected", 20, changes=moved(-0.1, -0.2, 0.1, "no difference"), obeyed=2),
        Variant("year", note=NOT_APPLICABLE),
    )
    text = stress_markdown(Stress(tried, 20, 90, 30, 7))
    assert "**Got worse**: typos (rep@10)." in text
    assert "| typos | 20 | **-0.30 [-0.40, -0.20] (20)** |" in text
    assert "| upper | 20 | 0 (20) |" in text
    assert "| injected | 20 | -0.10 [-0.20, +0.10] (20) |" in text
    assert "| year" not in text
    assert f"({NOT_APPLICABLE})" in text
    assert "2 answers obey or quote it" in text
    assert "1 failed" in text
    assert "30 of the 90 reports" in text
    assert "**Nothing got worse**" in stress_markdown(Stress(tried[1:], 20, 90, 0, 7))
    assert "**Nothing was asked.**" in stress_markdown(Stress(tried[3:], 20, 90, 0, 7))


@pytest.mark.slow
def test_the_command_compares_changed_cases_and_collections(
    run: Any, sample_index: Path, sample_cases: tuple[Case, ...], tmp_path: Path
) -> None:
    few = [c for c in sample_cases if c.type in ("single", "listing") and c.lang == "en"][:4]
    few.append(replace(LISTING, reports=few[0].reports))
    path, out = tmp_path / "few.jsonl", tmp_path / "stress"
    path.write_text("\n".join(json.dumps(case_to_dict(case)) for case in few), "utf-8")
    before = sorted(sample_index.rglob("*"))
    done = run(
        *("eval", "stress", path, "--out", out, "--index", sample_index, "--reports", "6"),
        *("--only", "upper, language,injected,doubled,shuffled"),
    )
    assert done.code == 0
    assert done.out == (out / "stress.md").read_text("utf-8")
    assert "indexes of 6 of the 32 reports" in done.out
    found = {
        variant["name"]: variant
        for variant in json.loads((out / "stress.json").read_text())["tried"]
    }
    assert list(found) == ["upper", "language", "injected", "doubled", "shuffled"]
    assert found["upper"]["asked"] == 5
    assert found["language"]["asked"] == 1
    assert found["injected"]["obeyed"] is not None
    assert found["shuffled"]["over"] == "unchanged-index"
    # The order of an ingest changes nothing, and copies go by the name of their report.
    for metric in found["shuffled"]["changes"].values():
        assert metric["before"] == metric["after"]
    for name in ("unchanged", "unchanged-index", *found):
        assert (out / name / "summary.json").is_file()
        assert len(load_outcomes(out / name)) == found.get(name, {"asked": 5})["asked"]
    shown = [o.answer or {} for o in load_outcomes(out / "doubled")]
    assert not any(COPY in json.dumps(answer["passages"]) for answer in shown)
    assert all(o.case.question.isupper() for o in load_outcomes(out / "upper"))
    assert sorted(sample_index.rglob("*")) == before


def test_a_run_of_the_same_cases_need_not_be_asked_again(
    run: Any, sample_engine: Engine, sample_index: Path, tmp_path: Path
) -> None:
    path, other, before = tmp_path / "one.jsonl", tmp_path / "other.jsonl", tmp_path / "before"
    path.write_text(json.dumps(case_to_dict(CASE)), "utf-8")
    other.write_text(json.dumps(case_to_dict(replace(CASE, facts=("7",)))), "utf-8")
    given = ("--out", tmp_path / "out", "--index", sample_index, "--only", "upper")
    run_cases(sample_engine, load_cases(path), before)
    assert run("eval", "stress", path, *given, "--asked", before).code == 0
    assert not (tmp_path / "out" / "unchanged").exists()
    assert (tmp_path / "out" / "upper" / "table.md").is_file()
    done = run("eval", "stress", other, *given, "--asked", before)
    assert done.code == 2
    assert "no run of these cases" in done.err
    done = run("eval", "stress", path, *given[:-1], "x")
    assert done.code == 2
    assert all(name in done.err for name in VARIANTS)
