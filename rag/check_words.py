"""How the check of an answer is told before a reader, on the page, in briefs and on a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rag.cite import keep_known
from rag.labels import counted
from rag.types import Status, Struck

STATUS_WORDS: dict[Status, str] = {
    "supported": "The quote supports the sentence",
    "partly": "The quote supports the sentence in part",
    "unsupported": "The quote does not support the sentence",
}
CORRECTED_WORDS = "Citation corrected: the writer had cited another passage or none"
REASON = "Reason"
_OUTCOMES = {
    "supported": "supported",
    "partly": "partly",
    "unsupported": "not supported",
    "struck": "left out",
}


def verdicts(status: Status, corrected: bool) -> dict[str, str]:
    """What came of the check of a citation, in words by status, also by "corrected" if it was."""
    more = {"corrected": CORRECTED_WORDS} if corrected else {}
    return {status: STATUS_WORDS[status], **more}


def checked_sentence(checked: Mapping[str, int]) -> str:
    """How many sentences of an answer were checked and what came of them; "" if none were."""
    told = {words: checked[key] for key, words in _OUTCOMES.items() if checked.get(key, 0) > 0}
    if not told:
        return ""
    each = ", ".join(f"{number:,} {words}" for words, number in told.items())
    corrected = checked.get("corrected", 0)
    more = f"; {counted(corrected, 'citation')} corrected" if corrected > 0 else ""
    return f"{counted(sum(told.values()), 'sentence')} checked: {each}{more}."


def struck_sentence(struck: Struck) -> str:
    """A sentence that was left out, on one line and without its citation marks.

    What they numbered need not be among the sources of what is left.
    """
    return keep_known(" ".join(struck.text.split()), 0)
