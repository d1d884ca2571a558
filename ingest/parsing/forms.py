"""Learns from a collection which lines are form text.

Form text recurs: the same words under the same prompt in the reports of several labs. One
lab's own words recur too (a plan, its re-submission, its closing), but only in that lab's
reports, and short or ticked answers recur everywhere. So a paragraph (or a line of one) is
form text when it is no list and no image, has at least five words, and stands in a fifth or
more of the reports with that prompt, of three or more labs (two when there are no more). In a
section's head, the section counts as the prompt. The sentences of a form paragraph are form
text too.

What that means for small collections: a single report, and any number of reports of one lab,
teach nothing, and all their text is taken for answers. In three reports of three labs, form
text is what stands in all three; in three reports of two labs, what stands in both labs'.

How a report's paragraph is compared with the form text of its prompt: see `form_spans`.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cached_property
from operator import attrgetter
from pathlib import Path

import orjson

from ingest.parsing.scan import (
    Event,
    key,
    scan,
    tags,
    tags_to_fields,
)
from rag.text.sentences import sentences
from rag.types import Span

# Over 2,189 reports (14 form texts): with 2 labs one more text, which is labs' own, goes from 14
# reports; with 6 labs 5 texts stay, in 358 reports.
MIN_LABS = 3
# Over the same, shares of 0.05 to 0.8 give the same form texts; 0.02 takes 3 ticked answers.
MIN_SHARE = 0.2
# A line that begins with ">" and is longer than any form question is a lab's own. Over 2,189
# reports 150 takes one question of a form for an answer, and 600 one answer for a question.
MAX_PROMPT = 300
# No form says more than so many things, or longer ones, under one prompt. Where a collection
# seems to (the same long text in all files), only the very same words are form text: to compare
# each paragraph with each other one would take the square of the time.
MAX_TEXTS = 50
MAX_LENGTH = 3000
# Share of a report's prompts that must be known for it to count as a known form filled in. Over
# 2,189 reports 0.35 reads 2 otherwise, 1.0 reads 5 otherwise: it matters little.
KNOWN_FORM = 0.7
_ASKS = re.compile(r"[?؟:]|\bplease\b", re.IGNORECASE)


@dataclass(frozen=True)
class Forms:
    """What a collection says about its forms; all strings are keys as `scan.key` makes them.

    `prompts` are those seen in two reports or more, `paragraphs` pairs of prompt and form
    paragraph, `records` the prompts that come round again for each partner of a list.
    """

    prompts: frozenset[str] = field(default_factory=frozenset)
    paragraphs: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    records: frozenset[str] = field(default_factory=frozenset)

    def to_json(self) -> str:
        """The forms as text; equal forms give equal text."""
        names = ("prompts", "paragraphs", "records")
        return orjson.dumps({name: sorted(getattr(self, name)) for name in names}).decode()

    @classmethod
    def from_json(cls, text: str) -> Forms:
        """The forms that `to_json` wrote; none for ""."""
        data = orjson.loads(text) if text else {}
        return cls(
            frozenset(data.get("prompts", ())),
            frozenset((a, b) for a, b in data.get("paragraphs", ())),
            frozenset(data.get("records", ())),
        )

    def bearing_on(self, prompts: Iterable[str]) -> str:
        """A hash of all that matters for a file with these questions and section heads."""
        lines = [
            f"{prompt} {prompt in self.prompts} {self._marks.get(prompt, '')}"
            for prompt in ("", *prompts)
        ]
        return hashlib.sha256("\n".join((*lines, *self._records)).encode()).hexdigest()

    @cached_property
    def _marks(self) -> dict[str, str]:
        return {
            prompt: hashlib.sha256("\n".join(texts).encode()).hexdigest()
            for prompt, texts in self._by_prompt.items()
        }

    def prompt_lines(self, events: Sequence[Event]) -> frozenset[int]:
        """Which of a file's ">" lines (indices of events) are form questions.

        A line seen in other reports is. Of the rest: in a report that otherwise fills in a
        known form only what asks ("...?", "...:"); in a report of an unknown form all are. What
        is too long for a question never is, nor a run of lines that answers the one above.
        """
        at = [i for i, event in enumerate(events) if event.kind == "prompt"]
        named = [i for i in at if events[i].text]
        known = {i for i in named if key(events[i].text) in self.prompts}
        filled_in = len(known) >= KNOWN_FORM * len(named)
        answers = _answering_lines(events)
        return frozenset(
            i
            for i in at
            if i in known
            or not events[i].text
            or (
                len(events[i].text) <= MAX_PROMPT
                and not (filled_in and not _ASKS.search(events[i].text))
                and i not in answers
            )
        )

    def form_spans(self, prompt: str, text: str) -> list[Span]:
        """The parts of a paragraph under a prompt (given by its key) that are form text.

        The whole paragraph, when it is form text or a variant of one: nothing but its words,
        some of them misspelt or left out. Else the form sentences that stand in it word for
        word. What else it holds is a lab's.
        """
        known = self.of(prompt)
        if not text or not known:
            return []
        this = key(text)
        if (prompt, this) in self.paragraphs:
            return [(0, len(text))]
        if len(known) > MAX_TEXTS:
            return []
        known = [form for form in known if len(form) <= MAX_LENGTH]
        if any(is_variant(this, form) for form in known):
            return [(0, len(text))]
        padded = f" {this} "
        found = [span for form in known if f" {form} " in padded for span in find_words(text, form)]
        return _merged(found)

    def of(self, prompt: str) -> list[str]:
        """The form texts under a prompt (given by its key)."""
        return self._by_prompt.get(prompt, [])

    @cached_property
    def _by_prompt(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for prompt, text in sorted(self.paragraphs):
            found[prompt].append(text)
        return dict(found)

    def record_key(self, prompt: str) -> str:
        """Which question of a partner's record a prompt (by its key) is, however spelt, or ""."""
        if prompt in self.records:
            return prompt
        return next((known for known in self._records if alike(prompt, known)), "")

    @cached_property
    def _records(self) -> list[str]:
        return sorted(self.records)


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those that touch or overlap as one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _answering_lines(events: Sequence[Event]) -> set[int]:
    """The lines in runs of two or more ">" lines that stand where an answer is due."""
    found: set[int] = set()
    run: list[int] = []
    for i, event in enumerate(events):
        if event.kind != "prompt":
            continue
        if run and (run[-1] != i - 1 or events[i - 1].end != event.start):
            run = []
        run.append(i)
        after = events[i + 1] if i + 1 < len(events) else None
        if after is not None and after.kind == "prompt" and after.start == event.end:
            continue
        unanswered = run[0] > 0 and events[run[0] - 1].kind == "prompt"
        answered = after is not None and after.kind == "text"
        if len(run) > 1 and unanswered and not answered:
            found.update(run)
    return found


