"""What the words of a question mean, in English and in the words that a collection has.

A fact, a method or data may be named in words that no list has: "was it chance that decided who got
the treatment?" asks for random assignment. Only words that mean nearly the same count.

The built-in embedding can translate single words: "vendeurs" is near "sellers" and "merchants". By
this, an answer can tell which sentences in another language are about the question.

"¿Cuántas familias recibieron una cocina solar?" becomes "how many families received a kitchen
solar". A model that reads a question and a passage together understands this poor English. The
words come from `glossary.tsv`, or else from the collection's frequent words by their meaning.

A topic may be described in everyday words: `concepts.toml` has what reports call it ("waste
pickers"), and ways in which people say that. The built-in embedding tells which of these a topic
means, in whatever language. Their vectors are in `concepts.npz`; `make intents` after a change.
"""

import hashlib
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from math import inf, log, log10
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rag.catalog.catalog import Catalog, find_value
from rag.catalog.tag_fields import Filters, listed_names
from rag.index.interface import Index
from rag.models.embeddings import encode_cached
from rag.models.encoder import LANGUAGE, Vectors
from rag.places.countries import english_name, fold_name
from rag.query.entities import country_spans
from rag.query.linker import Link, Links
from rag.query.usual_words import asks
from rag.query.wordings import has_wording
from rag.text.tokenize import LANGUAGES, content_forms, content_words, stemmer, strip_accents, terms
from rag.types import Alike, Passage

ALIKE = 0.65  # cosine similarity from which two words are alike
_MOST_CACHED = 5_000  # words whose near ones are kept
MOST = 60  # words of a question that are looked up: what is longer is a text, and takes too long
_LIKE = 0.85  # the least similarity of what is meant for sure; of other things it is below 0.8
_MOST_REST = 5  # words that nothing explains: more of them ask for more than a fact
_BEFORE, _AFTER = 2, 4  # words around these that may belong to a name
_COLUMNS = ("en", "es", "fr", "pt", "ar")
_WORD = re.compile(r"[^\W_]+")
_LONGEST = 4  # words of a phrase
# What Arabic writes together with a word: "the", "and", "then", "with", "for", "as", "will".
_PREFIXES = ("ال", "وال", "بال", "لل", "فال", "كال", "و", "ف", "ب", "ل", "ك", "س")
LEAST_KNOWN = 0.5  # the share of a question's content words that the glossary must have

_CONCEPTS = Path(__file__).with_name("concepts.toml")
_VECTORS = Path(__file__).with_name("concepts.npz")
# From which mean cosine to its two nearest phrases a topic means a concept, and how much nearer it
# is than the next one. The same from which on one may be meant, how much less near than the nearest
# one, how many, and the fewest words that tell.
_CONCEPT_NEAR, _CONCEPT_LEAD = 0.56, 0.05
_HINT_NEAR, _HINT_WITHIN, _MOST_HINTS, _HINT_WORDS = 0.5, 0.1, 3, 2
# The codes of the notices that a concept, or what reports may call a topic, was searched for too.
RENAMED, HINTED = "in_words_of_reports", "looked_for_too"
_FEWEST_WORDS = 5  # of a description: fewer are a term
_SAME_PHRASE = 0.85  # the cosine of a topic to a phrase from which it is nearly that
_SCALE = 700  # of vectors that are kept in bytes: none has a component of 0.18


def alike_words(index: Index, text: str, language: str) -> tuple[Alike, ...]:
    """Each content word of a question with the frequent words near to it, and how rare it is."""
    # The model knows "déchets", and "dechets" hardly.
    words = content_forms(text, language)[:MOST]
    near = _nearness(index)
    if not words or not near:
        return ()
    stems = {word: frozenset((*terms(word, language), *terms(word, "en"))) for word in words}
    in_en = {word: frozenset(terms(english_word(word, language), "en")) for word in words}
    every = list(frozenset().union(*stems.values(), *in_en.values()))
    counts = dict(zip(every, index.frequencies(every), strict=True))
    size = len(index.passages) + 1
    found = []
    for (word, own), alike in zip(stems.items(), near(words), strict=True):
        # "Turismo" is no rarer than "tourism".
        most = min(size, max((counts[term] for term in own | in_en[word]), default=0))
        rarity = 0.0 if asks(word, language) else log(size / (most + 1))
        found.append(Alike(own, alike, in_en[word], rarity))
    return tuple(found)


