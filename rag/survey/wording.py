"""What a topic in another language is called in English, by the collection's own phrases.

Phrases are taken from English passages: those nearest to the topic, and those that have what means
each of its words. The multilingual embedding tells which phrase means the topic: one that is near
to it, and that no part of the topic's words is nearer to. So "buses", which is
nearer to "autobuses" than to "autobuses sin conductor", does not stand for that. A phrase that
renders word by word may be less near: of "savoirs ancestraux" the embedding knows little, but
"connaissances" and "ancestral".
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any

import numpy as np

from rag.index.local import Snapshot
from rag.models.embeddings import encode_cached
from rag.models.encoder import LANGUAGE, Vectors, unit
from rag.query.gloss import alike_words, english_phrase, english_word, in_english
from rag.text.tokenize import content_forms, content_words, strip_accents, terms

# From which cosine a phrase may mean a topic, and what a phrase gains by the logarithm of how many
# passages have it; the least sum of both, and how far the second phrase may be behind the first.
NEAR, OFTEN, LEAST, CLOSE = 0.65, 0.05, 0.8, 0.05
PART = 0.02  # how much nearer a phrase may be to a part of the topic than to the whole
FEWEST = 2  # passages that have a phrase
MANY = 10  # more passages are no better
RARER = 8  # how much rarer one word must be elsewhere
READ = 40  # passages of each kind whose phrases are looked at
LONGEST = 3  # words of a phrase
MOST = 2  # phrases
# Passages with what means each word, whose phrases may render a topic word by word; from which
# cosine such a phrase counts, the least sum for it, and how much nearer it may be to the topic
# without words like "without".
MEETING, LIKE, RENDERED, LESS = 200, 0.5, 0.7, 0.05
# Letters of words that are compared by spelling, how alike they are, and their least cosine.
LEAST_SPELLED, SPELLED, MEANS_ALIKE = 7, 0.8, 0.4
NEAREST = 8  # phrases among which one that means a word has another with a word of its own
_WORD = re.compile(r"\w[\w'’-]*")
_CLAUSE = re.compile(r"[.,;:!?()\[\]\n\"“”•|/]|\b(?:and|or)\b")


def english_wordings(
    text: str, language: str, snapshot: Snapshot, embed: Callable[[Sequence[str]], Any]
) -> tuple[str, ...]:
    """The phrases of English passages that mean a text in another language, the best first."""
    if phrase := english_phrase(text, language):
        return (phrase,)
    asked = [word for word in _WORD.findall(text) if content_words(word, language)]
    english = np.flatnonzero(snapshot.languages == LANGUAGE)
    if not asked or not len(english):
        return ()
    word = english_word(asked[0], language) if len(asked) == 1 else ""
    if min(snapshot.frequencies(terms(word, LANGUAGE)), default=0):
        return (word,)
    near: list[dict[str, float]] = [
        dict.fromkeys(other.terms, 1.0) | _spelled_alike(word, snapshot) | dict(other.near)
        for word, other in zip(
            content_forms(text, language), alike_words(snapshot, text, language), strict=False
        )
    ]
    similar = (snapshot.dense @ _meanings([text], language, embed)[0])[english]
    nearest = english[np.argsort(-similar, kind="stable")]
    having = [
        np.isin(nearest, np.concatenate([snapshot.keyword.passages(t)[0] for t in of_word]))
        for of_word in near
    ]
    meeting = nearest[np.all(having, axis=0)] if having else nearest[:0]
    counts: Counter[str] = Counter()
    rendered: dict[str, float] = {}
    read = {*nearest[:READ].tolist(), *meeting[:READ].tolist()}
    for n in read.union(meeting[:MEETING].tolist()):
        passage = snapshot.passages[n]
        info = passage.report
        texts = (info.title, *info.thematic_areas, passage.text)
        for name in set(_phrases(". ".join(texts))):
            if name not in rendered:
                rendered[name] = word_by_word(name, near)
            counts[name] += n in read or rendered[name] > 0
    share = 1 / max(1, len(read)) / RARER
    names = []
    for name, count in counts.items():
        if count < FEWEST:
            continue
        stems = terms(name, LANGUAGE)
        # A phrase is rarer than its words.
        elsewhere = snapshot.frequencies(stems)[0] if len(stems) == 1 else 0
        if count * share > elsewhere / len(snapshot.passages):
            names.append(name)
    if not names:
        return ()
    # Words like "without" stay with those that are left; what they are left out of is another.
    less = [[w for w in _WORD.findall(text) if w != left] for left in asked]
    others = [" ".join(words) for words in (*less, asked, *([w] for w in asked)) if len(asked) > 1]
    vectors = _meanings([text, *others], language, encode_cached)
    means = np.asarray(encode_cached(names), np.float32) @ vectors.T
    often = OFTEN * np.log([min(counts[name], MANY) for name in names])
    is_met = (means[:, 0] >= NEAR) & (means[:, 0] >= means.max(axis=1) - PART)
    scores = np.where(is_met & (means[:, 0] + often >= LEAST), means[:, 0] + often, 0)
    if len(asked) == 1:
        scores *= _backed(names, means[:, 0])
    else:
        by_words = np.array([rendered[name] for name in names])
        both = (by_words + means[:, 0]) / 2 + often
        is_met = (by_words > 0) & (means[:, 0] >= np.fmax(LIKE, means[:, 1 + len(less)] - LESS))
        scores = np.fmax(scores, np.where(is_met & (both >= RENDERED), both, 0))
    found: dict[frozenset[str], str] = {}
    for n in np.argsort(-scores, kind="stable").tolist():
        if scores[n] <= 0 or scores[n] < scores.max() - CLOSE or len(found) == MOST:
            break
        found.setdefault(frozenset(terms(names[n], LANGUAGE)), names[n])
    return tuple(found.values())


def _meanings(
    texts: Sequence[str], language: str, embed: Callable[[Sequence[str]], Any]
) -> Vectors:
    """The vectors of texts, halfway to those of their words in English."""
    glosses = [in_english(text, language, (), {}, least=0.0) or text for text in texts]
    vectors = unit(np.asarray(embed([*texts, *glosses]), np.float32))
    return unit(vectors[: len(texts)] + vectors[len(texts) :])


def _backed(names: Sequence[str], nearness: Any) -> Any:
    """Which of the nearest phrases share a word with another; 1 or 0 each.

    What is near to the vector of a word that the embedding does not know is of all sorts.
    """
    nearest = np.argsort(-nearness, kind="stable")[:NEAREST].tolist()
    stems = {n: set(terms(names[n], LANGUAGE)) for n in nearest}
    shared = Counter(stem for of_name in stems.values() for stem in of_name)
    backed = np.zeros(len(names))
    backed[[n for n in nearest if any(shared[stem] > 1 for stem in stems[n])]] = 1
    return backed


def _phrases(text: str) -> Iterator[str]:
    """The runs of a few words that begin and end with one that says something."""
    for clause in _CLAUSE.split(text.lower()):
        words = _WORD.findall(clause)
        tells = [_tells(word) for word in words]
        for start in range(len(words)):
            for end in range(start + 1, min(start + LONGEST, len(words)) + 1):
                if tells[start] and tells[end - 1]:
                    yield " ".join(words[start:end])


def _spelled_alike(word: str, snapshot: Snapshot) -> dict[str, float]:
    """The terms spelled nearly like a word that mean no other thing: "informal" for "informais"."""
    if len(word) < LEAST_SPELLED:
        return {}
    plain = strip_accents(word)
    found = {
        term: ratio
        for term, written in snapshot.frequent_words.items()
        if written[:1] == plain[:1]
        and (matcher := SequenceMatcher(None, plain, written)).real_quick_ratio() >= SPELLED
        and matcher.quick_ratio() >= SPELLED
        and (ratio := matcher.ratio()) >= SPELLED
    }
    if not found:
        return {}
    forms = [snapshot.frequent_words[term] for term in found]
    means = np.asarray(encode_cached([word, *forms]), np.float32)
    nearness = dict(zip(found, means[1:] @ means[0], strict=True))
    return {term: ratio for term, ratio in found.items() if nearness[term] >= MEANS_ALIKE}


def word_by_word(name: str, near: Sequence[Mapping[str, float]]) -> float:
    """How well a phrase renders each of several words, by terms near to them; 0 if it does not."""
    if len(near) < 2:
        return 0.0
    of_words = [_stems(word) for word in name.split()]
    stems = [stem for of_word in of_words for stem in of_word]
    if len(stems) != len(near) or not all(of_words):
        return 0.0
    best = min(max(of_word.get(stem, 0.0) for stem in stems) for of_word in near)
    return best if all(any(stem in of_word for of_word in near) for stem in stems) else 0.0


@lru_cache(50_000)
def _tells(word: str) -> bool:
    return bool(content_words(word, LANGUAGE)) and not word.isdigit()


@lru_cache(50_000)
def _stems(word: str) -> tuple[str, ...]:
    return tuple(terms(word, LANGUAGE))
