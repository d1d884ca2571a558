"""Tag values by their meaning: spellings folded, goals numbered, countries by code."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from spellchecker import SpellChecker

from rag.catalog.fields import FILTER_FIELDS, ReportInfo
from rag.places.countries import resolve_country
from rag.text.tokenize import strip_accents

SDG_TITLES = (
    "No poverty",
    "Zero hunger",
    "Good health and well-being",
    "Quality education",
    "Gender equality",
    "Clean water and sanitation",
    "Affordable and clean energy",
    "Decent work and economic growth",
    "Industry, innovation and infrastructure",
    "Reduced inequalities",
    "Sustainable cities and communities",
    "Responsible consumption and production",
    "Climate action",
    "Life below water",
    "Life on land",
    "Peace, justice and strong institutions",
    "Partnerships for the goals",
)


def fold_tag(value: str) -> str:
    """What makes two spellings of a tag the same: letters and digits, without case and hyphens."""
    return " ".join(re.findall(r"\w+", strip_accents(value).replace("_", " ")))


_GOAL = r"(?:sdgs?|ods|odd|goals?|targets?|objetivos?|objectifs?|metas?|الهدف)"
_NUMBERED = re.compile(rf"(?:^\W*|\b{_GOAL}\W*(?:n[o°º]?\b\W*)?)(\d{{1,2}})(?!\w)", re.IGNORECASE)
_LISTED = re.compile(rf"(?:{_GOAL}\W*)?\d{{1,2}}", re.IGNORECASE)
_SEVERAL = re.compile(r"\s*(?:[,;/|&+]|\band\b)\s*", re.IGNORECASE)


def canonical_sdg(value: str) -> str:
    """A goal as "14. Life below water", from its number or its name; else as given.

    A name may hold slips ("Reduced innequalities").
    """
    match = _NUMBERED.search(value)
    number = int(match.group(1)) if match else _sdg_by_name(value)
    return f"{number}. {SDG_TITLES[number - 1]}" if 1 <= number <= len(SDG_TITLES) else value


def canonical_sdgs(value: str) -> tuple[str, ...]:
    """The goals of one tag, which may list several by number ("SDG 5, SDG 10")."""
    parts = _SEVERAL.split(value.strip())
    several = len(parts) > 1 and all(_LISTED.fullmatch(part) for part in parts)
    return tuple(map(canonical_sdg, parts if several else (value,)))


def _sdg_by_name(value: str) -> int:
    """The number of the goal that has this name word for word; 0 for none."""
    words = fold_tag(value.replace("&", " and ")).split()
    for number, title in enumerate(SDG_TITLES, start=1):
        meant = fold_tag(title).split()
        if len(words) == len(meant) and all(map(same_word, words, meant)):
            return number
    return 0


def filter_key(field: str, value: str | int) -> str | int:
    """What a value of a filter field is compared by: a code, a number or a folded spelling."""
    if field == "year":
        return int(value)
    text = str(value)
    if field == "country":
        found = resolve_country(text)
        return found[0] if found else text.upper() if len(text) == 2 else fold_tag(text)
    if field == "sdg":
        return fold_tag(canonical_sdg(text))
    return text.lower() if field in ("type", "kind", "language") else fold_tag(text)


def report_keys(info: ReportInfo, field: str) -> frozenset[str | int]:
    """The keys of a report in a filter field."""
    if field == "country":
        return frozenset(info.iso)
    value = getattr(info, FILTER_FIELDS[field])
    values = value if isinstance(value, tuple) else (value,) if value else ()
    return frozenset(filter_key(field, v) for v in values)


# Which spellings of a tag mean the same, found from the collection's own values.


_SEPARATOR = re.compile(r"(?<!\d)[,;/|،؛]|[,;/|،؛](?!\d)")
_POSSESSIVE = re.compile(r"['’](?=s\b)|(?<=s)['’](?!\w)", re.IGNORECASE)
_WORD = re.compile(r"\d+|[^\W\d_]+")
# A value longer than this is a text, not a tag: only its exact spelling counts.
LONGEST = 120
ACRONYM = 5


@dataclass(frozen=True, slots=True)
class Group:
    """One value: its canonical spelling, and all spellings, the most used first.

    `variants` are spellings as written, each with the number of reports that use it.
    """

    name: str
    variants: tuple[tuple[str, int], ...]


def in_dictionary(word: str) -> bool:
    """Whether a lower-case word, or its singular, is in the dictionary of one of LANGUAGES."""
    forms = {word, word.removesuffix("s"), word.removesuffix("es")}
    return any(form in _dictionary(language) for language in LANGUAGES for form in forms)


class Vocabulary:
    """The values of one tag in a collection, grouped by meaning; immutable.

    Two spellings belong together if they are equal but for case, accents, spacing, hyphens and
    punctuation; or if they are word for word the same in American spelling, in the singular and
    without slips (`rag.catalog.normalize`); or if they list the same parts in another order.
    Otherwise
    the order of words counts. The result does not depend on the order of `counts`.

    Args:
        counts: each spelling as written, with the number of reports that use it.
        known: whether a word in lower case is in a dictionary.
    """

    def __init__(
        self, counts: Mapping[str, int], known: Callable[[str], bool] = in_dictionary
    ) -> None:
        used: Counter[str] = Counter()
        written: dict[str, set[str]] = {}
        for value, number in counts.items():
            for form in _words(value):
                word = american(strip_accents(form))
                used[word] += number
                written.setdefault(word, set()).add(form)
        # A short word that is only written in capitals is an acronym: "AIDS" is no plural.
        self._acronyms = frozenset(
            w for w in used if len(w) <= ACRONYM and all(form.isupper() for form in written[w])
        )
        named = {word: n for word, n in used.items() if word not in self._acronyms}
        self._meant = corrections(
            named, lambda w: known(w) or any(known(form.lower()) for form in written[w])
        )
        self._singulars = frozenset(named) | {
            _joined(map(strip_accents, _words(v))) for v in counts
        }
        keys = {value: tuple(self._keys(value)) for value in sorted(counts)}
        self.groups = self._grouped(counts, keys)
        self._by_key = {
            key: group
            for group in self.groups
            for value, _ in group.variants
            for key in keys[value]
        }

    def find(self, value: str) -> Group | None:
        """The group that a spelling belongs to, be it one of the collection's or another."""
        found = (self._by_key.get(key) for key in self._keys(value))
        return next((group for group in found if group), None)

    def _grouped(
        self, counts: Mapping[str, int], keys: Mapping[str, Iterable[str]]
    ) -> tuple[Group, ...]:
        """All groups, by name: values that share a key, directly or through others."""
        leader = {value: value for value in keys}

        def lead(value: str) -> str:
            while leader[value] != value:
                leader[value] = value = leader[leader[value]]
            return value

        first: dict[str, str] = {}
        for value in leader:
            for key in keys[value]:
                leader[lead(value)] = lead(first.setdefault(key, value))
        members: dict[str, list[tuple[str, int]]] = {}
        for value in leader:
            members.setdefault(lead(value), []).append((value, counts[value]))
        groups = map(self._group, members.values())
        return tuple(sorted(groups, key=lambda group: (group.name.casefold(), group.name)))

    def _group(self, variants: list[tuple[str, int]]) -> Group:
        variants.sort(key=lambda pair: (-pair[1], pair[0]))
        # The most used spelling names the group, but one without a slip before any other.
        name = min(variants, key=lambda pair: self._slips_in(pair[0]))[0]
        return Group(name, tuple(variants))

    def _slips_in(self, value: str) -> int:
        return sum(american(strip_accents(word)) in self._meant for word in _words(value))

    def _keys(self, value: str) -> Iterator[str]:
        """What a spelling is compared by, the most exact key first."""
        exact = fold_tag(value)
        if not exact:
            return
        yield exact
        words = _words(value)
        if not words:
            return
        yield "=" + _joined(map(strip_accents, words))
        yield "=" + _joined(map(self._meaning, words))
        parts = [_joined(map(self._meaning, _words(part))) for part in _SEPARATOR.split(value)]
        listed = sorted(filter(None, parts))
        if len(listed) > 1:
            yield "," + ",".join(listed)

    def _meaning(self, form: str) -> str:
        plain = strip_accents(form)
        if plain in self._acronyms:
            return plain
        word = american(plain)
        return singular(self._meant.get(word, word), self._singulars)


