"""Where a model's text should have ended: before it repeats itself, or breaks off in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.errors import ModelError
from rag.models.completion import Writing
from rag.text.sentences import sentences
from rag.types import Notice

# Why a server says that it stopped -> the code of the notice.
CUT_SHORT = {"length": "cut_short_by_tokens", "content_filter": "cut_short_by_filter"}
# So often the same in a row, and so many characters of it, is no list and no table.
TIMES = 4
LEAST = 160
# How far back is looked, and how often.
_TAIL = 2400
_EVERY = 40
# No answer has more characters for each token that it may have.
PER_TOKEN = 12
_WHOLE = re.compile(r"[.!?؟。…][\"'”’»)\]*_]*(?:\s*\[\d+\])*$|^(?:\[\d+\]\s*)+$")


def watched(pieces: Iterator[str], writing: Writing, most_tokens: int) -> Iterator[str]:
    """A model's text until it ends, repeats itself, or is longer than it may be.

    What of it the answer keeps, and a notice that says so, is noted in `writing`.

    Raises:
        ModelError: it did nothing but repeat itself.
    """
    text, looked, most = "", 0, PER_TOKEN * most_tokens
    for piece in pieces:
        # A server may send all in one piece, and the check of each sentence takes its time.
        piece, over = piece[: most - len(text)], len(piece) > most - len(text)
        text += piece
        yield piece
        if over:
            writing.finish = "length"
            break
        if len(text) - looked < _EVERY:
            continue
        looked = len(text)
        if period := _period(text[-_TAIL:]):
            # With the end of its line, where it has one.
            writing.kept = len(whole_sentences(text[: _first(text, period) + 1]))
            writing.notices.append(Notice("model_repeated_itself"))
            if not writing.kept:
                raise ModelError(Notice("model_only_repeated_itself"))
            return
    if writing.finish in CUT_SHORT:
        # Half a sentence is better than nothing.
        writing.kept = len(whole_sentences(text)) or None
        writing.notices.append(Notice(CUT_SHORT[writing.finish]))


def whole_sentences(text: str) -> str:
    """A text without its last sentence, if that has no end."""
    spans = sentences(text)
    # The end of a line ends a sentence too: an item of a list may have no full stop.
    if spans and not (_WHOLE.search(text[slice(*spans[-1])]) or "\n" in text[spans[-1][1] :]):
        spans.pop()
    return text[: spans[-1][1]] if spans else ""


def _period(tail: str) -> int:
    """How long the text is that a tail ends in TIMES times or more; 0 if it doesn't."""
    turned = tail[::-1]
    for period in range(1, len(turned) // TIMES + 1):
        least = max(TIMES * period, LEAST)
        if len(turned) >= least and turned.startswith(turned[period:least]):
            return period
    return 0


def _first(text: str, period: int) -> int:
    """Where the first of the repeated sentences ends in a text that ends in repetition."""
    start = len(text) - period
    while start and text[start - 1] == text[start - 1 + period]:
        start -= 1
    # A sentence that itself has no end goes on through the repetition, and is cut here.
    return max(b for a, b in sentences(text[: start + 2 * period]) if a < start + period)
