"""Which spellings of a tag mean the same, found from the collection's own values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from rag.spelling import american, corrections, in_dictionary, singular
from rag.tags import fold_tag
from rag.words import strip_accents

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


class Vocabulary:
    """The values of one tag in a collection, grouped by meaning; immutable.

    Two spellings belong together if they are equal but for case, accents, spacing, hyphens and
    punctuation; or if they are word for word the same in American spelling, in the singular and
    without slips (`rag.spelling`); or if they list the same parts in another order. Otherwise
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
