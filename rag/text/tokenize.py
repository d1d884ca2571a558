"""A text's language, its words and terms (folded, without stop words, stemmed), its numbers."""

import re
import threading
import tomllib
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from importlib.metadata import distribution
from itertools import chain, combinations, pairwise, permutations
from pathlib import Path
from runpy import run_path
from typing import TYPE_CHECKING, Any

from Stemmer import Stemmer

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

# Code -> English name, which in small letters is also the name of the language's stemmer.
LANGUAGES = {"en": "English", "fr": "French", "es": "Spanish", "pt": "Portuguese", "ar": "Arabic"}
_ARABIC_LETTERS = re.compile("[\u0621-\u064a]")
_WORD = re.compile(r"\w+(?:['’]\w+)?")
LISTS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("lists.toml").read_text("utf-8"))
NUMERALS = {
    word: str(number)
    for number, spelled in enumerate(LISTS["numbers"]["cardinal"])
    for word in spelled.split()
}
_QUANTITIES = frozenset(LISTS["numbers"]["quantity"].split())
_QUANTITY = re.compile("|".join(LISTS["questions"]["quantity"]))
# What stands before the words that a question counts.
_COUNT = re.compile("|".join(LISTS["questions"]["count"]))
_stemmers = threading.local()
_ELIDED = re.compile(r"^(?:(?:jus|lors|puis|quoi)?qu|[cdjlmnst])'")
_TOKEN = re.compile(r"\w+(?:['’]\w+)?|%")
ITEM = re.compile(r"^\W*\(?\d{1,2}[.)]\s")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
# A number that is a name's: "Treatment Group 2", "SDG 5", "COVID-19".
_NAMED = re.compile(
    r"\bCOVID\W?19\b|\b(?:SDG|ODS|ODD)s?\W?\d+\b"
    r"|(?<=\w )[A-Z][a-z]{3,} \d{1,2}\b(?![.,]?\d|\W?%)"
)
# Thousands in groups ("1 049 767", "11.132"), or plain; then decimals.
_DIGITS = re.compile(r"\d{1,3}(?:[.,' \u00a0\u202f]\d{3})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,]\d+)?")
_CLOCK = re.compile(r"\b(\d{1,2})(?:[:.](\d\d))?\s*([ap])\.?\s?m\b\.?")
_FULL_HOUR = re.compile(r"\b(\d{1,2})[:h]00\b")
_SCALE = {word: int(n) for n, listed in LISTS["scales"].items() for word in listed.split()}
_NEXT_WORD = re.compile(r"\s*([^\W\d]+)")
_SPELLED = NUMERALS | {
    word: str(n)
    for n, listed in enumerate(LISTS["numbers"]["ordinal"], start=1)
    for word in listed.split()
}
# More addends are not tried for a sum, and more numbers not to compute another one.
_MOST_ADDENDS, _MOST_OPERANDS = 6, 30


@cache
def _identifier() -> "LanguageIdentifier":
    # Loading it takes time, and numpy.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(LANGUAGES))
    # What it knows of all the other languages takes 27 MB.
    identifier._full_model = None
    return identifier


def language_of(text: str, default: str = "en", min_letters: int = 20) -> str:
    """The language of a text among the five, or `default` if it is too short to tell.

    Its script tells Arabic. Its first 600 characters are classified; a probability under 0.7 counts
    as unsure.
    """
    letters = sum(ch.isalpha() for ch in text[:200])
    if 2 * len(_ARABIC_LETTERS.findall(text[:200])) > letters:
        return "ar"
    if letters < min_letters:
        return default
    language, probability = _identifier().classify(text[:600])
    return str(language) if probability >= 0.7 else default


def strip_accents(text: str) -> str:
    """Text without combining marks, in lower case."""
    text = text.casefold()
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKD", text)
    for mark in {ch for ch in set(text) if unicodedata.combining(ch)}:
        text = text.replace(mark, "")
    return text


def words(text: str) -> list[str]:
    """The words of a text in lower case and without accents, stop words included."""
    # Curly and straight apostrophes ("lab’s") make the same word.
    return _WORD.findall(strip_accents(text).replace("’", "'"))


def content_words(text: str, language: str) -> list[str]:
    """The words of a text without its language's stop words, not stemmed."""
    return _content(words(text), language)


