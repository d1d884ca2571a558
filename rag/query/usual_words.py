"""The words that ask: articles and "and", and words that say how and of what, but name nothing."""

import re
from functools import cache, lru_cache

from rag.catalog.normalize import american
from rag.models.embeddings import encode_cached
from rag.places.countries import fold_name
from rag.query.correction import one_slip_away
from rag.query.intents import words_beside
from rag.query.wordings import has_wording, is_among, words_of
from rag.text.tokenize import LANGUAGES, stemmer

_REMEMBERED = 65_536  # words whose stems are remembered: all names, and what people type
_INFLECTED = 0.48  # the least likeness of two forms of a word, 0 to 1
# What Arabic writes in front of a word, as one with it.
ARABIC = re.compile(r"^(?:[وفبك]?ال|[وف]?لل|[وبلك])(?=\w{3})")


def tokens(text: str) -> list[str]:
    """The folded words of a text."""
    return [fold_name(word) for word in re.findall(r"\w+", text)]


@lru_cache(_REMEMBERED)
def stem_in(word: str, language: str) -> str:
    """The stem of a folded word of a language; of Arabic without its article."""
    if language == "ar":  # "A solution" as an object ends in a letter more.
        word = ARABIC.sub("", word).removesuffix("ا")
    elif language == "en":
        word = american(word)
    return str(stemmer(language if language in LANGUAGES else "en").stemWord(word))


@cache
def light_words() -> frozenset[str]:
    """Articles, prepositions and "and": words that a name may have or lack."""
    return frozenset(map(fold_name, words_of("light").split()))


@lru_cache(_REMEMBERED)
def is_usual(word: str, language: str) -> bool:
    """Whether a word, or one that it is a slip away from, asks and names nothing."""
    stems = (word, stem_in(word, language), *one_slip_away(word))
    return not usual_words(*LANGUAGES).keys().isdisjoint(stems)


def is_usual_word(word: str, language: str, intent: str = "") -> bool:
    """Whether a word of a language, or of English, asks and names nothing."""
    usual = usual_words(language, "en", intent=intent)
    forms = usual.get(word, set()) | usual.get(stem_in(word, language), set())
    # A stem alone is not enough: in Spanish "solar" has that of "solo", "only".
    near = [form for form in forms if abs(len(word) - len(form)) <= 2]
    return fold_name(word) in near or any(_likeness(word, form) >= _INFLECTED for form in near)


@lru_cache(_REMEMBERED)
def _likeness(one: str, other: str) -> float:
    """How alike two words are in meaning, 0 to 1."""
    first, second = encode_cached([one, other])
    return float(first @ second)


def asks_for_lists(word: str, language: str) -> bool:
    """Whether a word names nothing in a question for a list, though it may in another one."""
    return any(is_among(word, "of_lists", code) for code in (language, "en"))


def asks(word: str, language: str, intent: str = "") -> bool:
    """Whether a word asks for something that any work has, or as the examples of an intent do."""
    usual = is_usual_word(word, language, intent) or is_among(word, "of_any_work", language)
    return usual or has_wording("compare", word)


@cache
def usual_words(*languages: str, intent: str = "") -> dict[str, set[str]]:
    """Words that ask for a list or a number and name nothing, by themselves and their stems."""
    usual: dict[str, set[str]] = {}
    for language in languages:
        for word in tokens(f"{words_of('usual', language)} {words_beside(intent, language)}"):
            for key in (word, stem_in(word, language)):
                usual.setdefault(key, set()).add(word)
    return usual
