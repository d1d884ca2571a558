"""An answer as plain text, for the clipboard: what it says, and its numbered sources."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.coverage_words import coverage_sentence
from rag.labels import kind_words, lab_words
from rag.translate import Words
from rag.types import Answer, Citation
from ui.cards import by_number

BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")


def plain_text(answer: Answer, words: Words) -> str:
    """The question, the answer, its sources by number with their quotes, and what it covered."""
    blocks = [answer.question, BOLD.sub(r"\1", answer.text).strip()]
    if answer.citations:
        blocks.append(words.gettext("Sources"))
        blocks += [
            "\n".join(_source(group, words)) for group in by_number(answer.citations).values()
        ]
    return "\n\n".join([*blocks, coverage_sentence(answer, words)]) + "\n"


def _source(citations: list[Citation], words: Words) -> Iterator[str]:
    passage = citations[0].passage
    info = passage.report
    told = (lab_words(info, words), info.year, kind_words(info, words))
    facts = ", ".join(str(x) for x in told if x)
    yield f"[{citations[0].n}] {facts}: {info.title}"
    for citation in citations:
        yield f"“{' '.join(citation.quote.split())}”"
    place = " › ".join(filter(None, passage.place))
    if place:
        yield place
