"""What one file says of its form: the lessons that `ingest.forms` learns from, and their cache.

A lesson holds questions and, as hashes, the paragraphs and lines under them. Lessons are kept
beside the store by the hash of their file's text, so that only new files are read for them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

import orjson

from ingest.normalise import tags_to_fields
from ingest.scan import Event, key, scan, tags

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
