"""Citation marks in a text, `[3]` or `[1, 2]`: reads, keeps, moves and drops them."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from rag.text.sentences import BULLET, sentences

_MARKS = re.compile(r"\[\s*(\d+(?:\s*[,;]\s*\d+)*)\s*\]")
# What may still become a mark while a stream goes on, and marks, with the white space before them:
# from its beginning alone, or a long one is read again from each of its places.
_OPEN = re.compile(r"(?<![ \t])[ \t]*+(?:\[[\d\s,;]*+)*+$")
_SPACED_MARKS = re.compile(rf"(?<![ \t])([ \t]*+){_MARKS.pattern}")
# What a line has in bold at its beginning, and a cell of a row.
BOLD = re.compile(r"\W*\*\*([^*]+)\*\*")
_CELL = re.compile(r"\|\s*+((?:[^|\\]|\\.)*?)\s*(?=\||$)")
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


class Statement(NamedTuple):
    """Where a sentence or a cell of a table stands in an answer, and what it stands under."""

    start: int
    end: int
    under: tuple[str, ...] = ()  # headings, items of lists, heads of its column and row
    beside: tuple[int, ...] = ()  # the marks of its row's cells without words, for cells without


def statements(text: str) -> Iterator[Statement]:
    """The sentences of an answer, also of each cell of a table; what divides cells begins with "|".

    The head of what follows is a heading, a line in bold, or one that ends with a colon; of what is
    further to the right also an item of a list; and of a line what it has in bold at its beginning.
    """
    at = 0
    heads: list[tuple[int, str]] = []
    columns: Sequence[str] = ()
    for line in text.split("\n"):
        plain = keep_known(line, 0).strip()
        under = tuple(head for _, head in heads)
        if plain.startswith("|") and columns:
            yield from _cells(line, at, under, columns)
        elif plain.startswith("|"):
            columns = [keep_known(cell[1], 0) for cell in _CELL.finditer(line)]
            yield Statement(at, at + len(line))
        elif line.strip():
            columns, bold = (), BOLD.match(plain)
            is_item = plain[:2] != "**" and bool(BULLET.match(plain))
            level = len(plain) - len(plain.lstrip("#"))
            is_head = plain.endswith((":", "：")) or bool(BOLD.fullmatch(plain))
            # Headings are "#" to "######"; what is in bold is the head of items beside it.
            indent = len(line) - len(line.lstrip())
            depth = level or 7 + 2 * indent + (is_item or not is_head)
            heads = [head for head in heads if head[0] < depth]
            under = tuple(head for _, head in heads)
            spans = sentences(line)
            for n, (start, end) in enumerate(spans):
                lead = (bold[1],) if bold and n else ()
                yield Statement(at + start, at + end, (*under, *lead))
            if level or is_head or is_item:
                first = keep_known(line[slice(*spans[0])], 0)
                heads.append((depth, bold[1] if bold else first.strip("#: ")))
        at += len(line) + 1


def _cells(line: str, at: int, under: Sequence[str], columns: Sequence[str]) -> Iterator[Statement]:
    """The sentences of a row of a table that begins at a place, with what stands between them."""
    done, head, cells = 0, "", list(_CELL.finditer(line))
    beside = [n for cell in cells if not keep_known(cell[1], 0).strip() for n in marks(cell[1])]
    for n, cell in enumerate(cells):
        head = head or cell[1]
        # What a row begins with says what it is about.
        if cell[1] and (n or marks(cell[1])):
            yield Statement(at + done, at + cell.start(1))
            done = cell.end(1)
            above = (*under, *columns[n : n + 1], *([head] if n else []))
            for start, end in sentences(cell[1]):
                first = at + cell.start(1)
                own = () if marks(cell[1]) else tuple(beside)
                yield Statement(first + start, first + end, above, own)
    yield Statement(at + done, at + len(line))


def cited_sentences(text: str) -> list[tuple[str, list[int]]]:
    """Each sentence of an answer without marks, with its citation numbers.

    Marks that stand after the full stop belong to the sentence before.
    """
    found: list[tuple[str, list[int]]] = []
    for start, end, _, beside in statements(text):
        sentence = text[start:end]
        numbers, plain = marks(sentence) or [*beside], keep_known(sentence, 0).strip()
        lead = re.match(r"(?:\s*\[[\d\s,;]+\])+", sentence)
        if lead and found:
            count = len(marks(lead.group()))
            found[-1][1].extend(numbers[:count])
            numbers = numbers[count:]
        if re.search(r"\w", plain):
            found.append((plain, numbers))
    return found


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
