"""The baselines answer like the engine, so that every metric applies to them unchanged."""

from pathlib import Path
from typing import Any

import pytest
from openai_server import Reply, ScriptedServer

from eval.baselines import NAMES, Baseline, make_baselines, run_baselines
from eval.cases import Case
from eval.compare import compare
from eval.report import write_report
from eval.run import load_outcomes, run_cases
from rag.engine import Engine, open_engine
from rag.settings import Settings
from rag.types import Answer, Turn

QUESTION = "Why do market women in Maseru distrust mobile money?"
HISTORY = (Turn("user", QUESTION), Turn("assistant", "Because of fees."))


def silent(*_: object) -> None:
    """No progress is shown."""


@pytest.fixture(scope="module")
def baselines(sample_engine: Engine) -> dict[str, Baseline]:
    return make_baselines(sample_engine, silent)


def ask(baseline: Baseline, question: str = QUESTION, history: tuple[Turn, ...] = ()) -> Answer:
    return baseline.ask(question, history=history).answer


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_quotes_the_files_word_for_word(
    baselines: dict[str, Baseline], sample_engine: Engine, name: str
) -> None:
    answer = ask(baselines[name])
    assert answer.citations
    assert not answer.refused
    for citation in answer.citations:
        raw = sample_engine.report(citation.passage.report.id).raw
        assert " ".join(raw[slice(*citation.span)].split()) == " ".join(citation.quote.split())
        ((start, end),) = citation.passage.spans
        assert raw[start:end] == citation.passage.text
        assert f"[{citation.n}]" in answer.text
    assert not any(line.startswith(("#", ">", "[[")) for line in answer.text.splitlines())
    assert len(answer.text.splitlines()) == 8  # as many sentences as ours has
    # It lists the reports of the passages that it may read.
    first = [hit.passage.report.id for hit in answer.hits[:20]]
    assert answer.coverage.reports == tuple(dict.fromkeys(first))
    assert 0 < answer.coverage.read_passages <= 20


def test_runs_stand_beside_ours(
    sample_engine: Engine, sample_cases: tuple[Case, ...], tmp_path: Path
) -> None:
    others = [c for c in sample_cases if c.type in ("listing", "unanswerable")]
    few = [*sample_cases[:2], *others[:1], *others[-1:]]
    run_cases(sample_engine, few, tmp_path)
    folders = run_baselines(sample_engine, few, tmp_path, silent)
    assert [folder.name for folder in folders] == list(NAMES)
    for folder in folders:
        outcomes = load_outcomes(folder)
        assert [o.case for o in outcomes] == few
        assert all(not o.error and o.scores.get("quote_ok", 1.0) == 1.0 for o in outcomes)
        assert compare(folder, tmp_path).paired == len(few)
    assert "| type | n | metric | ours | Plain llama-index | BM25 alone |" in write_report(tmp_path)
    # The next run takes the old ones away.
    run_cases(sample_engine, few[:1], tmp_path)
    assert "## Beside" not in write_report(tmp_path)


def test_a_chat_model_gets_the_prompts_of_llama_index(
    server: ScriptedServer, sample_engine: Engine
) -> None:
    index = sample_engine.settings.index
    settings = Settings(index=index, model="openai:test", openai_base_url=server.url)
    baseline = make_baselines(open_engine(settings), silent)["plain"]
    written = Reply(("The women distrust the handing over ", "[1][99]."))
    server.script(Reply(("What do women in Maseru try?",)), written)
    answer = ask(baseline, "And what do they try?", HISTORY)
    bodies: list[Any] = [request.body for request in server.requests]
    condense, cite = (body["messages"][-1]["content"] for body in bodies)
    assert QUESTION in condense
    assert answer.standalone == "What do women in Maseru try?"
    assert "Please provide an answer based solely on the provided sources." in cite
    assert "Query: What do women in Maseru try?" in cite
    assert answer.text == "The women distrust the handing over [1]."
    assert (answer.mode, answer.refused) == ("test", False)
    assert [c.n for c in answer.citations] == [1]
