"""Sentences made wrong on purpose, and what is measured on them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter

from eval.cases import Case
from eval.verifier import (
    CHANGES,
    Judged,
    Pair,
    RatedAnswer,
    auroc,
    balanced_accuracy,
    baseline,
    caught,
    false_alarms,
    judge_pairs,
    judge_rated,
    load_rated,
    make_pairs,
    resampled,
    table,
)
from rag.engine import Engine
from rag.errors import InputError

RATED = [
    {
        "id": str(n),
        "answer": answer,
        "faithfulness": rating,
        "passages": [{"title": "Ice", "text": "Women sell smoked fish because ice is dear."}],
    }
    for n, (answer, rating) in enumerate(
        [
            ("Women sell smoked fish because ice is dear.", 4.0),
            ("Smoked fish is what women sell, as ice is dear.", 3.7),
            ("Penguins built a bank in Antarctica last year.", 1.0),
            ("Drones carry vaccines to 300 clinics.", 1.3),
        ]
    )
]


ANSWERS = [TypeAdapter(RatedAnswer).validate_python(line) for line in RATED]


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
    supported = np.array([float(one.supported) for one in judged])
    ours = auroc(supported, np.array([one.score for one in judged]))
    words = auroc(supported, np.array([one.baseline for one in judged]))
    assert ours > 0.9
    assert ours > words
    quoted = [one for pair, one in zip(pairs, judged, strict=True) if pair.quoted]
    assert false_alarms(quoted) <= 0.1
    assert caught(quoted) >= 0.9


def test_the_table_has_each_measure(pairs: list[Pair]) -> None:
    made = table(pairs[:60], ANSWERS)
    for name in ("AUROC", "balanced accuracy", "caught", "answers rated by people"):
        assert name in made


def test_auroc_is_the_chance_of_the_right_order() -> None:
    yes_no = np.array([1.0, 1.0, 0.0, 0.0])
    assert auroc(yes_no, np.array([4.0, 3.0, 2.0, 1.0])) == 1.0
    assert auroc(yes_no, np.array([1.0, 2.0, 3.0, 4.0])) == 0.0
    assert auroc(yes_no, np.array([2.0, 2.0, 2.0, 2.0])) == 0.5
    assert auroc(yes_no, np.array([3.0, 1.0, 2.0, 0.0])) == 0.75
    assert np.isnan(auroc(np.array([1.0]), np.array([1.0])))


def test_shares_and_their_intervals() -> None:
    judged = [
        Judged(supported, passed, 0.0, 0.0, str(n))
        for n, (supported, passed) in enumerate(
            [(True, True), (True, False), (False, False), (False, False)]
        )
    ]
    assert (false_alarms(judged), caught(judged), balanced_accuracy(judged)) == (0.5, 1.0, 0.75)
    found = resampled(judged, balanced_accuracy)
    assert found.low <= found.mean <= found.high
    assert found.n == 4


def test_rated_answers_are_told_apart() -> None:
    judged = judge_rated(ANSWERS)
    assert [one.supported for one in judged] == [True, True, False, False]
    assert min(one.score for one in judged[:2]) > max(one.score for one in judged[2:])
    assert not judge_rated([replace(ANSWERS[0], passages=())])


def test_the_baseline_counts_words_and_wants_all_numbers(pairs: list[Pair]) -> None:
    passage = pairs[0].passages[0]
    assert baseline(passage.text, [passage], passage.language) == 1.0
    assert baseline(f"{passage.text} 987654", [passage], passage.language) == 0.0


@pytest.mark.parametrize("line", ["{", "[]", '{"id": "a"}', '{"id": 1, "faithfulness": "good"}'])
def test_a_line_that_is_no_rated_answer_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "rated.jsonl"
    path.write_text(json.dumps(RATED[0]) + "\n\n" + line + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"rated\.jsonl, line 3"):
        load_rated(path)
    with pytest.raises(InputError, match="nothing"):
        load_rated(tmp_path / "nothing.jsonl")
