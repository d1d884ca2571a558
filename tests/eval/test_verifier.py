"""Sentences made wrong on purpose, and what is measured on them."""

import pytest

from eval.cases import Case
from eval.verifier import (
    CHANGES,
    Pair,
    auroc,
    caught,
    false_alarms,
    judge_pairs,
    make_pairs,
)
from rag.engine import Engine


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
