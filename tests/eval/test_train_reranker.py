"""What the cross-encoder is trained on: the files, the pairs made of them, what is measured."""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from passages import passage, report

from eval.train_reranker import DATA, Data, auc, figures, kept_pairs, load_data, pairs_of
from rag.errors import InputError
from rag.types import Hit, Passage

FERRY = report("ferry", title="Solar ferries", methods=("trials",), year=2022)
COSTS = "The ferry cost 400 dollars in its first year. It was painted in blue by two fishermen."
CREW = "Twelve fishermen were trained to steer it. Nobody wanted to sail at night."
GARDEN = "Forty families grow beans on their roofs. The water comes from two old wells."


def name(read: Passage) -> str:
    return hashlib.sha256(read.in_context.encode()).hexdigest()[:12]


def place(read: Passage, at: int, sentence: str) -> list[int]:
    start = read.text.index(sentence)
    return [at, start, start + len(sentence)]


def asked(question: str, *best: list[int], also: Sequence[Any] = (), alone: bool = False) -> Any:
    return {"question": question, "alone": alone, "best": best, "also": also}


def sheet(passages: list[str], *questions: Any) -> Any:
    return {"passages": passages, "questions": questions}


PASSAGES = costs, crew, garden, clinic = [
    passage(COSTS, FERRY),
    passage(CREW, FERRY),
    passage(GARDEN, report("garden", title="Roof gardens")),
    passage("Six nurses walk to the clinic every week.", report("clinic", title="Clinics")),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    gone = "0" * 12
    best = place(costs, 0, "The ferry cost 400 dollars in its first year.")
    partly = place(crew, 1, "Twelve fishermen were trained to steer it.")
    cost = asked("what did the boat cost", best, also=[partly], alone=True)
    night = asked("Who sails at night?")
    first = sheet([name(costs), name(crew), gone], cost, asked("who?", [2, 0, 9]), night)
    families = place(garden, 0, "Forty families grow beans on their roofs.")
    held = sheet([name(garden)], asked("How many families grow beans?", families), night)
    nothing = sheet([gone], night)
    sheets = [first, nothing, nothing, held, *[nothing] * 9, sheet([name(crew)], night)]
    quotes = [[name(clinic), 0, 10, 2], [name(garden), 0, 6, 0], [gone, 0, 1, 2]]
    partly_told = [quotes[0], [*quotes[1][:3], 1], quotes[2]]
    graded = [
        {"asked": "health", "read": "tagged", "held": False, "quotes": quotes},
        {"asked": "boats", "read": "line", "held": False, "quotes": partly_told},
        {"asked": "nurses", "read": "alone", "held": True, "quotes": quotes},
    ]
    for file, rows in (("questions", sheets), ("graded", graded)):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"{file}.jsonl").write_text(lines, encoding="utf-8")
    return tmp_path


@pytest.fixture
def data(folder: Path) -> Data:
    return load_data(PASSAGES, folder)


def test_the_files_name_passages_and_places_and_hold_no_text() -> None:
    sheets, graded = (
        [*map(json.loads, (DATA / f"{file}.jsonl").read_text("utf-8").splitlines())]
        for file in ("questions", "graded")
    )
    for sheet in sheets:
        assert set(sheet) == {"passages", "questions"}
        for row in sheet["questions"]:
            assert set(row) == {"question", "alone", "best", "also"}
            assert 1 <= len(row["question"].split()) < 60
            assert row["best"] or not row["also"]
            places, count = row["best"] + row["also"], len(sheet["passages"])
            assert len(set(map(tuple, places))) == len(places)
            assert all(0 <= at < count and 0 <= start < end for at, start, end in places)
    answered = [bool(row["best"]) for sheet in sheets for row in sheet["questions"]]
    assert len(answered) > 8_000
    assert 0.5 < sum(answered) / len(answered) < 0.6
    for row in graded:
        assert set(row) == {"asked", "read", "held", "quotes"}
        assert len(row["asked"].split()) < (60 if row["read"] == "line" else 8)
    quotes = [quote for row in graded for quote in row["quotes"]]
    assert all(0 <= start < end and grade in (0, 1, 2) for _, start, end, grade in quotes)
    names = [name for sheet in sheets for name in sheet["passages"]] + [name for name, *_ in quotes]
    assert all(re.fullmatch("[0-9a-f]{12}", name) for name in names)


