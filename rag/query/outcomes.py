"""Tells by example how much a question asks what came of a work, not what was meant or is so."""

import tomllib
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rag.models.encoder import encode

_RIDGE = 0.3  # the weight of small weights in the regression
_CERTAIN = 0.2  # the score, from -1 to 1, from which on a question asks for nothing but that
_REMEMBERED = 1024  # questions


@lru_cache(_REMEMBERED)
def asks_outcome(question: str) -> float:
    """How much a question asks what came of a work, 0 to 1."""
    return float(np.clip(_rows([question])[0] @ _weights() / _CERTAIN, 0.0, 1.0))


@cache
def _weights() -> npt.NDArray[np.float32]:
    data = tomllib.loads(Path(__file__).with_name("outcomes.toml").read_text("utf-8"))
    rows = _rows([*data["outcome"], *data["other"]])
    wanted = np.repeat(
        np.array([1.0, -1.0], np.float32), [len(data["outcome"]), len(data["other"])]
    )
    square = rows.T @ rows + _RIDGE * np.eye(rows.shape[1], dtype=np.float32)
    return np.asarray(np.linalg.solve(square, rows.T @ wanted), np.float32)


def _rows(texts: list[str]) -> npt.NDArray[np.float32]:
    """The vector of each text, with a 1 at its end for the constant."""
    vectors = np.asarray(encode(texts), np.float32)
    return np.hstack([vectors, np.ones((len(texts), 1), np.float32)])
