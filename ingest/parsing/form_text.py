"""Learns from a collection which lines are form text.

Form text recurs: the same words under the same prompt in the reports of several labs. One lab's
own words recur too (a plan, its closing), but only in that lab's reports, and short or ticked
answers recur everywhere. So a paragraph (or a line of one) is form text when it is no list and no
image, has at least five words, and stands in a fifth or more of the reports with that prompt, of
three or more labs (two when there are no more). In a section's head, the section counts as the
prompt. The sentences of a form paragraph are form text too. Reports of a single lab teach nothing:
what the network's own forms say ships as data (`form_text.toml`) and is known in any collection.

Each file is read once, for its `Lesson`. Lessons are kept beside the store by the hash of their
file's text. All strings that are compared are keys as `scan.key` makes them.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from difflib import SequenceMatcher
from functools import cache, cached_property
from pathlib import Path

import orjson
from pydantic import TypeAdapter

from ingest.parsing.scan import Event, find_tags, key, scan, tags_to_fields
from rag.index.layout import replace_file
from rag.text.sentences import sentences
from rag.types import Span

MIN_LABS = 3  # labs that must have a text for it to be form text
# Share of the reports with a prompt that must have a text under it for it to be form text.
MIN_SHARE = 0.2
MIN_WORDS = 5  # words of the shortest form text
# Characters of the longest form question: a longer line that begins with ">" is a lab's own.
MAX_PROMPT = 300
# Form texts under one prompt, and characters of the longest one. Beyond these only the very same
# words are form text: comparing each paragraph with each other one would take too long.
MAX_TEXTS = 50
MAX_LENGTH = 3000
# Share of a report's prompts that must be known for it to count as a known form filled in.
KNOWN_FORM = 0.7
# A variant keeps this share of the form text's words; a text of fewer words must be the same.
MIN_KEPT = 0.8
VARIANT_MIN_WORDS = 8
WORDS_PER_OTHER = 20  # in a variant one word in so many may be another than the form's
MIN_SPELLING = 0.75  # share of the letters that two spellings of a word have in common
# Shorter questions are the same only when they are spelt the same.
MIN_QUESTION_WORDS = 4
HEAD = "# "
# The number is raised when a file teaches something else than before.
_LESSONS_FILE = "lessons-1.json"
_LIST = re.compile(r"\s*(?:(?:[-*•]|\d+[.)])\s|!\[)")
_ASKS = re.compile(r"[?؟:]|\bplease\b", re.IGNORECASE)
_GAP = r"(?:&#?\w{1,30};|\W)+"
_EDGE = re.compile(r"[\s*_.:;!?)\]\"”»…]*")


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a file says of its form.

    `lab` are the codes of its countries, `prompts` its questions and section heads, `texts` pairs
    of a prompt's position in them (-1 for none) and the hash of a text under it, `repeated` the
    questions in groups that come round again.
    """

    lab: str
    prompts: tuple[str, ...]
    texts: tuple[tuple[int, int], ...]
    repeated: tuple[str, ...]


_LESSONS = TypeAdapter(dict[str, Lesson])


