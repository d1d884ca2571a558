"""What an answer covered, told as one sentence."""

from __future__ import annotations

from rag.labels import counted, joined, reports_and_labs
from rag.translate import Words, number
from rag.types import Answer


def coverage_sentence(answer: Answer, words: Words) -> str:
    """One sentence on what an answer covered."""
    covered = answer.coverage
    rests_on = reports_and_labs(covered.count, len(covered.labs), words)
    if covered.intent == "list":
        if answer.refused:
            return words.gettext("No report's tags match.")
        return words.gettext("The complete list, counted: {reports} of {labs}.").format(**rests_on)
    if covered.intent == "about":
        return words.gettext("Counted over the whole collection.")
    if not covered.read_passages:
        return words.gettext("There was no passage to read.")
    parts = [
        words.gettext("Read {passages} from {reports}").format(
            passages=counted(covered.read_passages, "passage", words),
            reports=counted(covered.read_reports, "report", words),
        )
    ]
    if not answer.refused:
        parts.append(words.gettext("the answer rests on {reports} of {labs}").format(**rests_on))
    left = covered.matched_reports - covered.read_reports
    if left > 0:
        more = words.ngettext(
            "{n} more report matched and was not read",
            "{n} more reports matched and were not read",
            left,
        )
        parts.append(more.format(n=number(words, left)))
    return joined(words, "; ", parts) + "."
