"""Splits questions: one that compares places by its sides, one for two things where they join.

A text may hold several questions that are answered one after the other, each as a follow-up.

"How much waste was saved by the stall in Mersin and by the canteen in Hue?" asks Mersin for its
stall and Hue for its canteen. What stands between two joins, or between commas, belongs to the
side that it names; what comes before or after, to all of them. "Who were the partners and why was
it stopped?" asks who the partners were, and why it was stopped.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby, pairwise

from rag.places.countries import fold_name
from rag.query.linker import Links
from rag.query.wordings import any_of, has_wording
from rag.text.tokenize import strip_accents, terms
from rag.types import Ask, Plan, Side

_BREAK = re.compile(r"[,;:.?!؟،؛—–/]")
_MARKS = " ¿?؟;؛,،.:!"
_ENDS = ("?", "؟", ";", "؛")
# The forms of a first question that another one is not read together with.
_APART = ("list", "lab", "report", "topic")
MOST_QUESTIONS = 3  # that are answered one by one
_AND = "و"  # Arabic writes it as one with the next word


@dataclass(frozen=True, slots=True)
class _Mention:
    """Where a question names a country, by its words; `is_name` where by the country's own name."""

    start: int
    end: int
    country: str
    is_name: bool


def sides_of(
    question: str, language: str, links: Links, homes: Mapping[str, str]
) -> tuple[Side, ...]:
    """The sides that a question joins, each with its own part of it; () for fewer than two.

    `homes` are the countries of its words that are names of towns or works.
    """
    words = links.words
    named = [k for k in links.links if k.field == "country" and not k.excluded]
    if any(len(link.values) != 1 for link in named):
        return ()
    mentions = [_Mention(k.start, k.end, str(k.values[0]), True) for k in named]
    linked = {i for k in links.links for i in range(k.start, k.end)}
    mentions += [
        _Mention(i, i + 1, homes[word], False)
        for i, word in enumerate(words)
        if word in homes and i not in linked
    ]
    mentions.sort(key=lambda m: m.start)
    runs = [list(run) for _, run in groupby(mentions, key=lambda m: m.country)]
    countries = [run[0].country for run in runs]
    if len(runs) < 2:
        return ()
    whole = [Side(_text(words, [], mentions), country) for country in dict.fromkeys(countries)]
    if len(set(countries)) < len(runs):
        return tuple(whole)
    breaks = _breaks(question, words)
    starts = [_boundary(words, breaks, a[-1].end, b[0].start) for a, b in pairwise(runs)]
    return tuple(_split(words, language, breaks, runs, starts)) if all(starts) else ()


def _split(
    words: tuple[str, ...],
    language: str,
    breaks: Sequence[bool],
    runs: Sequence[Sequence[_Mention]],
    starts: Sequence[tuple[int, ...]],
) -> list[Side]:
    """The sides of runs of mentions; `starts` are where each but the first ends and begins."""
    first, last = runs[0], runs[-1]
    begin = max((i for i in range(first[0].start + 1) if breaks[i]), default=0)
    end = next((i for i in range(last[-1].end, len(words)) if breaks[i]), len(words))
    edges = [begin, *chain.from_iterable(starts), end]
    parts = [*zip(edges[::2], edges[1::2], strict=True)]
    head = _own_start(words, parts[0], parts[1], first[0].start, runs[1][0].start)
    own = [(head, parts[0][1]), *parts[1:]]
    # "Fiji and Tanzania on seaweed" asks both for seaweed, "Fiji on reefs and Tanzania on seaweed"
    # does not.
    after = " ".join(words[first[-1].end : parts[0][1]])
    tail = last[-1].end if not terms(after, language) else end
    own[-1] = (own[-1][0], max(tail, own[-1][0]))
    shared = [*range(head), *range(tail, len(words))]
    mentions = [mention for run in runs for mention in run]
    sides = []
    for run, (a, b) in zip(runs, own, strict=True):
        places = sorted({*shared, *range(a, b)})
        others = [m for m in mentions if m not in run or m.is_name]
        sides.append(Side(_text(words, places, others), run[0].country))
    # "What grass is it in Uganda, and what in Viet Nam?" asks both the same.
    full = next((side.question for side in sides if terms(side.question, language)), "")
    return [
        side if terms(side.question, language) else replace(side, question=full) for side in sides
    ]


