"""The static vectors: of unit length, near for paraphrases, the same alone and among many."""

from __future__ import annotations

import logging
import subprocess
import sys

import numpy as np
import pytest

from rag.models.encoder import STATIC_DIMENSIONS as DIMENSIONS
from rag.models.encoder import encode_static, unit


def test_each_text_has_a_vector_of_length_one_in_its_place() -> None:
    texts = ["Women sell fish at the market.", "", "A", "the server is down " * 40]
    vectors = encode_static(texts)
    assert vectors.shape == (4, DIMENSIONS)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 0, 1, 1], abs=1e-5)
    for text, vector in zip(texts, vectors, strict=True):
        assert encode_static([text])[0] == pytest.approx(vector, abs=1e-5)


def test_a_paraphrase_is_nearer_than_another_topic() -> None:
    asked, same, other = encode_static(
        ["rubber boots for farm workers", "agricultural labourers wore wellingtons", "tax software"]
    )
    assert asked @ same > asked @ other + 0.1


def test_nothing_gives_nothing() -> None:
    assert encode_static([]).shape == (0, DIMENSIONS)
    assert unit([]).shape[0] == 0
    assert unit([[0.0, 0.0], [3.0, 4.0]]).tolist() == [[0.0, 0.0], pytest.approx([0.6, 0.8])]


def test_loading_the_vectors_leaves_logging_as_it_was() -> None:
    code = (
        "import logging; from rag.models.encoder import encode_static; encode_static(['ice']);"
        "print(logging.getLogger().level, len(logging.getLogger().handlers))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(logging.WARNING), "0"]
