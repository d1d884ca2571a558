"""Sentences made wrong on purpose, and what is measured on them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from eval.cases import Case
from eval.verifier import (
    CHANGES,
    Pair,
    RatedAnswer,
    RatedPassage,
    auroc,
    caught,
    false_alarms,
    judge_pairs,
    judge_rated,
    load_rated,
    make_pairs,
    table,
)
from rag.engine import Engine
from rag.errors import InputError

ICE = (RatedPassage("Women sell smoked fish because ice is dear.", "Ice"),)
RATED = [
    RatedAnswer("0", "Women sell smoked fish because ice is dear.", ICE, 4.0),
    RatedAnswer("1", "Smoked fish is what women sell, as ice is dear.", ICE, 3.7),
    RatedAnswer("2", "Penguins built a bank in Antarctica last year.", ICE, 1.0),
    RatedAnswer("3", "Drones carry vaccines to 300 clinics.", ICE, 1.3),
]


@pytest.fixture(scope="module")
def pairs(quick_engine: Engine, sample_cases: tuple[Case, ...]) -> list[Pair]:
    return make_pairs(quick_engine, sample_cases, quotes=30)


def test_pairs_have_every_change_and_know_what_was_changed(pairs: list[Pair]) -> None:
    assert {pair.change for pair in pairs} == {"none", *CHANGES}
    assert all(pair.supported == (pair.change == "none") for pair in pairs)
    originals = {pair.group: pair for pair in pairs if pair.supported}
    for pair in pairs:
        same = pair.sentence == originals[pair.group].sentence
        assert same == (pair.change in ("none", "citation"))


@pytest.mark.quality
def test_the_verifier_beats_counting_words_on_the_sample(pairs: list[Pair]) -> None:
    judged = judge_pairs(pairs)
    ours, words = auroc(judged), auroc(judged, by="baseline")
    assert ours > 0.9
    assert ours > words
    quoted = [one for pair, one in zip(pairs, judged, strict=True) if pair.quoted]
    assert false_alarms(quoted) <= 0.1
    assert caught(quoted) >= 0.9


def test_the_table_has_each_measure(pairs: list[Pair]) -> None:
    made = table(pairs[:60], RATED)
    names = ("AUROC", "false alarms", "caught", "answers rated by people")
    assert [name for name in names if name not in made] == []
    faithful, unfaithful = judge_rated(RATED[:2]), judge_rated(RATED[2:])
    assert min(one.score for one in faithful) > max(one.score for one in unfaithful)


@pytest.mark.parametrize("line", ["{", '{"id": 1, "faithfulness": "good"}'])
def test_a_line_that_is_no_rated_answer_is_named(tmp_path: Path, line: str) -> None:
    path, good = tmp_path / "rated.jsonl", json.dumps(asdict(RATED[0])) + "\n"
    path.write_text(good, encoding="utf-8")
    assert load_rated(path) == RATED[:1]
    path.write_text(f"{good}\n{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"rated\.jsonl, line 3"):
        load_rated(path)