def _text(words: tuple[str, ...], places: Sequence[int], without: Sequence[_Mention]) -> str:
    """The words at some places, or all, but for some mentions."""
    out = {i for m in without for i in range(m.start, m.end)}
    out |= {m.end for m in without if words[m.end : m.end + 1] == ("s",)}  # "Fiji's"
    return " ".join(words[i] for i in (places or range(len(words))) if i not in out)


def _breaks(question: str, words: Sequence[str]) -> list[bool]:
    """Whether a mark that parts sentences stands before each word, and after the last one."""
    found, at = [], 0
    for word in words:
        start = question.find(word, at)
        start = at if start < 0 else start
        found.append(bool(_BREAK.search(question[at:start])))
        at = start + len(word)
    return [*found, True]


def _boundary(
    words: Sequence[str], breaks: Sequence[bool], after: int, before: int
) -> tuple[int, ...]:
    """Where one side ends and the next one begins between two mentions; () for no join."""
    inside = range(before, after - 1, -1)
    known = {fold_name(word) for word in words[:after]}
    # "And" parts sides rather than "with" does, and in Arabic that before a word said before.
    for name in ("parts", "joins"):
        for i in inside:
            if i < before and has_wording(name, words[i]):
                return i, i + 1
            bare = words[i].removeprefix(_AND)
            if bare != words[i] and (i == before or name == "joins" or fold_name(bare) in known):
                return i, i
            if breaks[i] and name == "joins":
                return i, i
    return ()


def _own_start(
    words: Sequence[str], part: tuple[int, int], second: tuple[int, int], at: int, other: int
) -> int:
    """Where in the first part its side begins: as the second one does ("by the ... by the")."""
    start = second[0]
    if start >= other:
        return at
    like = fold_name(words[start]).removeprefix(_AND)
    same = [i for i in range(part[0], at + 1) if fold_name(words[i]) == like]
    return same[-1] if same else at


def asks_of(plan: Plan) -> tuple[Ask, ...]:
    """What a question asks for, each after what the parts before are about; () for one thing.

    What is put to many labs, or held against something, is asked whole.
    """
    if plan.intent != "answer" or plan.wide or plan.follows:
        return ()
    subject, known, asks = set(plan.subject.split()), list(plan.boosted.country), []
    for part in parts_of(plan.standalone, plan.language):
        own = part.split()
        about = " ".join(word for word in known if word not in own)
        asks.append(Ask(part, f"{part} ({about})" if about else part))
        known += [word for word in own if word.lower().strip(_MARKS) in subject]
    return tuple(asks)


def parts_of(question: str, language: str) -> tuple[str, ...]:
    """The parts of a question that each ask for something; () where it asks for one thing."""

    # "What and where is the tide broom?" asks both of the broom.
    def ends(part: str) -> bool:
        return any(has_wording("asks", text) for text in (part, part.removeprefix(_AND)))

    first, *others = _parted(question, language, ends, commas=True)
    return (first, *(part.removeprefix(_AND) for part in others)) if others else ()


def questions_in(text: str, language: str) -> tuple[str, ...]:
    """The questions that a text may hold, in order; () for one, or for more than `MOST_QUESTIONS`.

    Whether they are better answered one by one, `are_apart` decides.
    """
    parts = _parted(text, language)
    return tuple(parts) if parts[-1] and 1 < len(parts) <= MOST_QUESTIONS else ()


def _parted(
    text: str,
    language: str,
    ends: Callable[[str], bool] = lambda _: True,
    *,
    commas: bool = False,
) -> list[str]:
    """A text in parts where one may end and the next one begins, at commas if that is wanted."""
    words, start, parts = text.split(), 0, []
    for i, after in _joins(words, commas=commas):
        part = " ".join(words[start:i]).strip(_MARKS)
        if i > start and terms(part, language) and ends(part):
            parts.append(part)
            start = after
    return [*parts, " ".join(words[start:]).strip(_MARKS)]


