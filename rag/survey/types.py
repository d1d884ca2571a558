"""The words of surveys as types: rows, their cells, and what is counted over them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from rag.catalog.tag_fields import Filters, ReportInfo
from rag.types import Notice, Passage, Span

Verdict = Literal["about", "mentions", "silent"]
# How strong a finding is by what its report's form says, the weakest first.
Rung = Literal["intention", "observation", "test", "compared", "scaled"]
RUNGS: tuple[Rung, ...] = get_args(Rung)
# What came of a hypothesis; "blank" where the form asks and nobody answered.
Outcome = Literal["proven", "partly", "disproven", "unclear", "blank"]
Stance = Literal["supports", "partly", "against", "unclear"]
STANCES: tuple[Stance, ...] = get_args(Stance)
# Why a cell is as it is: there is an answer, the form asks but was left blank, the form does not
# ask, or it could have been said and is not.
CellState = Literal["answered", "blank", "not_asked", "nothing"]
# The most that the reports of a cell of a gap map say.
GapState = Literal["none", "blank", "silent", "mentions", "about"]
GAP_STATES: tuple[GapState, ...] = get_args(GapState)


@dataclass(frozen=True, slots=True)
class SurveyColumn:
    """What is asked of every report."""

    name: str  # as it was typed
    kind: Literal["tag", "form", "free"]
    sources: tuple[str, ...] = ()  # tags, or form questions that ask for it; if "free" all it says


@dataclass(frozen=True, slots=True)
class SurveyCell:
    """What a report answers to a column: its words, where they stand, or why there are none."""

    value: str = ""  # what to show
    quote: str = ""  # verbatim, at `span` of the file, in `passage`; none of values of tags
    span: Span | None = None
    passage: Passage | None = None
    state: CellState = "answered"
    writer: str = "rules"  # whose words the value is: the report's by "rules", or a model's name


@dataclass(frozen=True, slots=True)
class Evidence:
    """How strong what a report found is, by its form; None where the form does not say."""

    rung: Rung | None = None
    field: str = ""  # the tag or form question that says it
    value: str = ""  # what that says
    missing: tuple[str, ...] = ()  # tags that would tell more and are not there
    outcome: Outcome | None = None  # of the hypothesis; None where the form does not ask
    quote: str = ""  # verbatim, at `span` of the file, in `passage`
    span: Span | None = None
    passage: Passage | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a report says that it found on the topic."""

    quote: str  # verbatim, at `span` of the file
    span: Span
    prompt: str  # the form question that it answers
    language: str


@dataclass(frozen=True, slots=True)
class GapCell:
    """The reports of one country, theme or year by another: their ids and what they say."""

    reports: tuple[str, ...] = ()
    # Reports by verdict, and as "blank" those that left the column empty.
    counts: Mapping[str, int] = field(default_factory=dict)
    rung: Rung | None = None  # the highest of those that speak of the topic

    @property
    def found(self) -> int:
        """How many of the reports speak of the topic."""
        return self.counts.get("about", 0) + self.counts.get("mentions", 0)

    @property
    def state(self) -> GapState:
        """The most that any of the reports says."""
        return next((s for s in reversed(GAP_STATES) if self.counts.get(s)), "none")


@dataclass(frozen=True, slots=True)
class GapMap:
    """What is known and not known, by two fields of reports."""

    by: tuple[str, str]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Mapping[tuple[str, str], GapCell]  # by row and column, where there are reports

    def at(self, row: str, column: str) -> GapCell:
        """The cell of a row and a column."""
        return self.cells.get((row, column), GapCell())


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """How many reports of a year there are, and how many speak of the topic."""

    year: int
    reports: int
    found: int
    share: float | None  # None where there are too few reports to tell one


@dataclass(frozen=True, slots=True)
class Consensus:
    """What the reports that speak of a claim say to it; without a model most are "unclear"."""

    claim: str
    rows: Mapping[Stance, tuple["SurveyRow", ...]]
    weighted: bool = False  # whether shares are by rung, not by number

    @property
    def shares(self) -> Mapping[Stance, float]:
        """The share of each stance, 0 to 1."""
        # Where rungs are weighed an intention counts 1, as what has none, and what was scaled 5.
        weights = {
            stance: sum(
                RUNGS.index(row.evidence.rung or RUNGS[0]) + 1 if self.weighted else 1
                for row in rows
            )
            for stance, rows in self.rows.items()
        }
        return {stance: weight / (sum(weights.values()) or 1) for stance, weight in weights.items()}


@dataclass(frozen=True, slots=True)
class SurveyRow:
    """Whether a report speaks of a topic, with its best sentence."""

    report: ReportInfo
    verdict: Verdict
    score: float  # probability that it says something of substance on the topic
    about: float  # probability that it, or a part of it, is about the topic
    passage: Passage | None = None
    quote: str = ""  # verbatim, at `span` of the file, in `passage`; silent reports have none
    span: Span | None = None
    finding: Finding | None = None
    judge: str = "rules"  # who gave the verdict: "rules" or a model's name
    cells: Mapping[str, SurveyCell] = field(default_factory=dict)  # by the names of columns
    evidence: Evidence = Evidence()
    stance: Stance | None = None  # what a model says that it says to a claim


@dataclass(frozen=True, slots=True)
class Survey:
    """A verdict on every report in scope, the likeliest first."""

    question: str
    topic: str
    language: str
    filters: Filters
    rows: tuple[SurveyRow, ...]
    interval: tuple[int, int]  # has the true number that speak of it, for seven topics of eight
    near: tuple[str, ...] = ()  # words of the collection that stood for those of the topic
    columns: tuple[SurveyColumn, ...] = ()
    labs: tuple[str, ...] = ()
    claim: str = ""  # what the stances of rows are to
    index: str = ""
    complete: bool = True  # or it was stopped, and the rows that it lacks are not counted
    notices: tuple[Notice, ...] = ()
    tokens: Mapping[str, int] = field(default_factory=dict)  # of the model's: prompt, completion

    def count(self, *verdicts: Verdict) -> int:
        """How many reports have one of these verdicts."""
        return sum(row.verdict in verdicts for row in self.rows)

    @property
    def found(self) -> tuple[SurveyRow, ...]:
        """The rows of the reports that speak of the topic."""
        return tuple(row for row in self.rows if row.verdict != "silent")

    @property
    def ladder(self) -> Mapping[Rung, int]:
        """How many of the reports that speak of the topic stand on each rung, the weakest first."""
        counts = Counter(row.evidence.rung for row in self.found)
        return {rung: counts[rung] for rung in RUNGS}

    @property
    def outcomes(self) -> Mapping[Outcome, int]:
        """What came of the hypotheses of the reports that speak of it and were asked."""
        return dict(Counter(row.evidence.outcome for row in self.found if row.evidence.outcome))
