"""The numbers in an answer: links to source cards that carry what a popover shows of them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from rag.brief_lines import shortened
from rag.check_words import verdicts
from rag.labels import lab_words
from rag.translate import Words
from rag.types import Citation
from ui.cards import SIGNS, weakest

# Of a number that stands for several quotes of its passage, so many are shown.
QUOTES = 2
LONGEST_QUOTE = 320


def cite(n: int, turn: int, citations: Sequence[Citation], words: Words) -> str:
    """The link of a number; without `citations`, while the answer is written, only the number.

    Its data is what the browser makes a popover of: lab and year, quotes, the verdict in words.
    """
    source = words.gettext("Source {n}").format(n=n)
    signs, name, kinds, data = "", source, ["supported"], ""
    if citations:
        passage = citations[0].passage
        who = _and_year(lab_words(passage.report, words), passage.report.year)
        told = verdicts(weakest(citations), any(c.corrected for c in citations), words)
        kinds = list(told)
        shown = "".join(SIGNS[kind] for kind in kinds if kind != "supported")
        signs = f'<span aria-hidden="true">{shown}</span>' if shown else ""
        name = ". ".join((f"{source}: {who}", *told.values()))
        verdict = "\n".join(f"{SIGNS[kind]} {said}" for kind, said in told.items())
        quotes = "\n".join(shortened(c.quote, LONGEST_QUOTE) for c in citations[:QUOTES])
        given = {"who": who, "quote": quotes, "lang": passage.language, "verdict": verdict}
        data = "".join(f' data-{key}="{escape(value)}"' for key, value in given.items())
    return (
        f'<a class="cite {" ".join(kinds)}" href="#source-{turn}-{n}" data-turn="{turn}" '
        f'data-n="{n}"{data} aria-label="{escape(name)}">{n}{signs}</a>'
    )


def _and_year(name: str, year: int | None) -> str:
    return f"{name}, {year}" if year else name
