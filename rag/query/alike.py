"""What else in a collection means nearly what the words of a question do.

The built-in embedding places single words of all its languages well enough to translate them
("vendeurs" is by "sellers" and "merchants"): so an answer can tell which sentences in another
language are about the question.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from rag.index.interface import Index
from rag.models.embeddings import encode_cached
from rag.models.encoder import Vectors
from rag.text.tokenize import content_forms, terms
from rag.types import Alike

ALIKE = 0.65  # cosine similarity from which two words are alike
# Words of a question that are looked up; a longer one is a text, and would take as long.
MOST = 60
MOST_HELD = 5_000  # words of questions whose near ones are held


def alike_words(index: Index, text: str, language: str) -> tuple[Alike, ...]:
    """For each content word of a question the terms of frequent words that are near to it."""
    # The model knows "déchets", and "dechets" hardly.
    words = content_forms(text, language)[:MOST]
    known, vectors, held = _lexicon(index)
    if not words or not known:
        return ()
    near = {word: held[word] for word in words if word in held}
    if new := [word for word in words if word not in near]:
        similar = np.asarray(encode_cached(new), np.float32) @ vectors.T
        for word, row in zip(new, similar, strict=True):
            near[word] = {known[i]: float(row[i]) for i in np.flatnonzero(row >= ALIKE).tolist()}
        if len(held) > MOST_HELD:
            held.clear()
        held.update(near)
    return tuple(
        Alike(frozenset((*terms(word, language), *terms(word, "en"))), near[word]) for word in words
    )


@lru_cache(maxsize=2)  # a page has one index, and for surveys the files of it
def _lexicon(index: Index) -> tuple[list[str], Vectors, dict[str, Mapping[str, float]]]:
    """The terms of the frequent words whose vectors are stored, with these; and what was asked."""
    words = index.frequent_words
    found = index.vectors(list(words.values()))
    known = {term: found[form] for term, form in words.items() if form in found}
    return list(known), np.array(list(known.values()), np.float32), {}
