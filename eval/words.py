"""Words of figures for readers, and the templates that tables in Markdown are made of.

Markdown holds text from reports and models only through the filter `md`.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from eval.figures import ALL, Estimate, Group, Headline
from eval.metrics import single_line
from rag.export.formats import escape_markdown
from rag.i18n.translations import ENGLISH, Translations, format_number, format_percent, marked

# Verdicts of a comparison that need more words.
VERDICTS = {"unclear": "could be chance among so many tests", "too few": "too few cases to say"}
TYPES = {
    "single": marked("One report"),
    "multi": marked("One report, several places in it"),
    "followup": marked("Follow-up question"),
    "crosslingual": marked("One report, another language"),
    "compare": marked("Labs compared"),
    "cross": marked("Across labs"),
    "listing": marked("Complete list"),
    "lab": marked("A lab's work"),
    "detail": marked("One detail"),
    "report": marked("One report summed up"),
    "trend": marked("Over time"),
    "topic": marked("A topic"),
    "reasons": marked("Reasons and lessons"),
    "tags": marked("Counted from tags"),
    "unanswerable": marked("Not in the reports"),
    "survey": marked("Surveys"),
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
    "list_f1": (marked("Lists alike"), marked("agreement with the right list (F1)")),
    "points": (marked("Key points cited"), marked("key points whose report is cited")),
    "listed": (marked("Key points listed"), marked("key points whose report is cited or listed")),
    "points_ev": (marked("Key points quoted"), marked("key points whose own words are quoted")),
    "read": (marked("Key points read"), marked("key points whose report was read")),
    "ranking": (marked("Rankings told"), marked("first five values of a ranking that are told")),
    "values": (marked("Values told"), marked("values from tags that are told")),
    "count": (marked("Counts right"), marked("counts that are told")),
    "about_r": (marked("Reports on the topic"), marked("reports about a topic that surveys find")),
    "says_r": (marked("Mentions found"), marked("reports that say something which surveys find")),
    "says_p": (marked("Finds right"), marked("reports found by surveys that say something")),
    "inside": (marked("Intervals right"), marked("intervals of surveys with the true number")),
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
BASELINES = {"plain": marked("Plain llama-index"), "bm25": marked("BM25 alone")}
WORST = marked(
    "The lowest scores come first. A case scores 0 where it failed, was wrongly refused or wrongly "
    "answered; a list scores its F1; other answers the mean of what applies of: right report found "
    "(first 10 passages, 20 where several reports are asked for), citations right, evidence cited, "
    "facts told, key points cited, values told. Of equal scores, those with fewer right reports "
    "found come first."
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


def render(template: str, **data: Any) -> str:
    """The text of a template with its data."""
    text = _environment().get_template(template).render(**data)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"md": _markdown, "p": _p_words, "figure": _figure}
    environment.globals["labels"] = sys.modules[__name__]
    return environment


def _markdown(text: str, length: int = 0) -> str:
    return escape_markdown(single_line(text, length))


def _p_words(p: float) -> str:
    return f"{p:.3f}" if p >= 0.0005 else "<0.001"


def _figure(group: Group, name: str) -> str:
    """A metric or a latency of a group; "" for one that it has not."""
    return str(group.metrics.get(name) or group.latency.get(name) or "")


def time_words(ms: float, t: Translations = ENGLISH) -> str:
    """A time in milliseconds: "120 ms", "1,204 ms"."""
    return f"{format_number(t, round(ms))} ms"
