"""Cases: questions with the reports, verbatim evidence and facts that a good answer has."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import ConfigDict, StringConstraints, TypeAdapter, ValidationError

from rag.errors import InputError, first_problem
from rag.feedback import Feedback
from rag.types import Turn

_Usual = Literal["single", "multi", "followup", "cross", "compare", "listing"]
_Natural = Literal["lab", "detail", "report", "trend", "topic", "reasons", "tags"]
CaseType = Literal[_Usual, _Natural, "unanswerable", "survey"]
CASE_TYPES: tuple[CaseType, ...] = get_args(CaseType)
# Any one gold report answers these, the alternatives included; the others want every gold report.
ONE_REPORT: frozenset[CaseType] = frozenset({"single", "multi", "followup"})
MANY_REPORTS = {"cross", "compare", "lab", "report", "trend", "topic", "reasons"}
# Short, broad questions; those in OPEN may be answered by more than their gold reports.
NATURAL = {"lab", "detail", "report", "trend", "topic", "reasons"}
OPEN = {"topic", "reasons"}
# Fields of a case that only people read.
REMARKS = {
    *("kind", "half", "how", "lab", "labs", "pair", "sides", "alternatives"),
    *("answer", "standalone", "country", "scope", "gold_filter"),
}
Filled = Annotated[str, StringConstraints(pattern=r"\S")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
# Half a surrogate pair, which a model's server may send, is written as the JSON escape it was.
ESCAPED = "backslashreplace"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Words of a gold report that carry the answer or a key point; more is for people to read."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="ignore")

    report: Filled
    quote: Filled


@dataclass(frozen=True, slots=True)
class Case:
    """One question with what a good answer rests on.

    The tags answer "tags" with a `ranking`, a `list` (of the gold reports or of values) or a
    `count`. A "survey" has `grades` of reports: 2 about its topic, 1 says something of substance.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    id: Filled
    type: CaseType
    lang: Language
    question: Filled
    reports: tuple[Filled, ...]  # the gold ones
    evidence: tuple[Evidence, ...] = ()
    facts: tuple[Filled, ...] = ()
    points: tuple[Evidence, ...] = ()
    ranking: tuple[tuple[str | int, ...], ...] = ()
    list: tuple[str | int, ...] = ()
    count: int | None = None
    grades: Mapping[str, int] = field(default_factory=dict)
    # How many reports each stands for, where a sample was graded.
    stands_for: Mapping[str, float] = field(default_factory=dict)
    alt_reports: tuple[Filled, ...] = ()  # these answer as well but needn't be found
    history: tuple[Turn, ...] = ()  # the messages before the question
    report_lang: Language = "en"
    note: str = ""
    draft: bool = False  # it may lack its gold reports, and is not asked

    @property
    def gold(self) -> frozenset[str]:
        """The ids of the reports that a good answer rests on."""
        return frozenset(self.reports)

    @property
    def accepted(self) -> frozenset[str]:
        """The gold reports and those that answer as well."""
        return self.gold | set(self.alt_reports)

    @property
    def searched(self) -> bool:
        """Whether retrieval is scored for it: the texts of reports answer it, not their tags."""
        return bool(self.gold) and not self.asks_for and not self.grades

    @property
    def asks_for(self) -> Literal["", "reports", "ranking", "values", "count"]:
        """What the tags answer it with; "" where the texts of reports do."""
        if self.type not in ("listing", "tags"):
            return ""
        if self.ranking:
            return "ranking"
        if self.list and self.gold != set(self.list):
            return "values"
        return "reports" if self.list or self.type == "listing" else "count"

    @property
    def expected_values(self) -> tuple[str | int, ...]:
        """What an answer from tags has to say: a ranking's first five values, values, a count."""
        wanted = {
            "ranking": tuple(str(value) for value, *_ in self.ranking[:5]),
            "values": tuple(str(value) for value in dict.fromkeys(self.list)),
            "count": () if self.count is None else (self.count,),
        }
        return wanted.get(self.asks_for, ())

    @property
    def group(self) -> str:
        """The type, or "crosslingual" for a one-report case not wholly in English."""
        if self.type in ONE_REPORT and (self.lang != "en" or self.report_lang != self.lang):
            return "crosslingual"
        return self.type


_CASE = TypeAdapter(Case)