def may_be_apart(whole: Plan, first: Plan) -> bool:
    """Whether `are_apart` can be true of questions that name no kind of report."""
    is_plain = whole.intent == "list" or (whole.intent == "answer" and not whole.wide)
    return (is_plain and first.intent in _APART) or has_wording("also", whole.question)


def are_apart(whole: Plan, parts: Sequence[Plan]) -> bool:
    """Whether questions are better answered one by one than as a whole, by their plans.

    They are if the whole is a list, and one of them is no list or they count different things. They
    are if the whole is no list, and one of them lists or counts reports. They are if passages
    answer the whole, and the first one asks for a list or a digest of a lab, a report or a topic.
    They are if "also" joins them and they are of different topics, unless the whole is a
    comparison, or they ask for something of the same lab's work.
    """
    queries = [p.query for p in parts if p.query]
    if whole.intent == "list":
        # "How many of them in 2023?" is of the same list.
        others = (
            replace(q.filters, country=(), year=()) or q.group_by not in ("", "country")
            for q in queries[1:]
        )
        is_mixed = len(queries) < len(parts) or len({(q.group_by, q.filters) for q in queries}) > 1
        # "Plans on bees and also on salt" are one list.
        asking = all(p.intent != "answer" and begins_to_ask(p.question.split()) for p in parts[1:])
        return is_mixed and all(others) and asking and parts[0].intent != "answer"
    if whole.intent == "answer" and not whole.wide and parts[0].intent in _APART:
        return True
    if any(q.filters.kind or q.filters.type or q.form == "count" for q in queries):
        return True
    labs = {*parts[0].boosted.country}
    if labs and all(p.intent == "answer" and labs.issuperset(p.boosted.country) for p in parts):
        return False
    topics = [set(p.subject.casefold().split()) for p in parts]
    disjoint = all(topics) and len(set().union(*topics)) == sum(map(len, topics))
    return disjoint and whole.intent != "compare" and has_wording("also", whole.question)


def _joins(words: list[str], *, commas: bool) -> Iterator[tuple[int, int]]:
    """Where a part of a question may end and the next one begins, by their words."""
    bare = [word.strip(_MARKS) for word in words]

    def also(i: int) -> bool:
        begins = rf"{any_of('also')}(?!\w)"
        return bool(re.match(begins, strip_accents(" ".join(bare[i : i + 2]))))

    for i, word in enumerate(words[1:], start=1):
        whole = word.removeprefix(_AND)
        joins = has_wording("joins_asks", bare[i])
        if joins and begins_to_ask(words[i + 1 :]):
            yield i, i + 1
        elif joins and also(i + 1) and i + 2 < len(words):
            yield i, i + 2
        elif words[i - 1].endswith((",", *_ENDS)) and also(i) and i + 1 < len(words):
            yield i, i + 1
        else:
            begins = whole != word or words[i - 1].endswith(_ENDS)
            anew = commas and words[i - 1].endswith((",", "،")) and _asks_anew(words, i)
            if anew or (begins and begins_to_ask([whole, *words[i + 1 :]])):
                yield i, i


def _asks_anew(words: list[str], i: int) -> bool:
    """Whether another question begins after a comma, by its words from `i` on.

    Relative clauses and what only tells when something is asked begin as questions do, too.
    """
    start = max((n for n, word in enumerate(words[:i], 1) if word.endswith(_ENDS)), default=0)
    before, after = (strip_accents(" ".join(part)) for part in (words[start:i], words[i:]))
    is_clause = any(
        re.match(rf"{any_of(name)}(?!\w)", text)
        for name, text in (("tells_when", before), ("relates", after))
    )
    return begins_to_ask(words[i:]) and has_wording("asks", before) and not is_clause


def begins_to_ask(words: list[str]) -> bool:
    """Whether words begin as a question does."""
    text = strip_accents(" ".join(words)).lstrip(_MARKS)
    return bool(re.match(rf"{any_of('asks')}(?!\w)", text))
