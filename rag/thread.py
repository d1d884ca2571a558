"""What a question that carries on takes over from the conversation: topic, labs and years."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.catalogue import Catalogue
from rag.followup import carries_on
from rag.named import countries_in, named_in, region_in, without_countries
from rag.regions import countries_of_regions_in, without_regions
from rag.types import Filters, Turn
from rag.words import language_of, strip_accents

# Labs or countries in the plural: the question is put to all of them.
_MANY_LABS = re.compile(
    r"\b(?:labs|labos|countries|laboratoires|laboratorios|paises"
    r"|(?<!\bquel )(?<!\bun )(?<!\ble )(?<!\bce )(?<!\bdu )(?<!\bau )pays"
    r"|المختبرات|مختبرات|الدول|البلدان)\b"
)
# What points at the labs of an answer, one by one.
_OF_THEM = re.compile(
    r"\bof (?:them|these|those)\b|\b(?:these|those|the same) (?:labs?|countries|teams|reports)\b"
    r"|\b(?:d entre|parmi) (?:eux|elles|ces)\b|\bces (?:labos?|laboratoires|labs|pays)\b"
    r"|\b(?:cuales|quienes|cual|quais|qual) (?:de )?(?:ellos|ellas|estos|esos|deles|delas|esses)\b"
    r"|\b(?:estos|esos|estes|esses) (?:laboratorios|labs|paises)\b|منهم|منها|من بينه"
)
# A line of an answer begins with a lab, and its year and kind in brackets.
_LAB = re.compile(r"^(?:- )?([^\n(:]{2,80}) \((?:\d{4}|\?|\d{1,2}\))", re.MULTILINE)
_TURN = 600


@dataclass(frozen=True, slots=True)
class Thread:
    """What a question carries on: its stand-alone form, and what it shares with what was said.

    `wide` where it is put to many labs, `only` where to none but those of `country`.
    """

    standalone: str
    country: tuple[str, ...] = ()
    year: tuple[int, ...] = ()
    wide: bool = False
    only: bool = False


def to_many_labs(question: str) -> bool:
    """Whether a question is put to labs or countries in the plural."""
    return bool(_MANY_LABS.search(strip_accents(question)))


def follow(question: str, history: Sequence[Turn], named: Filters, catalogue: Catalogue) -> Thread:
    """What a question that carries on takes over, beside what it has `named` itself.

    The topic is that of the question that opened it and of the last one. Places that the question
    names take the place of those before. Else it is about the labs of the earlier questions, or
    those that the last answer names, whose words then count for the topic too. An answer of many
    labs is too mixed for that: its labs count where the question points at them.
    """
    asked = _questions(history)
    answer = history[-1].content if history[-1].role == "assistant" else ""
    year = () if named.year else named_in(asked[-1], catalogue).year
    earlier = " ".join(dict.fromkeys(text[:_TURN] for text in (asked[0], asked[-1])))
    # Also a country of which the collection has nothing.
    if countries_in(question) or countries_of_regions_in(question):
        topic = without_regions(without_countries(earlier))
        wide = not named.country and any(map(to_many_labs, asked))
        return Thread(f"{topic} {question}", year=year, wide=wide)
    placed = next((text for text in reversed(asked) if _places(text, catalogue)), "")
    country = _places(placed, catalogue)
    labs = _labs_of(answer, catalogue)
    mixed = len(labs) > 1
    if mixed and points_at_labs(question):
        return Thread(f"{earlier} {question}", labs, year, wide=True, only=True)
    only = to_many_labs(placed) and not named_in(placed, catalogue).country
    if not (country or mixed):
        country = named_in(answer[:_TURN], catalogue).country
    wide = only or (not country and any(map(to_many_labs, asked)))
    whole = " ".join([earlier, *([] if wide or mixed else [answer[:_TURN]]), question])
    return Thread(without_regions(whole) if only else whole, country, year, wide, only)


def asked_before(history: Sequence[Turn]) -> tuple[str, Sequence[Turn]]:
    """The last question of a conversation, and the conversation before it."""
    last = max((i for i, turn in enumerate(history) if turn.role == "user"), default=0)
    return history[last].content, history[:last]


def points_at_labs(question: str) -> bool:
    """Whether a question is about some of the labs that an answer told of ("which of them")."""
    return bool(_OF_THEM.search(strip_accents(question)))


def _questions(history: Sequence[Turn]) -> list[str]:
    """The questions before, back to the one that opened the topic, oldest first."""
    turns = [turn for turn in history if turn.role == "user"] or [history[-1]]
    first = len(turns) - 1
    while first and _carried(turns[first].content, turns[:first]):
        first -= 1
    return [turn.content for turn in turns[first:]]


def _carried(question: str, before: Sequence[Turn]) -> bool:
    places = bool(countries_in(question)) or to_many_labs(question)
    return carries_on(question, language_before([*before, Turn("user", question)]), places, before)


def language_before(history: Sequence[Turn]) -> str:
    """The language that the questions of a conversation are asked in, the latest first."""
    questions = [turn.content for turn in history if turn.role == "user"]
    said = [turn.content for turn in history if turn.role != "user"]
    for text in (*reversed(questions), *reversed(said)):
        if language := language_of(text, default=""):
            return language
    return "en"


def _places(text: str, catalogue: Catalogue) -> tuple[str, ...]:
    return named_in(text, catalogue).country or region_in(text, catalogue)


def _labs_of(answer: str, catalogue: Catalogue) -> tuple[str, ...]:
    """The labs that the lines of an answer begin with."""
    return named_in("\n".join(_LAB.findall(answer)), catalogue).country
