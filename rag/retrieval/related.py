"""Reports that go with one: its line of work, and the nearest reports of other labs.

A plan, its closing and its experiments are one line of work, whatever their titles. What tells it
is how near their middles are, each without what is usual of its kind; how much nearer than the
other reports of their lab; and the rare words that their titles share.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import log

import numpy as np

from rag.catalog.tag_fields import ReportInfo
from rag.index.interface import Index
from rag.index.topics import numbered, without_means
from rag.models.embeddings import Embedding
from rag.models.encoder import Vectors, unit
from rag.text.tokenize import terms
from rag.types import Hit

SIMILAR = 5
# What two reports are ahead of the others of their lab (in standard deviations), the words of their
# titles, and that they are of two kinds add to their nearness; and how much makes one line of work.
# Of 200 pairs of real reports, drawn by strata and judged by reading, 0.96 of those that they link
# are of one work, and 0.66 of those that are of one work are linked; surely so: 0.96 and 0.58.
_AHEAD, _TITLE, _KINDS, _SAME_WORK, _SURELY = 0.1, 0.3, 0.1, 0.75, 0.8
# Hits of which a report is named, and those whose scores, as shares of the first one's, add to the
# cosine of its title; its title or its best passage is so near. Where it was ahead by less than
# SURELY_NAMED, half of 134 works that strangers named were the ones they meant, else nine of ten.
_FIRST, _BEST, _NEAR, SURELY_NAMED = 20, 3, 0.25, 0.2
# How near reports of a lab usually are and how that varies, as if so many more were there.
_USUAL, _USUAL_SPREAD, _LEAST_SPREAD, _AS_MANY = 0.27, 0.18, 0.05, 2


def named_by(
    words: str, hits: Sequence[Hit], embedding: Embedding, ahead: float = 0.0
) -> list[ReportInfo]:
    """The report that is called so, of those with the first of these hits, if it is so far ahead.

    The scores of its passages, if they are the best of all, and its title tell.
    """
    first = hits[:_FIRST]
    infos = list({hit.passage.report.id: hit.passage.report for hit in first}.values())
    if not infos:
        return []
    found = defaultdict[str, float](float)
    for hit in hits[:_BEST]:
        found[hit.passage.report.id] += hit.score / (hits[0].score or 1.0)
    texts = [words, *(info.title for info in infos)]
    called, *titles = unit(np.asarray(embedding.get_text_embedding_batch(texts), np.float32))
    alike = [float(title @ called) for title in titles]
    told = [found[info.id] + near for info, near in zip(infos, alike, strict=True)]
    best, *others = np.argsort(told)[::-1].tolist()
    near = max(h.similarity for h in first if h.passage.report.id == infos[best].id)
    is_sure = all(told[best] >= told[n] + ahead for n in others[:1])
    return [infos[best]] if is_sure and max(near, alike[best]) >= _NEAR else []


def line_of_work(index: Index, info: ReportInfo, *, surely: bool = False) -> tuple[ReportInfo, ...]:
    """The reports of a lab on the same work, the report among them, by year.

    What an innovator wrote has no other.
    """
    if info.author != "lab" or info.id not in index.heads:
        return (info,)
    infos, near, ahead, titles = _of_lab(index, info.lab)
    if info not in infos:
        return (info,)
    _, weights = _title_words(index)
    at, same, least = infos.index(info), [info], _SURELY if surely else _SAME_WORK
    for n, (other, title) in enumerate(zip(infos, titles, strict=True)):
        every = sum(weights[word] for word in titles[at] | title) or 1.0
        shared = sum(weights[word] for word in titles[at] & title) / every
        likeness = near[at, n] + _AHEAD * min(ahead[at, n], ahead[n, at]) + _TITLE * shared
        if n != at and likeness + _KINDS * (info.kind != other.kind) >= least:
            same.append(other)
    return tuple(sorted(same, key=lambda other: (other.year or 0, other.kind != "plan", other.id)))


@lru_cache(maxsize=512)
def _of_lab(
    index: Index, lab: str
) -> tuple[Sequence[ReportInfo], Vectors, Vectors, Sequence[frozenset[str]]]:
    """A lab's own reports, how near each two are, how far ahead of others, and title words."""
    infos = [r for r in index.catalog.reports.values() if r.lab == lab and r.author == "lab"]
    places = {name: row for row, name in enumerate(index.heads)}
    vectors = unit(_without_kinds(index)[[places[other.id] for other in infos]])
    near = vectors @ vectors.T
    others = np.where(np.eye(len(infos), dtype=bool), np.nan, near)
    count = len(infos) - 1 + _AS_MANY
    mean = (np.nansum(others, axis=1) + _AS_MANY * _USUAL)[:, None] / count
    varied = np.nansum((others - mean) ** 2, axis=1) + _AS_MANY * _USUAL_SPREAD**2
    ahead = (near - mean) / (np.sqrt(varied / count) + _LEAST_SPREAD)[:, None]
    words, _ = _title_words(index)
    return infos, near, ahead, [words[other.id].difference(terms(lab, "en")) for other in infos]


@lru_cache(maxsize=1)
def _title_words(index: Index) -> tuple[Mapping[str, frozenset[str]], Mapping[str, float]]:
    """The words of each report's title, and how rare each word is there."""
    reports = index.catalog.reports.values()
    titles = {r.id: frozenset(terms(r.title, r.language)) for r in reports}
    counts = Counter(word for title in titles.values() for word in title)
    return titles, {word: log(1 + len(titles) / n) for word, n in counts.items()}


@lru_cache(maxsize=1)
def _without_kinds(index: Index) -> Vectors:
    """The middle of each report without what reports of its kind have in common."""
    kinds = numbered(index.catalog.reports[name].kind for name in index.heads)
    return without_means(index.means, kinds)


def similar(index: Index, info: ReportInfo) -> tuple[ReportInfo, ...]:
    """Up to five reports of other labs, one a lab, the nearest in meaning first."""
    if info.id not in index.heads:
        return ()
    # The direction of each report's passages from the middle of all reports.
    names, middles = list(index.heads), unit(index.means - index.means.mean(axis=0))
    nearness = middles @ middles[names.index(info.id)]
    found: dict[str, ReportInfo] = {}
    for row in np.argsort(-nearness, kind="stable"):
        other = index.catalog.reports[names[row]]
        if other.lab != info.lab:
            found.setdefault(other.lab, other)
    return tuple(found.values())[:SIMILAR]
