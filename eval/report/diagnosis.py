"""Why a case went wrong, by rules, and which cases went worst.

The rules look at what was found, then at what was cited, then at which facts the answer has: the
first that applies is the cause, since what was not found can't be cited.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from eval.cases import MANY_REPORTS, Case
from eval.matching import has_fact, holds
from eval.metrics import DEPTHS
from eval.run import Outcome

# How many of the worst cases a report shows first.
WORST = 20
# What stands lower was found too late: an answer may read so many passages.
DEPTH = max(DEPTHS)
RIGHT = "right"
# The metrics whose mean is a case's score, where they apply, with the report recall.
_SCORED = ("cite_prec", "ev_cited", "facts")


@dataclass(frozen=True, slots=True)
class Finding:
    """What went wrong: k of n where it is counted, the rank where a right report stood."""

    code: str
    k: int = 0
    n: int = 0
    rank: int = 0


@dataclass(frozen=True, slots=True)
class GoldQuote:
    """Words that carry the answer, and at which rank a passage with them was found; 0: not."""

    report: str
    quote: str
    rank: int


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
    """A case with what came of it, as it is shown to readers."""

    id: str
    group: str
    lang: str
    question: str
    score: float
    findings: tuple[Finding, ...] = ()
    history: tuple[tuple[str, str], ...] = ()
    reports: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()
    evidence: tuple[GoldQuote, ...] = ()
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
        """The code of the first finding."""
        return self.findings[0].code if self.findings else RIGHT


def diagnose(outcome: Outcome) -> CaseReport:
    """A case with what came of it and why."""
    case, answer = outcome.case, outcome.answer or {}
    ranks: dict[str, list[int]] = {}
    for passage in answer.get("passages", ()):
        ranks.setdefault(passage["report"], []).append(passage["rank"])
    right = [p for p in answer.get("passages", ()) if p["report"] in case.accepted]
    evidence = tuple(
        GoldQuote(
            e.report,
            e.quote,
            min((p["rank"] for p in right if holds(p["text"], e.quote)), default=0),
        )
        for e in case.evidence
    )
    listed = set(answer.get("coverage", {}).get("reports", ()))
    lists = case.type == "listing"
    report = CaseReport(
        id=case.id,
        group=case.group,
        lang=case.lang,
        question=case.question,
        score=case_score(outcome),
        history=tuple((turn.role, turn.content) for turn in case.history),
        reports=case.reports,
        alternatives=case.alt_reports,
        evidence=evidence,
        facts=tuple((fact, has_fact(answer.get("answer", ""), fact)) for fact in case.facts),
        found=tuple(_found_reports(case, ranks)),
        answer=answer.get("answer", ""),
        refused=bool(answer.get("refused")),
        citations=tuple(
            CitedQuote(c["n"], c["report"], c["quote"], c["status"], c["report"] in case.accepted)
            for c in answer.get("citations", ())
        ),
        lacking=tuple(sorted(case.gold - listed)) if lists else (),
        extra=tuple(sorted(listed - case.gold)) if lists else (),
        error=outcome.error,
    )
    findings = _findings(outcome, report, {name: min(places) for name, places in ranks.items()})
    return replace(report, findings=tuple(findings))


def case_score(outcome: Outcome) -> float:
    """How well a case went, from 0 to 1; `eval.report.labels.WORST` says it in words."""
    scores = outcome.scores
    if outcome.error or scores.get("refusal_ok") == 0:
        return 0.0
    if "list_f1" in scores:
        return scores["list_f1"]
    recall = "rep@20" if outcome.case.type in MANY_REPORTS else "rep@10"
    known = [scores[name] for name in (recall, *_SCORED) if name in scores]
    return sum(known) / len(known) if known else 1.0


def worst_first(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The cases by their score, then by the share of right reports found, then as they stand."""
    return sorted(outcomes, key=lambda o: (case_score(o), o.scores.get("rep@20", 1.0)))


def causes(cases: Sequence[CaseReport]) -> dict[str, int]:
    """How many cases have which cause, the most frequent first and "right" at the end."""
    counts = Counter(case.cause for case in cases)
    return dict(sorted(counts.items(), key=lambda item: (item[0] == RIGHT, -item[1], item[0])))


def _found_reports(case: Case, ranks: Mapping[str, list[int]]) -> Iterator[FoundReport]:
    for report, places in ranks.items():
        is_right = report in case.accepted
        if shown := tuple(rank for rank in places if is_right or rank <= DEPTH):
            yield FoundReport(report, shown, is_right)


def _findings(outcome: Outcome, report: CaseReport, ranks: Mapping[str, int]) -> Iterator[Finding]:
    case = outcome.case
    if outcome.error or outcome.answer is None:
        yield Finding("error")
    elif case.type == "unanswerable":
        if not report.refused:
            yield Finding("answered")
    elif case.type == "listing":
        if report.lacking:
            yield Finding("list_lacks", len(report.lacking), len(case.gold))
        if report.extra:
            listed = len(case.gold) - len(report.lacking) + len(report.extra)
            yield Finding("list_extra", len(report.extra), listed)
    else:
        if report.refused:
            yield Finding("refused")
        yield from _search_findings(case, report, ranks)
        if not report.refused:
            yield from _answer_findings(outcome, report)


def _lost(report: CaseReport) -> int:
    """How many quotes of the evidence were not found in time."""
    return sum(not 0 < gold.rank <= DEPTH for gold in report.evidence)


def _search_findings(case: Case, report: CaseReport, ranks: Mapping[str, int]) -> Iterator[Finding]:
    wanted = case.gold if case.type in MANY_REPORTS else case.accepted
    found = {name for name in wanted if ranks.get(name, DEPTH + 1) <= DEPTH}
    cited = wanted & {citation.report for citation in report.citations}
    if not found and not cited:
        late = (ranks[name] for name in wanted if name in ranks)
        yield Finding("not_found", rank=min(late, default=0))
    elif not cited and not report.refused:
        yield Finding("not_cited", rank=min(ranks[name] for name in found))
    elif case.type in MANY_REPORTS:
        if missing := len(wanted - found - cited):
            yield Finding("some_not_found", missing, len(wanted))
        if (unused := len(found - cited)) and not report.refused:
            yield Finding("some_not_cited", unused, len(wanted))
    if lost := _lost(report):
        yield Finding("evidence_not_found", lost, len(report.evidence))


def _answer_findings(outcome: Outcome, report: CaseReport) -> Iterator[Finding]:
    cited, quotes = outcome.scores.get("ev_cited", 1.0), len(report.evidence)
    if cited < 1 and _lost(report) < quotes:
        yield Finding("evidence_not_cited", round((1 - cited) * quotes), quotes)
    if missing := sum(not told for _, told in report.facts):
        yield Finding("facts_missing", missing, len(report.facts))
    right = [citation.right for citation in report.citations]
    if any(right) and not all(right):
        yield Finding("other_cited", right.count(False), len(right))
    if outcome.scores.get("quote_ok", 1.0) < 1:
        yield Finding("not_verbatim")
