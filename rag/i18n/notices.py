"""Messages to readers by their codes, and sentences on what an answer covered and checked.

The code that has something to say makes a `Notice`; only here is it put into words. A new message
needs a code in `MESSAGES` and its translations (`make words`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from rag.i18n.labels import format_count, join_parts, reports_and_labs
from rag.i18n.translations import ENGLISH, Translations, format_number, marked
from rag.survey.types import Survey
from rag.text.citation_marks import keep_known
from rag.types import Answer, Notice, Status, Struck

# What goes wrong with a language model's server; an embedding model's is only told of in English.
_SERVER_MESSAGES = {
    "window_too_small": marked(
        "The language model's window is too small for the passages. Set ASKLABS_CONTEXT_WINDOW to "
        "its tokens."
    ),
    "unknown": marked(
        "The language model's server does not know the model. Check the model's name and "
        "OPENAI_BASE_URL."
    ),
    "key_refused": marked(
        "The language model's server refused the key. Check OPENAI_API_KEY and OPENAI_BASE_URL."
    ),
    "over_limit": marked(
        "The language model's server is over its limit. Wait a minute and ask again."
    ),
    "request_refused": marked(
        "The language model's server refused the request. Lower ASKLABS_CONTEXT_TOKENS."
    ),
    "server_failed": marked("The language model's server failed (HTTP {status}). Ask again."),
    "too_slow": marked(
        "The language model's server took too long. Ask again or raise ASKLABS_TIMEOUT."
    ),
    "unreachable": marked(
        "The language model's server can't be reached. Check OPENAI_BASE_URL and that it runs."
    ),
    "reply_broken": marked("The language model's reply broke off or can't be read. Ask again."),
}
MESSAGES = {
    # A text that has no code, such as a model's reason.
    "text": "{text}",
    "question_took_too_long": marked(
        "Answering took longer than {seconds} seconds. Ask something shorter, or ask again later."
    ),
    "question_too_long": marked(
        "A question may have {most} characters; this one has {n}. Shorten it."
    ),
    # What an answer lacks, and how it came about.
    "no_reports_from": marked("The collection has no reports from {places}."),
    "no_reports_of_year": marked(
        "The collection has no reports of {years}; it has {first} to {last}."
    ),
    "no_reports_tagged": marked("No such report is tagged “{tags}”; its text may speak of it."),
    "read_more": marked("Read {reports} more reports than before: {quotes} new quotes."),
    "quotes_in_original": marked("The quotes are in the language of their reports."),
    "nothing_cited_from": marked("Nothing from {places} is cited here."),
    "passages_left_out": marked(
        "The language model read only the first {read} of {all} passages: more did not fit in its "
        "window. Set ASKLABS_CONTEXT_WINDOW to its tokens."
    ),
    "no_passage_fits": marked(
        "No passage fits in the language model's window of {window} tokens. Set "
        "ASKLABS_CONTEXT_WINDOW, or lower ASKLABS_ANSWER_TOKENS."
    ),
    "cut_short_by_tokens": marked(
        "The answer was cut short. Raise ASKLABS_ANSWER_TOKENS for longer answers."
    ),
    "cut_short_by_filter": marked(
        "The answer was cut short. A filter of the language model's server stopped it."
    ),
    "model_repeated_itself": marked(
        "The language model began to repeat itself; the answer holds what it wrote before that."
    ),
    "model_only_repeated_itself": marked("The language model only repeated itself. Ask again."),
    "model_answer_empty": marked("The language model returned an empty answer. Ask again."),
    "model_answer_all_reasoning": marked(
        "The language model wrote nothing within its tokens. Raise ASKLABS_ANSWER_TOKENS."
    ),
    "not_checked": marked("The sentences of this answer are not checked."),
    "nothing_supported": marked(
        "What the model wrote is not supported by the passages that were read."
    ),
    # What a model looked for before it wrote, and that it did not.
    "searched": marked("Searched: {query}, {n} passage(s)"),
    "counted_reports": marked("Counted: {query}, {n} report(s)"),
    "opened_report": marked("Opened: {title}, {n} passage(s)"),
    "looked_no_further": marked(
        "The language model did not search further: its server may have no tools, or the passages "
        "were enough. This is the usual answer."
    ),
    "no_model_looks": marked(
        "Only a language model can look further: set ASKLABS_MODEL. This is the usual answer."
    ),
    "survey_by_rules": marked(
        "{n} report(s) that may speak of it were not judged by the model: their verdicts are by "
        "rules."
    ),
    "extractive_instead": marked("This answer is made of the reports' own sentences instead."),
    # What goes wrong with other models.
    **{f"language_model_{code}": message for code, message in _SERVER_MESSAGES.items()},
    **{
        f"embedding_model_{code}": message.replace("language", "embedding", 1)
        for code, message in _SERVER_MESSAGES.items()
    },
    "embedding_texts_left_out": marked("The embedding model's server left texts out. Ask again."),
    "embedding_process_ended": "A process of the embedding model was ended from outside, perhaps "
    "for want of memory. Ingest again: it goes on where this one stopped. ASKLABS_THREADS=1 needs "
    "less memory.",
    # Why a sentence of a model is struck or doubted.
    "not_said": marked("the passages don't say this"),
    "said_in_part": marked("the passages cited have few of its words"),
    "number_not_cited": marked("the number {number} stands in no passage cited"),
    "country_not_cited": marked("no passage cited is of {country} or speaks of it"),
    # Why a file is left out of an ingest.
    "file_empty": marked("empty"),
    "report_too_large": marked("larger than {n} MB; split it into reports"),
    "upload_too_large": marked("larger than {n} MB; send it in parts"),
    "file_not_utf8": marked("not UTF-8 text (line {line}, byte {byte}); save it as UTF-8"),
    "file_binary": marked("binary, not text; export the report as Markdown"),
    "file_without_tag": marked("Not a lab report (no [[key:value]] tags)"),
    "file_same_text": marked("the same text as {name}"),
    "file_not_regular": "no regular file",
    "file_dead_link": "a link that leads nowhere; remove it or mend it",
    "file_unreadable": "can't be read ({why}); check its permissions",
    "folder_unreadable": "the folder can't be read ({why}); check its permissions",
    "upload_no_report": marked("no report; send .md files or a .zip of them"),
    "upload_too_many": marked(
        "more than {n} reports, or {size} MB of them, at once; send them in parts"
    ),
    "archive_without_report": marked("no .md file in the archive; pack the reports"),
    "archive_unreadable": marked("the archive can't be read ({why}); pack it again"),
    "archive_too_large": "the archive unpacks to over 500 MB; give it as a folder",
    "archive_member_unreadable": marked("can't be unpacked ({why}); pack the archive again"),
}


def notice_words(notices: Iterable[Notice], t: Translations = ENGLISH) -> str:
    """Notices in the reader's words; the code of a newer version's stands for itself."""
    return " ".join(_message(notice, t) for notice in notices)


def _message(notice: Notice, t: Translations) -> str:
    if notice.code not in MESSAGES:
        return notice.code
    values = {
        name: format_number(t, value) if isinstance(value, int) else value
        for name, value in notice.params.items()
    }
    return t.gettext(MESSAGES[notice.code]).format_map(defaultdict(str, values))


STATUS_WORDS: dict[Status, str] = {
    "supported": marked("The quote supports the sentence"),
    "partly": marked("The quote supports the sentence in part"),
    "unsupported": marked("The quote does not support the sentence"),
    "unchecked": marked("The sentence is not checked"),
}
_CORRECTED = marked("Citation corrected: the writer had cited another passage or none")
REASON = marked("Reason")
_OUTCOMES = {
    "supported": marked("{n} supported"),
    "partly": marked("{n} partly"),
    "unsupported": marked("{n} not supported"),
    "struck": marked("{n} left out"),
}


def verdicts(status: Status, corrected: bool, t: Translations = ENGLISH) -> dict[str, str]:
    """The status of a citation in words, by status, and by "corrected" where it was corrected."""
    more = {"corrected": t.gettext(_CORRECTED)} if corrected else {}
    return {status: t.gettext(STATUS_WORDS[status]), **more}


def checked_sentence(checked: Mapping[str, int], t: Translations = ENGLISH) -> str:
    """How many sentences of an answer were checked, by status; "" if none were."""
    counts = {status: checked[status] for status in _OUTCOMES if checked.get(status, 0) > 0}
    left = checked.get("unchecked", 0)
    unchecked = t.gettext("{sentences} not checked").format(
        sentences=format_count(left, "sentence", t)
    )
    if not counts:
        return f"{unchecked}." if left > 0 else ""
    each = [t.gettext(_OUTCOMES[key]).format(n=format_number(t, n)) for key, n in counts.items()]
    parts = [join_parts(t, ", ", each)]
    if (corrected := checked.get("corrected", 0)) > 0:
        citations = format_count(corrected, "citation", t)
        parts.append(t.gettext("{citations} corrected").format(citations=citations))
    if left > 0:
        parts.append(unchecked)
    sentence = t.gettext("{sentences} checked: {each}").format(
        sentences=format_count(sum(counts.values()), "sentence", t), each=join_parts(t, "; ", parts)
    )
    return f"{sentence}."


def struck_sentence(struck: Struck) -> str:
    """A sentence that was left out, on one line, without its marks, which number other sources."""
    return keep_known(" ".join(struck.text.split()), 0)


def survey_sentence(survey: Survey, t: Translations = ENGLISH) -> str:
    """How many reports speak of a survey's topic, within which bounds, and what comes nearest."""
    scope = format_count(len(survey.rows), "report", t)
    found = len(survey.found)
    if not survey.complete:
        stopped = t.gettext("Stopped: of the first {scope}, {found} speak of “{topic}”.")
        return stopped.format(found=format_number(t, found), scope=scope, topic=survey.topic)
    if not found:
        none = t.gettext("No report speaks of “{topic}” ({scope} read).")
        return none.format(scope=scope, topic=survey.topic)
    low, high = (format_number(t, n) for n in survey.interval)
    sentence = t.gettext(
        "About {reports} of {labs} speak of “{topic}” (between {low} and {high}, of {scope}): "
        "{about} are about it, {mention} mention it."
    )
    return sentence.format(
        **reports_and_labs(found, len(survey.labs), t),
        topic=survey.topic,
        low=low,
        high=high,
        scope=scope,
        about=format_number(t, survey.count("about")),
        mention=format_number(t, survey.count("mentions")),
    )


