"""Leaves out of answers made of quotes what an answer before them quotes, and says where it is."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from rag.export.lines import one_line
from rag.i18n.labels import author_label, format_label, join_parts
from rag.i18n.translations import Translations
from rag.text.citation_marks import keep_known
from rag.text.sentences import BULLET
from rag.types import Answer, Citation

# The marks of a sentence's sources, and what ends it.
_MARKS = re.compile(r"(?:\s?\[\d{1,6}\])+[.!?؟。…]*")
Places = dict[tuple[str, str], int]  # by passage and quote the number of the answer that has it
_Own = Sequence[tuple[Citation, str]]


def quoted(answer: Answer) -> _Own:
    """The citations whose quotes an answer is made of, each with its words as they stand there."""
    said = one_line(keep_known(answer.text, 0))
    own = (c for c in answer.citations if answer.mode == "extractive" and c.status == "supported")
    return [(c, words) for c in own if (words := bare(c.quote)) in said]


def bare(quote: str) -> str:
    """The words of a quote as they stand in an answer."""
    return BULLET.sub("", one_line(quote)).rstrip(".!?؟。…")


def without_repeats(answer: Answer, number: int, places: Places, t: Translations) -> str:
    """The text of an answer without lines whose quotes all have a place; their group ends with it.

    Its own quotes get their place. A line that says anything else, too, stays as it is.
    """
    own = quoted(answer)
    # What is compared stands beside each other.
    groups = [] if answer.coverage.sides else re.split(r"\n(?=#)", answer.text)
    lines = [line for group in groups for line in _new_lines(group, own, places, t)]
    for citation, words in own:
        places.setdefault((citation.passage.id, words), number)
    return "\n".join(lines) if groups else answer.text


def _new_lines(group: str, own: _Own, places: Places, t: Translations) -> Iterator[str]:
    again: dict[int, dict[str, str]] = {}
    for line in group.split("\n"):
        known = _known(line, own, places)
        if not known:
            yield line
        for citation, place in known:
            labs, lab = again.setdefault(place, {}), author_label(citation.passage.report, t)
            labs[lab] = f"{labs.get(lab, f'{lab} ')}[{citation.n}]"
    for place, labs in sorted(again.items()):
        label = t.gettext("Already quoted under {n}").format(n=place)
        yield f"- {format_label(t, label, join_parts(t, ', ', [*labs.values()]))}"


def _known(line: str, own: _Own, places: Places) -> list[tuple[Citation, int]]:
    """What a line quotes, with its places; nothing where a part of it has none."""
    ends = [match.end() for match in _MARKS.finditer(line)]
    found: list[tuple[Citation, int]] = []
    for piece in (line[start:end] for start, end in pairwise((0, *ends))):
        said = [(c, words) for c, words in own if f"[{c.n}]" in piece and words in piece]
        known = [(c, places.get((c.passage.id, words), 0)) for c, words in said]
        if not (known and all(place for _, place in known)):
            return []
        found += known
    return [] if line[ends[-1] if ends else 0 :].strip() else found