def learn_texts(texts: Iterable[str]) -> Forms:
    """Forms of a collection, from the texts of its files."""
    # A text is its own name.
    return learn({text: lesson_of(text) for text in texts}, str)


def learn(lessons: Mapping[str, Lesson], text_of: Callable[[str], str]) -> Forms:
    """Forms of a collection, from the lesson of each of its files.

    Args:
        lessons: by a name of the file that stays the same; the result depends on nothing else.
        text_of: the text of a file by its name, asked for a few files only.
    """
    seen = Counter(prompt for lesson in lessons.values() for prompt in lesson.prompts)
    labs_of: dict[tuple[str, int], list[str]] = defaultdict(list)
    first: dict[tuple[str, int], str] = {}
    for name, lesson in sorted(lessons.items()):
        for number, text in lesson.texts:
            pair = (lesson.prompts[number] if number >= 0 else "", text)
            labs_of[pair].append(lesson.lab)
            first.setdefault(pair, name)
    enough = min(MIN_LABS, max(2, len({lesson.lab for lesson in lessons.values()})))
    found = {
        pair
        for pair, labs in labs_of.items()
        if len(labs) >= enough
        and len(set(labs)) >= enough
        and len(labs) >= MIN_SHARE * seen[pair[0]]
    }
    return Forms(
        frozenset(p for p, n in seen.items() if n >= 2 and not p.startswith(HEAD)),
        frozenset(_worded(found, first, text_of)),
        frozenset(prompt for lesson in lessons.values() for prompt in lesson.repeated),
    )


