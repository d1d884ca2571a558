"""Makes draft cases of the votes that readers gave answers."""

from __future__ import annotations

import re

from eval.cases import Case, CaseType
from rag.feedback import Feedback

# Ids of cases made of votes begin so: their questions are those of readers.
MADE_OF_VOTES = "feedback-"
_NOTE = "{vote} on {day}"


def case_of(one: Feedback) -> Case:
    """A vote as a case: up with the reports that the answer rests on as gold, down without any.

    A case without gold is marked as a draft: somebody has to say what a good answer rests on.
    A refusal that was voted up is a case that the reports don't answer.
    """
    up = one.vote == "up"
    gold = one.reports if up else ()
    unanswerable = up and one.refused
    said = _NOTE.format(vote=one.vote, day=one.time[:10])
    chosen = "; ".join(f"{k} = {', '.join(map(str, v))}" for k, v in one.filters.as_dict().items())
    return Case(
        id=f"{MADE_OF_VOTES}{one.id}",
        type="unanswerable" if unanswerable else _type(one, len(gold)),
        lang=one.language if re.fullmatch(r"[a-z]{2,3}", one.language) else "en",
        question=one.standalone or one.question,
        reports=tuple(dict.fromkeys(gold)),
        note="; ".join(x for x in (said, chosen and f"asked with {chosen}", one.word) if x),
        draft=not gold and not unanswerable,
    )


def _type(one: Feedback, gold: int) -> CaseType:
    if one.intent in ("list", "about"):
        return "listing"
    if one.intent == "compare":
        return "compare"
    return "cross" if gold > 1 else "single"