def _content(words: Iterable[str], language: str) -> list[str]:
    stop, words = stop_words(language), _whole(words, language)
    return [w for w in words if w not in stop and (len(w) > 1 or w.isdigit())]


def _whole(words: Iterable[str], language: str) -> Iterable[str]:
    """Words without what French puts before them: "l'eau" is "eau"."""
    return (_ELIDED.sub("", word) for word in words) if language == "fr" else words


def content_forms(text: str, language: str) -> list[str]:
    """The content words of a text as they are written, each once, numbers aside."""
    forms = dict.fromkeys(_written(text, language))
    return [word for word in forms if len(word) > 2 and word.isalpha()]


def _written(text: str, language: str) -> list[str]:
    found = _WORD.findall(unicodedata.normalize("NFC", text).casefold().replace("’", "'"))
    written = {strip_accents(word): word for word in _whole(found, language)}
    return [written.get(word, word) for word in content_words(text, language)]


def terms(text: str, language: str) -> list[str]:
    """The stemmed content words of a text: what keyword search counts."""
    return terms_of(words(text), language)


def terms_of(words: Iterable[str], language: str) -> list[str]:
    """The stemmed content words among the words of a text."""
    return list(stemmer(language).stemWords(_content(words, language)))


def stemmer(language: str) -> Any:
    """The stemmer of a language: it keeps state, so that each thread has its own."""
    own: dict[str, Any] = vars(_stemmers)
    if language not in own:
        own[language] = Stemmer(LANGUAGES[language].lower())
    return own[language]


def terms_and_pairs(text: str, language: str) -> list[str]:
    """The terms of a text, and each two neighbours as one term ("mobil money")."""
    single = terms(text, language)
    return [*single, *(f"{first} {second}" for first, second in pairwise(single))]


def terms_and_forms(text: str, language: str) -> tuple[list[str], dict[str, str]]:
    """The terms and pairs of a text, and a word as it is written for each that is no pair."""
    found = terms_and_pairs(text, language)
    # The first of the words that have a stem stands for it.
    return found, dict(reversed(list(zip(found, _written(text, language), strict=False))))


def question_terms(text: str, language: str, pairs: bool) -> list[str]:
    """The terms that are looked for, once each.

    With `pairs`, words that follow each other in the question count again where they do so in a
    passage. That finds more labs for a topic ("mobile money"), and fewer first ranks for a question
    with many words. Words of a question that is not in English are looked for in both languages'
    stems: names and borrowed words cross over.
    """
    split = terms_and_pairs if pairs else terms
    wanted = split(text, language)
    if language != "en":
        wanted += split(text, "en")
    return list(dict.fromkeys(wanted))


def focus(text: str, language: str) -> str:
    """A question without its stop words; the whole question if nothing is left."""
    stop = stop_words(language)
    topic = [word for word in _WORD.findall(text) if strip_accents(word) not in stop]
    return " ".join(topic) or text


@cache
def _stop_lists() -> dict[str, Any]:
    """The lists of bm25s, whose other code would take longer to import than all else here."""
    return run_path(str(distribution("bm25s").locate_file("bm25s/stopwords.py")))


@cache
def stop_words(language: str) -> frozenset[str]:
    """Folded words of a language that carry no topic, among them the words of questions."""
    lists = {"en": "EN_PLUS", "fr": "FRENCH", "es": "SPANISH", "pt": "PORTUGUESE"}
    listed = LISTS["stop"].get(language, "").split()
    if language in lists:
        listed += _stop_lists()[f"STOPWORDS_{lists[language]}"]
    if language == "ar":  # "and" is written together with the next word
        listed += [f"و{word}" for word in listed]
    return frozenset(strip_accents(word) for word in listed)


def share(wanted: Collection[str], have: Collection[str]) -> float:
    """The share, 0 to 1, of the wanted words or terms that `have` holds; 0 if none are wanted."""
    return sum(term in have for term in wanted) / len(wanted) if wanted else 0.0


def is_quantity(question: str) -> bool:
    """Whether a question asks for a number: an answer without one is none."""
    return bool(_QUANTITY.search(strip_accents(question)))


