"""Messages to readers by their codes, and sentences on what an answer covered and checked.

The code that has something to say makes a `Notice`; only here is it put into words. A new message
needs a code in the table `messages` of `words.toml` and its translations (`make words`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from rag.i18n.labels import format_count, join_parts, reports_and_labs
from rag.i18n.translations import ENGLISH, WORDS, Translations, format_number, marked
from rag.survey.types import Survey
from rag.text.citation_marks import keep_known
from rag.types import Answer, Notice, Status, Struck

MESSAGES = {
    **WORDS["messages"],
    **WORDS["english"],
    **{f"language_model_{code}": message for code, message in WORDS["server"].items()},
    **{
        f"embedding_model_{code}": message.replace("language", "embedding", 1)
        for code, message in WORDS["server"].items()
    },
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


REASON = marked("Reason")


def verdicts(status: Status, corrected: bool, t: Translations = ENGLISH) -> dict[str, str]:
    """The status of a citation in words, by status, and by "corrected" where it was corrected."""
    kinds = (status, "corrected") if corrected else (status,)
    return {kind: t.gettext(WORDS["status"][kind]) for kind in kinds}


def checked_sentence(checked: Mapping[str, int], t: Translations = ENGLISH) -> str:
    """How many sentences of an answer were checked, by status; "" if none were."""
    words = WORDS["checked"]
    counts = {status: checked[status] for status in words if checked.get(status, 0) > 0}
    left = checked.get("unchecked", 0)
    unchecked = t.gettext("{sentences} not checked").format(
        sentences=format_count(left, "sentence", t)
    )
    if not counts:
        return f"{unchecked}." if left > 0 else ""
    each = [t.gettext(words[key]).format(n=format_number(t, n)) for key, n in counts.items()]
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
    """How many reports speak of a survey's topic, within which bounds, and what a model judged."""
    judged = Counter(row.judge for row in survey.rows if row.judge != "rules")
    by = t.gettext("Verdicts by {model}: {reports}; the others by rules.")
    told = (by.format(model=m, reports=format_count(n, "report", t)) for m, n in judged.items())
    return " ".join([_counted(survey, t), *told])


def _counted(survey: Survey, t: Translations) -> str:
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
