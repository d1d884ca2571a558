"""Topics ("informal vendors"): what is typed instead of a question, and in which language it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import log
from typing import Any

from rag.keyword import KeywordIndex
from rag.named import without_countries
from rag.words import (
    LANGUAGES,
    language_chances,
    stop_words,
    strip_accents,
    terms,
    words,
)

# More words are a sentence.
MOST_TERMS = 4
MOST_WORDS = 7
# Of fewer letters alone the language can hardly be told: of 41 topics in five languages that of 26,
# with the words of the collection that of 35.
SHORT = 30
EVEN = 0.5
# The chance of a word that no passage of a language has, and of letters that look like another.
UNSEEN = 1e-4
UNSURE = 1e-3
# The logarithm of the odds that who goes on in a conversation keeps its language.
KEPT = 3.0
_ASKS = re.compile(
    r"[?؟]|\b(?:what|which|who|whom|whose|how|why|when|where|is|are|was|were|do|does|did|has|have"
    r"|can|could|should|tell|explain|describe|list|name|count|enumerate|show|give|find|compare"
    r"|que|quoi|quels?|quelles?|qui|comment|pourquoi|quand|ou|combien|est|sont|liste|citez"
    r"|cual|cuales|quien|quienes|como|cuando|donde|cuant[oa]s?|por que|lista|compara"
    r"|qual|quais|quem|onde|quando|quant[oa]s?|porque|compare|versus|vs"
    r"|ما|ماذا|من|كيف|لماذا|متى|أين|اين|كم|هل|اي|أي)\b"
)


def is_topic(text: str, language: str) -> bool:
    """Whether a text is a few words that ask nothing: whoever types them wants all about them."""
    if len(words(text)) > MOST_WORDS or _ASKS.search(strip_accents(text)):
        return False
    return 0 < len(terms(text, language)) <= MOST_TERMS


def language_of_few(
    text: str,
    keyword: KeywordIndex,
    languages: Any,
    counts: Mapping[str, int],
    before: str = "",
) -> str:
    """The language of a few words, by where in the collection they stand; "" for more of them.

    Args:
        text: what was typed.
        keyword: the words of the collection.
        languages: the language of each passage, an array.
        counts: how many passages there are of each language.
        before: the language of the conversation, which names alone don't change; "" for none.
    """
    if sum(ch.isalpha() for ch in text[: 2 * SHORT]) >= SHORT:
        return ""
    # Names of countries are of no language.
    bare = without_countries(text)
    said, letters = words(bare), language_chances(bare)
    if not said:
        return before
    if letters["ar"] > EVEN:
        return "ar"

    def likelihood(code: str) -> float:
        """The logarithm of the chance of the words and, twice, of the letters in a language."""
        # Small words stand in most passages and are not looked for.
        small, total = stop_words(code), counts.get(code, 0) + 1
        shares = (
            0.3 if word in small else _passages(word, code, keyword, languages) / total
            for word in said
        )
        chance = sum(log(share + UNSEEN) for share in shares) + 2 * log(letters[code] + UNSURE)
        # Of a language with hardly a text a single one proves little.
        return chance + log(total) / 2 + (KEPT if code == before else 0.0)

    return max(LANGUAGES, key=likelihood)


def _passages(word: str, code: str, keyword: KeywordIndex, languages: Any) -> int:
    """How many passages of a language have a word."""
    columns = (keyword.column(term)[0] for term in terms(word, code))
    return max((int((languages[column] == code).sum()) for column in columns), default=0)
