"""What types, figures, claims and causes are called before readers who know none of them."""

from __future__ import annotations

from eval.claims import Claim
from eval.figures import ALL
from eval.report.diagnosis import Finding
from eval.stats import Estimate
from rag.i18n.translations import (
    ENGLISH,
    Words,
    marked,
    number,
    percent,
)

TYPES = {
    "single": marked("One report"),
    "multi": marked("One report, several places in it"),
    "followup": marked("Follow-up question"),
    "crosslingual": marked("One report, another language"),
    "compare": marked("Labs compared"),
    "cross": marked("Across labs"),
    "listing": marked("Complete list"),
    "unanswerable": marked("Not in the reports"),
    ALL: marked("All questions"),
}
# Of each main figure its name, and what it counts.
FIGURES = {
    "rep@10": (
        marked("Report found"),
        marked("reports that hold the answer among the first 10 passages found"),
    ),
    "ev@4k": (
        marked("Evidence found"),
        marked("sentences that the answer rests on within the first 4,000 tokens found"),
    ),
    "quote_ok": (
        marked("Quotes verbatim"),
        marked("quotes that stand word for word in the report they name"),
    ),
    "cite_prec": (marked("Citations right"), marked("citations of a report that holds the answer")),
    "facts": (marked("Facts told"), marked("facts of a good answer that the answer has")),
    "refusal_ok": (
        marked("Refusals right"),
        marked("questions refused only where the reports don't answer them"),
    ),
    "list_exact": (
        marked("Lists exact"),
        marked("lists with all reports that belong to them and no other"),
    ),
}
LATENCIES = {
    "plan_ms": marked("Understanding the question"),
    "retrieve_ms": marked("Searching"),
    "answer_ms": marked("Writing"),
    "first_ms": marked("Until the first words"),
    "total_ms": marked("Whole answer"),
}
CLAIMS = {
    "found": marked(
        "questions about one report: the right report is among the first ten passages found"
    ),
    "wrong": marked(
        "answers are wrong: they cite no right report, or answer what the reports don't say"
    ),
    "facts": marked("of the facts of a good answer are told"),
    "quotes": marked("answers with quotes: every quote stands word for word in its report"),
    "refused": marked("questions that the reports don't answer are refused, as they should be"),
    "refused_wrongly": marked("questions that the reports do answer are refused as well"),
    "lists": marked("lists are complete and exact"),
}
# What went wrong with a case, as `eval.report.diagnosis` finds it.
FINDINGS = {
    "error": marked("The question failed"),
    "answered": marked("Answered, although the reports don't say"),
    "refused": marked("Refused, although the reports answer it"),
    "list_lacks": marked("The list lacks reports"),
    "list_extra": marked("The list has reports too many"),
    "not_found": marked("No right report in the first 20 passages"),
    "not_cited": marked("Right report found, but others cited"),
    "some_not_found": marked("Right reports not in the first 20 passages"),
    "some_not_cited": marked("Right reports found, but not cited"),
    "evidence_not_found": marked("Evidence not in the first 20 passages"),
    "evidence_not_cited": marked("Evidence found, but not cited"),
    "facts_missing": marked("Facts missing"),
    "other_cited": marked("Other reports cited as well"),
    "not_verbatim": marked("Quotes don't stand in their report"),
    "right": marked("Nothing went wrong"),
}
BASELINES = {"plain": marked("Plain llama-index"), "bm25": marked("BM25 alone")}
OURS = marked("Ask the Labs")
WORST = marked(
    "The lowest scores come first. A case scores 0 where it failed, was wrongly refused or wrongly "
    "answered; a list scores its F1; other answers the mean of what applies of: right report found "
    "(first 10 passages, 20 where several reports are asked for), citations right, evidence cited, "
    "facts told. Of equal scores, those with fewer right reports found come first."
)
INTERVALS = marked(
    "Means with 95 % intervals; n where it differs from the row's. Few questions give wide "
    "intervals; one without width only says that all scored alike."
)


def type_words(group: str, words: Words = ENGLISH) -> str:
    """A type of question by its name; unknown ones by their own."""
    return words.gettext(TYPES[group]) if group in TYPES else group


def figure_words(metric: str, words: Words = ENGLISH) -> str:
    """A figure by its name; those that only specialists read by their own."""
    return words.gettext(FIGURES[metric][0]) if metric in FIGURES else metric


def baseline_words(name: str, words: Words = ENGLISH) -> str:
    """A baseline by its name; unknown ones by that of their folder."""
    return words.gettext(BASELINES[name]) if name in BASELINES else name


def count_words(claim: Claim, words: Words = ENGLISH) -> str:
    """The number that a claim begins with: "76 of 84", or a share."""
    if claim.hits is None:
        return percent(words, claim.share.mean)
    return of_words(claim.hits, claim.share.n, words)


def of_words(k: int, n: int, words: Words = ENGLISH) -> str:
    """A count of a total: "3 of 5"."""
    return words.gettext("{k} of {n}").format(k=number(words, k), n=number(words, n))


def range_words(low: float, high: float, words: Words = ENGLISH) -> str:
    """An interval of shares in whole percents: "83–96%"."""
    return f"{number(words, round(low * 100))}–{percent(words, high)}"


def interval_words(value: Estimate, words: Words = ENGLISH) -> str:
    """An interval with what it is: "95 % interval 83–96%"."""
    reach = range_words(value.low, value.high, words)
    return words.gettext("95 % interval {range}").format(range=reach)


def claim_note(claim: Claim, words: Words = ENGLISH) -> str:
    """The share of a claim with its interval, or its interval and n where it is a share."""
    reach = interval_words(claim.share, words)
    if claim.hits is None:
        return f"{reach}, n {number(words, claim.share.n)}"
    return f"{percent(words, claim.share.mean)}, {reach}"


def finding_words(finding: Finding, words: Words = ENGLISH) -> str:
    """What went wrong, with how many of how many and at which rank."""
    said = words.gettext(FINDINGS[finding.code]) if finding.code in FINDINGS else finding.code
    notes = []
    if finding.n:
        notes.append(of_words(finding.k, finding.n, words))
    if finding.rank:
        notes.append(words.gettext("rank {n}").format(n=number(words, finding.rank)))
    return f"{said} ({', '.join(notes)})" if notes else said