def load_cases(path: Path) -> tuple[Case, ...]:
    """The cases of a file, without drafts; an InputError names the first bad line and a remedy."""
    lines = read_text(path, "Give a file of cases: JSON lines in UTF-8.").split("\n")
    cases: dict[str, Case] = {}
    for number, line in enumerate(lines, start=1):
        try:
            case = case_from_json(line) if line.strip() else None
            if case and cases.setdefault(case.id, case) is not case:
                raise InputError(
                    f'"id" {case.id!r} stands in a line before it, too. '
                    "Give each case an id of its own."
                )
        except InputError as error:
            raise InputError(f"{path}, line {number}: {error}") from error
    ready = tuple(case for case in cases.values() if not case.draft)
    if not ready:
        raise InputError(
            f"{path}: no case to ask in it. Write one JSON object a line, and take "
            '"draft" out of those that are complete.'
        )
    return ready


def case_from_json(line: str) -> Case:
    """The case that a line of JSON holds; an InputError names the field that is not right."""
    try:
        case = _CASE.validate_json(_without_remarks(line), strict=True)
    except ValidationError as error:
        raise InputError(first_problem(error)) from error
    if problem := next(_contradictions(case), ""):
        raise InputError(problem)
    return case


def case_to_dict(case: Case) -> dict[str, Any]:
    """The case as plain data, without what is as usual; the inverse of case_from_json."""
    data: dict[str, Any] = _CASE.dump_python(case, mode="json", exclude_defaults=True)
    return data


def case_of_vote(vote: Feedback) -> Case:
    """A vote as a case: up with the reports that the answer rests on as gold, down without any.

    A case without gold is marked as a draft: somebody has to say what a good answer rests on.
    A refusal that was voted up is a case that the reports don't answer.
    """
    gold = tuple(dict.fromkeys(vote.reports)) if vote.vote == "up" else ()
    unanswerable = vote.vote == "up" and vote.refused
    answered: CaseType = "listing" if vote.intent == "list" else "cross" if gold[1:] else "single"
    return Case(
        id=f"feedback-{vote.id}",
        type="unanswerable" if unanswerable else answered,
        lang=vote.language if re.fullmatch(r"[a-z]{2,3}", vote.language) else "en",
        question=vote.standalone or vote.question,
        reports=gold,
        note=f"{vote.vote} on {vote.time[:10]}, asked with {vote.filters.as_dict()}. {vote.word}",
        draft=not gold and not unanswerable,
    )


def _without_remarks(line: str) -> str:
    """The line of a case without what only people read; a graded topic as a case."""
    with suppress(ValueError, AttributeError):
        row = json.loads(line)
        if {"topic", "grades"} <= row.keys():
            about = [report for report, grade in row["grades"].items() if grade == 2]
            row = {"lang": "en", **row, "id": row["topic"], "type": "survey", "reports": about}
            wanted = ("id", "type", "lang", "question", "reports", "grades", "stands_for")
            row = {k: row[k] for k in wanted if k in row}
        if "kind" in row:
            row = {"reports": [], **row, "type": row["kind"]}
        remarks = REMARKS | ({"evidence"} if isinstance(row.get("evidence"), str) else set())
        return json.dumps({k: v for k, v in row.items() if k not in remarks})
    return line


def _contradictions(case: Case) -> Iterator[str]:
    if case.type == "unanswerable":
        if case.reports or case.alt_reports or case.evidence or case.facts:
            yield "unanswerable cases have no reports or facts. Empty them, or change the type."
    elif not (case.reports or case.expected_values or case.draft or case.type == "survey"):
        yield f'"reports" is empty. Name the gold reports of this {case.type} case.'
    for item in case.evidence:
        if item.report not in case.accepted:
            yield (
                f'"evidence" quotes {item.report!r}, which is in neither "reports" nor '
                '"alt_reports". Add it there, or correct the name.'
            )
    if case.type == "followup" and not case.history:
        yield '"history" is empty. A followup case needs the messages before its question.'


def read_text(path: Path, remedy: str) -> str:
    """The text of a file; an InputError where it can't be read, which ends with the remedy."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: can't be read ({error}). {remedy}") from error


def write_text(path: Path, text: str) -> None:
    """Write a file, and its folder where there is none; an InputError where that can't be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors=ESCAPED, newline="\n")
    except OSError as error:
        raise InputError(f"{path}: can't be written ({error}). Name another place.") from error