@lru_cache(maxsize=2)  # a page has one index, and for surveys the files of it
def _nearness(index: Index) -> Callable[[Sequence[str]], list[Mapping[str, float]]] | None:
    """Finds the terms of frequent words near to each of some words; None without their vectors."""
    words = index.frequent_words
    found = index.vectors(list(words.values()))
    known = {term: found[form] for term, form in words.items() if form in found}
    if not known:
        return None
    names, vectors = list(known), np.array(list(known.values()), np.float32)
    cached: dict[str, Mapping[str, float]] = {}

    def near(words: Sequence[str]) -> list[Mapping[str, float]]:
        known = ((word, cached.get(word)) for word in words)
        alike = {word: found for word, found in known if found is not None}
        if new := [word for word in words if word not in alike]:
            # All at once, which is faster than one by one.
            similar = np.asarray(encode_cached(new), np.float32) @ vectors.T
            alike |= {
                word: {names[i]: float(row[i]) for i in np.flatnonzero(row >= ALIKE).tolist()}
                for word, row in zip(new, similar, strict=True)
            }
            if len(cached) > _MOST_CACHED:
                cached.clear()
            cached.update((word, alike[word]) for word in new)
        return [alike[word] for word in words]

    return near


def meant(links: Links, catalog: Catalog, language: str) -> Links:
    """The links of a question with what its other words mean; the same if they mean nothing."""
    names = _named(catalog, language)
    words = [fold_name(word) for word in links.words]
    # A theme of one word may be one of a name's.
    fixed = [k for k in links.links if k.field and (k.field != "theme" or k.end - k.start > 1)]
    taken = {i for k in fixed for i in range(k.start, k.end)}
    other = {i for i, word in enumerate(words) if word in links.rest} - taken
    fields = [k for k in links.links if not k.field and k.values[0] in {v for _, _, v in names}]
    core = other.union(*(range(k.start, k.end) for k in fields))
    first, last = min(core, default=0), max(core, default=0) + 1
    windows = [
        (start, end)
        for start in range(max(first - _BEFORE, 0), first + 1)
        for end in range(last, min(last + _AFTER, len(words)) + 1)
        if taken.isdisjoint(range(start, end))
    ]
    if not (windows and core and names) or len(other) > _MOST_REST:
        return links
    asked = np.asarray(encode_cached([" ".join(links.words[a:b]) for a, b in windows]), np.float32)
    similar = asked @ _vectors(catalog, language).T
    window, best = np.unravel_index(int(similar.argmax()), similar.shape)
    start, end = windows[window]
    name, field, _ = names[best]
    if similar[window, best] < _LIKE or not (field or other):
        return links
    # What several values are called means any of them.
    values = tuple(value for same, of, value in names if (same, of) == (name, field))
    rest = (k for k in links.links if k.end <= start or k.start >= end)
    before = " ".join(words[max(0, start - 1) : start])
    excluded = has_wording("excludes", before) or has_wording("leaves_out", before)
    new = sorted([*rest, Link(start, end, field, values, excluded)], key=lambda k: k.start)
    return replace(links, links=tuple(new), rest=())


def read_ahead(catalog: Catalog) -> None:
    """Read what the first question of each language would wait for, half a second."""
    for language in LANGUAGES:
        _vectors(catalog, language)
        english_word("", language)


@lru_cache(maxsize=2 * len(LANGUAGES))
def _named(catalog: Catalog, language: str) -> list[tuple[str, str, str]]:
    """What has names in a language and in English: name, field and value."""
    held = _held(catalog)
    return [
        (name, "" if field == "field" else field, held[field, value])
        for field, value, code, name in listed_names()
        if code in (language, "en") and (field, value) in held
    ]


