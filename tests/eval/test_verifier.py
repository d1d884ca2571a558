"""What is measured of the check, on labelled replies."""

import json
from pathlib import Path

import pytest

from eval.verifier import check_replies, load_replies, measures
from rag.citation.checker import Text, Verdict
from rag.errors import InputError
from rag.models.client import Stop

FISH = "In Peru 34 women sell fish [1]."
WATER = "In Ghana farmers share water [2]."
SENTENCES = [
    {"text": FISH, "cited": [1], "label": "supported"},
    {"text": FISH.replace("34", "43"), "cited": [1], "label": "unsupported",
     "error": "number", "of": FISH},
    {"text": WATER, "cited": [2], "label": "supported"},
    {"text": WATER.replace("share", "don't share"), "cited": [2],
     "label": "unsupported", "error": "negation", "of": WATER},
    {"text": "Both labs met many people there.", "cited": [],
     "label": "partly"},
]  # fmt: skip
REPLY = {
    "id": "q1",
    "question": "What do labs do?",
    "passages": [
        {"n": 1, "lab": "Peru", "report": "plan: Fish", "text": "34 women sell fish."},
        {"n": 2, "lab": "Ghana", "report": "plan: Wells", "text": "Farmers share water."},
    ],
    "sentences": SENTENCES,
}


def test_right_and_planted_sentences_are_checked_apart(tmp_path: Path) -> None:
    file = tmp_path / "replies.jsonl"
    file.write_text(json.dumps(REPLY) + "\n", encoding="utf-8")
    seen = []

    def judge(text: Text, _: Stop) -> tuple[list[Verdict | None], int]:
        seen.append([claim.sentence for claim in text.claims])
        found = ["partly" if "don't" in c.sentence else "supported" for c in text.claims]
        return [*map(Verdict, found)], 1

    by_facts, by_model = (measures(check_replies(load_replies(file), j)) for j in (None, judge))
    assert [len(sentences) for sentences in seen] == [3, 3]
    assert "43" in seen[1][0] and "43" not in seen[0][0]  # noqa: PT018
    figures = {name: value.mean for name, value in by_facts.items()}
    assert figures == {
        "right_struck": 0, "right_marked": 0, "wrong_struck": 0.5, "wrong_doubted": 0.5,
    }  # fmt: skip
    assert by_model["wrong_doubted"].mean == 1
    assert by_model["right_struck"].n == 2
    file.write_text('{"id": "q2"}', encoding="utf-8")
    with pytest.raises(InputError, match="line 1: not a labelled reply"):
        load_replies(file)
