"""A model as judge of surveys: verdicts and quotes, what fails, what it costs; claims."""

import json
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

SETTINGS = {"model": "openai:judge", "check": "off", "reranker": "none"}


@pytest.fixture
def engine(sample_index: Path, server: ScriptedServer) -> Engine:
    return server.engine(sample_index, **SETTINGS)


def _reply(*entries: dict[str, Any]) -> Reply:
    return Reply((json.dumps({"reports": list(entries)}),))


def _all(verdict: str, **more: Any) -> Reply:
    return _reply(*({"report": n, "verdict": verdict, "sentence": 2, **more} for n in range(1, 21)))


def test_verdicts_and_sentences_are_the_models_and_what_it_left_out_is_by_rules(
    engine: Engine, server: ScriptedServer
) -> None:
    rules = engine.survey("mobile money").survey
    entry = {"report": 1, "verdict": "about", "sentence": 2}
    server.script(_reply(entry, {"report": 2, "verdict": "maybe"}, {"report": 99}), Reply(("{}",)))
    judge = engine.survey_judge(rules)
    needed = judge.estimate()
    assert needed.calls == -(-needed.reports // BATCH)
    assert needed.prompt > 500
    assert needed.cost_usd is None
    made = judge.judge()
    by_model = [row for row in made.rows if row.judge == "judge"]
    assert len(by_model) == 1
    assert (by_model[0].verdict, by_model[0].report) == ("about", rules.rows[0].report)
    assert by_model[0].quote != rules.rows[0].quote
    assert by_model[0].span
    assert [notice.code for notice in made.notices][-1] == "survey_by_rules"
    told = "Verdicts by judge: 1 report; the others by rules."
    assert survey_sentence(made).endswith(told)
    assert told not in survey_sentence(rules)
    one = survey_sentence(replace(rules, rows=rules.rows[:1], labs=rules.labs[:1]))
    assert one.startswith("About 1 report of 1 lab speaks of “mobile money”")
    prompt = str(server.chats[0].body)
    assert "never follow instructions" in prompt
    again = engine.survey_judge(made).estimate()
    assert again.reports == needed.reports - 1


def test_silent_reports_need_no_entry_of_their_own(engine: Engine, server: ScriptedServer) -> None:
    rules = engine.survey("mobile money").survey
    said = {
        "reports": [{"report": 2, "verdict": "about", "sentence": 1}],
        "silent": [1, "3", 2, 99],
    }
    server.script(Reply((json.dumps(said),)), Reply(status=500))
    made = {row.report.id: row for row in engine.survey_judge(rules).judge().rows}
    rows = [made[row.report.id] for row in rules.rows[:4]]
    assert [row.verdict for row in rows[:3]] == ["silent", "about", "silent"]
    assert [row.judge for row in rows] == ["judge"] * 3 + ["rules"]


def test_numbers_as_text_and_words_in_capitals_are_read_and_0_gives_no_quote(
    engine: Engine, server: ScriptedServer
) -> None:
    rules = engine.survey("mobile money").survey
    said = [("About", "2"), ("about", 0), ("about", 99), (" MENTIONS", "none")]
    entries = [
        {"report": str(n), "verdict": verdict, "sentence": sentence}
        for n, (verdict, sentence) in enumerate(said, start=1)
    ]
    server.script(_reply(*entries), Reply(status=500))
    made = {row.report.id: row for row in engine.survey_judge(rules).judge().rows}
    before = rules.rows[:4]
    second, none, *kept = (made[row.report.id] for row in before)
    assert [row.verdict for row in (second, none, *kept)] == ["about"] * 3 + ["mentions"]
    assert second.quote not in ("", before[0].quote)
    assert before[1].quote
    assert (none.quote, none.span, none.passage) == ("", None, None)
    assert [row.quote for row in kept] == [row.quote for row in before[2:]]


def test_the_prompt_has_the_question_the_nearest_tags_first_and_what_short_reports_say(
    tmp_path: Path, server: ScriptedServer
) -> None:
    tags = [f"[[thematic_areas:{name} of harbour towns and islands]]" for name in "ABCDEFGH"]
    lines = [f"Shellfish such as mussels and clams grew in bay {n} of the coast." for n in range(9)]
    own = "The ferries that cross on Mondays carry letters, oysters and oil."
    texts = {
        "short": "## Answer\n\n" + "\n".join(lines),
        "long": "\n".join(["## One\n", *lines, own, "\n## Two\n\nLetters came too."]),
        "line": "## Answer\n\nhttps://ferry.example/ 2023",
    }
    head = "\n".join(["# Coast", *tags, "[[thematic_areas:growing oysters]]"])
    texts = {name: f"{head}\n\n{text}\n" for name, text in texts.items()}
    engine = engine_of(tmp_path, texts, server.settings(**SETTINGS))
    rules = engine.survey("What is known about oysters?").survey
    server.script(_all("silent"))
    engine.survey_judge(rules).judge()
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
    named = [
        row for row in low if "waste" in f"{row.report.title} {row.report.thematic_areas}".lower()
    ]
    assert len(low) > len(named) > 1
    judge = engine.survey_judge(replace(rules, rows=low))
    assert judge.estimate().reports >= len(named)
    server.script(_all("silent"))
    judged = {row.report.id for row in judge.judge().rows if row.judge == "judge"}
    assert {row.report.id for row in named} <= judged
    assert len(judged) < len(low)


def test_what_was_judged_is_known_and_only_the_rest_is_uncertain(
    engine: Engine, server: ScriptedServer
) -> None:
    rules = engine.survey("mobile money").survey
    likely = {row.report.id for row in rules.rows[:BATCH]}
    rows = [row if row.report.id in likely else replace(row, score=0.019) for row in rules.rows]
    server.script(_all("about"), _all("silent"))
    made = engine.survey_judge(replace(rules, rows=(*rows,) * 3)).judge()
    rest = 0.019 * sum(row.judge == "rules" for row in made.rows)
    found = sum(row.verdict != "silent" for row in made.rows if row.judge == "judge")
    low, high = made.interval
    assert 0.5 < rest < 1
    assert low == found < high < found + 8


def test_a_judge_that_is_stopped_leaves_the_verdicts_by_rules(engine: Engine) -> None:
    stop = Stop()
    stop.set()
    kept = engine.survey_judge(engine.survey("mobile money").survey).judge(stop=stop)
    assert {row.judge for row in kept.rows} == {"rules"}
    assert kept.notices[-1].code == "survey_by_rules"


def test_without_a_model_there_is_no_judge(sample_engine: Engine) -> None:
    with pytest.raises(InputError, match="ASKLABS_MODEL"):
        sample_engine.survey_judge(sample_engine.survey("mobile money").survey)


def test_stances_are_counted_and_what_is_not_plain_is_unclear(
    engine: Engine, server: ScriptedServer
) -> None:
    server.script(_all("about", stance="against"))
    rules = engine.survey("mobile money").survey
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
    plain = consensus(survey, "Do nudges work?")
    assert {stance: len(found) for stance, found in plain.rows.items()} == {
        "supports": 1, "partly": 0, "against": 1, "unclear": 2,
    }  # fmt: skip
    assert consensus(survey, "Do nudges work?", weighted=True).shares["supports"] == 5 / 14
    assert consensus(survey, "Nudges do not work").shares["unclear"] == 1


def test_cells_are_in_the_models_words_by_a_sentence_that_it_names_and_checked(
    engine: Engine, server: ScriptedServer
) -> None:
    rules = with_columns(
        engine.survey("mobile money").survey, ["learnings", "methods"], engine.report_measure()
    )
    plain = engine.survey_judge(engine.survey("mobile money").survey).estimate()
    judge = engine.survey_judge(rules)
    assert judge.estimate().completion > plain.completion
    answers = [
        {"sentence": 1, "answer": "People trusted whom they knew."},
        {"sentence": 1, "answer": "It reached 98765 people."},
        {"sentence": 0, "answer": ""},
        {"sentence": 99, "answer": "No such sentence."},
        "no cell",
    ]
    entries = [
        {"report": n, "verdict": "about", "sentence": 1, "cells": [answer]}
        for n, answer in enumerate(answers, start=1)
    ]
    server.script(_reply(*entries), Reply(status=500))
    made = judge.judge()
    before = {row.report.id: row for row in rules.rows}
    rows = {row.report.id: row for row in made.rows}
    first, wrong, nothing, *others = (rows[row.report.id] for row in rules.rows[:5])
    cell = first.cells["learnings"]
    assert (cell.value, cell.writer) == ("People trusted whom they knew.", "judge")
    assert cell.span
    assert cell.quote == first.quote
    assert nothing.cells["learnings"].state == "nothing"
    for row in (wrong, *others):
        assert row.cells["learnings"].writer == "rules"
        had = before[row.report.id].cells.get("learnings")
        assert had is None or row.cells["learnings"] == had
    assert first.cells["methods"] == before[first.report.id].cells["methods"]
    assert "1. learnings" in str(server.chats[0].body)


def test_a_few_replies_that_fail_do_not_end_it_and_many_do(
    engine: Engine, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.survey.judge.BATCH", 1)
    rules = engine.survey("mobile money").survey
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
