"""Report -> passages: one per answer block, or token-bounded parts of it."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from ingest.parser import stage_of
from ingest.scan import clean, clean_with_offsets
from rag.models.tokens import count_tokens, fits
from rag.text.sentences import sentences
from rag.text.tokenize import language_of
from rag.types import FACTS, Block, Passage, Report, Span

# Tokens of the longest passage: two or three paragraphs, so that a dozen passages fit any model.
MAX_TOKENS = 300
MAX_GAP = 40  # characters of markup that may lie between two sentences of one span
# A text of more sentences than any report has in one answer is data: a table, a log. It is cut at
# white space, since placing each sentence costs time.
MANY_SENTENCES = 1000


def chunk(report: Report, max_tokens: int = MAX_TOKENS) -> list[Passage]:
    """The passages of a report, in file order, each of at most `max_tokens` tokens.

    A single sentence that is longer is cut at white space. The language of a passage too
    short to tell is that of most of the report.
    """
    passages = [
        Passage(
            id=_passage_id(report.info.id, block, n),
            report=report.info,
            section=block.section,
            prompt=block.prompt,
            text=text,
            spans=spans,
            stage=stage_of(block.section, block.prompt),
            language=language_of(text, default=""),
            part=n,
            parts=len(parts),
        )
        for block in report.blocks
        for parts in [_parts(report.raw, block, max_tokens)]
        for n, (text, spans) in enumerate(parts, start=1)
    ]
    sizes: Counter[str] = Counter()
    for passage in passages:
        # Tags are in the form's language, not in the lab's.
        if passage.language and passage.section != FACTS:
            sizes[passage.language] += len(passage.text)
    main = sizes.most_common(1)[0][0] if sizes else "en"
    info = replace(report.info, language=main)
    return [replace(p, report=info, language=p.language or main) for p in passages]


def _passage_id(report_id: str, block: Block, part: int) -> str:
    """The same for the same place in the same report, at any time."""
    place = (report_id, block.section, block.prompt, str(block.occurrence), str(part))
    return hashlib.sha256("\x1f".join(place).encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _parts(raw: str, block: Block, max_tokens: int) -> list[tuple[str, tuple[Span, ...]]]:
    """The block's text in parts of at most `max_tokens`, each with its spans in the file."""
    if fits(block.text, max_tokens):
        return [(block.text, block.spans)]
    parts: list[dict[Span, str]] = []
    total = 0
    for origin in block.spans:
        for n, (piece, span, size) in enumerate(_pieces(raw, origin, max_tokens)):
            room = bool(parts) and total + size <= max_tokens
            grown = _grown(raw, parts[-1], piece, span, within=n > 0) if room else {}
            # Joined, the pieces may have a few tokens more than the sum of their sizes.
            if grown and fits("\n".join(grown.values()), max_tokens):
                parts[-1] = grown
                total += size
            else:
                parts.append({span: piece})
                total = size
    return [("\n".join(part.values()), tuple(part)) for part in parts]


def _grown(
    raw: str, part: dict[Span, str], piece: str, span: Span, within: bool
) -> dict[Span, str]:
    """The part with one more piece; the last span grows over it if nothing is left out between.

    `within` says that both are of one span, where only markup can lie between them.
    """
    last = next(reversed(part))
    gap = raw[last[1] : span[0]]
    if len(gap) <= MAX_GAP and (within or not gap.strip()):
        joined = (last[0], span[1])
        text = clean(raw[slice(*joined)])
        if text.endswith(piece):
            return {s: t for s, t in part.items() if s != last} | {joined: text}
    return part | {span: piece}


def _pieces(raw: str, span: Span, max_tokens: int) -> Iterator[tuple[str, Span, int]]:
    """Sentences (cut at white space where longer than `max_tokens`) with place and size."""
    source = raw[slice(*span)]
    text, offsets = clean_with_offsets(source)
    units = sentences(text)
    for a, b in units if len(units) <= MANY_SENTENCES else [(0, len(text))]:
        for c, d in _cut(text, a, b, max_tokens):
            start, end = _place(source, text, offsets, c, d)
            piece = clean(source[start:end])
            if piece:
                yield piece, (span[0] + start, span[0] + end), count_tokens(piece) + 1


def _place(source: str, text: str, offsets: list[int], c: int, d: int) -> Span:
    """Where in `source` text[c:d] comes from."""
    tight = offsets[c], offsets[d - 1] + 1
    if clean(source[slice(*tight)]) == text[c:d]:
        return tight
    # It begins or ends with a link's label: the link's marks and address belong to it.
    opening = source.rfind("[", offsets[c - 1] if c else 0, tight[0])
    after = offsets[d] if d < len(offsets) else len(source)
    starts = (opening, tight[0]) if opening >= 0 else (tight[0],)
    places = [(start, end) for end in (after, tight[1]) for start in starts]
    # Or it is all that a tag says.
    places.append((0, len(source)))
    return next((p for p in places if clean(source[slice(*p)]) == text[c:d]), tight)


def _cut(text: str, start: int, end: int, max_tokens: int) -> Iterator[tuple[int, int]]:
    """text[start:end] in runs of whole words of at most `max_tokens` tokens."""
    # Words of more than 8 characters a token are rare: what is longer is cut without counting,
    # which would take the square of the time for a file of one line.
    while end - start > 8 * max_tokens or not fits(text[start:end], max_tokens):
        length = min(4 * max_tokens, end - start)
        while length > 1 and not fits(text[start : start + length], max_tokens):
            length //= 2
        space = text.rfind(" ", start + 1, start + length)
        stop = space if space > start else start + length
        yield start, stop
        start = stop + (1 if text[stop : stop + 1] == " " else 0)
    if start < end:
        yield start, end
