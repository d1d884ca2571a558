"""What is said of how an answer came about, in the reader's words.

The engine says it in English (`Answer.notice`, errors of models); these are its sentences.
"""

from __future__ import annotations

from collections.abc import Mapping

from rag.answer.generate import LEFT_OUT, NONE_FITS
from rag.answer.pipeline import FALLBACK, NO_REPORTS, NOT_CITED, NOTHING_LEFT, UNSUPPORTED
from rag.citation.citations import keep_known
from rag.i18n.labels import format_count, join_parts, reports_and_labs
from rag.i18n.translations import (
    ENGLISH,
    Translations,
    format_number,
    marked,
    retold,
)
from rag.models.truncation import CUT_SHORT, REPEATED, WHY
from rag.retrieval.rerank import NOT_USED
from rag.types import Answer, Status, Struck

_KNOWN = (
    NO_REPORTS,
    NOT_CITED,
    CUT_SHORT,
    *WHY.values(),
    REPEATED,
    LEFT_OUT,
    NONE_FITS,
    UNSUPPORTED,
    NOTHING_LEFT,
    FALLBACK,
    NOT_USED,
    marked("The reranker failed ({name})."),
    marked("The reranker's server took too long."),
    marked("The reranker's server can't be reached."),
    marked("The reranker's server failed (HTTP {status})."),
    # Of `rag.models.servers` and `rag.models.chat`.
    marked(
        "The language model's window is too small for the passages. Set ASKLABS_CONTEXT_WINDOW to "
        "its tokens."
    ),
    marked(
        "The language model's server does not know the model. Check the model's name and "
        "OPENAI_BASE_URL."
    ),
    marked("The language model returned an empty answer. Ask again."),
    marked("The language model wrote nothing within its tokens. Raise ASKLABS_ANSWER_TOKENS."),
    marked(
        "The language model's server refused the key. Check OPENAI_API_KEY and OPENAI_BASE_URL."
    ),
    marked("The language model's server is over its limit. Wait a minute and ask again."),
    marked("The language model's server refused the request. Lower ASKLABS_CONTEXT_TOKENS."),
    marked("The language model's server failed (HTTP {status}). Ask again."),
    marked("The language model's server took too long. Ask again or raise ASKLABS_TIMEOUT."),
    marked("The language model's server can't be reached. Check OPENAI_BASE_URL and that it runs."),
    marked("The language model's reply broke off or can't be read. Ask again."),
    marked("The language model only repeated itself. Ask again."),
)


def notice_words(notice: str, t: Translations) -> str:
    """A notice, or the error of a model, in other words than English as far as it is known."""
    return retold(notice, _KNOWN, t)


# How the check of an answer is told before a reader, on the page, in briefs and on a terminal.


STATUS_WORDS: dict[Status, str] = {
    "supported": marked("The quote supports the sentence"),
    "partly": marked("The quote supports the sentence in part"),
    "unsupported": marked("The quote does not support the sentence"),
}
CORRECTED_WORDS = marked("Citation corrected: the writer had cited another passage or none")
REASON = marked("Reason")
_OUTCOMES = {
    "supported": marked("{n} supported"),
    "partly": marked("{n} partly"),
    "unsupported": marked("{n} not supported"),
    "struck": marked("{n} left out"),
}
# Why sentences are struck, as `rag.citation.verify` and `rag.citation.checker` say it.
_REASONS = (
    marked("it cites no passage"),
    marked("the passages don't say this"),
    marked("the number {number} stands in no passage cited"),
    marked("the name {name} stands in no passage cited"),
    marked("no passage cited is of {country} or speaks of it"),
    marked("the passage denies it, or does not deny what it denies"),
    marked("the passages say it of something else"),
    marked("it only repeats the question"),
    marked("it denies what no sentence near it denies"),
    marked("it states what a sentence near it denies"),
    marked("it asks, where it should answer"),
    marked("a model found that the passages don't say this"),
)


def reason(why: str, t: Translations) -> str:
    """Why a sentence was struck, in other words than English where the reason is a known one."""
    return retold(why, _REASONS, t)


def verdicts(status: Status, corrected: bool, t: Translations = ENGLISH) -> dict[str, str]:
    """What came of the check of a citation, in words by status, also by "corrected" if it was."""
    more = {"corrected": t.gettext(CORRECTED_WORDS)} if corrected else {}
    return {status: t.gettext(STATUS_WORDS[status]), **more}


def checked_sentence(checked: Mapping[str, int], t: Translations = ENGLISH) -> str:
    """How many sentences of an answer were checked and what came of them; "" if none were."""
    found = {key: checked[key] for key in _OUTCOMES if checked.get(key, 0) > 0}
    if not found:
        return ""
    each = join_parts(
        t,
        ", ",
        [t.gettext(_OUTCOMES[key]).format(n=format_number(t, n)) for key, n in found.items()],
    )
    corrected = checked.get("corrected", 0)
    more = ""
    if corrected > 0:
        citations = format_count(corrected, "citation", t)
        more = t.gettext("{citations} corrected").format(citations=citations)
    total = format_count(sum(found.values()), "sentence", t)
    told = t.gettext("{sentences} checked: {each}").format(
        sentences=total, each=join_parts(t, "; ", [part for part in (each, more) if part])
    )
    return f"{told}."


def struck_sentence(struck: Struck) -> str:
    """A sentence that was left out, on one line and without its citation marks.

    What they numbered need not be among the sources of what is left.
    """
    return keep_known(" ".join(struck.text.split()), 0)


# What an answer covered, told as one sentence.


def coverage_sentence(answer: Answer, t: Translations) -> str:
    """One sentence on what an answer covered."""
    covered = answer.coverage
    rests_on = reports_and_labs(covered.count, len(covered.labs), t)
    if covered.intent == "list":
        if answer.refused:
            return t.gettext("No report's tags match.")
        return t.gettext("The complete list, counted: {reports} of {labs}.").format(**rests_on)
    if covered.intent == "about":
        return t.gettext("Counted over the whole collection.")
    if not covered.read_passages:
        return t.gettext("There was no passage to read.")
    parts = [
        t.gettext("Read {passages} from {reports}").format(
            passages=format_count(covered.read_passages, "passage", t),
            reports=format_count(covered.read_reports, "report", t),
        )
    ]
    if not answer.refused:
        parts.append(t.gettext("the answer rests on {reports} of {labs}").format(**rests_on))
    left = covered.matched_reports - covered.read_reports
    if left > 0:
        more = t.ngettext(
            "{n} more report matched and was not read",
            "{n} more reports matched and were not read",
            left,
        )
        parts.append(more.format(n=format_number(t, left)))
    return join_parts(t, "; ", parts) + "."
