"""Groups of duplicates: passages that have the same words, or nearly the same.

One line of work is told in several files (plan, re-submission, closing, experiment), which copy
answers from each other; some forms ask the same thing twice. Passages are compared by the set of
their word pairs. Those with equal sets are exact duplicates. For near duplicates rensa estimates
the share of pairs that two sets have in common (MinHash), and finds the sets worth comparing
(locality-sensitive hashing).

Each group gathers around its first passage, so that a chain of small changes does not grow without
end. From one report it takes one text and that text's exact copies: what a report says twice with
a word changed (the partner, the method) is about two things.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from rensa import RMinHash, RMinHashLSH

from rag.text.tokenize import words
from rag.types import Passage

# Share of the word pairs of two passages that are in both (Jaccard) for them to be near duplicates.
NEAR = 0.7
# Passages of fewer words are names, dates and ticked options, which agree without being copied.
MIN_WORDS = 12
FORM_LABS = 3  # a line that this many labs wrote is the form's (a ticked option), not theirs
FORM_LENGTH = 200  # characters of the longest line that can be an option of a form
# Hashes a passage, and the bands they are compared in: four equal hashes make two passages meet.
HASHES, BANDS = 128, 32
_SEED = 20
_LINK = re.compile(r"(?:https?://|www\.)\S*")
Pairs = frozenset[tuple[str, str]]


def find_duplicates(passages: Sequence[Passage]) -> list[str]:
    """For each passage the id of the first passage of its group, "" where it has no duplicate.

    The first is by report id and place in the report; the order of the passages does not matter.
    """
    form = _form_lines(passages)
    copies: dict[Pairs, list[Passage]] = defaultdict(list)
    for passage in sorted(passages, key=_place):
        own = _own_words(passage, form)
        if len(own) >= MIN_WORDS:
            copies[frozenset(pairwise(own))].append(passage)
    groups = (group for group in _near_duplicates(copies) if len(group) > 1)
    first = {passage.id: group[0].id for group in groups for passage in group}
    return [first.get(passage.id, "") for passage in passages]


def nearest_duplicate(passage: Passage, others: Sequence[Passage]) -> int | None:
    """Which of the others (those that are most alike) a passage repeats, or None."""
    form = _form_lines([passage, *others])
    own = _own_words(passage, form)
    if len(own) < MIN_WORDS:
        return None
    pairs = frozenset(pairwise(own))

    def shared(other: Passage) -> float:
        theirs = frozenset(pairwise(_own_words(other, form)))
        common = len(pairs & theirs) / len(pairs | theirs)
        # What a report says twice with a word changed is about two things.
        return common if common == 1 or other.report.id != passage.report.id else 0

    best = max(range(len(others)), key=lambda n: shared(others[n]), default=None)
    return best if best is not None and shared(others[best]) >= NEAR else None


def _near_duplicates(copies: dict[Pairs, list[Passage]]) -> Iterable[list[Passage]]:
    """Exact duplicates, joined with the group whose first passage is nearest."""
    tokens = [[" ".join(pair) for pair in pairs] for pairs in copies]
    sketches = RMinHash.from_token_sets(tokens, HASHES, _SEED)
    firsts = RMinHashLSH(NEAR, HASHES, BANDS)
    groups: dict[int, list[Passage]] = {}
    for n, passages in enumerate(copies.values()):
        similar = [(-sketches[n].jaccard(sketches[m]), m) for m in firsts.query(sketches[n])]
        distance, first = min(similar, default=(0.0, n))
        if -distance < NEAR:
            firsts.insert(n, sketches[n])
            groups[n] = passages
        elif {p.report.id for p in groups[first]}.isdisjoint(p.report.id for p in passages):
            groups[first] += passages
        else:
            groups[n] = passages
    return groups.values()


def _place(passage: Passage) -> tuple[str, tuple[tuple[int, int], ...], str]:
    return passage.report.id, passage.spans, passage.id


def _lines(passage: Passage) -> list[tuple[str, str]]:
    """The lines of a passage, each as written and as compared ("" if it is too long)."""
    lines = passage.text.split("\n")
    return [(ln, ln.strip().casefold() if len(ln) <= FORM_LENGTH else "") for ln in lines]


def _form_lines(passages: Iterable[Passage]) -> frozenset[str]:
    """The lines that labs did not make up: several wrote the very same."""
    written = {(line, p.report.lab) for p in passages for _, line in _lines(p)}
    labs = Counter(line for line, _ in written)
    return frozenset(line for line, count in labs.items() if count >= FORM_LABS and line)


def _own_words(passage: Passage, form: frozenset[str]) -> list[str]:
    """The words of a passage without form lines and addresses."""
    text = "\n".join(text for text, line in _lines(passage) if line not in form)
    return words(_LINK.sub(" ", text) if "://" in text or "www." in text else text)
