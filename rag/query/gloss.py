"""A question in another language word by word in English, which the cross-encoder reads.

"¿Cuántas familias recibieron una cocina solar?" becomes "how many families received a kitchen
solar": poor English, which a model that reads a question and a passage together understands all
the same. Words come from `glossary.tsv`; those that are not in it from the collection's frequent
words, by their meaning.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from math import inf, log10
from pathlib import Path

from rag.places.countries import english_name
from rag.query.entities import country_spans
from rag.text.tokenize import content_words, stemmer, strip_accents
from rag.types import Alike

_COLUMNS = ("en", "es", "fr", "pt", "ar")
_WORD = re.compile(r"[^\W_]+")
# What Arabic writes together with a word: "the", "and", "then", "with", "for", "as", "will".
_PREFIXES = ("ال", "وال", "بال", "لل", "فال", "كال", "و", "ف", "ب", "ل", "ك", "س")
LEAST_KNOWN = 0.5  # the share of a question's content words that the glossary must have


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
        for word in _WORD.findall(unicodedata.normalize("NFC", text[at:start]).lower()):
            found = english_word(word, language)
            if content_words(word, language) and not word.isdigit():
                asked += 1
                known += bool(found)
            # A name is kept as it is, but for the script.
            kept = "" if language == "ar" and not word.isascii() else word
            parts.append(found or guesses.get(_stem(word, language), "") or kept)
        parts.append(english_name(code) if code else "")
        at = end
    # Two words of the same meaning stand for one.
    parts = [p for n, p in enumerate(parts) if p and p != parts[n - 1]]
    return " ".join(parts) if known >= least * asked else ""


def _nearest(word: Alike, forms: Mapping[str, str]) -> str:
    near = {forms[term]: near for term, near in word.near.items() if term in forms}
    return max(filter(str.isascii, near), key=lambda form: near[form], default="")


def english_word(word: str, language: str) -> str:
    """What the glossary has for a word: as it is, without accents, or for its stem; "" for none."""
    if language not in _COLUMNS[1:]:
        return ""
    written, stems = _glossary(language)
    for form in _bare(word, language):
        plain = strip_accents(form)
        if found := written.get(form) or written.get(plain) or stems.get(_stem(plain, language)):
            return found
    return ""


def _bare(word: str, language: str) -> Iterator[str]:
    yield word
    for prefix in _PREFIXES if language == "ar" else ():
        if word.startswith(prefix) and len(word) > len(prefix) + 1:
            yield word.removeprefix(prefix)


def _stem(word: str, language: str) -> str:
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
