"""Learns from a collection which lines are form text.

Form text recurs: the same words under the same prompt in the reports of several labs. One lab's
own words recur too (a plan, its closing), but only in that lab's reports, and short or ticked
answers recur everywhere. So a paragraph is form text when it is no list and no image, has at least
five words, and stands in a fifth or more of the reports with that prompt, of three or more labs
(two when there are no more). In a section's head, the section counts as the
prompt. Reports of a single lab teach nothing: what the network's own forms say ships as data
(`form_text.toml`) and is known in any collection.

Each file is read once, for its `Lesson`. Lessons are kept beside the store by the hash of their
file's text. Texts are compared by hashes of their keys, as `scan.key` makes them.
"""

import hashlib
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path

from pydantic import TypeAdapter

from ingest.scan import Event, find_tags, key, scan, tags_to_fields
from rag.files import replace_file

MIN_LABS = 3  # labs that must have a text for it to be form text
MIN_SHARE = 0.2  # of the reports with a prompt must have a text under it
MIN_WORDS = 5  # words of the shortest form text
MAX_PROMPT = 300  # characters: a longer line that begins with ">" is a lab's own
KNOWN_FORM = 0.7  # of a report's prompts are known where it is a known form filled in
HEAD = "# "
# The number is raised when a file teaches something else than before.
_LESSONS_FILE = "lessons-3.json"
_LIST = re.compile(r"\s*(?:(?:[-*•]|\d+[.)])\s|!\[)")
_ASKS = re.compile(r"[?؟:]|\bplease\b", re.IGNORECASE)
Pair = tuple[str, int]  # a prompt, and the hash of a text under it


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a file says of its form."""

    lab: str  # the codes of its countries
    # For each of its questions and section heads ("" for none) the hashes of the texts under it.
    texts: Mapping[str, tuple[int, ...]]

    @property
    def pairs(self) -> list[Pair]:
        """The texts, each with its prompt."""
        return [(prompt, text) for prompt, own in self.texts.items() for text in own]


_LESSONS = TypeAdapter(dict[str, Lesson])


@dataclass(frozen=True)
class Forms:
    """What a collection says about its forms."""

    prompts: frozenset[str] = frozenset()  # seen in two reports or more
    paragraphs: frozenset[Pair] = frozenset()  # the form texts
    records: frozenset[str] = frozenset()  # prompts that are asked again for each partner

    def digest(self, lesson: Lesson) -> str:
        """A hash of all that matters for the file with this lesson."""
        prompts = sorted(self.prompts.intersection(lesson.texts))
        paragraphs = sorted(self.paragraphs.intersection(lesson.pairs))
        parts = repr((prompts, paragraphs)).encode("utf-8", "surrogatepass")
        return hashlib.sha256(parts).hexdigest()

    def prompt_lines(self, events: Sequence[Event]) -> frozenset[int]:
        """Which of a file's ">" lines (indices of events) are form questions.

        A line seen in other reports is. Of the rest: in a report that fills in a known form only
        what asks ("...?", "...:"); in one of an unknown form all but what is too long for a
        question.
        """
        prompts = {i: e.text for i, e in enumerate(events) if e.kind == "prompt"}
        known = {i for i, text in prompts.items() if text and key(text) in self.prompts}
        filled_in = len(known) >= KNOWN_FORM * sum(map(bool, prompts.values()))

        def asks(text: str) -> bool:
            return len(text) <= MAX_PROMPT and not (filled_in and text and not _ASKS.search(text))

        return frozenset(i for i, text in prompts.items() if i in known or asks(text))

    def has(self, prompt: str, text: str) -> bool:
        """Whether a paragraph under a prompt (its key) is form text."""
        return (prompt, text_hash(key(text))) in self.paragraphs


@cache
def shipped_forms() -> Forms:
    """What the forms of the network say, known before any report is read."""
    data = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    paragraphs = frozenset((prompt, text_hash(text)) for prompt, text in data["paragraphs"])
    return Forms(frozenset(data["prompts"]), paragraphs, frozenset(data["records"]))


def learn(lessons: Iterable[Lesson]) -> Forms:
    """Forms of a collection, from the lesson of each of its files, and those that ship."""
    lessons = list(lessons)
    labs = {lesson.lab for lesson in lessons}
    prompts = Counter(filter(None, chain.from_iterable(lesson.texts for lesson in lessons)))
    labs_of: dict[Pair, list[str]] = defaultdict(list)
    for lesson in lessons:
        for pair in lesson.pairs:
            labs_of[pair].append(lesson.lab)
    enough = min(MIN_LABS, max(2, len(labs)))
    paragraphs = {
        pair
        for pair, having in labs_of.items()
        if len(set(having)) >= enough and len(having) >= MIN_SHARE * prompts[pair[0]]
    }
    often = {prompt for prompt, n in prompts.items() if n >= 2 and not prompt.startswith(HEAD)}
    shipped = shipped_forms()
    return Forms(shipped.prompts | often, shipped.paragraphs | paragraphs, shipped.records)


def lesson_of(text: str) -> Lesson:
    """What a file's text says of its form."""
    prompt, texts = "", dict[str, set[int]]()
    for event in scan(text):
        if event.kind == "section" or (event.kind == "prompt" and event.text):
            prompt = head_key(event.text) if event.kind == "section" else key(event.text)
            texts.setdefault(prompt, set())
        elif event.kind == "text" and not _LIST.match(event.text):
            text_key = key(event.text)
            if text_key.count(" ") + 1 >= MIN_WORDS:
                texts.setdefault(prompt, set()).add(text_hash(text_key))
    lab = ",".join(tags_to_fields(find_tags(text)).iso)
    return Lesson(lab, {prompt: tuple(sorted(own)) for prompt, own in sorted(texts.items())})


def head_key(section: str) -> str:
    """What stands for the prompt between a section's heading and its first prompt."""
    return HEAD + key(section)


def text_hash(text_key: str) -> int:
    """What stands for a text, by its key, in lessons and forms."""
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
