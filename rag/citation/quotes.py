"""Resolves citation marks to passages and their words, and finds quotes in files, to the character.

Words are compared folded: entities resolved, white space, case, quote marks and dashes made
alike. A file is folded unit by unit (a run of plain characters, an entity, a letter with its
accents), so that each folded character knows the place in the file that it comes from.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import numpy as np

from rag.citation.quotable import lines, usable
from rag.models.embeddings import encode_cached
from rag.models.encoder import unit
from rag.text.citation_marks import cited_sentences, defuse, marks
from rag.text.tokenize import numbers_in, share, terms, words
from rag.types import FACTS, Citation, Passage, Span, Status

# Where nothing verified a sentence: the share of its words that a supporting quote has.
SUPPORTED = 0.6
PARTLY = 0.35
# How much nearer two sentences must be than one: in the same language, and across two.
LONGER = (0.1, 0.03)
NUMBERS = 0.8  # what a quote loses that has none of the sentence's numbers that its passage has
LABELS = 3  # labels that may stand before a quote: of its side, lab, and that it is what is closest
# Links that a text begins with, before words.
_LINKS = re.compile(r"(?s)\A(?:\W*(?:https?://|www\.)\S++)++\s*+(?=.*[^\W\d_])")
_ALIKE = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "«": '"', "»": '"', "–": "-", "—": "-", "‑": "-"}
    | {"\u200b": "", "\ufeff": ""}
)
# What ingest puts in the place of private data: it is in no file, and so in no quote.
_BLANKED = re.compile("·{4,}")
_UNIT = re.compile(
    # Plain words fold character by character, but for the last letter, which may carry a mark.
    r"[!-%'-~]+(?: [!-%'-~]+)*(?=[!-%'-~])"
    # An entity, escaped once more or not, with or without its semicolon.
    r"|&(?:(?:amp|AMP|#0*38|#[xX]0*26);)*(?:#\d+;?|#[xX][\da-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)?"
    r"|.",
    re.DOTALL,
)


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
            quote, status = best_support(sentence, passage, language)
            if sought and status != "supported":
                quote, status = best_support(sought, passage, language)[0], "supported"
            if passage.section == FACTS:
                # The label before the value is a tag's key, made readable: not the file's words.
                quote = quote.partition(": ")[2] or quote
            status = (statuses or {}).get(sentence, status)
            citation = Citation(n, passage, quote, status, corrected=sentence in corrected)
            by_quote.setdefault((n, quote), citation)
    return tuple(sorted(by_quote.values(), key=lambda c: c.n))


def reading_order(text: str, citations: Sequence[Citation]) -> Callable[[int], int]:
    """The new number of each citation: 1, 2, 3 as the text has them first."""
    numbers = dict.fromkeys([*marks(text), *(c.n for c in citations)])
    new = {n: i for i, n in enumerate(numbers, start=1)}
    return lambda n: new.get(n, n)


def best_support(sentence: str, passage: Passage, language: str) -> tuple[str, Status]:
    """The words of a passage that best support a sentence, and how well they do.

    They are the sentence itself where it is quoted (labels before it aside), else the
    passage's sentence, or two in a row, that are nearest to it in words, and across
    languages in meaning.
    """
    if found := quoted_in(sentence, passage):
        return found[0], "supported"
    wanted = set(terms(sentence, language)) | set(terms(sentence, passage.language))
    wanted -= set(terms(passage.report.lab, "en"))
    units = lines(passage)
    runs = [(n, n) for n in range(len(units))]
    runs += [(n, n + 1) for n in range(len(units) - 1)]
    quotes = [passage.text[units[first].start : units[last].end] for first, last in runs]
    shares = [share(wanted, {*terms(q, passage.language), *words(q)}) for q in quotes]
    # Across languages few words are the same: meaning counts, too.
    abroad = language != passage.language
    scores = np.array(shares) - [(last - first) * LONGER[abroad] for first, last in runs]
    if abroad:
        meant, *means = encode_cached([sentence, *(own.text for own in units)])
        scores += unit([means[first] + means[last] for first, last in runs]) @ meant
    told, there = numbers_in(sentence), numbers_in(passage.text)
    if held := told & there:
        scores -= NUMBERS * np.array([len(held - numbers_in(q)) / len(held) for q in quotes])
    best = int(scores.argmax())
    there |= numbers_in(f"{passage.prompt} {passage.report.year or ''}")
    status: Status = "partly" if shares[best] >= PARTLY else "unsupported"
    if shares[best] >= SUPPORTED and told <= there:
        status = "supported"
    return quotes[best], status


def quoted_in(sentence: str, passage: Passage) -> tuple[str, str] | None:
    """The words of a passage that a sentence is made of, and the labels before them, if it is."""
    named = [match.end() for match in re.finditer(": ", sentence)][:LABELS]
    quoted = {sentence[at:].strip().rstrip(".!?؟。…"): sentence[:at] for at in (0, *named)}
    for own in usable(passage):
        # Its lines are made one, its question may stand before it.
        text = defuse(own.text).rstrip(".!?؟。…")
        for said in (text, text.partition(": ")[2]):
            if said and said in quoted:
                return passage.text[own.start : own.end], quoted[said]
    for bare, labels in quoted.items():
        at = passage.text.find(bare) if len(bare) > 2 else -1
        if at >= 0:
            tail = re.match(r"[.!?؟。…]*", passage.text[at + len(bare) :])
            return bare + (tail.group() if tail else ""), labels
    return None


def fold_text(text: str) -> str:
    """Text with entities resolved and white space, case, quote marks and dashes made alike."""
    return " ".join(_folded(text).split()).casefold()


def _folded(text: str) -> str:
    if _is_plain(text):
        return text
    text = html.unescape(html.unescape(text)) if "&" in text else text
    return unicodedata.normalize("NFKC", text).translate(_ALIKE)


def verbatim(quote: str, raw: str, spans: Sequence[Span] = ()) -> tuple[str, Span] | None:
    """A quote that stands in a file, and where; None if no three words of it do.

    Looked for in `spans`, then between them, then in all of the file. Where the file has something
    else inside the quote, the longest run of words that it has stands for it.
    """
    around = [(min(start for start, _ in spans), max(end for _, end in spans))] if spans else []
    for start, end in (*spans, *around, (0, len(raw))):
        if place := _Folded(raw[start:end]).find(quote):
            return quote, (start + place[0], start + place[1])
    for start, end in (*around, (0, len(raw))):
        piece = _Folded(raw[start:end])
        short = piece.longest(quote)
        if place := piece.find(short):
            return short, (start + place[0], start + place[1])
    return None


def after_links(text: str) -> str:
    """A text without the links that it begins with; as it is where it has nothing else."""
    return _LINKS.sub("", text)


def quoted(passage: Passage, span: Span, raw: str) -> tuple[str, Span] | None:
    """A passage's words at `span`, after the links they begin with, and where the file has them."""
    return verbatim(after_links(passage.text[slice(*span)]), raw, passage.spans)