@lru_cache(maxsize=2)
def _held(catalog: Catalog) -> dict[tuple[str, str], str]:
    """The field and value of listed names that some report has, as the collection spells them."""
    facts = {fact.partition(": ")[0] for fact, _ in catalog.counts("fact")}
    held: dict[tuple[str, str], str | int | None] = {}
    for field, value in {(field, value) for field, value, _, _ in listed_names()}:
        if field == "field":
            held[field, value] = value if value in facts else None
        elif field in ("fact", "method", "datasource"):
            held[field, value] = find_value(catalog, field, value)
    return {listed: str(own) for listed, own in held.items() if own is not None}


@lru_cache(maxsize=2 * len(LANGUAGES))
def _vectors(catalog: Catalog, language: str) -> Vectors:
    """The vectors of these names, which take a third of a second, and few questions need."""
    names = [name for name, _, _ in _named(catalog, language)]
    return np.asarray(encode_cached(names), np.float32)


def in_english(
    text: str,
    language: str,
    alike: Iterable[Alike],
    forms: Mapping[str, str],
    least: float = LEAST_KNOWN,
) -> str:
    """A text with each of its words in English, in their order; "" where too few are known.

    `alike` has the terms of a collection that mean nearly what its words do, `forms` how those
    terms are written; `least` is the share of its content words that the glossary must have.
    """
    if language not in _COLUMNS[1:]:
        return text if language == "en" else ""
    guesses = {term: _nearest(word, forms) for word in alike for term in word.terms}
    parts: list[str] = []
    known = asked = at = 0
    for code, (start, end) in [*country_spans(text), ("", (len(text), len(text)))]:
        said = _WORD.findall(unicodedata.normalize("NFC", text[at:start]).lower())
        for word in _with_phrases(said, language):
            found = english_word(word, language)
            if content_words(word, language) and not word.isdigit():
                asked += 1
                known += bool(found)
            # A name is kept as it is, but for the script.
            kept = "" if language == "ar" and not word.isascii() else word
            parts.append(found or guesses.get(_stem(word, language), "") or kept)
        parts.append(english_name(code) if code else "")
        at = end
    # Two words of the same meaning stand for one; "-" is the English of those to leave out.
    parts = [p for n, p in enumerate(parts) if p.strip("-") and p != parts[n - 1]]
    return " ".join(parts) if known >= least * asked else ""


def _with_phrases(words: Sequence[str], language: str) -> Iterator[str]:
    """Words; those that the glossary has as one phrase ("eau potable") together."""
    written, at = _glossary(language)[0], 0
    while at < len(words):
        phrases = (" ".join(words[at : at + n]) for n in range(_LONGEST, 1, -1))
        phrase = next((phrase for phrase in phrases if phrase in written), words[at])
        yield phrase
        at += phrase.count(" ") + 1


def word_by_word(passage: Passage) -> Passage:
    """A passage with its text and its report's title in English, word by word."""
    if passage.language == "en":
        return passage
    title, text = (
        in_english(text, passage.language, (), {}, least=0.0) or text
        for text in (passage.report.title, passage.text)
    )
    return replace(passage, text=text, report=replace(passage.report, title=title))


def _nearest(word: Alike, forms: Mapping[str, str]) -> str:
    near = {forms[term]: near for term, near in word.near.items() if term in forms}
    return max(filter(str.isascii, near), key=lambda form: near[form], default="")


def english_word(word: str, language: str) -> str:
    """What the glossary has for a word: as it is, without accents, or for its stem; "" for none."""
    if language not in _COLUMNS[1:]:
        return ""
    written, stems = _glossary(language)
    forms = list(_bare(word, language))
    known = [written.get(form) or written.get(strip_accents(form)) for form in forms]
    known += [stems.get(_stem(form, language)) for form in forms]
    return next(filter(None, known), "")


def english_phrase(text: str, language: str) -> str:
    """What the glossary has for the whole of a text, if either is of several words; "" for none."""
    known = _glossary(language)[1] if language in _COLUMNS[1:] else {}
    found = known.get(_stem(text, language), "")
    return found if " " in text.strip() or " " in found else ""


