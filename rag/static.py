"""A second meaning of texts: WordLlama's static vectors, 256 dimensions, weights in its wheel.

The mean of its words' vectors tells little of a sentence's grammar and nothing across languages,
but much of what an English text is about, and costs a tenth of a millisecond: it finds English
paraphrases that the built-in embedding ranks too low, and both together find more than either.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

DIMENSIONS = 256
# Characters of a text that count; a passage has about 1,500.
_LONGEST = 4_000
# The language that its vectors were made for.
LANGUAGE = "en"

Vectors = npt.NDArray[np.float32]


def encode_static(texts: Sequence[str]) -> Vectors:
    """The vectors of texts (texts x 256), of unit length, or zero for a text without words."""
    if not texts:
        return np.zeros((0, DIMENSIONS), np.float32)
    # Texts of like length go together: each batch is as wide as its longest.
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    found = _model().embed([texts[i][:_LONGEST] for i in order])
    vectors = np.empty_like(found)
    vectors[order] = found
    return unit(vectors)


def unit(vectors: npt.ArrayLike) -> Vectors:
    """Vectors (rows) of length 1; zero stays zero."""
    array = np.asarray(vectors, np.float32).reshape(-1, np.shape(vectors)[-1] or 1)
    lengths = np.linalg.norm(array, axis=1, keepdims=True)
    result: Vectors = np.divide(array, lengths, out=np.zeros_like(array), where=lengths > 0)
    return result


@cache
def _model() -> Any:
    # Its import has every library's messages printed from then on, each request among them.
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    import wordllama

    root.setLevel(before[0])
    root.handlers[:] = before[1]
    # Its own folder is named as the cache, or it would look for its tokenizer on the network.
    folder = Path(wordllama.__file__).parent
    return wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