class _Folded:
    """A piece of a file, folded, with the way back to its characters."""

    def __init__(self, raw: str) -> None:
        self._raw = _BLANKED.sub(lambda match: "\0" * len(match.group()), raw)
        pieces: list[str] = []
        self._places: list[Span] = []
        blank: Span | None = None
        for place in _units(self._raw):
            unit = self._raw[slice(*place)]
            folded = _folded(unit).casefold()
            if not folded.strip():
                # White space, or nothing at all (a character without width).
                blank = blank or (place if folded else None)
                continue
            if (blank or folded[0].isspace()) and pieces:
                pieces.append(" ")
                self._places.append(blank or place)
            blank = place if folded[-1].isspace() else None
            piece = " ".join(folded.split())
            pieces.append(piece)
            each = ((n, n + 1) for n in range(*place))
            self._places += each if _is_plain(unit) else [place] * len(piece)
        self.text = "".join(pieces)

    def find(self, quote: str) -> Span | None:
        """Where the quote stands first, folding aside; None if it does not."""
        wanted = fold_text(quote)
        at = self.text.find(wanted) if wanted else -1
        while at >= 0:
            start, end = self._places[at][0], self._places[at + len(wanted) - 1][1]
            # What begins or ends inside a unit (a ligature) has no place of its own.
            if fold_text(self._raw[start:end]) == wanted:
                return start, end
            at = self.text.find(wanted, at + 1)
        return None

    def longest(self, quote: str) -> str:
        """The longest run of three or more words of a quote that stands here; or ""."""
        parts = quote.split()
        best: tuple[int, int] = (0, 0)
        start = 0
        for end in range(1, len(parts) + 1):
            # A window that does not occur can't be part of a longer one that does.
            while start < end and fold_text(" ".join(parts[start:end])) not in self.text:
                start += 1
            if end - start > best[1] - best[0]:
                best = (start, end)
        return " ".join(parts[slice(*best)]) if best[1] - best[0] >= 3 else ""


def _units(raw: str) -> Iterator[Span]:
    """What folds by itself: an entity, a character with the marks that it carries."""
    held = (0, 0)
    at = 0
    while match := _UNIT.match(raw, at):
        start, at = match.span()
        if raw[start] == "&" and html.unescape(match.group()) == match.group():
            at = start + 1  # an ampersand, no entity
        if held[1] and _leans(_folded(raw[start:at])):
            held = (held[0], at)
            continue
        yield held
        held = (start, at)
    yield held


def _is_plain(unit: str) -> bool:
    return unit.isascii() and "&" not in unit


def _leans(folded: str) -> bool:
    """Whether a text may join the character before it: combining marks, and Hangul vowels."""
    first = folded[:1]
    return unicodedata.category(first or " ")[0] == "M" or "\u1160" <= first <= "\u11ff"


def still_stands(quote: str, raw: str, spans: Sequence[Span]) -> Span | None:
    """Where a quote that stood at `spans` stands word for word in its report of now; else None."""
    place = verbatim(quote, raw, [span for span in spans if span[1] <= len(raw)])
    # Of a quote that is not whole any more, a part may be found.
    return place[1] if place and place[0] == quote else None
