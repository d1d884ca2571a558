"""Splits text into sentences, also into those of lists that are written in one line.

Some give instructions to the machine that answers, not to the reports' readers: extractive answers
must not quote these as what a lab said.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from rag.text.tokenize import LISTS, strip_accents

# A match begins only at the first of several marks, or a line of dots would take quadratic time.
_CLOSING = "\"'”’»)]"
# A year in brackets goes on: "Who holds it? (2023, plan): ...".
_END = re.compile(
    rf"(?<![.!?؟。…])[.!?؟。…]+[{re.escape(_CLOSING)}]*(?=\s)(?!\s\((?:\d{{4}}|\?)[),،])|\n+"
)
_NUMBER = re.compile(r"\s*\(?\w{1,2}\.")
# A number before a full stop, and the word before it.
_LAST_NUMBER = re.compile(r"(?P<before>\w+)\s*(?P<mark>[;:,)]?)\s+(?P<number>\d{1,2})\.$")
# After these words a number belongs to the sentence.
_NUMBERED = frozenset(LISTS["sentences"]["numbered"].split())
# Known ones, and all with dots inside: "e.g.", "p.m.", "U.S.A.", "p.ej.", but not "example.org.".
_ABBREVIATION = re.compile(
    rf"(?:\b(?:{'|'.join(LISTS['sentences']['short'].split())})"
    r"|(?<![\w.])[^\W\d]{1,2}(?:\.[^\W\d]{1,2})+)\.$",
    re.IGNORECASE,
)
# These may also end a sentence, and do so where a capital follows.
_MAY_END = ("etc.", "a.m.", "p.m.")
_WORDS = {name: f"(?:{'|'.join(words)})" for name, words in LISTS["instructions"].items()}
_OVERRIDES = re.compile(_WORDS["overrides"].format(**_WORDS))
_INSTRUCTS = re.compile(f"{_OVERRIDES.pattern}|{_WORDS['others'].format(**_WORDS)}")
# The number or bullet of a list item, which means nothing out of its list.
BULLET = re.compile(
    r"^(?:[-–—*•·●▪](?!•)[-–—*•·●▪\s]*+(?:(?<=\s)|(?!\d))(?=\S)"
    r"|\(?\w{1,2}[.)]\s+(?=\S)|\d{1,2}[.)](?=[^\W\d]))"
)


def sentences(text: str) -> list[tuple[int, int]]:
    """The (start, end) of each sentence or line of a text, without white space around it."""
    spans = []
    for start, end in pairwise([0, *_ends(text), len(text)]):
        if trimmed := text[start:end].strip():
            first = text.index(trimmed, start)
            spans.append((first, first + len(trimmed)))
    return spans


def _ends(text: str) -> Iterator[int]:
    """Where each sentence or line ends, the last one aside."""
    start = 0
    for match in _END.finditer(text):
        if match.group()[0] == "." and _is_inside(text, start, match.start() + 1):
            continue
        item = _next_item(text, start, match.end()) if match.group() == "." else 0
        start = item or match.end()
        yield start


def _is_inside(text: str, start: int, end: int) -> bool:
    """Whether the full stop before `end` is part of an abbreviation or an item's number."""
    if _NUMBER.fullmatch(text, start, end):
        return True
    abbreviation = _ABBREVIATION.search(text, max(start, end - 8), end)
    if abbreviation and abbreviation.group().casefold() in _MAY_END:
        return not text[end : end + 4].lstrip(_CLOSING + " \n")[:1].isupper()
    return bool(abbreviation)


def _next_item(text: str, start: int, end: int) -> int:
    """Where the number begins that the full stop before `end` makes the next item's; else 0.

    "... dries the fish 2. Racks ..." is two items; "... in phase 2. Racks ..." two sentences, as is
    "... of Goal 2. Racks ..." where there is a Goal 1.
    """
    last = _LAST_NUMBER.search(text, max(start, end - 40), end)
    if not last or (not last["mark"] and last["before"].casefold() in _NUMBERED):
        return 0
    number, before = int(last["number"]), last["before"]
    named = rf"(?<!{re.escape(before)}\s)" if before[:1].isupper() else ""
    neighbour = rf"(?<![\w.,]){named}(?:{number - 1 or number + 1}|{number + 1})\.(?=\s*[^\W\d])"
    others = text[:start] + text[start : last.start("number")] + text[end:]
    return last.start("number") if re.search(neighbour, others) else 0


def encodable(text: str) -> str:
    """A text with a question mark for each half of a surrogate pair, which has no UTF-8."""
    return text.encode("utf-8", "replace").decode()


def overrides(question: str) -> bool:
    """Whether a question tells the machine to ignore its instructions."""
    return bool(_OVERRIDES.search(strip_accents(question)))


def instructs(sentence: str) -> bool:
    """Whether a sentence tells the machine how to answer."""
    return bool(_INSTRUCTS.search(strip_accents(sentence)))
