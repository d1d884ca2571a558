"""Leaves out of answers made of quotes what an answer before them quotes, and says where it is."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from rag.export.lines import ITEM_SIGN, one_line
from rag.i18n.labels import author_label, format_label, join_parts
from rag.i18n.translations import Translations
from rag.text.citation_marks import keep_known
from rag.types import Answer, Citation

# The marks of a sentence's sources, and what ends it.
_MARKS = re.compile(r"(?:\s?\[\d{1,6}\])+[.!?؟。…]*")
_Own = Sequence[tuple[Citation, str]]


def quoted(answer: Answer) -> _Own:
    """The citations whose quotes an answer is made of, with the quotes as it has them.

    Their numbers, and what ends them, are left out.
    """
    said = one_line(keep_known(answer.text, 0))
    own = (c for c in answer.citations if answer.mode == "extractive" and c.status == "supported")
    bare = ((c, ITEM_SIGN.sub("", one_line(c.quote), count=1).rstrip(".!?؟。…")) for c in own)
    return [(c, words) for c, words in bare if words in said]


@dataclass(frozen=True, slots=True)
class Repeats:
    """The quotes of the answers so far with their reports, and the number of their first answer."""

    t: Translations
    places: dict[tuple[str, str], int] = field(default_factory=dict)

    def text_without(self, answer: Answer, number: int) -> str:
        """The text of an answer without what is quoted before; the end of a group tells where."""
        own, lines = quoted(answer), list[str]()
        again: list[tuple[int, Citation]] = []
        for line in answer.text.split("\n"):
            if line.startswith("#"):
                lines += (f"- {told}" for told in self._told(again))
                again.clear()
            head, kept = self._parted(line, own, again)
            if kept or not head:
                lines.append(head + kept)
        lines += (f"- {told}" for told in self._told(again))
        for citation, words in own:
            self.places.setdefault((citation.passage.report.id, words), number)
        # What is compared stands beside each other.
        return answer.text if answer.coverage.sides else "\n".join(lines)

    def _parted(self, line: str, own: _Own, again: list[tuple[int, Citation]]) -> tuple[str, str]:
        """Who speaks in a line, and what is new of what they say; `again` gets the rest."""
        ends = [match.end() for match in _MARKS.finditer(line)]
        head = kept = lead = ""
        for piece in (line[start:end] for start, end in pairwise((0, *ends))):
            said = [(c, words) for c, words in own if f"[{c.n}]" in piece and words in piece]
            start = min((piece.index(words) for _, words in said), default=0)
            if not head + kept:
                head, piece, start = piece[:start], piece[start:], 0
            elif piece[:start].strip():
                lead = piece[:start]  # names another report, of which more may follow
            before = [(self.places.get((c.passage.report.id, words), 0), c) for c, words in said]
            if said and all(place for place, _ in before):
                again += before
            else:
                kept += (lead or piece[:start]) + piece[start:]
                lead = ""
        return head, (kept + line[ends[-1] if ends else 0 :]).lstrip()

    def _told(self, again: Sequence[tuple[int, Citation]]) -> Iterator[str]:
        """Where quotes stand that are left out: each answer, with the labs that it quotes."""
        t, places = self.t, dict[int, dict[str, str]]()
        for place, citation in again:
            labs = places.setdefault(place, {})
            lab = author_label(citation.passage.report, t)
            labs[lab] = f"{labs.get(lab, f'{lab} ')}[{citation.n}]"
        for place, labs in sorted(places.items()):
            label = t.gettext("Already quoted under {n}").format(n=place)
            yield format_label(t, label, join_parts(t, ", ", [*labs.values()]))
