"""Citation marks in a text, `[3]` or `[1, 2]`: reads, keeps, moves and drops them."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator

from rag.text.sentences import sentences

_MARKS = re.compile(r"\[\s*(\d+(?:\s*[,;]\s*\d+)*)\s*\]")
# What may still become a mark while a stream goes on, and marks, with the white space before them:
# from its beginning alone, or a long one is read again from each of its places.
_OPEN = re.compile(r"(?<![ \t])[ \t]*+(?:\[[\d\s,;]*+)*+$")
_SPACED_MARKS = re.compile(rf"(?<![ \t])([ \t]*+){_MARKS.pattern}")
_NESTED = 50  # marks within marks that are dropped one after the other
# What a report may have in brackets that looks like a mark, or is one without what nobody sees.
_LIKE_MARKS = re.compile(
    "\\[([\\s\\d,;\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2060\ufdd0-\ufdef\ufeff\ufffe\uffff]++)\\]"
)


def keep_known(text: str, count: int) -> str:
    """Text whose citation marks are single `[n]` with 1 <= n <= count.

    Others are dropped with the spaces before them; all else stays as it is.
    """

    def known(match: re.Match[str]) -> str:
        single = [f"[{n}]" for n in dict.fromkeys(_numbers(match[2])) if 1 <= n <= count]
        return match[1] + "".join(single) if single else ""

    # What is left around a dropped mark may make another one: "[1[9]2]".
    for _ in range(_NESTED):
        if (less := _SPACED_MARKS.sub(known, text)) == text:
            return text
        text = less
    return text.replace("[", "(")


def stream_known(pieces: Iterable[str], count: int) -> Iterator[str]:
    """`keep_known` over a stream: what may become a mark is held back until it is decided."""
    held = ""
    for piece in pieces:
        held = keep_known(held + piece, count)
        undecided = _OPEN.search(held)
        if safe := held[: undecided.start()] if undecided else held:
            yield safe
        held = held[len(safe) :]
    if held:
        yield held


def _numbers(digits: str) -> list[int]:
    # No passage has a number of more digits, and Python refuses to read endless ones.
    return [int(n) if len(n) < 6 else 0 for n in re.findall(r"\d+", digits)]


def marks(sentence: str) -> list[int]:
    """The citation numbers in a sentence, in order."""
    return [n for match in _MARKS.finditer(sentence) for n in _numbers(match[1])]


def cited_sentences(text: str) -> Iterator[tuple[str, list[int]]]:
    """Each sentence of an answer without marks, with its citation numbers.

    Marks that stand after the full stop belong to the sentence before.
    """
    current: tuple[str, list[int]] | None = None
    for start, end in sentences(text):
        numbers = marks(text[start:end])
        plain = keep_known(text[start:end], 0).strip()
        lead = re.match(r"(?:\s*\[[\d\s,;]+\])+", text[start:end])
        if lead and current:
            current[1].extend(marks(lead.group()))
            numbers = numbers[len(marks(lead.group())) :]
        if re.search(r"\w", plain):
            if current:
                yield current
            current = (plain, numbers)
    if current:
        yield current


def marks_inside(text: str) -> str:
    """A text whose marks stand before the full stop of the sentence that they belong to.

    One that follows them as well is left out.
    """
    ends = r"(?<![.!?؟。…])([.!?؟。…]++)[ \t]*+((?:\[\d+\])+)\.?"
    return re.sub(ends, r" \2\1", text)


def drop_marks(text: str, numbers: Collection[int]) -> str:
    """A text without the marks of these numbers."""
    return re.sub(r" ?\[(\d+)\]", lambda m: "" if int(m.group(1)) in numbers else m.group(), text)


def change_marks(text: str, number: Callable[[int], int]) -> str:
    """A text whose single marks have the numbers that a function gives for them."""
    return re.sub(r"\[(\d{1,5})\]", lambda match: f"[{number(int(match[1]))}]", text)


def with_marks(sentence: str, numbers: Iterable[int]) -> str:
    """A sentence with marks before its full stop, so that they belong to it."""
    bare = sentence.rstrip(".!?؟。…")
    return f"{bare} {''.join(f'[{n}]' for n in numbers)}{sentence[len(bare) :] or '.'}"


def defuse(text: str) -> str:
    """Report text whose own "[3]" can't be taken for a citation of ours."""
    return _LIKE_MARKS.sub(lambda m: f"({m[1].strip()})" if re.search(r"\d", m[1]) else m[0], text)
