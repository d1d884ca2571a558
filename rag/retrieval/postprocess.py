"""Prepares hits for an answer: folds duplicates, spreads labs, fits a budget, masks contacts."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain, pairwise, zip_longest
from zlib import crc32

from rag.models.tokens import count_tokens
from rag.text.contacts import mask_contacts
from rag.text.tokenize import words
from rag.types import Hit, Passage

# Share of the pairs of words of two texts that are in both for one to repeat the other (Jaccard).
NEAR = 0.7
# So many of a text's pairs, any but always the same, are its sketch: texts are compared whose
# sketches have some in common. Those of texts that repeat each other share about eleven.
SKETCH, LEAST_SHARED = 16, 4
MIN_WORDS = 12  # texts of fewer words (names, dates, ticked options) agree without being copied


def fold_duplicates(hits: Iterable[Hit], apart: Collection[str] = ()) -> list[Hit]:
    """Put duplicates behind all other hits.

    The files of one line of work (plan, closing, experiment) share answers, word for word or nearly
    so: the best hit stands for all and names their other reports as its `siblings`. Hits of
    different countries are no duplicates, nor are those that differ in a field of ReportInfo named
    in `apart` (for a question that compares years).
    """
    hits, groups = list(hits), list[list[Hit]]()
    sketches = [_word_pairs(hit.passage.text)[:SKETCH] for hit in hits]
    # Most pairs are in one sketch alone: only the others are compared.
    held = Counter(chain.from_iterable(sketches))
    # For each lab, and pair of words in a sketch, the groups whose first hits have it.
    having: defaultdict[Hashable, dict[int, list[int]]] = defaultdict(dict)
    for hit, of_hit in zip(hits, sketches, strict=True):
        info, sketch = hit.passage.report, [pair for pair in of_hit if held[pair] > 1]
        known = having[info.lab, *(getattr(info, name) for name in apart)]
        shared = Counter(n for pair in sketch for n in known.get(pair, ())) if sketch else {}
        likely = (groups[n] for n in sorted(shared) if shared[n] >= LEAST_SHARED)
        same = next((group for group in likely if _repeats(hit, group)), None)
        if same:
            same.append(hit)
            continue
        for pair in sketch:
            known.setdefault(pair, []).append(len(groups))
        groups.append([hit])
    rest = [hit for _, *others in groups for hit in others]
    return [_with_siblings(*group) for group in groups] + sorted(rest, key=lambda hit: -hit.score)


def _repeats(hit: Hit, group: Sequence[Hit]) -> bool:
    """Whether a hit repeats the first of a group.

    What a report says twice with a word changed (the partner, the method) is about two things.
    """
    own, first = (set(_word_pairs(one.passage.text)) for one in (hit, group[0]))
    share = len(own & first) / len(own | first)
    reports = {other.passage.report.id for other in group}
    return share == 1 or (share >= NEAR and hit.passage.report.id not in reports)


@lru_cache(20_000)
def _word_pairs(text: str) -> array[int]:
    """In order a number for each pair of words that follow each other; none for few words."""
    own = words(text)
    pairs = {crc32(" ".join(pair).encode("utf-8", "surrogatepass")) for pair in pairwise(own)}
    return array("q", sorted(pairs) if len(own) >= MIN_WORDS else ())


def _with_siblings(hit: Hit, *folded: Hit) -> Hit:
    infos = {other.passage.report.id: other.passage.report for other in folded}
    infos.pop(hit.passage.report.id, None)
    if not infos:
        return hit
    return replace(hit, siblings=tuple(sorted(infos.values(), key=lambda i: (i.year or 0, i.id))))


def spread(hits: Sequence[Hit], per_report: int, per_lab: int) -> list[Hit]:
    """At most so many hits of a report and of a lab in rank order, then the rest."""
    reports: Counter[str] = Counter()
    labs: Counter[str] = Counter()
    first, rest = [], []
    for hit in hits:
        info = hit.passage.report
        if reports[info.id] < per_report and labs[info.lab] < per_lab:
            first.append(hit)
            reports[info.id] += 1
            labs[info.lab] += 1
        else:
            rest.append(hit)
    return first + rest


def interleave(rankings: Sequence[Sequence[Hit]]) -> list[Hit]:
    """One ranking that takes turns between several; each passage once."""
    merged: dict[str, Hit] = {}
    for hit in filter(None, chain.from_iterable(zip_longest(*rankings))):
        merged.setdefault(hit.passage.id, hit)
    return list(merged.values())


def fit_budget(hits: Sequence[Hit], count: int, tokens: int) -> list[Hit]:
    """The first hits, at most `count` and whole, whose text and context fit in `tokens`."""
    fitting: list[Hit] = []
    for hit in hits[:count]:
        tokens -= _tokens(hit.passage.in_context) + 20
        if tokens < 0 and fitting:
            break
        fitting.append(hit)
    return fitting


_tokens = lru_cache(4096)(count_tokens)
# A question reads many passages more than once, and the next ones read them again.
_masked = lru_cache(4096)(mask_contacts)


def mask_passage(passage: Passage) -> Passage:
    """A passage with the contacts in its form question and text masked; itself if it has none.

    The question is read with the text: "Mobile number" says what the digits are.
    """
    text = f"{passage.prompt}\n{passage.text}"
    masked = _masked(text, passage.report.iso)
    if masked == text:
        return passage
    at = len(passage.prompt)
    return replace(passage, prompt=masked[:at], text=masked[at + 1 :])
