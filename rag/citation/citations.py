"""Resolves citation marks to passages and quotes: pure functions."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from rag.citation.quotable import usable
from rag.text.citation_marks import cited_sentences, defuse, marks
from rag.text.sentences import sentences
from rag.text.tokenize import numbers_in, share, terms, words
from rag.types import FACTS, Citation, Passage, Status

# Where nothing verified a sentence: the share of its words that a supporting quote has.
SUPPORTED = 0.6
PARTLY = 0.35
LABELS = 3  # labels that may stand before a quote: of its side, lab, and that it is what is closest


@dataclass(frozen=True, slots=True)
class Support:
    """How well a passage supports a sentence: its best words, and the share of it they cover."""

    quote: str
    share: float
    numbers: bool

    @property
    def status(self) -> Status:
        """The verdict on the share of words covered, which missing numbers lower."""
        if self.share >= SUPPORTED and self.numbers:
            return "supported"
        return "partly" if self.share >= PARTLY else "unsupported"


def resolve(
    text: str,
    passages: Sequence[Passage],
    language: str,
    statuses: Mapping[str, Status] | None = None,
    corrected: Collection[str] = (),
    sought: str = "",
) -> tuple[Citation, ...]:
    """The citations of an answer whose marks count `passages` from 1; unknown numbers are dropped.

    Each carries the words of its passage that best support the sentence it stands in. The same
    number has a citation for each different quote. `statuses` are those of sentences (without
    marks) that were verified, `corrected` those whose numbers are not the writer's. A sentence
    that only names what is near is quoted for the question that is `sought` instead.
    """
    by_quote: dict[tuple[int, str], Citation] = {}
    for sentence, numbers in cited_sentences(text):
        for n in numbers:
            if not 1 <= n <= len(passages):
                continue
            passage = passages[n - 1]
            support = best_support(sentence, passage, language)
            if sought and support.status != "supported":
                support = Support(best_support(sought, passage, language).quote, 1.0, True)
            quote = support.quote
            if passage.section == FACTS:
                # The label before the value is a tag's key, made readable: not the file's words.
                quote = quote.partition(": ")[2] or quote
            status = (statuses or {}).get(sentence, support.status)
            citation = Citation(n, passage, quote, status, corrected=sentence in corrected)
            by_quote.setdefault((n, quote), citation)
    return tuple(sorted(by_quote.values(), key=lambda c: c.n))


def reading_order(text: str, citations: Sequence[Citation]) -> Callable[[int], int]:
    """The new number of each citation: 1, 2, 3 as the text has them first."""
    numbers = dict.fromkeys([*marks(text), *(c.n for c in citations)])
    new = {n: i for i, n in enumerate(numbers, start=1)}
    return lambda n: new.get(n, n)


def best_support(sentence: str, passage: Passage, language: str) -> Support:
    """The words of a passage that best support a sentence.

    They are the sentence itself where it is quoted (labels before it aside), else the
    passage's sentence, or two in a row, that share most words with it.
    """
    named = [match.end() for match in re.finditer(": ", sentence)][:LABELS]
    quoted = [sentence[at:].strip().rstrip(".!?؟。…") for at in (0, *named)]
    for own in usable(passage):
        # Its lines are made one, its question may stand before it.
        text = defuse(own.text).rstrip(".!?؟。…")
        answer = text.partition(": ")[2]
        if text in quoted or (answer and answer in quoted):
            return Support(passage.text[own.start : own.end], 1.0, True)
    for bare in quoted:
        at = passage.text.find(bare) if len(bare) > 2 else -1
        if at >= 0:
            tail = re.match(r"[.!?؟。…]*", passage.text[at + len(bare) :])
            return Support(bare + (tail.group() if tail else ""), 1.0, True)
    wanted = set(terms(sentence, language)) | set(terms(sentence, passage.language))
    wanted -= set(terms(passage.report.lab, "en"))
    spans = sentences(passage.text)
    best = Support(passage.text, 0.0, False)
    there = numbers_in(f"{passage.text} {passage.prompt} {passage.report.year or ''}")
    has_numbers = numbers_in(sentence) <= there
    # A longer quote must earn its length: single sentences first.
    for i, j in [(n, n) for n in range(len(spans))] + [(n, n + 1) for n in range(len(spans) - 1)]:
        quote = passage.text[spans[i][0] : spans[j][1]]
        covered = share(wanted, {*terms(quote, passage.language), *words(quote)})
        if covered > best.share + (0.1 if j > i else 0.0) or (not best.share and i == j == 0):
            best = Support(quote, covered, has_numbers)
    return best
