"""What happens to hits between search and answer: duplicates folded, labs spread, budget kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import replace

from rag.models.tokens import count_tokens
from rag.text.contacts import mask_contacts
from rag.text.tokenize import words
from rag.types import Hit, Passage

# Answers no longer than this say the same by chance.
MIN_WORDS = 8


def fold_duplicates(hits: Iterable[Hit], apart: Collection[str] = ()) -> list[Hit]:
    """Hits with the best of those that say the same in front, the folded ones behind all others.

    The files of one line of work share answers word for word: the best hit stands for its family
    and names the other reports as its `siblings`. Another country's hit is never folded away, nor
    is one that differs in a field of ReportInfo named in `apart` (of a question that compares
    years). Nothing is lost: what was folded comes last, for whoever reads that far.
    """
    best: dict[Hashable, Hit] = {}
    folded: dict[Hashable, list[Hit]] = {}
    for number, hit in enumerate(hits):
        key = duplicate_key(hit.passage, apart) or number
        if key in best:
            folded.setdefault(key, []).append(hit)
        else:
            best[key] = hit
    kept = [_with_siblings(hit, folded.get(key, ())) for key, hit in best.items()]
    rest = [hit for same in folded.values() for hit in same]
    return kept + sorted(rest, key=lambda hit: -hit.score)


def duplicate_key(passage: Passage, apart: Collection[str]) -> tuple[object, ...] | None:
    """What two passages agree in that may be folded; None where there is too little to tell."""
    said: object = passage.family
    if not said:
        said = tuple(words(passage.text))
        if len(said) <= MIN_WORDS:
            return None
    info = passage.report
    return (said, info.lab, *(getattr(info, name) for name in apart))


def _with_siblings(hit: Hit, folded: Iterable[Hit]) -> Hit:
    infos = {other.passage.report.id: other.passage.report for other in folded}
    infos.pop(hit.passage.report.id, None)
    if not infos:
        return hit
    return replace(hit, siblings=tuple(sorted(infos.values(), key=lambda i: (i.year or 0, i.id))))


def spread(hits: Sequence[Hit], per_report: int, per_lab: int) -> list[Hit]:
    """Hits in rank order with at most so many of a report and of a lab; the rest comes after."""
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
    kept: list[Hit] = []
    for hit in hits[:count]:
        tokens -= count_tokens(f"{hit.passage.context}\n{hit.passage.text}") + 20
        if tokens < 0 and kept:
            break
        kept.append(hit)
    return kept


# Masks e-mail addresses and phone numbers in text, every character staying in its place.
#
# An e-mail address is known by its form. A number is taken for a phone number where it is written
# to be dialled from abroad and is valid, where a word for it stands right before it ("Tel.: 1 234
# 567"), or where it is valid in the report's country and an address, the word "contact" or another
# phone number stands near. Figures, dates, coordinates and ids have none of these, however many
# digits they have.


def mask_passage(passage: Passage) -> Passage:
    """A passage with the contacts in its form question and text masked; itself if it has none.

    The question is read with the text: "Mobile number" says what the digits are.
    """
    whole = f"{passage.prompt}\n{passage.text}"
    masked = mask_contacts(whole, passage.report.iso)
    if masked == whole:
        return passage
    at = len(passage.prompt)
    return replace(passage, prompt=masked[:at], text=masked[at + 1 :])


def mask_hits(hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """Hits with the contacts in their passages masked."""
    return tuple(replace(hit, passage=mask_passage(hit.passage)) for hit in hits)
