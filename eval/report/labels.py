"""What types, figures, headlines and causes are called before readers who know none of them."""

from __future__ import annotations

from eval.figures import ALL, Estimate, Headline
from rag.i18n.translations import ENGLISH, Translations, format_number, format_percent, marked

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
HEADLINES = {
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
CAUSES = {
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


def type_words(group: str, t: Translations = ENGLISH) -> str:
    """A type of question by its name; unknown ones by their own."""
    return t.gettext(TYPES.get(group, group))


def figure_words(metric: str, t: Translations = ENGLISH) -> str:
    """A figure by its name; those that only specialists read by their own."""
    return t.gettext(FIGURES[metric][0]) if metric in FIGURES else metric


def baseline_words(name: str, t: Translations = ENGLISH) -> str:
    """A baseline by its name; unknown ones by that of their folder."""
    return t.gettext(BASELINES.get(name, name))


def headline_count(headline: Headline, t: Translations = ENGLISH) -> str:
    """The number that a headline begins with: "76 of 84", or a share."""
    if headline.hits is None:
        return format_percent(t, headline.share.mean)
    k, n = format_number(t, headline.hits), format_number(t, headline.share.n)
    return t.gettext("{k} of {n}").format(k=k, n=n)


def range_words(low: float, high: float, t: Translations = ENGLISH) -> str:
    """An interval of shares in whole percents: "83–96%"."""
    return f"{format_number(t, round(low * 100))}–{format_percent(t, high)}"


def interval_words(value: Estimate, t: Translations = ENGLISH) -> str:
    """An interval with what it is: "95 % interval 83–96%"."""
    reach = range_words(value.low, value.high, t)
    return t.gettext("95 % interval {range}").format(range=reach)


def headline_note(headline: Headline, t: Translations = ENGLISH) -> str:
    """The share of a headline with its interval, or its interval and n where it is a share."""
    reach = interval_words(headline.share, t)
    if headline.hits is None:
        return f"{reach}, n {format_number(t, headline.share.n)}"
    return f"{format_percent(t, headline.share.mean)}, {reach}"


def cause_words(code: str, t: Translations = ENGLISH) -> str:
    """What went wrong; unknown causes by their code."""
    return t.gettext(CAUSES.get(code, code))