def test_held_out_are_sheets_of_reports_that_no_other_sheet_has(data: Data, folder: Path) -> None:
    (sheet,) = data.sheets_held
    assert sheet.questions[0].text == "How many families grow beans?"
    trained = [question.text for sheet in data.sheets for question in sheet.questions]
    assert trained == ["what did the boat cost", "Who sails at night?"]
    assert [{pair.text: pair.target for pair in topic.pairs} for topic in data.graded] == [
        {"Clinics. . Six nurses": 1.0, "Roof gardens. . Forty ": 0.0},
        {
            "Clinics | What did you learn?\nSix nurses": 1.0,
            "Roof gardens | What did you learn?\nForty ": 0.3,
        },
    ]
    (nurses,) = data.graded_held
    assert [pair.text for pair in nurses.pairs] == ["Six nurses", "Forty "]
    # Another collection is refused.
    with pytest.raises(InputError, match="lacks the reports"):
        load_data([passage("Nothing of it.")], folder)


def test_pairs_tell_what_answers_from_what_is_near_and_from_another_report(data: Data) -> None:
    pairs = set(pairs_of(data.sheets, Random(1)))
    texts = {(pair.question.rpartition(": ")[2], pair.text): pair.target for pair in pairs}

    def target(question: str, sentence: str) -> float | None:
        return texts.get((question, f"Solar ferries | What did you learn?\n{sentence}"))

    cost, night = "what did the boat cost", "Who sails at night?"
    assert target(cost, "The ferry cost 400 dollars in its first year.") == 1
    assert target(cost, "Twelve fishermen were trained to steer it.") == 0.5
    assert target(cost, "It was painted in blue by two fishermen.") == 0
    assert target(night, "Nobody wanted to sail at night.") == 0
    assert texts[cost, costs.in_context] == 1
    assert (cost, crew.in_context) not in texts  # It answers in part.
    assert texts[night, crew.in_context] == 0
    read = {pair.question for seed in range(9) for pair in pairs_of(data.sheets, Random(seed))}
    assert read == {cost, f"Peru 2022 plan: {cost}", night}
    # A question to all reports is read with another one.
    both = [*data.sheets, *data.sheets_held]
    foreign = [p for p in pairs_of(both, Random(1)) if p.question.startswith("How many families")]
    assert any("Solar ferries" in pair.text and pair.target == 0 for pair in foreign)


def test_kept_pairs_have_the_logits_of_what_is_found() -> None:
    found = [Hit(read, 1.0) for read in PASSAGES]
    engine: Any = SimpleNamespace(search=lambda *_, **__: found)
    pairs = kept_pairs(["boats"], engine, lambda _, texts: [2.5] * len(texts), Random(1))
    assert {(pair.target, pair.is_kept) for pair in pairs} == {(2.5, True)}
    assert len(pairs) == len(PASSAGES) + 2
    assert pairs[0].text.startswith("Solar ferries. ")
    assert pairs[-1].text == clinic.in_context


def test_figures_of_a_model_that_knows(data: Data) -> None:
    def score(question: str, texts: Sequence[str]) -> list[float]:
        return [float("beans" in question and "beans" in text) for text in texts]

    told = figures(data.sheets_held, data.graded_held, score)
    assert told.startswith("2 questions, 1 of them answered: AUC of the best sentence 1.000, ")
    assert "best sentence right 1.000; AUC of quotes: 2 read alone 0.500" in told
    assert auc([(True, 2.0), (True, 0.0), (False, 1.0), (False, 0.0)]) == pytest.approx(0.625)