@dataclass(frozen=True)
class Forms:
    """What a collection says about its forms.

    `prompts` are those seen in two reports or more, `paragraphs` pairs of prompt and form
    paragraph, `records` the prompts that come round again for each partner of a list.
    """

    prompts: frozenset[str] = field(default_factory=frozenset)
    paragraphs: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    records: frozenset[str] = field(default_factory=frozenset)

    def to_json(self) -> str:
        """The forms as text; equal forms give equal text."""
        values = {field.name: sorted(getattr(self, field.name)) for field in fields(self)}
        return orjson.dumps(values).decode()

    @classmethod
    def from_json(cls, text: str) -> Forms:
        """The forms that `to_json` wrote; none for ""."""
        return TypeAdapter(cls).validate_json(text or "{}")

    def __or__(self, other: Forms) -> Forms:
        """What either of them says."""
        return Forms(*(getattr(self, f.name) | getattr(other, f.name) for f in fields(self)))

    def digest(self, prompts: Iterable[str]) -> str:
        """A hash of all that matters for a file with these questions and section heads."""
        lines = [
            f"{prompt} {prompt in self.prompts} {_hash(*texts) if texts else ''}"
            for prompt in ("", *prompts)
            for texts in [self._by_prompt.get(prompt, ())]
        ]
        return _hash(*lines, *sorted(self.records))

    @cached_property
    def _by_prompt(self) -> dict[str, list[str]]:
        by_prompt: dict[str, list[str]] = defaultdict(list)
        for prompt, text in sorted(self.paragraphs):
            by_prompt[prompt].append(text)
        return dict(by_prompt)

    def prompt_lines(self, events: Sequence[Event]) -> frozenset[int]:
        """Which of a file's ">" lines (indices of events) are form questions.

        A line seen in other reports is. Of the rest: in a report that fills in a known form only
        what asks ("...?", "...:"); in one of an unknown form all but what is too long for a
        question, or a run of lines that answers the one above.
        """
        prompts = [i for i, event in enumerate(events) if event.kind == "prompt"]
        named = [i for i in prompts if events[i].text]
        known = {i for i in named if key(events[i].text) in self.prompts}
        filled_in = len(known) >= KNOWN_FORM * len(named)
        answers = _answering_lines(events)
        return frozenset(
            i
            for i in prompts
            if i in known
            or not events[i].text
            or (
                len(events[i].text) <= MAX_PROMPT
                and not (filled_in and not _ASKS.search(events[i].text))
                and i not in answers
            )
        )

    def form_spans(self, prompt: str, text: str) -> list[Span]:
        """The parts of a paragraph under a prompt (its key) that are form text.

        The whole paragraph, when it is form text or a variant of one. Else the form sentences that
        stand in it word for word, in order; they may overlap.
        """
        form_texts = self._by_prompt.get(prompt, [])
        if not text or not form_texts:
            return []
        text_key = key(text)
        if (prompt, text_key) in self.paragraphs:
            return [(0, len(text))]
        if len(form_texts) > MAX_TEXTS:
            return []
        form_texts = [form for form in form_texts if len(form) <= MAX_LENGTH]
        if any(is_variant(text_key, form) for form in form_texts):
            return [(0, len(text))]
        padded = f" {text_key} "
        inside = (form for form in form_texts if f" {form} " in padded)
        return sorted(span for form in inside for span in _find_words(text, form))

    def record_key(self, prompt: str) -> str:
        """Which question of a partner's record a prompt (its key) is, however spelt, or ""."""
        if prompt in self.records:
            return prompt
        return next((known for known in sorted(self.records) if same_question(prompt, known)), "")


@cache
def shipped_forms() -> Forms:
    """What the forms of the network say, known before any report is read."""
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    return TypeAdapter(Forms).validate_python(tomllib.loads(text))


def _hash(*lines: str) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _answering_lines(events: Sequence[Event]) -> set[int]:
    """The lines in runs of two or more ">" lines that stand where an answer is due."""
    answering: set[int] = set()
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
            answering.update(run)
    return answering


def learn_texts(texts: Iterable[str]) -> Forms:
    """Forms of a collection, from the texts of its files; a text is its own name."""
    return learn({text: lesson_of(text) for text in texts}, str)


def learn(lessons: Mapping[str, Lesson], text_of: Callable[[str], str]) -> Forms:
    """Forms of a collection, from the lesson of each of its files, and those that ship.

    Args:
        lessons: by a name of the file that stays the same; the result depends on nothing else.
        text_of: the text of a file by its name, called for a few files only.
    """
    prompt_counts = Counter(prompt for lesson in lessons.values() for prompt in lesson.prompts)
    labs_of: dict[tuple[str, int], list[str]] = defaultdict(list)
    first: dict[tuple[str, int], str] = {}
    for name, lesson in sorted(lessons.items()):
        for number, text in lesson.texts:
            pair = (lesson.prompts[number] if number >= 0 else "", text)
            labs_of[pair].append(lesson.lab)
            first.setdefault(pair, name)
    enough = min(MIN_LABS, max(2, len({lesson.lab for lesson in lessons.values()})))
    form_pairs = {
        pair
        for pair, labs in labs_of.items()
        if len(set(labs)) >= enough and len(labs) >= MIN_SHARE * prompt_counts[pair[0]]
    }
    return shipped_forms() | Forms(
        frozenset(p for p, n in prompt_counts.items() if n >= 2 and not p.startswith(HEAD)),
        frozenset(_worded(form_pairs, first, text_of)),
        frozenset(prompt for lesson in lessons.values() for prompt in lesson.repeated),
    )


