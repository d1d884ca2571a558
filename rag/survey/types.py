"""The words of surveys as types: rows, their cells, and what is counted over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rag.catalog.tag_fields import Filters, ReportInfo
from rag.types import Notice, Passage, Span

Verdict = Literal["about", "mentions", "silent"]


@dataclass(frozen=True, slots=True)
class SurveyCell:
    """What a report answers to a column of a survey, with its words and where they stand."""

    value: str
    quote: str = ""
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class SurveyRow:
    """Whether a report speaks of a topic, with its best sentence.

    `score` is the probability that it says something of substance on the topic, `about` that it, or
    a part of it, is about the topic. `quote` is verbatim and stands at `span` of the file, in
    `passage`; silent reports have none. `judge` is who gave the verdict: "rules" or a model's name.
    """

    report: ReportInfo
    verdict: Verdict
    score: float
    about: float
    passage: Passage | None = None
    quote: str = ""
    span: Span | None = None
    judge: str = "rules"
    cells: Mapping[str, SurveyCell] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Survey:
    """A verdict on every report in scope, the likeliest first.

    `near` are words of the collection that stood for those of the topic. `interval` holds the
    true number of reports that speak of it, for seven topics of eight. A survey that was stopped
    is not `complete`: the rows that it lacks are not counted.
    """

    question: str
    topic: str
    language: str
    filters: Filters
    rows: tuple[SurveyRow, ...]
    interval: tuple[int, int]
    near: tuple[str, ...] = ()
    labs: tuple[str, ...] = ()
    index: str = ""
    complete: bool = True
    notices: tuple[Notice, ...] = ()

    def count(self, *verdicts: Verdict) -> int:
        """How many reports have one of these verdicts."""
        return sum(row.verdict in verdicts for row in self.rows)

    @property
    def found(self) -> tuple[SurveyRow, ...]:
        """The rows of the reports that speak of the topic."""
        return tuple(row for row in self.rows if row.verdict != "silent")