def gives_quantity(sentence: str) -> bool:
    """Whether a sentence has a number, or a word for one, that is no year, item or name."""
    bare = _NAMED.sub(" ", _YEAR.sub(" ", ITEM.sub("", sentence)))
    if any(ch.isdigit() or ch == "%" for ch in bare):
        return True
    return any(w in _QUANTITIES or NUMERALS.get(w, "1") not in "01" for w in words(bare))


def _after_counts(question: str) -> Iterator[list[str]]:
    """The words that follow each "how many" or "how much" of a question."""
    folded = strip_accents(question)
    return (words(folded[match.end() :]) for match in _COUNT.finditer(folded))


def counted_words(question: str, language: str) -> list[str]:
    """What a question counts ("how many homes got ..."): two words for each of its counts."""
    stop = stop_words(language)
    found: list[str] = []
    for following in _after_counts(question):
        after = [w for w in following if w not in stop and len(w) > 1]
        found += (after * 2)[:2]
    return found


def counted_thing(question: str, language: str) -> str:
    """The word that comes next to "how many" or "how much"; "" where that is a stop word."""
    following = (w for w in next(_after_counts(question), []) if w not in ("of", "de", "d", "من"))
    thing = next(following, "")
    return "" if thing in stop_words(language) else _ELIDED.sub("", thing)


def words_by_numbers(sentence: str) -> Iterator[tuple[list[str], list[str]]]:
    """The words that follow each number of a sentence, and those before it; years aside."""
    tokens = _TOKEN.findall(strip_accents(sentence))
    for i, token in enumerate(tokens):
        is_number = token == "%" or NUMERALS.get(token, "0") not in "01"
        if is_number or (token[0].isdigit() and not _YEAR.fullmatch(token)):
            after = [w for w in tokens[i + 1 : i + 6] if w.isalpha() and len(w) > 2]
            before = [w for w in tokens[max(0, i - 4) : i] if w.isalpha() and len(w) > 2]
            yield after[:3], before[-2:]


def numbers_in(text: str) -> set[str]:
    """The numbers of a text in digits: "1 049", "1,049" and "1.049" are "1049", "2 PM" is "14"."""
    # Arabic reports write Arabic digits.
    latin = re.sub(r"\d", lambda m: str(unicodedata.decimal(m.group())), strip_accents(text))
    latin = _FULL_HOUR.sub(r"\1", _CLOCK.sub(_on_24_hours, latin))
    return {_value(match.group(), latin[match.end() :]) for match in _DIGITS.finditer(latin)}


def spelled_in(text: str) -> set[str]:
    """The numbers that a text has as words, cardinal or ordinal, in the form of `numbers_in`."""
    return {_SPELLED[word] for word in words(text) if word in _SPELLED}


def is_sum(number: str, others: set[str]) -> bool:
    """Whether a number is the sum of two or more of the others."""
    values = sorted(map(float, others))[:_MOST_ADDENDS]
    sizes = range(2, len(values) + 1)
    return any(abs(sum(c) - float(number)) < 1e-9 for n in sizes for c in combinations(values, n))


def is_computed(number: str, others: Iterable[str]) -> bool:
    """Whether others may make a number: as sum of up to four, difference, ratio or percentage.

    Years are neither computed nor computed with.
    """
    wanted, decimals = float(number), len(number.partition(".")[2])
    values = sorted(float(n) for n in others if not _YEAR.fullmatch(n))[:_MOST_OPERANDS]
    pairs = ((a, b) for a, b in permutations(values, 2) if b)
    results = (
        r for a, b in pairs for r in (a - b, a / b, 1 + a / b, 100 * a / b, 100 * a / b - 100)
    )
    sums = (sum(c) for n in (2, 3, 4) for c in combinations(values, n))
    made = chain(results, sums, (1 + a / 100 for a in values))
    return not _YEAR.fullmatch(number) and any(round(n, decimals) == wanted for n in made)


def _on_24_hours(match: re.Match[str]) -> str:
    hour = int(match[1]) % 12 + (12 if match[3] == "p" else 0)
    return f"{hour}:{match[2] or '00'}"


def _value(written: str, after: str) -> str:
    grouped = re.sub(r"[.,' \u00a0\u202f](?=\d{3}(?!\d))", "", written).replace(",", ".")
    number = float(grouped)
    if (word := _NEXT_WORD.match(after)) and (scale := _SCALE.get(word[1])):
        number *= scale
    return f"{number:.6f}".rstrip("0").rstrip(".")