def with_and_apart(text: str) -> str:
    """A text with the Arabic "and" apart from words it is written as one with, but the first."""

    def apart(match: re.Match[str]) -> str:
        written = _glossary("ar")[0]
        has_article = len(match[1]) > 4 and match[1].startswith("ال")
        is_joined = match[0] not in written and (has_article or match[1] in written)
        return f"و {match[1]}" if is_joined else match[0]

    return re.sub(r"(?<=\s)و(\w{3,})", apart, text)


def _bare(word: str, language: str) -> Iterator[str]:
    yield word
    for prefix in _PREFIXES if language == "ar" else ():
        if word.startswith(prefix) and len(word) > len(prefix) + 1:
            yield word.removeprefix(prefix)
    if language == "pt" and word.endswith("ões"):
        yield word.removesuffix("ões") + "ão"


def _stem(word: str, language: str) -> str:
    """The stem of a word, or those of the words of a phrase that say something."""
    if " " in word:
        return " ".join(terms(word, language))
    return str(stemmer(language).stemWord(strip_accents(word)))


@cache
def _glossary(language: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """English for each word of a language, and for each stem."""
    rows = Path(__file__).with_name("glossary.tsv").read_text("utf-8").splitlines()
    # Of the English words that a word may stand for, one that reports have often, by which the rows
    # are ordered, and that it translates among the first.
    costs: list[dict[str, tuple[float, str]]] = [{}, {}, {}]
    for n, row in enumerate(rows, start=1):
        english, *columns = row.split("\t")
        words = filter(None, columns[_COLUMNS.index(language) - 1].split(", "))
        for place, word in enumerate(words):
            forms = (word, strip_accents(word), _stem(word, language))
            for table, form in zip(costs, forms, strict=True):
                if (cost := place + log10(n)) < table.get(form, (inf, ""))[0]:
                    table[form] = (cost, english)
    written, plain, stems = ({form: e for form, (_, e) in table.items()} for table in costs)
    return plain | written, stems


def is_concept(text: str) -> bool:
    """Whether a text is the names of a concept, which are English."""
    return text in _concepts()[0]


def concepts_of(topic: str, language: str, index: Index) -> tuple[str, str]:
    """The concept that a topic means, by the names that reports have for it, and what it may mean.

    Both are "" where none is near, or the topic's words name it. None is meant for sure where words
    are few, or a passage has all of them, unless they are nearly a phrase for it; then the first
    names of the nearest ones may be.
    """
    names, starts, vectors = _concepts()
    similar = vectors @ np.asarray(encode_cached([topic])[0], np.float32)
    nearest = np.maximum.reduceat(similar, starts)
    of_each = np.repeat(nearest, np.diff([*starts, len(similar)]))
    second = np.maximum.reduceat(np.where(similar < of_each, similar, -1.0), starts)
    scores = (nearest + second) / 2
    is_long = len(topic.split()) >= _FEWEST_WORDS
    # A usual term of another language stays as it is.
    is_phrase = bool(nearest.max() >= _SAME_PHRASE) and (is_long or language == LANGUAGE)
    best, *others = np.argsort(-scores)[:_MOST_HINTS].tolist()
    score, next_score = scores[[best, others[0]]]
    if not is_phrase and score < _HINT_NEAR:
        return "", ""
    words = [a.terms | a.english for a in alike_words(index, topic, language) if a.rarity > 0]
    if not words:
        return "", ""
    best = int(nearest.argmax()) if is_phrase else best
    own = frozenset(terms(topic, "en")).union(*words)
    if any(own.issuperset(terms(name, "en")) for name in names[best].split(" / ")):
        return "", ""
    is_near = score >= max(_CONCEPT_NEAR, next_score + _CONCEPT_LEAD)
    if is_phrase or (is_near and is_long and not index.having(words, Filters())):
        return names[best], ""
    least = max(_HINT_NEAR, score - _HINT_WITHIN) if len(words) >= _HINT_WORDS else inf
    near = [names[i].partition(" / ")[0] for i in (best, *others) if scores[i] >= least]
    return "", ", ".join(near)


@cache
def _concepts() -> tuple[Sequence[str], npt.NDArray[np.int64], Vectors]:
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
