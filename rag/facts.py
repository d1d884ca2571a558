"""The facts that a question names: tags whose values are ticked from a short list; in English.

A fact is written "sample_size: More than 1,000". It is named where the question has a word of its
key ("sample") and fits one of the key's values better than all others.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from rag.catalogue import Catalogue
from rag.words import terms, words

# A key with more values than this is written freely.
_MOST_VALUES = 12
# Words of keys that tell nothing of what the key is about.
_OF_ANY_KEY = frozenset(terms("type status total size check experiment quality", "en"))
# Words that are left out of a search, and make the difference between two values.
_COUNTS = frozenset(("more", "less", "between", "before", "same", "different", "non"))
_MEANS = {
    "fewer": "less", "under": "less", "below": "less", "over": "more", "above": "more",
    "exceeding": "more", "separate": "different", "dollar": "usd", "dollars": "usd",
    "randomly": "random",
}  # fmt: skip
# Share of a value's words that a question has. Of 126 development questions two name four facts;
# 0.34 to 0.75 find just those, 0.25 one in each of two others as well, 1.0 only three.
_LEAST = 0.5


def facts_in(question: str, catalogue: Catalogue) -> tuple[str, ...]:
    """The facts of the collection that a question names, at most one for each key."""
    asked = tokens(question)
    by_key: dict[str, list[str]] = {}
    for fact, _ in catalogue.counts("fact"):
        by_key.setdefault(fact.partition(": ")[0], []).append(fact)
    found = (
        _best(asked, facts)
        for key, facts in by_key.items()
        if 2 <= len(facts) <= _MOST_VALUES and (tokens(key) - _OF_ANY_KEY) & asked
    )
    return tuple(fact for fact in found if fact)


def _best(asked: Collection[str], facts: Iterable[str]) -> str:
    """The fact whose value's words the question has most of, if no other fits as well; or ""."""
    scored = []
    for fact in facts:
        key, _, value = fact.partition(": ")
        said = tokens(value)
        shared = said & set(asked)
        # "A control group" names the key alone, whatever the values say again of it.
        if shared - tokens(key) or shared == said:
            scored.append((len(shared) / max(1, len(said)), len(shared), fact))
    scored.sort(reverse=True)
    if not scored or scored[0][0] < _LEAST:
        return ""
    alone = len(scored) == 1 or scored[0][:2] > scored[1][:2]
    return scored[0][2] if alone else ""


def tokens(text: str) -> frozenset[str]:
    """What facts and questions are compared by: stems, numbers, and words like "more"."""
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", text.replace("_", " "))
    said = [_MEANS.get(word, word) for word in words(plain)]
    return frozenset(terms(" ".join(said), "en")) | (_COUNTS & set(said))