def coverage_sentence(answer: Answer, t: Translations = ENGLISH) -> str:
    """One sentence on what an answer covered; none for one on the collection as a whole."""
    covered = answer.coverage
    if covered.intent == "list":
        if answer.refused:
            return t.gettext("No report's tags match.")
        complete = reports_and_labs(covered.count, len(covered.labs), t)
        return t.gettext("Complete list: {reports} of {labs}.").format(**complete)
    if covered.intent == "about":
        return ""
    if not covered.read_passages:
        return t.gettext("No passage found.")
    rests_on = reports_and_labs(len(answer.cited), answer.cited_labs, t)
    if covered.speaking:
        rests_on["n"] = format_number(t, covered.speaking)
        return t.gettext("Based on {reports} of {labs}; about {n} speak of it.").format(**rests_on)
    sentence = t.gettext("Based on {reports} of {labs}.").format(**rests_on)
    if answer.refused:
        read = format_count(covered.read_reports, "report", t)
        sentence = t.gettext("Looked through {reports}.").format(reports=read)
    left = covered.matched_reports - covered.read_reports
    if left > 0:
        more = t.ngettext(
            "{n} more report matched, not read.", "{n} more reports matched, not read.", left
        )
        sentence += " " + more.format(n=format_number(t, left))
    return sentence
