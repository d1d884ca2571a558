"""The two works that a question holds against each other, by what it says of them.

"How does the clay stove stack up against the dryer from Oruro?" names them by no title. Where it
may join two is by wordings; whether it compares them, its words beside them tell, by example
(`rag.query.intents`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from rag.query.wordings import any_of
from rag.text.tokenize import strip_accents, terms

# Words that somebody wants as they are.
QUOTED = re.compile(r"""["“«„][^"“”«»„]+["”»“]|(?<!\w)['‘][^'’‘ ]+ [^'’‘]+['’](?!\w)""")
ONE, OTHER = "ONE", "OTHER"  # what stands for two works
_CLAUSE = r"[:?;؟؛]|[.,،](?= )| [-–—] "
_MARKS = " ¿?؟;؛,،.:!-–—\"'“”«»"
_MOST_JOINS = 8  # that are looked at
_LEAST_TERMS = 2  # of what names a work, if it is written in small letters


@dataclass(frozen=True, slots=True)
class Pair:
    """What a question may call two works, and how it asks of `ONE` and `OTHER`."""

    one: str
    other: str
    asked: str


def pairs(question: str, language: str) -> Iterator[Pair]:
    """What two works may be called: what is quoted, or else what stands beside a word that joins.

    It reaches to the ends of its clause, and to words that compare.
    """
    plain = strip_accents(question)
    # It is cut where its plain text is: both are as long, but for letters that are several.
    text = question if len(question) == len(plain) else plain
    quoted = [match.span() for match in QUOTED.finditer(text)]
    if len(quoted) == 2:
        yield _pair(text, *quoted)
        return
    joins, asks = any_of("joins_sides", language), any_of("asks")
    # "The stove, or the dryer" is one clause.
    plain = re.sub(rf"[,،](?={joins})", " ", plain)
    ends = [m.span() for m in re.finditer(rf"{_CLAUSE}|(?<!\w){any_of('compares')}(?!\w)", plain)]
    starts = [*ends, *(m.span() for m in re.finditer(rf"(?<!\w){asks}(?!\w)", plain))]
    for join in islice(re.finditer(joins, plain), _MOST_JOINS):
        start = max((end for _, end in starts if end <= join.start()), default=0)
        end = min((at for at, _ in ends if at >= join.end()), default=len(text))
        pair = _pair(text, (start, join.start()), (join.end(), end))
        if all(_names(side, language) for side in (pair.one, pair.other)):
            yield pair


def _pair(text: str, one: tuple[int, int], other: tuple[int, int]) -> Pair:
    plain = text.lower()
    before, between, after = plain[: one[0]], plain[one[1] : other[0]], plain[other[1] :]
    asked = f"{before} {ONE} {between} {OTHER} {after}"
    return Pair(text[slice(*one)].strip(_MARKS), text[slice(*other)].strip(_MARKS), asked)


def _names(words: str, language: str) -> bool:
    """Whether words may name a work; one in capitals may."""
    is_name = any(word[:1].isupper() for word in words.split())
    return is_name or len(terms(words, language)) >= _LEAST_TERMS
