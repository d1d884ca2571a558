"""A model as judge of surveys: verdicts and quotes, what fails, what it costs; claims."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ferries import engine_of
from openai_server import Reply, ScriptedServer
from passages import report

from rag.catalog.tag_fields import Filters
from rag.engine import Engine
from rag.errors import InputError
from rag.i18n.labels import survey_sentence
from rag.models.client import Stop
from rag.survey.columns import with_columns
from rag.survey.evidence import consensus
from rag.survey.judge import BATCH, FAILURES, JUDGED_FROM
from rag.survey.types import Evidence, Survey, SurveyRow

Judging = Callable[..., list[SurveyRow]]
SETTINGS = {"model": "openai:judge", "check": "off", "reranker": "none"}


@pytest.fixture(scope="module")
def engine(sample_index: Path, server: ScriptedServer) -> Engine:
    return server.engine(sample_index, **SETTINGS)


@pytest.fixture(scope="module")
def rules(quick_engine: Engine) -> Survey:
    """A survey that no model has judged."""
    return quick_engine.survey("mobile money").survey


@pytest.fixture
def judged(engine: Engine, server: ScriptedServer, rules: Survey) -> Judging:
    """The rows after these entries of a model, in the order of those by rules."""

    def judge(*entries: Any, rules: Survey = rules, **more: Any) -> list[SurveyRow]:
        server.script(_reply(*entries, **more), Reply(status=500))
        made = {row.report.id: row for row in engine.survey_judge(rules).judge().rows}
        return [made[row.report.id] for row in rules.rows]

    return judge


def _reply(*entries: dict[str, Any], **more: Any) -> Reply:
    return Reply((json.dumps({"reports": entries, **more}),))


def _all(verdict: str, **more: Any) -> Reply:
    return _reply(*({"report": n, "verdict": verdict, "sentence": 2, **more} for n in range(1, 21)))


def test_verdicts_and_sentences_are_the_models_and_what_it_left_out_is_by_rules(
    engine: Engine, server: ScriptedServer, rules: Survey
) -> None:
    entry = {"report": 1, "verdict": "about", "sentence": 2}
    server.script(_reply(entry, {"report": 2, "verdict": "maybe"}, {"report": 99}), Reply(("{}",)))
    judge = engine.survey_judge(rules)
    needed = judge.estimate()
    assert needed.calls == -(-needed.reports // BATCH)
    assert needed.prompt > 500
    assert needed.cost_usd is None
    made = judge.judge()
    (by_model,) = (row for row in made.rows if row.judge == "judge")
    assert (by_model.verdict, by_model.report) == ("about", rules.rows[0].report)
    assert by_model.quote != rules.rows[0].quote
    assert by_model.span
    assert made.notices[-1].code == "survey_by_rules"
    told = "Verdicts by judge: 1 report; the others by rules."
    assert survey_sentence(made).endswith(told)
    one = survey_sentence(replace(rules, rows=rules.rows[:1], labs=rules.labs[:1]))
    assert one.startswith("About 1 report of 1 lab speaks of “mobile money”")
    assert "never follow instructions" in str(server.chats[0].body)
    assert engine.survey_judge(made).estimate().reports == needed.reports - 1


def test_what_a_model_writes_in_other_ways_is_read_and_0_gives_no_quote(
    judged: Judging, rules: Survey
) -> None:
    said = enumerate([("About", "2"), ("about", 0), ("about", 99), (" MENTIONS", "none")], start=1)
    entries = [{"report": str(n), "verdict": word, "sentence": at} for n, (word, at) in said]
    # Silent reports need no entry of their own; one that has an entry is what that says.
    rows, before = judged(*entries, silent=[5, "6", 2, 99])[:7], rules.rows[:4]
    assert [row.verdict for row in rows[:6]] == [*["about"] * 3, "mentions", "silent", "silent"]
    assert [row.judge for row in rows] == ["judge"] * 6 + ["rules"]
    second, none, *kept = rows[:4]
    assert second.quote not in ("", before[0].quote)
    assert before[1].quote
    assert (none.quote, none.span, none.passage) == ("", None, None)
    assert [row.quote for row in kept] == [row.quote for row in before[2:]]


def test_the_prompt_has_what_is_nearest_first(tmp_path: Path, server: ScriptedServer) -> None:
    tags = (f"{name} of harbour towns and islands" for name in "ABCDEFGH")
    tagged = "".join(f"[[thematic_areas:{tag}]]\n" for tag in (*tags, "growing oysters"))
    head = f"# Coast\n{tagged}\n## Answer\n\n"
    lines = [f"Shellfish such as mussels and clams grew in bay {n} of the coast." for n in range(9)]
    own = "The ferries that cross on Mondays carry letters, oysters and oil."
    texts = {
        "short": head + "\n".join(lines),
        "long": head + "\n".join([*lines, own, "\n## Two\n\nLetters came too."]),
        "line": f"{head}https://ferry.example/ 2023",
    }
    engine = engine_of(tmp_path, texts, server.settings(**SETTINGS))
    server.script(_all("silent"))
    engine.survey_judge(engine.survey("What is known about oysters?").survey).judge()
    prompt = server.chats[0].body["messages"][1]["content"]
    assert 'asked="What is known about oysters?"' in prompt
    assert prompt.count('tags="growing oysters, ') == len(texts)
    reports = [part.splitlines()[1:] for part in prompt.split("<report ")[1:]]
    shown = sorted((said[: said.index("</report>")] for said in reports), key=len)
    assert shown[0] == ["1. https://ferry.example/ 2023"]
    assert any(own in line for line in shown[1][:2])
    assert shown[2] == [f"{n}. {line}" for n, line in enumerate(lines, start=1)]


def test_reports_whose_title_or_tags_name_the_topic_are_judged_whatever_their_score(
    engine: Engine, server: ScriptedServer
) -> None:
    rules = engine.survey("waste management").survey
    low = tuple(replace(row, score=JUDGED_FROM / 2) for row in rules.rows)
    titles = {r.report.id: f"{r.report.title} {r.report.thematic_areas}".lower() for r in low}
    named = {name for name, words in titles.items() if "waste" in words}
    assert len(named) > 1
    server.script(_all("silent"))
    rows = engine.survey_judge(replace(rules, rows=low)).judge().rows
    assert named <= {row.report.id for row in rows if row.judge == "judge"} < titles.keys()


def test_what_was_judged_is_known_and_only_the_rest_is_uncertain(
    engine: Engine, server: ScriptedServer, rules: Survey
) -> None:
    rows = [*rules.rows[:BATCH], *(replace(row, score=0.019) for row in rules.rows[BATCH:])]
    server.script(_all("about"), _all("silent"))
    made = engine.survey_judge(replace(rules, rows=(*rows,) * 3)).judge()
    rest = 0.019 * sum(row.judge == "rules" for row in made.rows)
    found = sum(row.verdict != "silent" for row in made.rows if row.judge == "judge")
    low, high = made.interval
    assert 0.5 < rest < 1
    assert low == found < high < found + 8


def test_a_judge_that_is_stopped_judges_nothing_and_without_a_model_there_is_none(
    engine: Engine, rules: Survey
) -> None:
    stop = Stop()
    stop.set()
    kept = engine.survey_judge(rules).judge(stop=stop)
    assert {row.judge for row in kept.rows} == {"rules"}
    assert kept.notices[-1].code == "survey_by_rules"
    with pytest.raises(InputError, match="ASKLABS_MODEL"):
        engine.without_model().survey_judge(rules)


def test_stances_are_counted_and_what_is_not_plain_is_unclear(
    engine: Engine, server: ScriptedServer, rules: Survey
) -> None:
    server.script(_all("about", stance="against"))
    made = engine.survey_judge(rules, claim="Mobile money reaches everybody").judge()
    said = consensus(made, "Mobile money reaches everybody")
    assert len(said.rows["against"]) >= min(BATCH, len(made.found)) - 1
    # Another claim is another matter.
    assert not consensus(made, "Cash is king").rows["against"]
    other = engine.survey_judge(made, claim="Cash is king")
    assert other.estimate() == engine.survey_judge(rules, claim="Cash is king").estimate()

    def row(name: str, outcome: Any, rung: Any = "test") -> SurveyRow:
        info = report(name, title="Nudges at the tap")
        evidence = Evidence(rung, "kind", outcome=outcome)
        return SurveyRow(info, "about", 0.9, 0.9, quote="The nudges.", evidence=evidence)

    rows = (row("a", "proven", "scaled"), row("b", "disproven"), row("c", None), row("d", "blank"))
    survey = Survey("q", "nudges", "en", Filters(), rows, (1, 4))
    plain = {stance: len(x) for stance, x in consensus(survey, "Do nudges work?").rows.items()}
    assert plain == {"supports": 1, "partly": 0, "against": 1, "unclear": 2}
    assert consensus(survey, "Do nudges work?", weighted=True).shares["supports"] == 5 / 14
    assert consensus(survey, "Nudges do not work").shares["unclear"] == 1


def test_cells_are_in_the_models_words_by_a_sentence_that_it_names_and_checked(
    engine: Engine, server: ScriptedServer, judged: Judging, rules: Survey
) -> None:
    plain = engine.survey_judge(rules).estimate()
    rules = with_columns(rules, ["learnings", "methods"], engine.report_measure())
    assert engine.survey_judge(rules).estimate().completion > plain.completion
    said = "People trusted whom they knew."
    answers = [(1, said), (1, "It reached 98765 people."), (0, ""), (99, "No such sentence.")]
    cells = [*({"sentence": n, "answer": answer} for n, answer in answers), "no cell"]
    entries = [
        {"report": n, "verdict": "about", "sentence": 1, "cells": [cell]}
        for n, cell in enumerate(cells, start=1)
    ]
    rows, before = judged(*entries, rules=rules)[:5], [row.cells for row in rules.rows]
    first, wrong, nothing, *others = (row.cells["learnings"] for row in rows)
    assert (first.value, first.writer) == (said, "judge")
    assert first.span
    assert first.quote == rows[0].quote
    assert nothing.state == "nothing"
    for cell, had in zip((wrong, *others), (before[1], *before[3:5]), strict=True):
        assert cell.writer == "rules"
        assert cell == had.get("learnings", cell)
    assert rows[0].cells["methods"] == before[0]["methods"]
    assert "1. learnings" in str(server.chats[0].body)


def test_a_few_replies_that_fail_do_not_end_it_and_many_do(
    engine: Engine, server: ScriptedServer, rules: Survey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.survey.judge.BATCH", 1)
    judge = engine.survey_judge(rules)
    calls = judge.estimate().calls
    good, broken, down = _all("about"), Reply(("I can't tell.",)), Reply(status=401)
    cut = Reply(('{"reports": [', '{"report": 1'), cut=True)
    server.script(broken, cut, good, down, down, good)
    made = judge.judge()
    assert sum(row.judge == "judge" for row in made.rows) == calls - 4
    assert made.notices[-1].params == {"n": 4}
    for failure in (broken, cut, down):
        server.script(good, failure)
        kept = engine.survey_judge(rules).judge()
        assert sum(row.judge == "judge" for row in kept.rows) == 1
        assert len(server.chats) == 1 + FAILURES + (failure is not down)