def _worded(
    form_pairs: Collection[tuple[str, int]],
    first: Mapping[tuple[str, int], str],
    text_of: Callable[[str], str],
) -> Iterator[tuple[str, str]]:
    """Pairs of a prompt and a form text, and of a prompt and a sentence of one."""
    for name in sorted({first[pair] for pair in form_pairs}):
        for prompt, text_key, wording in _candidate_texts(scan(text_of(name))):
            pair = (prompt, _text_hash(text_key))
            if pair in form_pairs and first[pair] == name:
                yield prompt, text_key
                for start, end in sentences(wording):
                    if sentence := _candidate_key(wording[start:end]):
                        yield prompt, sentence


def lesson_of(text: str) -> Lesson:
    """What a file's text says of its form."""
    events = scan(text)
    questions = {key(e.text) for e in events if e.kind == "prompt" and e.text}
    heads = {head_key(e.text) for e in events if e.kind == "section"}
    prompts = tuple(sorted(questions | heads))
    number = {prompt: n for n, prompt in enumerate(prompts)}
    texts = {
        (number.get(prompt, -1), _text_hash(text_key))
        for prompt, text_key, _ in _candidate_texts(events)
    }
    lab = ",".join(tags_to_fields(find_tags(text)).iso)
    return Lesson(lab, prompts, tuple(sorted(texts)), _repeated(events))


def _candidate_texts(events: Sequence[Event]) -> Iterator[tuple[str, str, str]]:
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
                if text_key := _candidate_key(text):
                    yield prompt, text_key, text


def _candidate_key(text: str) -> str:
    """The key of a text of the kind that forms hold: words, no list and no image. Else ""."""
    if _LIST.match(text):
        return ""
    text_key = key(text)
    return text_key if text_key.count(" ") + 1 >= MIN_WORDS else ""


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


def _text_hash(text_key: str) -> int:
    digest = hashlib.blake2b(text_key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def load_lessons(folder: Path) -> dict[str, Lesson]:
    """The lessons kept in a folder by the hash of their file's text; none if they are damaged."""
    try:
        return _LESSONS.validate_json((folder / _LESSONS_FILE).read_bytes())
    except (OSError, ValueError):
        return {}


def save_lessons(folder: Path, lessons: Mapping[str, Lesson]) -> None:
    """Keep lessons in a folder; if it can't be written, the next ingest learns them again."""
    with suppress(OSError):
        replace_file(folder / _LESSONS_FILE, _LESSONS.dump_json(dict(lessons)))


def is_variant(text: str, form: str) -> bool:
    """Whether a text is a form text with some words misspelt, left out or (rarely) replaced.

    A word that is added makes the whole a lab's, since a form may have blanks to be filled in;
    so does another number.
    """
    words, form_words = text.split(), form.split()
    if (
        len(form_words) < VARIANT_MIN_WORDS
        or not MIN_KEPT * len(form_words) <= len(words) <= len(form_words)
        or len(set(words) & set(form_words)) < MIN_KEPT * len(set(form_words)) - 1
    ):
        return False
    matching = others = 0
    for kind, old, new in _changes(form_words, words):
        if kind == "insert" or len(new) > len(old):
            return False
        if kind == "replace" and any(word.isdigit() for word in (*old, *new)):
            return False
        others += sum(not _same_word(*pair) for pair in zip(old, new, strict=False))
        matching += len(new)
    return matching >= MIN_KEPT * len(form_words) and others <= len(form_words) // WORDS_PER_OTHER


def same_question(first: str, second: str) -> bool:
    """Whether two questions (their keys) are one with a word spelt otherwise."""
    a, b = first.split(), second.split()
    shortest, longest = sorted((len(a), len(b)))
    if shortest < MIN_QUESTION_WORDS or len(set(a) & set(b)) < longest - 2:
        return False
    return all(
        kind == "equal" or (len(old) == len(new) and all(map(_same_word, old, new)))
        for kind, old, new in _changes(a, b)
    )


def _changes(old: list[str], new: list[str]) -> Iterator[tuple[str, list[str], list[str]]]:
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        yield kind, old[a:b], new[c:d]


def _same_word(first: str, second: str) -> bool:
    return first == second or SequenceMatcher(None, first, second).ratio() >= MIN_SPELLING


def _find_words(text: str, form: str) -> Iterator[Span]:
    """Where in a text a form text's words stand one after another, with the marks around them."""
    pattern = r"(?<!\w)" + _GAP.join(map(re.escape, form.split())) + r"(?!\w)"
    for match in re.finditer(pattern, text, re.IGNORECASE):
        start = match.start()
        while start and text[start - 1] in "*_":
            start -= 1
        yield start, _EDGE.match(text, match.end()).end()  # type: ignore[union-attr]
