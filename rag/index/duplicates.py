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
from array import array
from collections.abc import Collection, Iterable, Sequence
from hashlib import sha256
from itertools import groupby, pairwise

import numpy as np
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
_TOGETHER = 4_096  # passages whose hashes are made together
_LINK = re.compile(r"(?:https?://|www\.)\S*")


def find_duplicates(passages: Collection[Passage]) -> dict[str, str]:
    """The id of the first passage of its group for each passage that has duplicates.

    Passages are ordered by their reports; the first of a group is by report id and place in the
    report. Of each only a sketch is kept, so that there may be many.
    """
    form = _form_lines(passages)
    by_report = groupby(passages, key=lambda passage: passage.report.id)
    in_order = (passage for _, own in by_report for passage in sorted(own, key=_place))
    copies: dict[bytes, list[tuple[str, str]]] = {}  # ids of passages and reports, by their pairs
    sketches: list[RMinHash] = []
    tokens: list[list[str]] = []
    for passage in in_order:
        own = _own_words(passage, form)
        if len(own) >= MIN_WORDS:
            pairs = sorted({" ".join(pair) for pair in pairwise(own)})
            digest = sha256("\n".join(pairs).encode("utf-8", "surrogatepass")).digest()
            if digest not in copies:
                copies[digest] = []
                tokens.append(pairs)
            copies[digest].append((passage.id, passage.report.id))
        if len(tokens) == _TOGETHER:
            sketches += RMinHash.from_token_sets(tokens, HASHES, _SEED)
            tokens = []
    sketches += RMinHash.from_token_sets(tokens, HASHES, _SEED)
    groups = _near_duplicates(list(copies.values()), sketches)
    return {own: group[0][0] for group in groups if len(group) > 1 for own, _ in group}


def _near_duplicates(
    copies: Sequence[list[tuple[str, str]]], sketches: Sequence[RMinHash]
) -> Iterable[list[tuple[str, str]]]:
    """Exact duplicates, joined with the group whose first passage is nearest."""
    firsts = RMinHashLSH(NEAR, HASHES, BANDS)
    groups: dict[int, list[tuple[str, str]]] = {}
    for n, own in enumerate(copies):
        similar = [(-sketches[n].jaccard(sketches[m]), m) for m in firsts.query(sketches[n])]
        distance, first = min(similar, default=(0.0, n))
        if -distance < NEAR:
            firsts.insert(n, sketches[n])
            groups[n] = own
        elif {report for _, report in groups[first]}.isdisjoint(report for _, report in own):
            groups[first] += own
        else:
            groups[n] = own
    return groups.values()


def _place(passage: Passage) -> tuple[str, tuple[tuple[int, int], ...], str]:
    return passage.report.id, passage.spans, passage.id


def _lines(passage: Passage) -> list[tuple[str, int]]:
    """The lines of a passage, each with a number by which it is compared, 0 if it is too long."""
    lines = passage.text.split("\n")
    return [(ln, hash(ln.strip().casefold()) if len(ln) <= FORM_LENGTH else 0) for ln in lines]


def _form_lines(passages: Iterable[Passage]) -> frozenset[int]:
    """The lines that labs did not make up: several wrote the very same."""
    written = array("q")  # numbers of lines, each followed by that of a lab
    for passage in passages:
        lab = hash(passage.report.lab)
        for line in {line for _, line in _lines(passage)} - {0}:
            written.extend((line, lab))
    by_lab = np.unique(np.array(written, np.int64).reshape(-1, 2), axis=0)
    lines, labs = np.unique(by_lab[:, 0], return_counts=True)
    return frozenset(lines[labs >= FORM_LABS].tolist())


def _own_words(passage: Passage, form: frozenset[int]) -> list[str]:
    """The words of a passage without form lines and addresses."""
    text = "\n".join(text for text, line in _lines(passage) if line not in form)
    return words(_LINK.sub(" ", text) if "://" in text or "www." in text else text)