def _worded(
    found: Collection[tuple[str, int]],
    first: Mapping[tuple[str, int], str],
    text_of: Callable[[str], str],
) -> Iterator[tuple[str, str]]:
    """Pairs of a prompt and a form text, and of a prompt and a sentence of one."""
    for name in sorted({first[pair] for pair in found}):
        for prompt, this, wording in form_texts(scan(text_of(name))):
            pair = (prompt, text_hash(this))
            if pair in found and first[pair] == name:
                yield prompt, this
                for start, end in sentences(wording):
                    if part := form_key(wording[start:end]):
                        yield prompt, part


# What one file says of its form: the lessons that `ingest.parsing.forms` learns from, and their
# cache.
#
# A lesson holds questions and, as hashes, the paragraphs and lines under them. Lessons are kept
# beside the store by the hash of their file's text, so that only new files are read for them.


HEAD = "# "
# Words of a form text. Over 2,189 reports 3 teaches the same 14 texts; 10 misses 6 of them, which
# 257 reports then have for answers.
MIN_WORDS = 5
_LIST = re.compile(r"\s*(?:(?:[-*•]|\d+[.)])\s|!\[)")
# The number is raised when a file teaches something else than before.
_KEPT = "lessons-1.json"


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a file says of its form.

    `prompts` are its questions and section heads, `texts` pairs of a prompt's position in them
    (-1 for none) and the hash of a text under it, `repeated` the questions in groups that come
    round again; `lab` are the codes of its countries. Strings are keys as `scan.key` makes them.
    """

    lab: str
    prompts: tuple[str, ...]
    texts: tuple[tuple[int, int], ...]
    repeated: tuple[str, ...]


def lesson_of(text: str) -> Lesson:
    """The lesson of a file's text."""
    events = scan(text)
    prompts = _prompts(events)
    number = {prompt: n for n, prompt in enumerate(prompts)}
    texts = {(number.get(prompt, -1), text_hash(this)) for prompt, this, _ in form_texts(events)}
    lab = ",".join(tags_to_fields(tags(text)).iso)
    return Lesson(lab, prompts, tuple(sorted(texts)), _repeated(events))


def form_texts(events: Sequence[Event]) -> Iterator[tuple[str, str, str]]:
    """The paragraphs and lines of a file that a form could hold: prompt, key, and wording."""
    prompt = ""
    for event in events:
        if event.kind == "section":
            prompt = head_key(event.text)
        elif event.kind == "prompt" and event.text:
            prompt = key(event.text)
        elif event.kind == "text":
            lines = event.text.strip().split("\n")
            for text in (event.text, *lines) if len(lines) > 1 else lines:
                if this := form_key(text):
                    yield prompt, this, text


def _prompts(events: Sequence[Event]) -> tuple[str, ...]:
    named = {key(e.text) for e in events if e.kind == "prompt" and e.text}
    heads = {head_key(e.text) for e in events if e.kind == "section"}
    return tuple(sorted(named | heads))


def _repeated(events: Sequence[Event]) -> tuple[str, ...]:
    """The questions that come round again in a section's groups."""
    repeated: set[str] = set()
    in_groups: set[str] = set()
    depth = 0
    for event in events:
        if event.kind == "section":
            in_groups, depth = set(), 0
        elif event.kind == "open":
            depth += 1
        elif event.kind == "close":
            depth = max(0, depth - 1)
        elif event.kind == "prompt" and event.text:
            prompt = key(event.text)
            if not depth:
                in_groups = set()
            elif prompt in in_groups:
                repeated.add(prompt)
            else:
                in_groups.add(prompt)
    return tuple(sorted(repeated))


def head_key(section: str) -> str:
    """What stands for the prompt between a section's heading and its first prompt."""
    return HEAD + key(section)


def form_key(text: str) -> str:
    """The key of a text of the kind that forms hold: words, no list and no image. Else ""."""
    if _LIST.match(text):
        return ""
    this = key(text)
    return this if this.count(" ") + 1 >= MIN_WORDS else ""


