"""Checks what a model wrote, sentence by sentence: corrects citations, strikes what has no support.

A sentence keeps its citations where they support it. Else the passages that were read are looked
through for one that does, and it is cited instead. What no passage supports is struck.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rag.cite import coverage, keep_known, marks, marks_inside, with_marks
from rag.types import Passage, Status, Struck
from rag.verify import Verdict, Verifier
from rag.words import sentences, terms, words

# Sentences of fewer words ("In short:") make no claim.
_LEAST = 4
# So many passages, those that share most words with a sentence, are tried in place of the cited.
_TRIED = 3
_RANK: Mapping[Status, int] = {"unsupported": 0, "partly": 1, "supported": 2}


@dataclass(frozen=True, slots=True)
class Checked:
    """An answer after its check: what is left of it, what was struck, what came of its sentences.

    `verdicts` are by sentence without marks; `corrected` are the sentences whose citations are new.
    """

    text: str
    struck: tuple[Struck, ...] = ()
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    corrected: frozenset[str] = frozenset()

    @property
    def statuses(self) -> Mapping[str, Status]:
        """The status of each sentence that was verified and kept."""
        return {sentence: verdict.status for sentence, verdict in self.verdicts.items()}

    @property
    def counts(self) -> Mapping[str, int]:
        """How many sentences were found to be what; nothing where none was checked."""
        found = Counter[str](self.statuses.values())
        found |= Counter(corrected=len(self.corrected), struck=len(self.struck))
        return dict(found)


def check(text: str, passages: Sequence[Passage], language: str, strict: bool) -> Checked:
    """Check an answer whose marks count `passages` from 1; `strict` strikes what has no support."""
    verifier = Verifier()
    pieces: list[str] = []
    struck: list[Struck] = []
    verdicts: dict[str, Verdict] = {}
    corrected: set[str] = set()
    before = ""
    for gap, sentence in _parts(marks_inside(text)):
        # Of what stood around struck sentences the wider gap stays: paragraphs stay apart.
        gap = max(gap, before, key=lambda space: space.count("\n"))
        before = ""
        plain = keep_known(sentence, 0).strip()
        if not makes_claim(sentence):
            pieces += (gap, sentence)
            continue
        cited = [n for n in dict.fromkeys(marks(sentence)) if 1 <= n <= len(passages)]
        numbers, verdict = _supported_by(plain, cited, passages, language, verifier)
        if verdict.status == "unsupported" and strict:
            struck.append(Struck(plain, verdict.why))
            before = gap
            continue
        verdicts[plain] = verdict
        if numbers != cited:
            corrected.add(plain)
            sentence = with_marks(plain, numbers)
        pieces += (gap, sentence)
    return Checked("".join(pieces).strip(), tuple(struck), verdicts, frozenset(corrected))


def makes_claim(sentence: str) -> bool:
    """Whether a sentence says something that reports could support; headings and frames don't."""
    plain = keep_known(sentence, 0).strip().rstrip("*_ ")
    if not marks(sentence) and plain.endswith((":", "：")):
        return False
    return not plain.startswith("#") and len(words(plain)) >= _LEAST


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """Each sentence of a text with what stands before it."""
    last = 0
    for start, end in sentences(text):
        yield text[last:start], text[start:end]
        last = end


def _supported_by(
    sentence: str,
    cited: list[int],
    passages: Sequence[Passage],
    language: str,
    verifier: Verifier,
) -> tuple[list[int], Verdict]:
    """The numbers that a sentence should cite, and the verdict on it with these."""
    own = verifier.verify(sentence, [passages[n - 1] for n in cited], language)
    best = (cited, own)
    if own.status == "supported":
        return best
    for n in _alike(sentence, passages, language):
        if n in cited:
            continue
        for numbers in ([n], [*cited, n]) if cited else ([n],):
            verdict = verifier.verify(sentence, [passages[i - 1] for i in numbers], language)
            if _RANK[verdict.status] > _RANK[best[1].status]:
                best = (numbers, verdict)
        if best[1].status == "supported":
            break
    return best


def _alike(sentence: str, passages: Sequence[Passage], language: str) -> list[int]:
    """The numbers of the passages that share most words with a sentence."""
    wanted = set(terms(sentence, language))
    shares = {
        n: coverage(wanted, f"{p.text} {p.context}", p.language)
        for n, p in enumerate(passages, start=1)
    }
    return sorted(shares, key=lambda n: (-shares[n], n))[:_TRIED]
