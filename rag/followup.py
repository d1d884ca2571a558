"""Tells whether a question carries on a conversation, and makes it stand alone; by rules."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.types import Turn
from rag.words import focus, strip_accents, terms

# How a question begins that joins on to what was said, in five languages.
_JOINS_ON = re.compile(
    r"^\W*(?:and|but|so|or|also|then|how so|what else|anything else|what about|how about"
    r"|tell me more|et|mais|alors|quoi d autre|pero|y|entonces|que mas|e|mas|entao|o que mais"
    r"|وماذا|وما|وهل|وكيف|وأين|واين|وكم|ومن|ماذا عن)\b"
    r"|\b(?:the same|the former|the latter|you (?:said|mentioned)|les memes|le meme|la meme"
    r"|lo mismo|el mismo|la misma|los mismos|o mesmo|a mesma|نفسها|نفسه)\b"
)
# Words that point back, unless what they point to stands in the question itself.
_POINTS_BACK = {
    "en": r"\b(?:it|its|they|them|their|this|that|these|those|he|she|his|her|him|there|both)\b",
    "fr": r"\b(?:il|elle|ils|elles|leur|leurs|lui|cela|ceci|celui|celle|ceux|celles|cette|cet|ce"
    r"|ces|eux|son|sa|ses)\b",
    "es": r"\b(?:ellos|ellas|su|sus|eso|esto|ese|esa|esos|esas|este|esta|estos|estas|alli|ahi)\b",
    "pt": r"\b(?:ele|ela|eles|elas|seu|sua|seus|suas|isso|isto|esse|essa|esses|essas|deles|delas"
    r"|nisso|disso|desse|dessa|este|esta|la)\b",
    "ar": r"\b(?:ذلك|تلك|هذا|هذه|هؤلاء|هناك|هم|هي|هو|منها|منهم|عنها|عنهم|فيها|لديهم)\b",
}
# A question with fewer words of its own says too little to be searched for; in one with more
# than so many, what a word points to stands in the question itself.
_FEW = 3
_MANY = 6
_TURN = 600


def carries_on(question: str, language: str, places: bool, history: Sequence[Turn]) -> bool:
    """Whether a question needs the conversation before it to be understood.

    It does where it joins on ("and in 2023?"), or where it says little or not much, and points
    back or names no `places` of its own.
    """
    if not history:
        return False
    folded = re.sub("['’]", " ", strip_accents(question))
    if _JOINS_ON.search(folded):
        return True
    own = len(set(terms(focus(question, language), language)))
    points_back = bool(re.search(_POINTS_BACK.get(language, _POINTS_BACK["en"]), folded))
    if own < _FEW:
        return points_back or not places
    return points_back and own <= _MANY and not places


def standalone(question: str, history: Sequence[Turn]) -> str:
    """A question that carries on, after the last question and answer, whose topic it shares."""
    return f"{last_said(history)} {question}"


def last_said(history: Sequence[Turn]) -> str:
    """The last question and answer of a conversation, no longer than a paragraph each."""
    return " ".join(turn.content[:_TURN] for turn in history[-2:])
