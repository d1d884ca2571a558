"""Prepares hits for an answer: folds duplicates, spreads labs, fits a budget, masks contacts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from hashlib import blake2b

from rag.models.tokens import count_tokens
from rag.text.contacts import mask_contacts
from rag.text.tokenize import words
from rag.types import Hit, Passage

MIN_WORDS = 8  # answers of no more words may be equal by chance


def fold_duplicates(hits: Iterable[Hit], apart: Collection[str] = ()) -> list[Hit]:
    """Put duplicates behind all other hits.

    The files of one line of work share answers word for word: the best hit stands for its family
    and names the other reports as its `siblings`. Hits of different countries are no duplicates,
    nor are those that differ in a field of ReportInfo named in `apart` (for a question that
    compares years).
    """
    best: dict[Hashable, Hit] = {}
    folded: dict[Hashable, list[Hit]] = {}
    for number, hit in enumerate(hits):
        key = duplicate_key(hit.passage, apart) or number
        if key in best:
            folded.setdefault(key, []).append(hit)
        else:
            best[key] = hit
    first = [_with_siblings(hit, folded.get(key, ())) for key, hit in best.items()]
    rest = [hit for same in folded.values() for hit in same]
    return first + sorted(rest, key=lambda hit: -hit.score)


def duplicate_key(passage: Passage, apart: Collection[str]) -> tuple[object, ...] | None:
    """What duplicates have in common; None where the text is too short to tell."""
    content: object = passage.family
    if not content:
        content = _content(passage.text)
        if not content:
            return None
    info = passage.report
    return (content, info.lab, *(getattr(info, name) for name in apart))


@lru_cache(50_000)
def _content(text: str) -> bytes:
    """What stands for the words of a text; nothing for one that is too short to tell."""
    own = words(text)
    if len(own) <= MIN_WORDS:
        return b""
    return blake2b(" ".join(own).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _with_siblings(hit: Hit, folded: Iterable[Hit]) -> Hit:
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
    for rank in range(max(map(len, rankings), default=0)):
        for ranking in rankings:
            if rank < len(ranking):
                merged.setdefault(ranking[rank].passage.id, ranking[rank])
    return list(merged.values())


def fit_budget(hits: Sequence[Hit], count: int, tokens: int) -> list[Hit]:
    """The first hits, at most `count` and whole, whose text and context fit in `tokens`."""
    fitting: list[Hit] = []
    for hit in hits[:count]:
        tokens -= count_tokens(hit.passage.in_context) + 20
        if tokens < 0 and fitting:
            break
        fitting.append(hit)
    return fitting


def mask_passage(passage: Passage) -> Passage:
    """A passage with the contacts in its form question and text masked; itself if it has none.

    The question is read with the text: "Mobile number" says what the digits are.
    """
    text = f"{passage.prompt}\n{passage.text}"
    masked = mask_contacts(text, passage.report.iso)
    if masked == text:
        return passage
    at = len(passage.prompt)
    return replace(passage, prompt=masked[:at], text=masked[at + 1 :])


def mask_hits(hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """Hits with the contacts in their passages masked."""
    return tuple(replace(hit, passage=mask_passage(hit.passage)) for hit in hits)
