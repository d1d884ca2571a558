"""Checks answers of an earlier day against the reports as they are now: do the quotes still stand?

A quote stands where the report has it word for word, wherever in its file; white space, entities,
quote marks and dashes aside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rag.quotes import verbatim
from rag.types import Answer, Citation, Span

State = Literal["stands", "changed", "gone"]


@dataclass(frozen=True, slots=True)
class CheckedQuote:
    """A quote of an answer, and what became of it.

    "stands": it is in the report, at `span`; "changed": the report has it no more; "gone": there
    is no such report any more.
    """

    citation: Citation
    state: State
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Rechecked:
    """An answer, its quotes checked, and whether the index is the one that it was made from."""

    answer: Answer
    quotes: tuple[CheckedQuote, ...]
    same_index: bool

    @property
    def failed(self) -> tuple[CheckedQuote, ...]:
        """The quotes that stand no more."""
        return tuple(one for one in self.quotes if one.state != "stands")


def cited_reports(answers: Sequence[Answer]) -> set[str]:
    """The ids of all reports that answers quote."""
    return {citation.passage.report.id for answer in answers for citation in answer.citations}


def recheck(answer: Answer, texts: Mapping[str, str], index: str) -> Rechecked:
    """An answer checked against reports.

    Args:
        answer: as it was given.
        texts: the verbatim texts of the reports that there are now, by id.
        index: the fingerprint of the index now.
    """
    quotes = tuple(_checked(citation, texts) for citation in answer.citations)
    return Rechecked(answer, quotes, answer.index == index)


def _checked(citation: Citation, texts: Mapping[str, str]) -> CheckedQuote:
    raw = texts.get(citation.passage.report.id)
    if raw is None:
        return CheckedQuote(citation, "gone")
    # Where it stood is where it most likely still stands; the file may have become shorter.
    before = [citation.span] if citation.span else list(citation.passage.spans)
    found = verbatim(citation.quote, raw, [span for span in before if span[1] <= len(raw)])
    # Where a quote is not whole any more, what is left of it is found.
    if found is None or found[0] != citation.quote:
        return CheckedQuote(citation, "changed")
    return CheckedQuote(citation, "stands", found[1])
