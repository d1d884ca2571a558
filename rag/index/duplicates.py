"""Families: passages that share most of their words, word for word.

One line of work is told in several files (plan, re-submission, closing, experiment), which copy
answers from each other; some forms ask the same thing twice. Passages are compared by the set of
their word pairs. MinHash signatures (rensa) make close sets meet in buckets; whoever met is then
compared exactly, so a family is about words and not about the luck of hashes.

A family is a star: all of its members have at least SHARE of the word pairs in common with its
centre, so that any two share words and a chain of small changes does not grow without end. From
one report it takes one text (and that text's exact copies).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rensa import RMinHash

from rag.text.tokenize import words
from rag.types import Passage

Pairs = frozenset[tuple[str, str]]
Ints = npt.NDArray[np.int64]
# Of all word pairs of two passages, so many must be in both (Jaccard). Above one half any two
# members of a star share words; at 0.55 one word in ten may be another.
SHARE = 0.55
# Fewer words are names, dates and ticked options, which agree without anybody copying. On the
# real reports these are a third of the passages.
MIN_WORDS = 12
# A line that so many labs wrote is the form's (a ticked option), not theirs. Longer lines are no
# options.
FORM_LABS = 3
FORM_LENGTH = 200
# Three values a bucket: passages with SHARE in common miss all 32 with a chance of 0.3%.
BANDS, WIDTH = 32, 3
SIZE = BANDS * WIDTH
# What a signature tells is seldom further off (three standard deviations).
MARGIN = 0.15
# In a bucket each passage meets the first and so many next: the work grows with the passages,
# not with their square, whatever a collection holds.
NEXT = 4
# Texts whose words are in memory at a time.
BATCH = 2000
# Part of the name of what is kept: signatures made otherwise can't be compared with these.
VERSION = f"{RMinHash.ALGORITHM_VERSION}-{SIZE}"
_SEED = 20
_LINK = re.compile(r"(?:https?://|www\.)\S*")


@dataclass(frozen=True, slots=True)
class Signed:
    """What is kept of texts to compare them again, a row a text.

    `keys` (n, uint64) tell the texts apart, `sizes` (n, int32) count their words, `rows`
    (n, SIZE, uint32) are their MinHash signatures.
    """

    keys: npt.NDArray[np.uint64]
    sizes: npt.NDArray[np.int32]
    rows: npt.NDArray[np.uint32]

    def save(self, folder: Path) -> None:
        """Write the arrays to a folder, which is made."""
        folder.mkdir()
        for field in fields(self):
            np.save(folder / f"{field.name}.npy", getattr(self, field.name), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path, count: int) -> Signed:
        """The arrays that were saved, of so many texts.

        Raises:
            OSError, ValueError: they are not there or not what was saved.
        """
        keys, sizes, rows = (
            np.load(folder / f"{field.name}.npy", allow_pickle=False) for field in fields(cls)
        )
        if (keys.shape, sizes.shape, rows.shape) != ((count,), (count,), (count, SIZE)):
            raise ValueError("damaged")
        return cls(keys, sizes, rows)


def sign(texts: Sequence[str], known: Signed | None = None) -> Signed:
    """The signatures of texts in their order; those that are `known` are not made again."""
    keys = np.array([_key(text) for text in texts], np.uint64)
    sizes = np.zeros(len(texts), np.int32)
    rows = np.zeros((len(texts), SIZE), np.uint32)
    new = np.ones(len(texts), bool)
    if known is not None and len(known.keys):
        order = np.argsort(known.keys)
        place = order[np.searchsorted(known.keys, keys, sorter=order).clip(max=len(order) - 1)]
        new = known.keys[place] != keys
        sizes[~new], rows[~new] = known.sizes[place[~new]], known.rows[place[~new]]
    made = np.flatnonzero(new).tolist()
    for start in range(0, len(made), BATCH):
        batch = made[start : start + BATCH]
        found = [_words(texts[i]) for i in batch]
        sizes[batch] = [len(given) for given in found]
        tokens = [list(map(" ".join, pairwise(given))) for given in found]
        rows[batch] = RMinHash.digests_from_token_sets(tokens, SIZE, _SEED)
    return Signed(keys, sizes, rows)


def find_families(passages: Sequence[Passage], signed: Signed) -> list[str]:
    """For each passage the id of its family's first passage, "" where it has none.

    The first is by report id and place in the report. The order of the passages does not
    matter; `signed` are the signatures of their texts in the same order.
    """
    form = _form_lines(passages)
    long = np.flatnonzero(signed.sizes >= MIN_WORDS).tolist()
    able = [i for i in long if _says_enough(passages[i], form)]
    order = sorted(able, key=lambda i: _place(passages[i]))
    twins = _twins(signed.rows[order])
    heads = [order[group[0]] for group in twins]
    stars = _stars(
        signed.rows[heads],
        [frozenset(passages[order[i]].report.id for i in group) for group in twins],
        lambda n: _own_pairs(passages[heads[n]], form),
    )
    names = [""] * len(passages)
    for star in stars:
        group = sorted(order[i] for n in star for i in twins[n])
        if len(group) > 1:
            first = min((passages[i] for i in group), key=_place)
            for i in group:
                names[i] = first.id
    return names


def members(passages: Iterable[Passage]) -> list[tuple[Passage, ...]]:
    """The families that passages carry, largest first, each in the order of its reports."""
    found: dict[str, list[Passage]] = defaultdict(list)
    for passage in passages:
        if passage.family:
            found[passage.family].append(passage)
    groups = [tuple(sorted(group, key=_place)) for group in found.values()]
    return sorted(groups, key=lambda group: (-len(group), _place(group[0])))


def _key(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest())


def _words(text: str) -> list[str]:
    """The words of a text; those of an address are not words that somebody wrote."""
    return words(_LINK.sub(" ", text) if "://" in text or "www." in text else text)


def _place(passage: Passage) -> tuple[str, tuple[tuple[int, int], ...], str]:
    return passage.report.id, passage.spans, passage.id


def _lines(passage: Passage) -> list[tuple[str, str]]:
    """The lines of a passage, each as it is and as it is compared ("" if it is too long)."""
    lines = passage.text.split("\n")
    return [(ln, ln.strip().casefold() if len(ln) <= FORM_LENGTH else "") for ln in lines]


def _form_lines(passages: Iterable[Passage]) -> frozenset[str]:
    """The lines that labs did not make up: several wrote the very same."""
    written = {(line, p.report.lab) for p in passages for _, line in _lines(p)}
    labs = Counter(line for line, _ in written)
    return frozenset(line for line, count in labs.items() if count >= FORM_LABS and line)


def _own_words(passage: Passage, form: frozenset[str]) -> list[str]:
    return _words("\n".join(said for said, line in _lines(passage) if line not in form))


def _says_enough(passage: Passage, form: frozenset[str]) -> bool:
    if form.isdisjoint(line for _, line in _lines(passage)):
        return True
    return len(_own_words(passage, form)) >= MIN_WORDS


def _own_pairs(passage: Passage, form: frozenset[str]) -> Pairs:
    return frozenset(pairwise(_own_words(passage, form)))


def _twins(rows: npt.NDArray[np.uint32]) -> list[list[int]]:
    """Positions of equal rows together, in order: a text copied as it is, however often."""
    found: dict[bytes, list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        found[row.tobytes()].append(i)
    return list(found.values())


def _stars(
    rows: npt.NDArray[np.uint32],
    reports: Sequence[frozenset[str]],
    pairs_of: Callable[[int], Pairs],
) -> list[list[int]]:
    """Positions grouped around centres; whoever is close to most reports is a centre first.

    A star has one text of a report: what a report says twice with a word changed (the partner,
    the method) is said of two things.
    """
    near: dict[int, list[int]] = defaultdict(list)
    weight = [len(found) for found in reports]
    for i, j, close in _candidates(rows):
        if reports[i].isdisjoint(reports[j]):
            near[i].append(j)
            near[j].append(i)
            weight[i] += close * len(reports[j])
            weight[j] += close * len(reports[i])
    seen: dict[int, Pairs] = {}
    free = set(near)
    stars = [[n] for n in range(len(rows)) if n not in free]
    for centre in sorted(free, key=lambda n: (-weight[n], n)):
        if centre in free:
            around = [n for n in near[centre] if n in free]
            for n in (centre, *around):
                if n not in seen:
                    seen[n] = pairs_of(n)
            shares = {n: _share(seen[centre], seen[n]) for n in around}
            star, told = [centre], set(reports[centre])
            for n in sorted(around, key=lambda n: (-shares[n], n)):
                if shares[n] >= SHARE and told.isdisjoint(reports[n]):
                    star.append(n)
                    told |= reports[n]
            free.difference_update(star)
            stars.append(star)
    return stars


def _share(a: Pairs, b: Pairs) -> float:
    """The share of all word pairs of two texts that both have (Jaccard)."""
    both = len(a & b)
    return both / ((len(a) + len(b) - both) or 1)


def _candidates(rows: npt.NDArray[np.uint32]) -> list[tuple[int, int, bool]]:
    """Pairs (i, j, whether they seem close enough) that met in a bucket and may be close."""
    count = len(rows)
    codes = [_met(rows[:, start : start + WIDTH]) for start in range(0, SIZE, WIDTH)]
    met = np.unique(np.concatenate(codes)) if count else np.zeros(0, np.int64)
    found: list[tuple[int, int, bool]] = []
    for part in np.array_split(met, 1 + len(met) // 100_000):
        i, j = np.divmod(part, count) if count else (part, part)
        share = (rows[i] == rows[j]).mean(axis=1)
        kept = share >= SHARE - MARGIN
        close = share[kept] >= SHARE
        found += zip(i[kept].tolist(), j[kept].tolist(), close.tolist(), strict=True)
    return found


def _met(band: npt.NDArray[np.uint32]) -> Ints:
    """The pairs i < j of rows that are equal (some of them in a large bucket), as i * n + j."""
    count = len(band)
    mixed = np.zeros(count, np.uint64)
    for column in band.T:
        # Two different rows that get the same number are told apart by their words later.
        mixed = mixed * np.uint64(0x9E3779B97F4A7C15) + column
    order = np.argsort(mixed, kind="stable")
    mixed = mixed[order]
    starts = np.r_[True, mixed[1:] != mixed[:-1]][:count]
    first = order[np.maximum.accumulate(np.where(starts, np.arange(count), 0))]
    codes = [first[~starts] * count + order[~starts]]
    for step in range(1, NEXT + 1):
        same = np.flatnonzero(mixed[step:] == mixed[:-step])
        codes.append(order[same] * count + order[same + step])
    return np.concatenate(codes)
