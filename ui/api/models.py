"""What programs send and get: the JSON of the command line as pydantic models."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model, model_validator

from rag.catalog.tag_fields import FILTER_FIELDS, VALUES, Filters, ReportInfo
from rag.engine import LONGEST_QUESTION, MOST_TURNS
from rag.export.formats import FORMATS
from rag.survey.types import CellState, Finding, Outcome, Rung, Stance, Verdict
from rag.types import Intent, Notice, Span, Stage, Status, Turn

Text = Annotated[str, Field(pattern=r"\S", max_length=LONGEST_QUESTION)]
FieldName = Annotated[str, Field(pattern=f"^({'|'.join(FILTER_FIELDS)})$")]
MOST_VALUES = 300  # values of one filter
Value = Annotated[str, Field(max_length=1000)]  # refuses half a surrogate pair, too


class Sent(BaseModel):
    """What a program sends: a field that is unknown is an error, which names those that are."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _known(cls, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := data.keys() - cls.model_fields):
            known = ", ".join(cls.model_fields)
            raise ValueError(f"{', '.join(sorted(unknown))} is unknown. Known: {known}")
        return data


_lists: dict[str, Any] = {
    name: (VALUES.get(name, list[Value]), Field(default=[], max_length=MOST_VALUES))
    for name in FILTER_FIELDS
}
# Filters as programs give them, in a body or as parameters of an address: ?country=Peru&year=2023
FilterQuery: Any = create_model("FilterQuery", __base__=Sent, **_lists)
Given = Annotated[FilterQuery, AfterValidator(lambda given: Filters.of(given.model_dump()))]
ReportsQuery: Any = create_model(
    "ReportsQuery",
    __base__=FilterQuery,
    offset=(int, Field(0, ge=0)),
    limit=(int, Field(100, ge=1, le=1000)),
)


class Problem(BaseModel):
    """An error (RFC 9457): what happened, and what to do about it."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    remedy: str

    @classmethod
    def of(cls, status: int, text: str) -> "Problem":
        """The problem of a message, whose remedy follows its first sentence."""
        detail, stop, remedy = text.partition(". ")
        title = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Closed"
        remedy = remedy or "See openapi.json for what there is."
        return cls(title=title, status=status, detail=detail + stop.strip(), remedy=remedy)


class Asked(Sent):
    """A question; `ignored` are values that it names and that are not to narrow it."""

    question: Text = Field(examples=["What did labs learn about mobile money?"])
    filters: Given = Filters()
    ignored: Given = Filters()


class AskRequest(Asked):
    """A question to answer; `passages` 0: as many as the settings say."""

    history: list[Turn] = Field(default=[], max_length=MOST_TURNS)
    passages: int = Field(0, ge=0, le=100)
    deep: bool = False


class SearchRequest(Asked):
    """A question whose best passages are wanted."""

    k: int = Field(20, ge=1, le=200)


class SurveyRequest(Sent):
    """A topic to survey; `without` are near words that are not to stand for it."""

    question: Text = Field(examples=["mobile money"])
    filters: Given = Filters()
    without: list[Value] = Field(default=[], max_length=100)
    fast: bool = False


class ListRequest(Sent):
    """A query of the tags: which reports, and how many by the field or fact `group_by`.

    Any value of a field is enough, but of the fields `every` all are wanted.
    """

    filters: Given = Filters()
    every: tuple[FieldName, ...] = ()
    excluded: Given = Filters()
    group_by: str = Field("", max_length=100, examples=["year"])
    limit: int = Field(0, ge=0, le=10_000)


class ExportRequest(Sent):
    """Answers as `ask` gave them, and the file to make of them."""

    answers: list[dict[str, Any]] = Field(min_length=1, max_length=100)
    format: str = Field(max_length=20, examples=list(FORMATS))
    title: str = Field("", max_length=300)


class CitationJson(BaseModel):
    """A mark of the answer: verbatim words of a report and where they stand in its file."""

    n: int
    report: str
    title: str
    country: str
    year: int | None
    type: str
    kind: str
    section: str
    prompt: str
    stage: Stage
    quote: str
    span: Span | None
    author: str
    status: Status


class PassageJson(BaseModel):
    """A passage that was found; `spans` are the characters of the file that it is taken from."""

    rank: int
    report: str
    section: str
    prompt: str
    text: str
    spans: list[Span]
    score: float


class FoundJson(PassageJson):
    """A passage that a search found, with what its source is cited by."""

    country: str
    title: str
    year: int | None
    kind: str
    author: str
    stage: Stage


class TableRow(BaseModel):
    """A value of a tag with its number of reports, and its name in the answer's language."""

    value: str
    reports: int
    label: str = ""


class CoverageJson(BaseModel):
    """What an answer rests on, or the complete list."""

    intent: Intent
    reports: list[str]
    count: int
    labs: list[str]
    matched_reports: int
    filters: dict[str, list[str | int]]
    excluded: dict[str, list[str | int]]
    grouped_by: str
    split: str
    table: list[TableRow]
    comparison: list[dict[str, Any]]
    also_mentioned: list[str]


class AnswerJson(BaseModel):
    """An answer; `detail` holds what `export` needs to read it back."""

    id: str
    question: str
    standalone: str
    answer: str
    refused: bool
    citations: list[CitationJson]
    passages: list[PassageJson]
    coverage: CoverageJson
    mode: str
    timings: dict[str, int]
    tokens: dict[str, int]
    index: str
    detail: dict[str, Any]


class SearchJson(BaseModel):
    """The best passages for a question."""

    question: str
    passages: list[FoundJson]
    notices: list[Notice]


class ReportsJson(BaseModel):
    """Reports from `offset` on, of so many in all."""

    count: int
    offset: int = 0
    reports: list[ReportInfo]
    table: list[TableRow] = []
    notices: list[Notice]


class OpenedPassage(BaseModel):
    """A passage in its report."""

    id: str
    section: str
    prompt: str
    text: str
    spans: list[Span]
    stage: Stage
    language: str


@dataclass(frozen=True)
class OpenedReport(ReportInfo):
    """A report with its whole text, contacts masked; spans count its characters."""

    text: str = ""
    passages: tuple[OpenedPassage, ...] = ()


class SaidJson(BaseModel):
    """Verbatim words of a report, with their place in its file."""

    quote: str
    span: Span | None


class CellJson(SaidJson):
    """What a report answers to a column, or why it doesn't."""

    value: str
    state: CellState
    writer: str


class EvidenceJson(SaidJson):
    """How strong a finding is, by the tag or form question `field`."""

    rung: Rung | None
    field: str
    value: str
    missing: list[str]
    outcome: Outcome | None


class RowJson(SaidJson):
    """The verdict of a survey on a report, with its best sentence."""

    report: str
    verdict: Verdict
    score: float
    about: float = 0.0  # which earlier files lack
    section: str
    prompt: str
    stage: Stage | Literal[""]
    author: str
    title: str
    country: str
    year: int | None
    kind: str
    judge: str
    stance: Stance | None
    evidence: EvidenceJson
    finding: Finding | None = None
    cells: dict[str, CellJson]


class JobJson(BaseModel):
    """How far a survey is; `result` has all but its rows once it has ended."""

    id: str
    question: str
    state: Literal["running", "done", "stopped", "failed"]
    rows: int
    error: str = ""
    result: dict[str, Any] | None = None
