"""Tag values by their meaning: which spellings are one value.

`filter_key` folds a value to what is compared: a country's code, a goal's number, else letters and
digits without case, accents and punctuation. Labs write the values of free tags as they like, so
`Vocabulary` also merges spellings that differ in American or British use, number, order of listed
parts, or by a slip. What is merged depends only on the values and their counts.
"""

import gzip
import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from itertools import chain, product
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rag.catalog.tag_fields import FILTER_FIELDS, ReportInfo, listed_names
from rag.places.countries import resolve_country
from rag.text.tokenize import strip_accents

_GOAL = r"(?:sdgs?|ods|odd|goals?|targets?|objetivos?|objectifs?|metas?|الهدف)"
_GOAL_NUMBER = re.compile(
    rf"(?:^\W*|\b{_GOAL}\W*(?:n[o°º]?\b\W*)?)(\d{{1,2}})(?!\w)", re.IGNORECASE
)
_LISTED_GOAL = re.compile(rf"(?:{_GOAL}\W*)?\d{{1,2}}", re.IGNORECASE)
_GOAL_SEPARATOR = re.compile(r"\s*(?:[,;/|&+]|\band\b)\s*", re.IGNORECASE)
_SEPARATOR = re.compile(r"(?<!\d)[,;/|،؛]|[,;/|،؛](?!\d)")
_POSSESSIVE = re.compile(r"['’](?=s\b)|(?<=s)['’](?!\w)", re.IGNORECASE)
_WORD = re.compile(r"\d+|[^\W\d_]+")
# A longer value, in characters, is a text and not a tag: only its exact spelling counts.
MAX_TAG_LENGTH = 120
_MAX_ACRONYM = 5
_SPELLING: Mapping[str, Any] = tomllib.loads(
    Path(__file__).with_name("spelling.toml").read_text("utf-8")
)
_DICTIONARIES = ("en", "es", "fr", "pt")
# A slip in a shorter word, in letters, makes another word too easily; so do two missing letters.
_MIN_SLIP = 6
_MIN_TWO_MISSING = 9
_MAX_WORD = 40


def fold_tag(value: str) -> str:
    """Letters and digits of a value, without case, accents and punctuation."""
    return " ".join(re.findall(r"\w+", strip_accents(value).replace("_", " ")))


@cache
def sdg_titles() -> Mapping[int, str]:
    """The goals by number, each by the first English name that `names.toml` has for it."""
    titles: dict[int, str] = {}
    for field, key, code, name in listed_names():
        if (field, code) == ("sdg", "en"):
            titles.setdefault(int(key), name.capitalize())
    return titles


def canonical_sdg(value: str) -> str:
    """A goal as "14. Life below water", by its number or misspelt name; other values unchanged."""
    match = _GOAL_NUMBER.search(value)
    number = int(match.group(1)) if match else _sdg_by_name(value)
    title = sdg_titles().get(number)
    return f"{number}. {title}" if title else value


def canonical_sdgs(value: str) -> tuple[str, ...]:
    """The goals of one tag, which may list several by number ("SDG 5, SDG 10")."""
    parts = _GOAL_SEPARATOR.split(value.strip())
    is_list = len(parts) > 1 and all(_LISTED_GOAL.fullmatch(part) for part in parts)
    return tuple(map(canonical_sdg, parts if is_list else (value,)))


def _sdg_by_name(value: str) -> int:
    words = fold_tag(value.replace("&", " and ")).split()
    for number, title in sdg_titles().items():
        title_words = fold_tag(title).split()
        if len(words) == len(title_words) and all(map(same_word, words, title_words)):
            return number
    return 0


def filter_key(field: str, value: str | int) -> str | int:
    """What a value of a filter field is compared by: a code, a number or a folded spelling."""
    text = str(value)
    if field == "year" and text.isdecimal():
        return int(text)
    if field == "country":
        if country := resolve_country(text):
            return country[0]
        return text.upper() if len(text) == 2 else fold_tag(text)
    if field == "sdg":
        return fold_tag(canonical_sdg(text))
    return text.lower() if field in ("type", "kind", "language") else fold_tag(text)


_NOT_APPLICABLE = re.compile(r"n/a\.?", re.IGNORECASE)


def report_values(info: ReportInfo, field: str) -> tuple[str | int, ...]:
    """The values of a report in a filter field, as they are written, but for "n/a"."""
    value = getattr(info, FILTER_FIELDS[field])
    values = value if isinstance(value, tuple) else (value,) if value else ()
    return tuple(v for v in values if not _NOT_APPLICABLE.fullmatch(str(v)))


@dataclass(frozen=True, slots=True)
class Group:
    """One value: its canonical spelling; all spellings with their uses, the most used first."""

    name: str
    variants: tuple[tuple[str, int], ...]


@lru_cache(10_000)
def in_dictionary(word: str) -> bool:
    """Whether a lower-case word, or its singular, is in the dictionary of a language."""
    return any(usage(word, language) for language in _DICTIONARIES)


