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
from functools import cached_property

import orjson

from ingest.alike import alike, find_words, is_variant
from ingest.lessons import HEAD, Lesson, form_key, form_texts, lesson_of, text_hash
from ingest.scan import Event, key, scan
from rag.types import Span
from rag.words import sentences

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
