"""Wordings by which questions are recognised, in five languages: those of `wordings.toml`."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from rag.text.tokenize import LANGUAGES, strip_accents, terms

# "2021-23", and "2021 to 23" at the end of a clause.
_YEARS = re.compile(
    r"\b(20[12]\d)( ?[-–] ?(?=\d\d(?![-–/\w]))"
    r"| (?:to|a|au|hasta|at[eé]) (?=\d\d\s*(?:[,:;.?!)]|$)))([12]\d)\b"
)


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("wordings.toml").read_text("utf-8"))


@cache
def any_of(name: str, key: str = "") -> str:
    """A regular expression for the alternatives; for an unknown language the English ones."""
    alternatives = _data()[name]
    if key:
        alternatives = alternatives.get(key, alternatives.get("en"))
    return f"(?:{'|'.join(alternatives)})"


def has_wording(name: str, text: str) -> bool:
    """Whether a text has one of the alternatives as words of their own."""
    return bool(re.search(rf"\b{any_of(name)}\b", strip_accents(text)))


def words_of(name: str, language: str = "") -> str:
    """The words of a list, for an unknown language the English ones."""
    words = _data()[name]
    return str(words.get(language, words["en"]) if language else words)


def written_out(text: str, language: str) -> str:
    """A text with what its language, or else English, writes short written out ("w/o", "20k")."""
    text = re.sub(r"\b(\d{2,3}|\d(?=k ?(?:usd|dollars?|\$)))k\b", r"\1,000", text, flags=re.I)
    text = _YEARS.sub(lambda m: f"{m[1]}{m[2]}20{m[3]}" if m[1] < f"20{m[3]}" else m[0], text)
    short = _data()["written_short"].get(language, _data()["written_short"]["en"])
    return re.sub(
        r"\bw/o?(?!\w)|\b\w+\b|(?<= )[&+](?= )", lambda m: short.get(m[0].lower(), m[0]), text
    )


@cache
def units() -> dict[str, str]:
    """A regular expression for what the sizes of each tag that has any are of, by its key."""
    return {key: any_of("units", key) for key in _data()["units"]}


@cache
def terms_of(name: str, language: str) -> frozenset[str]:
    """The terms of a list of words."""
    return frozenset(terms(words_of(name, language), language))


def is_among(word: str, name: str, language: str) -> bool:
    """Whether a word is one of a list, in any form."""
    return set(terms(word, language)) <= terms_of(name, language)


def greeting_language(question: str) -> str:
    """The language of a greeting; "" for anything else."""
    plain = re.sub(r"^\W+|\W+$", "", strip_accents(question))
    return next((c for c in LANGUAGES if re.fullmatch(any_of("greetings", c), plain)), "")