def _words(value: str) -> list[str]:
    """The words and numbers of a value as written, without possessive marks; none of a text."""
    if len(value) > LONGEST:
        return []
    return _WORD.findall(_POSSESSIVE.sub("", value).replace("&", " and "))


def _joined(words: Iterable[str]) -> str:
    """Words without the spaces between them; two numbers stay apart."""
    return re.sub(r"(?<=\d) (?=\d)", ".", " ".join(words)).replace(" ", "")


# Whether two words are one word spelt in two ways: British, in the plural, or with a slip.


LANGUAGES = ("en", "es", "fr", "pt")
# A slip in a short word makes another word too easily.
SHORTEST = 6
SHORTEST_TWO = 9
SPELLING_LONGEST = 40
# A word shorter than this must be meant this much oftener than it is misspelt.
LONG = 7
OFTENER = 3
# Two words that are both unknown: the one must be this rare, the other this much more common.
RARE = 2
TIMES = 10
# British -> American, after some letters at least: "four" is not "for".
_AMERICAN = (
    (re.compile(r"(?<=\w{3})our"), "or"),
    (re.compile(r"(?<=\w{3}[iy])s(?=(?:e|ed|es|er|ers|ing|ation|ations)$)"), "z"),
    (re.compile(r"(?<=\w{2}[aeion])tre(s?)$"), r"ter\1"),
    (re.compile(r"(?<=\w{2}n)tred$"), "tered"),
    (re.compile(r"(?<=\w{3})gramme(s?)$"), r"gram\1"),
    (re.compile(r"(?<=\w{2})logue(s?)$"), r"log\1"),
    (re.compile(r"(?<=\w{3})ll(?=(?:ed|er|ers|ing|or|ors)$)"), "l"),
)
# Endings of plurals and of their singulars in English, French, Spanish and Portuguese.
_PLURALS = (
    ("s", ""),
    ("ies", "y"),
    ("es", ""),
    ("men", "man"),
    ("ves", "f"),
    ("x", ""),
    ("aux", "al"),
    ("ces", "z"),
    ("oes", "ao"),
    ("ais", "al"),
    ("eis", "el"),
    ("ns", "m"),
)
# Beginnings that make another word when they change by a letter or two.
_PREFIX = re.compile(
    r"(?:counter|contra|hetero|extra|hydro|hyper|infra|inter|intra|intro|macro|micro|multi|"
    r"neuro|proto|retro|socio|super|supra|trans|ultra|under|agri|agro|ante|anti|endo|equi|"
    r"homo|hypo|mega|meso|meta|mini|mono|over|peri|post|semi|tele|bio|con|des|dis|eco|epi|"
    r"exo|mid|mis|neo|non|out|per|pre|pro|sub|sur|tri|uni|ab|ad|an|be|bi|co|de|di|en|ex|"
    r"il|im|in|ir|re|un|up|a)"
)


