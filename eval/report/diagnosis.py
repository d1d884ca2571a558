"""Why a case went wrong, by rules, and which cases went worst.

The rules look at what was found, then at what was cited, then at which facts the answer has: the
first that applies is the cause, since what was not found can't be cited.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from eval.cases import MANY_REPORTS, OPEN, Case
from eval.matching import has_fact, holds, tells
from eval.metrics import DEPTHS
from eval.run import Outcome

# How many of the worst cases a report shows first.
WORST = 20
# What stands lower was found too late: an answer may read so many passages.
DEPTH = max(DEPTHS)
RIGHT = "right"
# The metrics whose mean is a case's score, where they apply, with the report recall.
_SCORED = (
    *("cite_prec", "ev_cited", "facts", "points", "ranking", "values", "count"),
    *("says_r", "says_p"),
)


@dataclass(frozen=True, slots=True)
class FoundReport:
    """A report with the ranks of its passages; `right` where it answers the question.

    Of other reports only ranks up to 20 are shown.
    """

    report: str
    ranks: tuple[int, ...]
    right: bool


@dataclass(frozen=True, slots=True)
class CitedQuote:
    """A citation of the answer, with the verdict of the check."""

    n: int
    report: str
    quote: str
    status: str
    right: bool


@dataclass(frozen=True, slots=True)
class CaseReport:
    """A case with what came of it and why, as it is shown to readers.

    `causes` are codes that `eval.report.render.CAUSES` names; `evidence` has words that carry the
    answer, and at which rank a passage with them was found (0: not).
    """

    id: str
    group: str
    lang: str
    question: str
    score: float
    causes: tuple[str, ...] = ()
    history: tuple[tuple[str, str], ...] = ()
    reports: tuple[str, ...] = ()
    evidence: tuple[tuple[str, int], ...] = ()
    facts: tuple[tuple[str, bool], ...] = ()
    found: tuple[FoundReport, ...] = ()
    answer: str = ""
    refused: bool = False
    citations: tuple[CitedQuote, ...] = ()
    lacking: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    error: str = ""

    @property
    def cause(self) -> str:
        """The first of its causes."""
        return self.causes[0] if self.causes else RIGHT


def diagnose(outcome: Outcome) -> CaseReport:
    """A case with what came of it and why."""
    case, answer = outcome.case, outcome.answer or {}
    ranks: dict[str, list[int]] = {}
    for passage in answer.get("passages", ()):
        ranks.setdefault(passage["report"], []).append(passage["rank"])
    right = [p for p in answer.get("passages", ()) if p["report"] in case.accepted]
    listed = set(answer.get("coverage", {}).get("reports", ()))
    lists, text = case.asks_for == "reports", answer.get("answer", "")
    report = CaseReport(
        id=case.id,
        group=case.group,
        lang=case.lang,
        question=case.question,
        score=case_score(outcome),
        history=tuple((turn.role, turn.content) for turn in case.history),
        reports=case.reports,
        evidence=tuple(
            (gold.quote, min((p["rank"] for p in right if holds(p["text"], gold.quote)), default=0))
            for gold in (*case.evidence, *case.points)
        ),
        facts=(
            *((fact, has_fact(text, fact)) for fact in case.facts),
            *((str(value), tells(text, value)) for value in case.expected_values),
        ),
        found=tuple(_found_reports(case, ranks)),
        answer=text,
        refused=bool(answer.get("refused")),
        citations=tuple(
            CitedQuote(c["n"], c["report"], c["quote"], c["status"], c["report"] in case.accepted)
            for c in answer.get("citations", ())
        ),
        lacking=tuple(sorted(case.gold - listed)) if lists else (),
        extra=tuple(sorted(listed - case.gold)) if lists else (),
        error=outcome.error,
    )
    early = {name for name, places in ranks.items() if min(places) <= DEPTH}
    return replace(report, causes=tuple(_causes(outcome, report, early)))


def case_score(outcome: Outcome) -> float:
    """How well a case went, from 0 to 1; `eval.report.render.WORST` says it in words."""
    scores = outcome.scores
    if outcome.error or scores.get("refusal_ok") == 0:
        return 0.0
    if "list_f1" in scores:
        return scores["list_f1"]
    recall = "rep@20" if outcome.case.type in MANY_REPORTS else "rep@10"
    known = [scores[name] for name in (recall, *_SCORED) if name in scores]
    return sum(known) / len(known) if known else 1.0


def causes(cases: Sequence[CaseReport]) -> dict[str, int]:
    """How many cases have which cause, the most frequent first and "right" at the end."""
    counts = Counter(case.cause for case in cases)
    return dict(sorted(counts.items(), key=lambda item: (item[0] == RIGHT, -item[1], item[0])))


def _found_reports(case: Case, ranks: Mapping[str, list[int]]) -> Iterator[FoundReport]:
    for report, places in ranks.items():
        is_right = report in case.accepted
        if shown := tuple(rank for rank in places if is_right or rank <= DEPTH):
            yield FoundReport(report, shown, is_right)


def _causes(outcome: Outcome, report: CaseReport, early: Set[str]) -> Iterator[str]:
    """What went wrong; `early` are the reports found in time."""
    case = outcome.case
    if outcome.error:
        yield "error"
    elif case.grades:
        if outcome.scores["says_r"] < 1:
            yield "list_lacks"
        if outcome.scores["says_p"] < 1:
            yield "list_extra"
    elif case.type == "unanswerable":
        if not report.refused:
            yield "answered"
    elif case.asks_for == "reports":
        if report.lacking:
            yield "list_lacks"
        if report.extra:
            yield "list_extra"
    else:
        if report.refused:
            yield "refused"
        if case.searched:
            yield from _search_causes(case, report, early)
        if not report.refused:
            yield from _answer_causes(outcome, report)


def _lost(report: CaseReport) -> int:
    """How many quotes of the evidence were not found in time."""
    return sum(not 0 < rank <= DEPTH for _, rank in report.evidence)


def _search_causes(case: Case, report: CaseReport, early: Set[str]) -> Iterator[str]:
    wanted = case.gold if case.type in MANY_REPORTS else case.accepted
    retrieved = wanted & early
    cited = wanted & {citation.report for citation in report.citations}
    if not retrieved and not cited:
        yield "not_found"
    elif not cited and not report.refused:
        yield "not_cited"
    elif case.type in MANY_REPORTS:
        if wanted - retrieved - cited:
            yield "some_not_found"
        if retrieved - cited and not report.refused:
            yield "some_not_cited"
    if _lost(report):
        yield "evidence_not_found"


def _answer_causes(outcome: Outcome, report: CaseReport) -> Iterator[str]:
    scores = outcome.scores
    cited = scores.get("ev_cited", scores.get("points_ev", 1.0))
    if cited < 1 and _lost(report) < len(report.evidence):
        yield "evidence_not_cited"
    if not all(is_told for _, is_told in report.facts):
        yield "facts_missing"
    others = {citation.right for citation in report.citations}
    if len(others) == 2 and outcome.case.type not in OPEN:
        yield "other_cited"
    if scores.get("quote_ok", 1.0) < 1:
        yield "not_verbatim"
