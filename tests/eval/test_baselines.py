"""The baselines answer like the engine, so that every metric applies to them unchanged."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from eval.baselines import NAMES, Baseline, make_baselines, run_baselines
from eval.report import SIDES, compare, write_report
from eval.run import load_outcomes, run_cases
from rag.answer.extractive import SENTENCES
from rag.engine import Engine
from rag.types import Turn

QUESTION = "Why do market women in Maseru distrust mobile money?"


@pytest.fixture(scope="module")
def baselines(sample_engine: Engine) -> dict[str, Baseline]:
    return make_baselines(sample_engine, Mock())


@pytest.mark.parametrize("name", NAMES)
def test_answers_quote_files_word_for_word(baselines: Any, sample_engine: Any, name: str) -> None:
    answer = baselines[name].ask(QUESTION).answer
    assert answer.citations
    assert not answer.refused
    for citation in answer.citations:
        raw = sample_engine.report(citation.passage.report.id).raw
        assert " ".join(raw[slice(*citation.span)].split()) == " ".join(citation.quote.split())
        ((start, end),) = citation.passage.spans
        assert raw[start:end] == citation.passage.text
        assert f"[{citation.n}]" in answer.text
    assert not any(line.startswith(("#", ">", "[[")) for line in answer.text.splitlines())
    assert len(answer.text.splitlines()) == SENTENCES  # as many as ours has
    # It lists the reports of the passages that it may read.
    first = [hit.passage.report.id for hit in answer.hits[:20]]
    assert answer.coverage.reports == tuple(dict.fromkeys(first))
    assert 0 < answer.coverage.read_passages <= 20


def test_runs_stand_beside_ours(sample_engine: Engine, sample_cases: Any, tmp_path: Path) -> None:
    others = [c for c in sample_cases if c.type in ("listing", "unanswerable")]
    few = [sample_cases[0], others[0], others[-1]]
    run_cases(sample_engine, few, tmp_path)
    folders = run_baselines(sample_engine, few, tmp_path, Mock())
    assert [folder.name for folder in folders] == list(NAMES)
    for folder in folders:
        outcomes = load_outcomes(folder)
        assert [o.case for o in outcomes] == few
        assert all(not o.error and o.scores.get("quote_ok", 1.0) == 1.0 for o in outcomes)
        assert compare(folder, tmp_path).paired == len(few)
    assert f"| metric | ours | {' | '.join(SIDES.values())} |" in write_report(tmp_path)
    # The next run takes the old ones away.
    run_cases(sample_engine, few[:1], tmp_path)
    assert "## Beside" not in write_report(tmp_path)


def test_a_follow_up_is_asked_with_the_question_before_it(baselines: dict[str, Baseline]) -> None:
    history = (Turn("user", QUESTION), Turn("assistant", "Because of fees."))
    answer = baselines["bm25"].ask("And what do they try?", history=history).answer
    assert answer.standalone == f"{QUESTION} And what do they try?"
