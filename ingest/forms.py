"""Learns from a collection which lines are form text.

Form text recurs: the same words under the same prompt in the reports of several labs. One
lab's own words recur too (a plan, its re-submission, its closing), but only in that lab's
reports, and short or ticked answers recur everywhere. So a paragraph is form text when it is
no list, has at least five words, and stands in a fifth or more of the reports with that prompt,
of three or more labs (two when there are no more). In a section's head, the section counts
as the prompt. A single report teaches nothing: there all text is taken for answers.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ingest.scan import Event, key

MIN_LABS = 3
MIN_SHARE = 0.2
MIN_WORDS = 5
HEAD = "# "
# A line that begins with ">" and is longer than any form question is a lab's own.
MAX_PROMPT = 300
# Share of a report's prompts that must be known for it to count as a known form filled in.
KNOWN_FORM = 0.7
_ASKS = re.compile(r"[?؟:]|\bplease\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Forms:
    """What a collection says about its forms; all strings are keys as `scan.key` makes them.

    `prompts` are those seen in two reports or more, `paragraphs` pairs of prompt and form
    paragraph, `records` the prompts that come round again for each partner of a list.
    """

    prompts: frozenset[str] = field(default_factory=frozenset)
    paragraphs: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    records: frozenset[str] = field(default_factory=frozenset)

    def __or__(self, other: Forms) -> Forms:
        return Forms(
            self.prompts | other.prompts,
            self.paragraphs | other.paragraphs,
            self.records | other.records,
        )

    @property
    def fingerprint(self) -> str:
        """A short hash of the whole."""
        lines = sorted(self.prompts) + sorted(map(repr, self.paragraphs)) + sorted(self.records)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]

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

    def is_form_paragraph(self, prompt: str, text: str) -> bool:
        """Whether a paragraph under a prompt (given by its key) is form text."""
        return (prompt, key(text)) in self.paragraphs


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


def learn(files: Iterable[tuple[str, Sequence[Event]]]) -> Forms:
    """Forms of a collection, from each file's lab and its events."""
    seen_prompts: dict[str, int] = defaultdict(int)
    labs_of: dict[tuple[str, str], list[str]] = defaultdict(list)
    records: dict[str, int] = defaultdict(int)
    all_labs: set[str] = set()
    for lab, events in files:
        all_labs.add(lab)
        prompts, paragraphs, repeated = _of_file(events)
        for prompt in prompts:
            seen_prompts[prompt] += 1
        for pair in paragraphs:
            labs_of[pair].append(lab)
        for prompt in repeated:
            records[prompt] += 1
    enough = min(MIN_LABS, max(2, len(all_labs)))
    return Forms(
        frozenset(p for p, n in seen_prompts.items() if n >= 2 and not p.startswith(HEAD)),
        frozenset(
            pair
            for pair, labs in labs_of.items()
            if len(set(labs)) >= enough and len(labs) >= MIN_SHARE * seen_prompts[pair[0]]
        ),
        frozenset(records),
    )


def _of_file(events: Sequence[Event]) -> tuple[set[str], set[tuple[str, str]], set[str]]:
    """A file's prompts and sections, its possible form paragraphs, its repeated group prompts."""
    prompts: set[str] = set()
    paragraphs: set[tuple[str, str]] = set()
    repeated: set[str] = set()
    in_groups: set[str] = set()
    prompt, depth = "", 0
    for event in events:
        if event.kind == "section":
            prompt, in_groups, depth = head_key(event.text), set(), 0
            prompts.add(prompt)
        elif event.kind == "open":
            depth += 1
        elif event.kind == "close":
            depth = max(0, depth - 1)
        elif event.kind == "prompt" and event.text:
            prompt = key(event.text)
            prompts.add(prompt)
            if depth and prompt in in_groups:
                repeated.add(prompt)
            elif depth:
                in_groups.add(prompt)
            else:
                in_groups = set()
        elif event.kind == "text" and could_be_form(event.text):
            paragraphs.add((prompt, key(event.text)))
    return prompts, paragraphs, repeated


def head_key(section: str) -> str:
    """What stands for the prompt between a section's heading and its first prompt."""
    return HEAD + key(section)


def could_be_form(text: str) -> bool:
    """Whether a paragraph is of the kind that forms hold: words, and not a list."""
    return not re.match(r"\s*(?:[-*•]|\d+[.)])\s", text) and len(key(text).split()) >= MIN_WORDS
