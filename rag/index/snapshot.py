"""What searching needs in memory, derived from one generation of the store.

Whoever asks reads nothing else: whatever is asked of a collection, Chroma writes files of it, and
many may ask at the same time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rag.catalog.catalog import Catalog
from rag.catalog.fields import Filters
from rag.catalog.normalize import filter_key
from rag.errors import IndexDamaged, UnknownReport
from rag.index.bm25 import KeywordIndex
from rag.index.duplicates import Signed, find_families, sign
from rag.index.similar_terms import Lexicon
from rag.index.store import Store, StoredReport, Vector
from rag.models.encoder import Vectors, encode_static, unit
from rag.types import Passage


@dataclass(frozen=True)
class Snapshot:
    """All reports (by id, with their texts) and passages of one generation, and what finds them.

    `home` is the database it was made of. `dense` are the passages' vectors from there, of unit
    length, `static` those of `rag.models.encoder`: a row each. `signed` is what tells their
    families.
    """

    home: Path
    generation: int
    revision: str
    reports: Mapping[str, StoredReport]
    passages: Sequence[Passage]
    keyword: KeywordIndex
    dense: Vectors
    static: Vectors
    signed: Signed
    known_words: dict[str, bool]
    lexicon: Lexicon

    @cached_property
    def catalog(self) -> Catalog:
        """The reports' tags."""
        infos = (report.info for report in self.reports.values())
        written: dict[str, set[str]] = {}
        for passage in self.passages:
            written.setdefault(passage.report.id, set()).add(passage.language)
        return Catalog(infos, self.known_words, written)

    @cached_property
    def position(self) -> Mapping[str, int]:
        """Where in `passages` the passage of each row is."""
        return {_row_of(passage, self.reports): i for i, passage in enumerate(self.passages)}

    def allowed(self, filters: Filters) -> npt.NDArray[np.bool_]:
        """For each passage whether its report, and its language, pass the filters."""
        if not filters:
            return np.ones(len(self.passages), np.bool_)
        inside = self.catalog.ids(filters)
        flags = np.fromiter((i in inside for i in self.reports), bool, len(self.reports))
        chosen: npt.NDArray[np.bool_] = flags[self._report_numbers]
        if filters.language:
            keys = [filter_key("language", value) for value in filters.language]
            chosen &= np.isin(self.languages, keys)
        return chosen

    @cached_property
    def languages(self) -> npt.NDArray[np.str_]:
        """The language of each passage."""
        return np.array([passage.language for passage in self.passages] or [""])

    @cached_property
    def language_counts(self) -> Mapping[str, int]:
        """The languages of the passages with their numbers, the most used first."""
        return dict(Counter(passage.language for passage in self.passages).most_common())

    @cached_property
    def _report_numbers(self) -> npt.NDArray[np.int32]:
        numbers = {report_id: n for n, report_id in enumerate(self.reports)}
        found = (numbers[p.report.id] for p in self.passages)
        return np.fromiter(found, np.int32, len(self.passages))

    def texts(self, report_ids: Collection[str]) -> dict[str, str]:
        """The verbatim texts of reports by id; ids that are not here are left out."""
        return {i: self.reports[i].raw for i in report_ids if i in self.reports}

    def report(self, report_id: str) -> StoredReport:
        """One report with its verbatim text.

        Raises:
            UnknownReport: there is none of that id.
        """
        if report_id not in self.reports:
            raise UnknownReport(
                f"There is no report {report_id!r} in the index. See `asklabs info`."
            )
        return self.reports[report_id]


def build_snapshot(
    store: Store,
    generation: int,
    revision: str,
    base: Snapshot | None,
    vectors: Callable[[Collection[str]], Mapping[str, Vector]],
) -> Snapshot:
    """The snapshot of a generation; what `base`, an earlier one, has of it is not read again.

    `vectors` gives those of rows of the store.

    Raises:
        IndexDamaged: the store has not all that it should have.
    """
    reports = with_texts(store, store.reports(generation), base)
    if base is None:
        passages, signed = _in_families(store.passages(reports), None)
        known, words = [-1] * len(passages), {}
    else:
        passages, signed = _in_families(_passages(store, reports, base), base.signed)
        known = [base.position.get(_row_of(p, reports), -1) for p in passages]
        words = dict(base.known_words)
    if len(passages) != sum(report.passages for report in reports.values()):
        raise IndexDamaged(
            f"The index in {store.home.parent} has lost passages. Make it anew: "
            f"asklabs ingest PATH --rebuild --index {store.home.parent}"
        )
    keyword = KeywordIndex.build(passages, base.keyword if base else None, known)
    new = [p for p, at in zip(passages, known, strict=True) if at < 0]
    found = vectors([_row_of(p, reports) for p in new])
    dense = [found[_row_of(p, reports)] for p in new]
    static = encode_static([f"{p.context}\n{p.text}" for p in new])
    return Snapshot(
        store.home,
        generation,
        revision,
        reports,
        passages,
        keyword,
        _merged(base.dense if base else None, known, unit(dense)),
        _merged(base.static if base else None, known, static),
        signed,
        words,
        Lexicon.build(keyword, base.lexicon if base else None),
    )


def with_texts(
    store: Store, reports: Mapping[str, StoredReport], base: Snapshot | None = None
) -> dict[str, StoredReport]:
    """Reports with their verbatim texts; those that `base` has come from there."""
    known = {r.digest: r.raw for r in base.reports.values()} if base else {}
    read = store.texts(report for report in reports.values() if report.digest not in known)
    return {
        i: replace(report, raw=known[report.digest] if report.digest in known else read.get(i, ""))
        for i, report in reports.items()
    }


def _passages(
    store: Store, reports: Mapping[str, StoredReport], base: Snapshot
) -> Sequence[Passage]:
    """The passages of reports; those of reports that `base` has as they are come from there."""
    same = {
        i
        for i, old in base.reports.items()
        if i in reports and reports[i].passages_generation == old.passages_generation
    }
    kept = [p for p in base.passages if p.report.id in same]
    new = store.passages(reports, only=reports.keys() - same)
    return sorted(kept + new, key=lambda p: p.id)


def _row_of(passage: Passage, reports: Mapping[str, StoredReport]) -> str:
    return reports[passage.report.id].row_of(passage.id)


def _merged(base: Vectors | None, known: Sequence[int], new: Vectors) -> Vectors:
    """A row for each of `known`: that of `base` at its position, or, where it is -1, a new one."""
    at = np.asarray(known, np.int64)
    width = new.shape[1] if len(new) or base is None else base.shape[1]
    vectors = np.empty((len(at), width), np.float32)
    # Rounded as the cache keeps them, so that the first answers are those of later ones.
    vectors[at < 0] = new.astype(np.float16)
    if base is not None:
        vectors[at >= 0] = base[at[at >= 0]]
    return vectors


def _in_families(passages: Sequence[Passage], known: Signed | None) -> tuple[list[Passage], Signed]:
    """Passages that carry their family, and their signatures; `known` ones are not made again."""
    signed = sign([passage.text for passage in passages], known)
    named = zip(passages, find_families(passages, signed), strict=True)
    return [p if p.family == name else replace(p, family=name) for p, name in named], signed