def usual(word: str) -> int:
    """How usual an English word in lower case is; 0 if the dictionary has it not."""
    return int(_dictionary("en")[word])


@cache
def _dictionary(language: str) -> SpellChecker:
    # Read when first needed: the four take half a second.
    return SpellChecker(language=language)


def american(word: str) -> str:
    """A word of lower-case letters in American spelling ("behavioural" -> "behavioral")."""
    for pattern, written in _AMERICAN:
        word = pattern.sub(written, word)
    return word


def singular(word: str, known: Collection[str]) -> str:
    """The singular of a word if `known` has it, else the word as it is."""
    if word.endswith(("ss", "us", "is")) and not word.endswith(("ais", "eis")):
        return word
    for plural, one in _PLURALS:
        found = word.removesuffix(plural) + one
        if word.endswith(plural) and len(found) >= 3 and found in known:
            return found
    return word


def same_word(one: str, meant: str) -> bool:
    """Whether a word stands for another, known one: in the plural, or with a slip."""
    one, meant = american(one), american(meant)
    pair = (one, meant)
    return one == meant or singular(one, pair) == singular(meant, pair) or slips(one, meant) > 0


def slips(word: str, meant: str) -> int:
    """How many slips of the pen part two words; 0 if it is more likely that they are two words.

    One slip is a letter left out, added or changed, or two neighbours swapped (Damerau 1964);
    two are two letters in a row left out of a long word. The first letter and a prefix stay as
    they are, and so do the last two letters, unless swapped: endings carry meaning ("tourism",
    "tourist").
    """
    if word == meant or len(meant) < SHORTEST or word[:1] != meant[0]:
        return 0
    if _prefix(word) != _prefix(meant):
        return 0
    start = next(
        (i for i, (a, b) in enumerate(zip(word, meant, strict=False)) if a != b), len(meant)
    )
    one, other = word[start:], meant[start:]
    if one[:2] == other[1::-1] and one[2:] == other[2:]:
        return 1
    if word[-2:] != meant[-2:]:
        return 0
    if one[1:] == other[1:] or one[1:] == other or one == other[1:]:
        return 1
    missing = len(meant) - len(word) == 2 and len(word) >= SHORTEST_TWO
    return 2 if missing and any(meant[:i] + meant[i + 2 :] == word for i in range(len(word))) else 0


