"""What the rest of the program asks of an index, however it is stored.

Rows are numbers of passages; what they mean holds for one open index, which stays as it was opened.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import Filters, ReportInfo
from rag.index.topics import TopicCluster
from rag.index.vectors import VectorMemo
from rag.models.encoder import Vectors
from rag.types import Alike, Passage

# Rows with their scores, the best first.
Ranking = Sequence[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report as the index holds it: tags, verbatim text, where it came from.

    `digest` is the hash of its text, `form_digest` of all it was parsed from, `passages_digest` of
    its tags and passages; `passages` is how many there are.
    """

    info: ReportInfo
    raw: str
    source: str = ""
    digest: str = ""
    form_digest: str = ""
    passages_digest: str = ""
    passages: int = 0
    links: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """What passages are ranked by: words and vectors; with `pairs`, pairs of words count too.

    With a `stage`, only passages of that stage are, in scopes that have any.
    """

    text: str
    language: str
    pairs: bool
    dense: Vectors
    static: Vectors
    stage: str = ""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The best rows in each scope by the name of each ranking.

    `similarity` has the cosine of each of these rows to the dense vector; `matching` the reports of
    the first scope with a passage of at least a share of the best keyword score.
    """

    rankings: Sequence[Mapping[str, Ranking]]
    similarity: Mapping[int, float]
    matching: frozenset[str]


class Index(Protocol):
    """An index that is read; all of it is of one revision."""

    @property
    def revision(self) -> str:
        """A hash of all content."""

    @property
    def catalog(self) -> Catalog:
        """The reports' tags: exact counts and lists."""

    @property
    def passages(self) -> Sequence[Passage]:
        """All passages, ordered by report and id: of a large index a long read."""

    @property
    def memo(self) -> VectorMemo:
        """The stored vectors of sentences and words."""

    @property
    def topics(self) -> Sequence[TopicCluster]:
        """The topics of the reports, found at first use; none where vectors are not at hand."""

    @property
    def language_counts(self) -> Mapping[str, int]:
        """The languages of the passages with their numbers, the most used first."""

    def candidates(
        self, query: Query, scopes: Sequence[Filters], depth: int, share: float
    ) -> Candidates:
        """The `depth` best rows by each ranking in each scope."""

    def having(self, terms: Collection[str], filters: Filters) -> Ranking:
        """The rows that pass the filters and have all terms, with their keyword scores."""

    def frequency(self, term: str) -> int:
        """How many passages have a term."""

    def written(self, term: str) -> str:
        """A word of a term as the reports have it; "" for an unknown term."""

    def alike(self, text: str, language: str) -> tuple[Alike, ...]:
        """For each content word of a question what else in the collection means nearly that."""

    def rows(self, rows: Collection[int]) -> Mapping[int, Passage]:
        """Passages by their rows."""

    def passages_of(self, report_id: str) -> Sequence[Passage]:
        """The passages of a report; none of one that is not there."""

    def texts(self, report_ids: Collection[str]) -> Mapping[str, str]:
        """The verbatim texts of reports by id; unknown ids are left out."""

    def report(self, report_id: str) -> StoredReport:
        """One report with its verbatim text.

        Raises:
            UnknownReport: there is none of that id.
        """
