"""Re-orders what was found by a reranker: any object that scores texts, or a server's endpoint."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from itertools import islice
from math import isfinite
from typing import TYPE_CHECKING, Any, Protocol

from rag.errors import ModelError, SettingsError
from rag.models.cancellation import with_deadline
from rag.models.cross_encoder import CrossEncoder
from rag.retrieval.postprocess import mask_passage, same_as
from rag.settings import Settings
from rag.text.contacts import mask_contacts
from rag.types import Hit, Notice, Passage

if TYPE_CHECKING:
    from httpx import Response


# How many texts a question gives a reranker, those of all sides together.
DEPTH = 50
# As many texts as Text Embeddings Inference takes at a time, unless it is told otherwise.
BATCH = 32
# How a server says that it does not know the keys of a request.
_OTHER_KEYS = (400, 422)
NOT_USED = Notice("reranker_order_not_used")
Ranking = Sequence[Hit]


class Reranker(Protocol):
    """Says how well texts answer a question."""

    def scores(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        """A score for each text, in their order; the higher, the better."""
        ...


def reordered(
    rankings: Sequence[Ranking],
    question: str,
    reranker: Reranker,
    *,
    masked: bool,
    apart: Collection[str] = (),
) -> tuple[list[list[Hit]], tuple[Notice, ...]]:
    """Rankings whose first hits are in the order of a reranker's scores, and notices.

    Where two scores are equal the order stays. Each place keeps its score, so that what follows
    still does. Where the reranker fails the whole order stays, and notices say so.

    Args:
        rankings: each by descending score.
        question: what was searched for.
        reranker: is given each text with its context line.
        masked: whether to mask contacts before.
        apart: in what fields passages must agree to be taken for the same (`fold_duplicates`).
    """
    tops = [_families(hits, DEPTH // len(rankings), apart) for hits in rankings]
    pairs = list(zip(rankings, tops, strict=True))
    passages = [hits[top.index(n)].passage for hits, top in pairs for n in range(_count(top))]
    kept = [list(hits) for hits in rankings]
    if not passages:
        return kept, ()
    try:
        scores = iter(_scores(question, passages, reranker, masked))
    except ModelError as error:
        return kept, (error.notice, NOT_USED)
    # Whatever a reranker of the user's raises: there is an order without it. What the error says
    # may hold a key.
    except Exception as error:
        return kept, (Notice("reranker_failed", {"name": type(error).__name__}), NOT_USED)
    moved = [_in_order(hits, top, list(islice(scores, _count(top)))) for hits, top in pairs]
    return moved, ()


def _scores(
    question: str, passages: Sequence[Passage], reranker: Reranker, masked: bool
) -> list[float]:
    if masked:
        question, passages = mask_contacts(question), [mask_passage(p) for p in passages]
    given = reranker.scores(question, [f"{p.context}\n{p.text}" for p in passages])
    scores = [float(score) for score in given]
    if len(scores) != len(passages) or not all(map(isfinite, scores)):
        raise ModelError(Notice("reranker_scores_missing"))
    return scores


def _families(hits: Ranking, count: int, apart: Collection[str]) -> list[int]:
    """For each of the first hits the number of its family, of what says the same.

    There are so many families, counted from 0 as they come, and none is left out.
    """
    numbers: dict[Hashable, int] = {}
    found = []
    for place, hit in enumerate(hits):
        key = same_as(hit.passage, apart) or place
        if key not in numbers and len(numbers) == count:
            break
        found.append(numbers.setdefault(key, len(numbers)))
    return found


def _count(top: Sequence[int]) -> int:
    return max(top, default=-1) + 1


def _in_order(hits: Ranking, top: Sequence[int], scores: Sequence[float]) -> list[Hit]:
    """Hits with the first in the order of the scores of their families."""
    best = sorted(range(len(scores)), key=lambda n: -scores[n])
    ranks = {n: rank for rank, n in enumerate(best, start=1)}
    order = sorted(range(len(top)), key=lambda place: -scores[top[place]])
    moved = [
        hits[was].placed(hits[place].score, "reranker", ranks[top[was]], scores[top[was]])
        for place, was in enumerate(order)
    ]
    return [*moved, *hits[len(moved) :]]


class EndpointReranker:
    """A reranker behind an HTTP endpoint. Safe to share between threads.

    It is asked as Cohere, Jina, vLLM, Infinity and llama.cpp want it (query, documents), and if
    it does not know these keys, as Text Embeddings Inference does (query, texts).
    """

    def __init__(self, url: str, model: str = "", key: str = "", seconds: float = 20.0) -> None:
        from httpx import Client

        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = Client(headers=headers, timeout=seconds)
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
            return with_deadline(self._seconds, lambda: self._ask(question, texts))
        except (TimeoutError, TimeoutException) as error:
            raise ModelError(Notice("reranker_too_slow")) from error
        except HTTPError as error:
            raise ModelError(Notice("reranker_unreachable")) from error
        except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError) as error:
            raise ModelError(Notice("reranker_reply_broken")) from error

    def _ask(self, question: str, texts: Sequence[str]) -> list[float]:
        if not self._takes_texts:
            asked = {"query": question, "documents": list(texts), "top_n": len(texts)}
            response = self._post(self._model | asked)
            if response.status_code not in _OTHER_KEYS:
                return _read(response, len(texts))
        found: list[float] = []
        for start in range(0, len(texts), BATCH):
            part = texts[start : start + BATCH]
            asked = {"query": question, "texts": list(part), "truncate": True}
            found += _read(self._post(asked), len(part))
        self._takes_texts = True
        return found

    def _post(self, body: Mapping[str, Any]) -> Response:
        return self._client.post(self._url, json=body)


def _read(response: Response, count: int) -> list[float]:
    """The scores in a reply, by the texts' order."""
    if response.status_code != 200:
        raise ModelError(Notice("reranker_server_failed", {"status": str(response.status_code)}))
    said = response.json()
    rows = said["results"] if isinstance(said, dict) else said
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
