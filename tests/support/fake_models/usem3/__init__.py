"""A stand-in for the built-in embedding's package: hashed words instead of a model's meaning.

Tests put this folder before the installed packages, for the programs they start too. It needs no
weights and has two properties of the real one that tests rely on: equal texts have equal vectors
of unit length, and texts with more words in common are more similar.
"""

import os
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from zlib import crc32

import numpy as np

DIMENSIONS = 512
# What all texts have in common, as a share of the squared length: with it two texts without a
# common word are about as similar as they are for the real model.
_COMMON = 0.2
_STEM = 5  # letters of a word that count


@lru_cache(maxsize=50_000)
def _word(word: str) -> np.ndarray:
    vector = np.random.default_rng(crc32(word.encode())).standard_normal(DIMENSIONS)
    return np.asarray(vector / np.linalg.norm(vector))


class USE:
    """Encodes texts as the mean of their words' random vectors."""

    def __init__(self, threads: int = 1) -> None:
        """The weights of intents are then those that tests have trained for it."""
        from rag.query import intents

        del threads
        intents._WEIGHTS = Path(os.environ["STAND_IN_INTENTS"])

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """The vectors of texts (texts x 512), float32, of unit length."""
        return np.stack([self._vector(text) for text in texts]).astype(np.float32)

    def _vector(self, text: str) -> np.ndarray:
        words = [word[:_STEM] for word in re.findall(r"\w+", text.casefold()) if len(word) > 3]
        own = np.sum([_word(word) for word in set(words) or {text}], axis=0)
        vector = np.sqrt(_COMMON) * _word("") + np.sqrt(1 - _COMMON) * own / np.linalg.norm(own)
        return np.asarray(vector / np.linalg.norm(vector))