def _prefix(word: str) -> str:
    found = _PREFIX.match(word)
    return found.group() if found else ""


def corrections(counts: Mapping[str, int], known: Callable[[str], bool]) -> dict[str, str]:
    """Misspelt word -> the word of the same vocabulary that is meant.

    A word is misspelt if no dictionary has it and it is a slip away from one that a dictionary
    has; or if it is very rare and a slip away from a common one. Two known words are two words,
    however close they are. A word that may stand for two others stays.

    Args:
        counts: words in lower case without accents, with how often each is used.
        known: whether a word is in a dictionary.
    """
    found: dict[str, str] = {}
    near = _neighbours(
        w for w in counts if SHORTEST - 1 <= len(w) <= SPELLING_LONGEST and _latin(w)
    )
    for word, others in near.items():
        options: list[tuple[int, bool, str]] = []
        for other in others:
            steps = slips(word, other)
            often = counts[other] / counts[word]
            # A short unknown word may well be a name; a slip in it is rarer than the word meant.
            if not steps or (len(word) < LONG and often < OFTENER):
                continue
            rare = counts[word] <= RARE and often >= TIMES and len(word) >= LONG
            is_known = known(other)
            if is_known or (rare and steps == 1):
                options.append((steps, not is_known, other))
        options.sort()
        alone = len(options) == 1 or (options and options[0][:2] < options[1][:2])
        if alone and not known(word):
            found[word] = options[0][2]
    return {word: found.get(meant, meant) for word, meant in found.items()}


def _latin(word: str) -> bool:
    return word.isascii() and word.isalpha()


def _neighbours(words: Iterable[str]) -> dict[str, set[str]]:
    """Each word with those that may be slips of it: equal when a letter or two are left out.

    The deletion index of SymSpell: words that share nothing are never compared.
    """
    by_rest: dict[str, list[str]] = {}
    for word in sorted(words):
        for rest in set(_rests(word)):
            by_rest.setdefault(rest, []).append(word)
    near: dict[str, set[str]] = {}
    for group in by_rest.values():
        for word in group if len(group) > 1 else ():
            near.setdefault(word, set()).update(other for other in group if other != word)
    return near


def _rests(word: str) -> Iterator[str]:
    yield word
    yield from (word[:i] + word[i + 1 :] for i in range(1, len(word)))
    if len(word) >= SHORTEST_TWO:
        yield from (word[:i] + word[i + 2 :] for i in range(1, len(word) - 1))
