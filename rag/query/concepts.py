"""Tells what reports call a topic that a question names in everyday words: "waste pickers".

`concepts.toml` has concepts, and ways in which people say each. The built-in embedding tells which
of these a topic means, in whatever language. Their vectors are kept in `concepts.npz`; run
`make intents` after a change.
"""

import hashlib
import tomllib
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rag.catalog.tag_fields import Filters
from rag.index.interface import Index
from rag.models.embeddings import encode_cached
from rag.models.encoder import Vectors
from rag.query.gloss import alike_words
from rag.text.tokenize import terms

_CONCEPTS = Path(__file__).with_name("concepts.toml")
_VECTORS = Path(__file__).with_name("concepts.npz")
# From which mean cosine to its two nearest phrases a topic means a concept, and how much nearer it
# is than the next one. Of 120 topics in a stranger's words 40 are called something, 32 by the name
# meant; of 120 that reports have words for, one is; of 90 that mean no concept, four are.
_NEAR, _LEAD = 0.52, 0.03
RENAMED = "in_words_of_reports"  # the code of the notice that says so
_FEWEST_WORDS = 5  # of a description: fewer are a term
_SCALE = 700  # of vectors that are kept in bytes: none has a component of 0.18


def is_concept(text: str) -> bool:
    """Whether a text is the names of a concept, which are English."""
    return text in _known()[0]


def concept_of(topic: str, language: str, index: Index) -> str:
    """The concept that a topic means, by the names that reports have for it.

    It is "" where none is near, where a passage has all words of the topic, or these name it.
    """
    if len(topic.split()) < _FEWEST_WORDS:
        return ""
    names, starts, vectors = _known()
    similar = vectors @ np.asarray(encode_cached([topic])[0], np.float32)
    nearest = np.maximum.reduceat(similar, starts)
    of_each = np.repeat(nearest, np.diff([*starts, len(similar)]))
    second = np.maximum.reduceat(np.where(similar < of_each, similar, -1.0), starts)
    other, best = np.argsort(nearest + second)[-2:]
    score, next_score = (nearest + second)[[best, other]] / 2
    words = [a.terms | a.english for a in alike_words(index, topic, language) if a.rarity > 0]
    if score < max(_NEAR, next_score + _LEAD) or not words or index.having(words, Filters()):
        return ""
    own = frozenset().union(*words)
    said = (own.issuperset(terms(name, "en")) for name in names[best].split(" / "))
    return "" if any(said) else names[best]


@cache
def _known() -> tuple[Sequence[str], npt.NDArray[np.int64], Vectors]:
    """The concepts, where the phrases of each begin, and the vectors of all phrases."""
    said = _phrases()
    sizes = Counter(name for name, _ in said)
    starts = np.cumsum([0, *sizes.values()])[:-1]
    with np.load(_VECTORS) as file:
        # Without vectors of these phrases and this model, some seconds once.
        is_same = str(file["phrases"]) == _hash() and np.allclose(
            file["probe"], _probe(), atol=0.01
        )
        kept = file["vectors"].astype(np.float32) / _SCALE if is_same else _encoded(said)
    return list(sizes), starts, kept


def _phrases() -> list[tuple[str, str]]:
    """Each concept with each of its names and phrases."""
    said = tomllib.loads(_CONCEPTS.read_text("utf-8"))
    return [(name, p) for name, phrases in said.items() for p in (*name.split(" / "), *phrases)]


def _encoded(said: Sequence[tuple[str, str]]) -> Vectors:
    return np.asarray(encode_cached([phrase for _, phrase in said]), np.float32)


def _hash() -> str:
    return hashlib.sha256(_CONCEPTS.read_bytes()).hexdigest()


def _probe() -> Vectors:
    """What tells that the model is the same."""
    return np.asarray(encode_cached(["people who sell in the street"]), np.float32)


def save() -> None:
    """Write the vectors of the phrases as they are now."""
    vectors = _encoded(_phrases())
    kept = np.clip(np.round(vectors * _SCALE), -127, 127).astype(np.int8)
    np.savez_compressed(_VECTORS, vectors=kept, phrases=_hash(), probe=_probe())


if __name__ == "__main__":
    save()