def likely_language(words: Collection[str], default: str) -> str:
    """The language whose dictionary has most of these words, in lower case, and as more usual.

    `default` where none has any, or it has as many.
    """
    uses = {code: [n for w in words if (n := usage(w, code))] for code in _DICTIONARIES}
    best = max(uses, key=lambda code: (len(uses[code]), code == default, sum(uses[code])))
    return best if uses[best] else default


@lru_cache(10_000)
def usage(word: str, language: str) -> int:
    """How frequent a dictionary has a word in lower case, or its singular; 0 if it lacks it."""
    forms = {word, word.removesuffix("s"), word.removesuffix("es")}
    return max(frequency(form, language) for form in forms)


class Vocabulary:
    """The values of one tag in a collection, grouped by meaning; immutable.

    Two spellings are one value if they differ only in case, accents, spaces and punctuation; or if
    their words are the same in American spelling, in the singular and without slips; or if they
    list the same parts in another order. Otherwise the order of words counts.
    """

    def __init__(
        self, counts: Mapping[str, int], translations: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Group spellings with their numbers of reports; `translations` of values mean these."""
        self._translations = {fold_tag(name): value for name, value in translations.items()}
        forms: dict[str, set[str]] = {}
        for form in chain.from_iterable(map(_words, counts)):
            forms.setdefault(american(strip_accents(form)), set()).add(form)
        # A short word that is always in capitals is an acronym: "AIDS" is no plural.
        self._acronyms = frozenset(
            w for w in forms if len(w) <= _MAX_ACRONYM and all(form.isupper() for form in forms[w])
        )
        plain = forms.keys() - self._acronyms
        self._corrections = corrections(
            plain, lambda w: any(in_dictionary(form.lower()) for form in (w, *forms[w]))
        )
        self._singulars = plain | {_join(map(strip_accents, _words(v))) for v in counts}
        keys = {value: tuple(self._keys(value)) for value in sorted(counts)}
        self.groups = self._group_values(counts, keys)
        self._by_key = {
            key: group
            for group in self.groups
            for value, _ in group.variants
            for key in keys[value]
        }

    def find(self, value: str) -> Group | None:
        """The group of a spelling, which the collection need not have; None if none fits."""
        groups = (self._by_key.get(key) for key in self._keys(value))
        return next(filter(None, groups), None)

    def _group_values(
        self, counts: Mapping[str, int], keys: Mapping[str, Iterable[str]]
    ) -> tuple[Group, ...]:
        # Values that share a key, directly or through others, are one group.
        by_key: dict[str, set[str]] = {}
        joined: dict[str, set[str]] = {}
        for value, own in keys.items():
            group = {value}.union(*(by_key.get(key, ()) for key in own))
            joined |= dict.fromkeys(group, group)
            by_key |= dict.fromkeys((key for member in group for key in keys[member]), group)
        groups = []
        for members in {id(group): group for group in joined.values()}.values():
            variants = [(value, counts[value]) for value in members]
            variants.sort(key=lambda pair: (-pair[1], pair[0]))
            # The most used spelling names the group, but one without a slip before any other.
            name = min(variants, key=lambda pair: self._slips_in(pair[0]))[0]
            groups.append(Group(name, tuple(variants)))
        return tuple(sorted(groups, key=lambda group: (group.name.casefold(), group.name)))

    def _slips_in(self, value: str) -> int:
        return sum(american(strip_accents(word)) in self._corrections for word in _words(value))

    def _keys(self, value: str) -> Iterator[str]:
        # The most exact key comes first.
        if not (exact := fold_tag(value)):
            return
        yield exact
        if meaning := self._translations.get(exact):
            yield fold_tag(meaning)
        if not (words := _words(value)):
            return
        yield "=" + _join(map(strip_accents, words))
        yield "=" + _join(map(self._normal_form, words))
        parts = [_join(map(self._normal_form, _words(part))) for part in _SEPARATOR.split(value)]
        if len(parts := sorted(filter(None, parts))) > 1:
            yield "," + ",".join(parts)

    def _normal_form(self, form: str) -> str:
        plain = strip_accents(form)
        if plain in self._acronyms:
            return plain
        word = american(plain)
        return singular(self._corrections.get(word, word), self._singulars)


def _words(value: str) -> list[str]:
    """The words and numbers of a value, without possessive marks; none of a long text."""
    if len(value) > MAX_TAG_LENGTH:
        return []
    return _WORD.findall(_POSSESSIVE.sub("", value).replace("&", " and "))


def _join(words: Iterable[str]) -> str:
    """Words without spaces between them, except between two numbers."""
    return re.sub(r"(?<=\d) (?=\d)", ".", " ".join(words)).replace(" ", "")


def frequency(word: str, language: str = "en") -> int:
    """How frequent a dictionary has a word in lower case, with its accents or without; or 0."""
    return _looked_up(word, _dictionary(language)) or _looked_up(word, _without_accents(language))


def _looked_up(word: str, text: bytes) -> int:
    """The number beside a word in the lines of a dictionary, which are in order; 0 for none."""
    wanted = word.encode("utf-8", "surrogatepass")
    low, high = 0, len(text)
    while low < high:
        middle = (low + high) // 2
        start, end = max(low, text.rfind(b"\n", low, middle) + 1), text.index(b"\n", middle)
        held, _, frequency = text[start:end].rpartition(b": ")
        if held[1:-1] == wanted:
            return int(frequency.rstrip(b","))
        low, high = (end + 1, high) if held[1:-1] < wanted else (low, start)
    return 0


@cache
def _dictionary(language: str) -> bytes:
    """Lines such as `"word": 12,` as pyspellchecker ships them: as a dict they take ten times
    the memory, and half a second."""
    spec = find_spec("spellchecker")
    assert spec
    assert spec.origin
    path = Path(spec.origin).parent / "resources" / f"{language}.json.gz"
    return gzip.decompress(path.read_bytes()).removeprefix(b"{\n").removesuffix(b"}")


@cache
def _without_accents(language: str) -> bytes:
    """The lines of a dictionary whose words have accents, without them and in order."""
    lines = (x for x in _dictionary(language).decode().splitlines() if not x.isascii())
    plain = sorted(strip_accents("\n".join(lines)).splitlines()) if language != "en" else []
    return "".join(f"{line}\n" for line in plain).encode()


@lru_cache(10_000)
def american(word: str) -> str:
    """A word of lower-case letters in American spelling ("behavioural" -> "behavioral")."""
    for pattern, replacement in _SPELLING["american"]:
        word = re.sub(pattern, replacement, word)
    return word


def singular(word: str, known: Collection[str]) -> str:
    """The singular of a word if `known` has it, else the word as it is."""
    if word.endswith(("ss", "us", "is")) and not word.endswith(("ais", "eis")):
        return word
    for plural_ending, ending in _SPELLING["plurals"]:
        candidate: str = word.removesuffix(plural_ending) + ending
        if word.endswith(plural_ending) and len(candidate) >= 3 and candidate in known:
            return candidate
    return word


def same_word(word: str, intended: str) -> bool:
    """Whether a word is a known word in another number or American spelling, or with a slip."""
    pair = word, intended = american(word), american(intended)
    return singular(word, pair) == singular(intended, pair) or is_slip(word, intended)


def is_slip(word: str, intended: str) -> bool:
    """Whether a slip makes `word` of `intended`, rather than that they are two words.

    It is a letter left out, added or changed, two neighbours swapped (Damerau 1964), or two letters
    in a row left out of a long word. The first letter must be the same, and so must the last two
    letters, unless swapped: endings carry meaning ("tourism", "tourist").
    """
    if word == intended or len(intended) < _MIN_SLIP or word[:1] != intended[0]:
        return False
    pairs = enumerate(zip(word, intended, strict=False))
    start = next((i for i, (a, b) in pairs if a != b), len(intended))
    rest, intended_rest = word[start:], intended[start:]
    if rest[:2] == intended_rest[1::-1] and rest[2:] == intended_rest[2:]:
        return True
    is_near = intended_rest[1:] in (rest, rest[1:]) or rest[1:] == intended_rest
    is_near |= len(word) >= _MIN_TWO_MISSING and intended_rest[2:] == rest
    return is_near and word[-2:] == intended[-2:]


def corrections(words: Iterable[str], known: Callable[[str], bool]) -> dict[str, str]:
    """Misspelt word -> the intended word of the same vocabulary.

    A word is misspelt if no dictionary has it and it is a slip away from a single word that a
    dictionary has. So two known words stay two words, however close they are. All words are in
    lower case without accents.
    """
    intended: dict[str, str] = {}
    plain = (word for word in words if word.isascii() and word.isalpha())
    near = _neighbours(word for word in plain if _MIN_SLIP - 1 <= len(word) <= _MAX_WORD)
    for word, others in near.items():
        options = [other for other in others if is_slip(word, other) and known(other)]
        if len(options) == 1 and not known(word):
            intended[word] = options[0]
    return intended


def _neighbours(words: Iterable[str]) -> dict[str, set[str]]:
    # The deletion index of SymSpell: words that are not equal when a letter or two are left out are
    # never compared.
    by_rest: dict[str, list[str]] = {}
    for word in sorted(words):
        places = product((1, 2), range(1, len(word)))
        for rest in {word, *(word[:i] + word[i + left_out :] for left_out, i in places)}:
            by_rest.setdefault(rest, []).append(word)
    near: dict[str, set[str]] = {}
    for group in by_rest.values():
        for word in group if len(group) > 1 else ():
            near.setdefault(word, set()).update(other for other in group if other != word)
    return near


def translations(field: str) -> Mapping[str, str]:
    """Each name of a value of a filter field in another language than English, with the value."""
    rows = [row for row in listed_names() if row[0] == field]
    english = {name for _, _, language, name in rows if language == "en"}
    return {name: value for _, value, _, name in rows if name not in english}