def text_hash(this: str) -> int:
    """What a text's key is compared by: 64 bits."""
    digest = hashlib.blake2b(this.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def load_lessons(folder: Path) -> dict[str, Lesson]:
    """The lessons kept in a folder by the hash of their file's text; none if they are damaged."""
    try:
        seal, _, data = (folder / _KEPT).read_bytes().partition(b"\n")
        if seal.decode() != hashlib.sha256(data).hexdigest():
            return {}
        rows = orjson.loads(data)
    except (OSError, ValueError):
        return {}
    return {
        digest: Lesson(lab, tuple(prompts), tuple(map(tuple, texts)), tuple(repeated))
        for digest, (lab, prompts, texts, repeated) in rows.items()
    }


def save_lessons(folder: Path, lessons: Mapping[str, Lesson]) -> None:
    """Keep lessons in a folder; if it can't be written, the next ingest learns them again."""
    row = attrgetter("lab", "prompts", "texts", "repeated")
    data = orjson.dumps({digest: row(lesson) for digest, lesson in lessons.items()})
    try:
        new = folder / f"{_KEPT}.new"
        new.write_bytes(hashlib.sha256(data).hexdigest().encode() + b"\n" + data)
        new.replace(folder / _KEPT)
    except OSError:
        return


# Tells whether a report's words are a form's words, though spelt otherwise or cut.


# Chosen by the examples of `tests/test_forms.py`. Over 2,189 reports, 4 of which have a variant,
# 0.4 to 0.9, 4 to 16 words, one in 10 to 40 and 0.5 to 0.9 of the letters give the same answers.
# A variant keeps this share of the form text's words; a text of fewer words must be the same.
MIN_KEPT = 0.8
ALIKE_MIN_WORDS = 8
# One word in so many may be another than the form's.
WORDS_PER_OTHER = 20
# Of two spellings of a word: the share of letters that they have in common.
MIN_SPELLING = 0.75
# Shorter questions are the same only when they are spelt the same. Of the 236 that 2,189 reports
# share 4 pairs are the same with 2 or 4 words, 7 with 1 ("age", "image"), none with 8; no passage
# differs for it.
MIN_ASKED = 4
_GAP = r"(?:&#?\w{1,30};|\W)+"
_EDGE = re.compile(r"[\s*_.:;!?)\]\"”»…]*")


def is_variant(text: str, form: str) -> bool:
    """Whether a text is a form text with some words misspelt, left out or (rarely) replaced.

    Both as `scan.key` makes them. A word that is added makes the whole a lab's, since a form
    may have blanks to be filled in; so does another number.
    """
    words, known = text.split(), form.split()
    if not MIN_KEPT * len(known) <= len(words) <= len(known) or len(known) < ALIKE_MIN_WORDS:
        return False
    if len(set(words) & set(known)) < MIN_KEPT * len(set(known)) - 1:
        return False
    kept = others = 0
    for kind, old, new in _changes(known, words):
        if kind == "insert" or len(new) > len(old):
            return False
        if kind == "replace" and any(word.isdigit() for word in (*old, *new)):
            return False
        others += sum(not _same_word(*pair) for pair in zip(old, new, strict=False))
        kept += len(new)
    return kept >= MIN_KEPT * len(known) and others <= len(known) // WORDS_PER_OTHER


def alike(one: str, other: str) -> bool:
    """Whether two questions (as `scan.key` makes them) are one with a word spelt otherwise."""
    a, b = one.split(), other.split()
    if min(len(a), len(b)) < MIN_ASKED or len(set(a) & set(b)) < max(len(a), len(b)) - 2:
        return False
    return all(
        kind == "equal" or (len(old) == len(new) and all(map(_same_word, old, new)))
        for kind, old, new in _changes(a, b)
    )


def _changes(old: list[str], new: list[str]) -> Iterator[tuple[str, list[str], list[str]]]:
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        yield kind, old[a:b], new[c:d]


def _same_word(one: str, other: str) -> bool:
    return one == other or SequenceMatcher(None, one, other).ratio() >= MIN_SPELLING


def find_words(text: str, form: str) -> Iterator[Span]:
    """Where in a text a form text's words stand one after another, with the marks around them."""
    pattern = r"(?<!\w)" + _GAP.join(map(re.escape, form.split())) + r"(?!\w)"
    for match in re.finditer(pattern, text, re.IGNORECASE):
        start = match.start()
        while start and text[start - 1] in "*_":
            start -= 1
        yield start, _EDGE.match(text, match.end()).end()  # type: ignore[union-attr]
