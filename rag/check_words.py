"""How the check of an answer is told before a reader, on the page, in briefs and on a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rag.cite import keep_known
from rag.labels import counted, joined
from rag.translate import ENGLISH, Words, marked, number, retold
from rag.types import Status, Struck

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


# Why sentences are struck, as `rag.verify` and `rag.check` say it.
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


def reason(why: str, words: Words) -> str:
    """Why a sentence was struck, in other words than English where the reason is a known one."""
    return retold(why, _REASONS, words)


def verdicts(status: Status, corrected: bool, words: Words = ENGLISH) -> dict[str, str]:
    """What came of the check of a citation, in words by status, also by "corrected" if it was."""
    more = {"corrected": words.gettext(CORRECTED_WORDS)} if corrected else {}
    return {status: words.gettext(STATUS_WORDS[status]), **more}


def checked_sentence(checked: Mapping[str, int], words: Words = ENGLISH) -> str:
    """How many sentences of an answer were checked and what came of them; "" if none were."""
    found = {key: checked[key] for key in _OUTCOMES if checked.get(key, 0) > 0}
    if not found:
        return ""
    each = joined(
        words,
        ", ",
        [words.gettext(_OUTCOMES[key]).format(n=number(words, n)) for key, n in found.items()],
    )
    corrected = checked.get("corrected", 0)
    more = ""
    if corrected > 0:
        citations = counted(corrected, "citation", words)
        more = words.gettext("{citations} corrected").format(citations=citations)
    total = counted(sum(found.values()), "sentence", words)
    told = words.gettext("{sentences} checked: {each}").format(
        sentences=total, each=joined(words, "; ", [part for part in (each, more) if part])
    )
    return f"{told}."


def struck_sentence(struck: Struck) -> str:
    """A sentence that was left out, on one line and without its citation marks.

    What they numbered need not be among the sources of what is left.
    """
    return keep_known(" ".join(struck.text.split()), 0)
