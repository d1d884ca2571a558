"""Turns a passage into the sentences that can be quoted of it.

Sentences and lines that need each other are one: a line and the line that carries it on, the head
of a list and its items, "if" and "then". What is no sentence of its own but the whole answer (a
choice, a cost, "Partially proven.") is quoted after its form question; the rest is left out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag.text.sentences import BULLET, instructs, sentences
from rag.text.tokenize import stop_words, words
from rag.types import FACTS, FREE_TEXT, Passage, Span

# With fewer words a text is no sentence; with as many it may be one without a full stop.
MIN_WORDS = 5
CLEAR_WORDS = 8
# An answer of fewer words without a full stop is quoted after its question.
SHORT_WORDS = 12
# The least share of the words of a sentence without a full stop that are such as "the" and "is",
# and the most of the others of any that begin with a capital. Else it is a title or a list.
CLEAR_FUNCTION = 0.3
MOST_CAPITALS = 0.6
# What has more characters between spaces is data.
LONGEST_WORD = 60
# The most characters of sentences and lines that are made one.
LONGEST_UNIT = 400
LONGEST_SENTENCE = 800  # the same where a line break cuts a sentence
KEPT = 25_000  # passages whose sentences are held, 1 kB each
_URL = re.compile(r"\[?(?:https?://|www\.)\S+")
# Links that a text begins with, before words, and what separates them from these.
_LINKS = re.compile(rf"(?:\W*+{_URL.pattern})++[\s:;–—-]*+(?=[^\W\d_])")
_QUOTATION_MARK = re.compile(r'["“”„«»]')
_NO_WORD = re.compile(r"\W*+(?:\w{1,2}[.)])?\W*+")
_ENDS = tuple(".!?؟。…")
_IF = re.compile(r"\W*(?:\w+\W+)?(?:if|si|se|إذا)\b", re.IGNORECASE)
# "Since then", "alors que", and "entonces" within a clause tell of what was, not of what would be.
_SO = "alors(?! que)|entonces|então"
_THEN = re.compile(rf"\W*(?:then|{_SO}|فإن)\b", re.IGNORECASE)
_WOULD = re.compile(rf"(?<!since )\bthen\b|[,;:]\s*(?:{_SO})\b|\bفإن\b", re.IGNORECASE)
# Of a form question what stands before its answer: its label ("Usage of methods: ..."), or its
# first sentence with the unit after it ("(Amount in USD)").
_QUESTION = re.compile(
    r"(?P<label>[^\s:]+(?: [^\s:]+){0,4})(?=: )"
    r"|(?P<sentence>.+?)(?:[?.:]+\s+(?P<unit>\([^\s()]+(?: [^\s()]+){0,2}\))|(?=\?)"
    r"|(?=[.:]+\s+[A-Z(])|[.:]*$)"
)
_REQUEST = re.compile(r"\Aplease \w+ (?:(?:the|your|any) )?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sentence:
    """What can be quoted of a passage: its place in the text, and its words as they are shown."""

    start: int
    end: int
    text: str


def usable(passage: Passage) -> tuple[Sentence, ...]:
    """The sentences of a passage that can stand alone, in order."""
    facts = passage.section == FACTS
    return _usable(passage.text, passage.language, short_question(passage), facts)


def lines(passage: Passage) -> list[Sentence]:
    """The sentences, lines, rows of a passage; no head of a list, links, data if it has others."""
    text, language = passage.text, passage.language
    rows = [[span] for span in sentences(text) if text[span[0]] == "|"]
    units = sorted([*_all_units(text, language, passage.section == FACTS), *rows])
    found = [Sentence(u[0][0], u[-1][1], _one_line(text, u, language)) for u in units]
    return [own for own in found if not _is_unfit(own.text, _without_links(own.text))] or found


@lru_cache(KEPT)
def _usable(text: str, language: str, question: str, facts: bool) -> tuple[Sentence, ...]:
    units = _all_units(text, language, facts)
    found = []
    for uncut in units:
        unit = _cut(text, uncut)
        shown = _one_line(text, unit, language)
        bare = _without_links(shown)
        if _is_unfit(shown, bare, is_only=len(units) == 1):
            continue
        count = len(words(bare))
        # An answer in a few words means little without its question.
        short = len(units) == len(unit) == 1 and count < SHORT_WORDS and bare[-1] not in _ENDS
        headed = len(unit) > 1 and ":" in bare and count >= MIN_WORDS
        is_list = shown.count("; ") > text[unit[0][0] : unit[-1][1]].count("; ")
        whole = headed or (not is_list and is_whole(bare, language))
        if not facts and (short or not whole):
            first = uncut is units[0] and (len(unit) > 1 or len(units) == 1 or bare[-1] in _ENDS)
            if not (first and question):
                continue
            shown = f"{question}: {shown}"
        found.append(Sentence(unit[0][0], unit[-1][1], shown))
    return tuple(found)


def _all_units(text: str, language: str, facts: bool) -> list[list[Span]]:
    return [[span] for span in sentences(text)] if facts else _units(text, language)


def _cut(text: str, unit: Sequence[Span]) -> list[Span]:
    """A unit without links before it, a second full stop, a quotation mark that stands alone."""
    start, end = unit[0][0], unit[-1][1]
    links = _LINKS.match(text, start, end)
    if links and not text[links.end()].islower():
        start = links.end()
    if text.endswith("..", start, end) and not text.endswith("...", start, end):
        end -= 1
    if len(_QUOTATION_MARK.findall(text, start, end)) == 1:
        start += bool(_QUOTATION_MARK.match(text, start))
        end -= bool(_QUOTATION_MARK.match(text, end - 1))
    return [(max(a, start), min(b, end)) for a, b in unit if a < end and b > start]


def _without_links(text: str) -> str:
    return _URL.sub("", text).strip()


def _is_unfit(shown: str, bare: str, is_only: bool = False) -> bool:
    """Whether a unit, `bare` of its links, is none to quote: an instruction, links, tags, data."""
    # What is mostly links is a list of them, unless it is a whole answer in many words.
    is_told = is_only and len(words(bare)) >= SHORT_WORDS
    if instructs(shown) or (2 * len(bare) < len(shown) and not is_told) or bare.startswith("#"):
        return True
    return not words(bare) or max(map(len, bare.split())) > LONGEST_WORD or bare[-1] in ":,("


def is_whole(text: str, language: str) -> bool:
    """Whether a text is a sentence rather than a title, a name or a part of a list."""
    own = [word for word in words(text) if word.isalpha()]
    ends = text.rstrip("\"'”’») ").endswith(_ENDS)
    function = stop_words(language)
    if len(own) < (MIN_WORDS if ends else CLEAR_WORDS) or not (ends or not text[0].islower()):
        return False
    topics = [word for word in text.split() if not function.issuperset(_words_of(word))]
    capitals = sum(word.lstrip("\"'“‘«(")[:1].isupper() for word in topics)
    is_title = capitals > MOST_CAPITALS * len(topics)
    least = 0 if ends else CLEAR_FUNCTION
    return not is_title and sum(word in function for word in own) >= least * len(own)


@lru_cache(1 << 16)
def _words_of(token: str) -> tuple[str, ...]:
    return tuple(words(token))


def _units(text: str, language: str) -> list[list[Span]]:
    """The sentences and lines of a text; those that need each other together."""
    units: list[list[Span]] = []
    for start, end in sentences(text):
        # The row of a table says nothing without its heads.
        if text[start] == "|":
            continue
        if units and _NO_WORD.fullmatch(text, *units[-1][-1]):
            units[-1][-1] = (start, end)
        elif units and _belongs(text, units[-1], start, end, language):
            units[-1].append((start, end))
        else:
            units.append([(start, end)])
    return units


def _belongs(text: str, unit: Sequence[Span], start: int, end: int, language: str) -> bool:
    pieces = [text[a:b] for a, b in unit]
    piece = text[start:end]
    length = end - unit[0][0]
    if length <= LONGEST_SENTENCE and _goes_on(pieces[-1], piece):
        return True
    if length > LONGEST_UNIT:
        return False
    if pieces[-1].endswith(":"):
        return True
    if _IF.match(pieces[0]) and _THEN.match(piece):
        return True
    is_line = "\n" in text[unit[-1][1] : start] and not pieces[-1].endswith(_ENDS)
    # Of two items of a list none heads the other.
    items = BULLET.match(pieces[0]) and BULLET.match(piece)
    if is_line and len(unit) == 1 and not items and _is_heading(pieces[0], piece, language):
        return True
    if not (is_line or BULLET.match(piece)):
        return False
    in_list = any(p.endswith(":") for p in pieces) or not any(is_whole(p, language) for p in pieces)
    fragment = not is_whole(piece, language) or BULLET.sub("", piece)[:1].islower()
    return in_list and fragment


def _is_heading(line: str, after: str, language: str) -> bool:
    is_short = len(words(line)) <= 2 * SHORT_WORDS
    return is_short and not is_whole(line, language) and is_whole(after, language)


def _goes_on(before: str, after: str) -> bool:
    if before.endswith(",") or before.count("(") > before.count(")"):
        return True
    return after[:1].islower() and not BULLET.match(after) and not before.endswith((*_ENDS, ";"))


def _one_line(text: str, unit: Sequence[Span], language: str) -> str:
    """The words of a unit on one line, without bullets; items are separated by semicolons."""
    shown = ""
    for a, b in unit:
        piece = " ".join(text[a:b].split())
        if shown and not (shown.endswith(":") or _goes_on(shown, piece) or _THEN.match(piece)):
            headed = len(unit) == 2 and _is_heading(shown, piece, language)
            shown = shown.rstrip(".;, ") + (":" if headed else ";")
        shown = f"{shown} {BULLET.sub('', piece)}".strip()
    return shown


def is_hypothesis(text: str) -> bool:
    """Whether a sentence says what would follow ("If ..., then ..."), not what did."""
    return bool(_IF.match(text) and _WOULD.search(text))


def short_question(passage: Passage) -> str:
    """A passage's form question, short enough to stand before its answer; "" if it has none."""
    asked = _REQUEST.sub("", passage.prompt)
    match = _QUESTION.match(asked) if passage.prompt != FREE_TEXT else None
    if not match:
        return ""
    said = match["label"] or " ".join(filter(None, (match["sentence"], match["unit"])))
    return said[:1].upper() + said[1:]
