"""Measures what of the labs' words is in the passages, and lists what is not, by kind.

The file of each report is read once more, line by line and without the parser. Every character
that is not found to be something else is an answer's, and must be in one answer block and in one
passage of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.chunk import chunk
from ingest.parsing.clean import clean
from ingest.parsing.form_text import MAX_TEXTS, MIN_LABS, Forms, head_key, learn_texts
from ingest.parsing.parser import parse
from ingest.parsing.scan import find_tags, key, marker
from ingest.sources import Skipped, collect, read_files
from rag.types import FACTS, Passage, Progress, Report, Span

EXAMPLES = 5
EXAMPLE_LENGTH = 80
# A passage that holds this share of a form text's runs of four words holds the form text.
FORM_SHARE = 0.8


@dataclass(slots=True)
class LeftOut:
    """Counts of the pieces of one kind that are not in exactly one passage, with examples."""

    pieces: int = 0
    characters: int = 0
    examples: list[dict[str, str]] = field(default_factory=list)

    def add(self, report: str, text: str, characters: int) -> None:
        """Count a piece of text of a report."""
        self.pieces += 1
        self.characters += characters
        example = {"report": report, "text": " ".join(text.split())[:EXAMPLE_LENGTH]}
        if len(self.examples) < EXAMPLES and example not in self.examples:
            self.examples.append(example)


@dataclass(frozen=True, slots=True)
class Audit:
    """The counts of a collection.

    `answer_share` is the share of the labs' characters (white space and markup aside) that are in
    exactly one answer block and one passage; 1.0 where there are none. `left_out` says by kind
    what is not; `checks` counts passages that are not as they should be.
    """

    answer_share: float
    left_out: dict[str, LeftOut]
    checks: dict[str, LeftOut]
    reports: int
    answers: int
    passages: int
    characters: int

    def to_dict(self) -> dict[str, Any]:
        """The audit as plain values, the share with six digits."""
        return asdict(self) | {"answer_share": _rounded(self.answer_share)}

    def lines(self) -> Iterator[str]:
        """The audit for people, line by line."""
        yield (
            f"{_rounded(self.answer_share):.4%} of {self.characters:,} characters of answers are "
            f"in exactly one answer block and passage "
            f"({self.reports:,} reports, {self.answers:,} answers, {self.passages:,} passages)."
        )
        for title, kinds in (("Left out:", self.left_out), ("Checks:", self.checks)):
            yield title
            for kind, counts in kinds.items():
                yield f"  {kind}: {counts.pieces:,} pieces, {counts.characters:,} characters"
                for example in counts.examples:
                    yield f"    {example['report']}: {example['text']}"


def _rounded(share: float) -> float:
    """Six digits, and never 1.0 when anything is missing."""
    return 1.0 if share == 1.0 else min(round(share, 6), 0.999999)


def audit(files: Iterable[tuple[Report, Sequence[Passage]]], forms: Forms) -> Audit:
    """Compare reports' files with their answer blocks and passages.

    `files` are parsed reports with their passages, `forms` those that they were parsed with.
    """
    auditor = _Auditor(forms)
    for report, passages in files:
        auditor.add(report, passages)
    return auditor.result()


def audit_paths(
    paths: Sequence[Path], progress: Progress = lambda *_: None
) -> tuple[Audit, list[Skipped]]:
    """The audit of the reports at some paths, and what could not be read; nothing is written.

    Raises:
        InputError: a path is not usable.
    """
    files = read_files(list(collect(paths)), {}, progress)
    forms = learn_texts(file.text for file in files.files)

    def parsed() -> Iterator[tuple[Report, list[Passage]]]:
        for n, file in enumerate(files.files, start=1):
            progress("auditing", n, len(files.files))
            report = parse(file.id, file.text, forms)
            yield report, chunk(report)

    return audit(parsed(), forms), files.skipped


class _Auditor:
    def __init__(self, forms: Forms) -> None:
        self.forms = forms
        self.left_out: dict[str, LeftOut] = {}
        self.checks = {
            kind: LeftOut()
            for kind in ("passages with form text", "without a question", "unlike their file")
        }
        # Pieces of which it matters how many labs have them, by what they say.
        self.shared: dict[tuple[str, str], tuple[set[str], list[tuple[str, str, int]]]] = {}
        self.reports = self.answers = self.passages = self.characters = self.right = 0

    def add(self, report: Report, passages: Sequence[Passage]) -> None:
        raw = report.raw
        counts = counted(raw)
        in_blocks = _cover(len(raw), (span for block in report.blocks for span in block.spans))
        in_passages = _cover(len(raw), (span for passage in passages for span in passage.spans))
        is_answer = np.zeros(len(raw), dtype=np.bool_)
        for kind, start, end in pieces(report, self.forms):
            size = int(counts[start:end].sum())
            if kind == ANSWER:
                is_answer[start:end] = True
            elif size and kind in ("question", "form text"):
                labs, texts = self.shared.setdefault((kind, key(raw[start:end])), (set(), []))
                labs.add(report.info.lab)
                texts.append((report.info.id, raw[start:end], size))
            elif size:
                self._left_out(kind).add(report.info.id, raw[start:end], size)
        self._add_answers(report, counts & is_answer, in_blocks, in_passages)
        self.reports += 1
        self.answers += sum(block.prompt != FACTS for block in report.blocks)
        self.passages += len(passages)
        for passage in passages:
            self._check(report, passage)

    def _left_out(self, kind: str) -> LeftOut:
        return self.left_out.setdefault(kind, LeftOut())

    def _add_answers(
        self,
        report: Report,
        counts: npt.NDArray[np.bool_],
        in_blocks: npt.NDArray[np.uint8],
        in_passages: npt.NDArray[np.uint8],
    ) -> None:
        self.characters += int(counts.sum())
        self.right += int((counts & (in_blocks == 1) & (in_passages == 1)).sum())
        for kind, is_wrong in (
            ("answer in no block", in_blocks == 0),
            ("answer in two blocks", in_blocks > 1),
            ("answer in no passage", (in_passages == 0) & (in_blocks > 0)),
            ("answer in two passages", (in_passages > 1) & (in_blocks < 2)),
        ):
            for a, b in _runs(counts & is_wrong):
                self._left_out(kind).add(report.info.id, report.raw[a:b], int(counts[a:b].sum()))

    def _check(self, report: Report, passage: Passage) -> None:
        in_file = "\n".join(clean(report.raw[a:b]) for a, b in passage.spans)
        for kind, is_wrong in (
            ("without a question", not passage.prompt),
            ("unlike their file", in_file != passage.text),
            ("passages with form text", _holds_form_text(passage, self.forms)),
        ):
            if is_wrong:
                self.checks[kind].add(report.info.id, passage.text, len(passage.text))

    def result(self) -> Audit:
        for (kind, _), (labs, texts) in self.shared.items():
            if len(labs) < MIN_LABS:
                kind = f"{kind} of fewer than {MIN_LABS} labs"
            for report, text, size in texts:
                self._left_out(kind).add(report, text, size)
        return Audit(
            answer_share=self.right / self.characters if self.characters else 1.0,
            left_out=dict(sorted(self.left_out.items())),
            checks=self.checks,
            reports=self.reports,
            answers=self.answers,
            passages=self.passages,
            characters=self.characters,
        )


def _cover(length: int, spans: Iterable[Span]) -> npt.NDArray[np.uint8]:
    """How many spans each character is in."""
    cover = np.zeros(length, dtype=np.uint8)
    for start, end in spans:
        cover[start:end] += 1
    return cover


def _runs(wrong: npt.NDArray[np.bool_]) -> Iterator[Span]:
    """Where characters are wrong; those a few characters apart are one run."""
    at = np.flatnonzero(wrong)
    if not len(at):
        return
    for run in np.split(at, np.flatnonzero(np.diff(at) > EXAMPLE_LENGTH) + 1):
        yield int(run[0]), int(run[-1]) + 1


def _holds_form_text(passage: Passage, forms: Forms) -> bool:
    form_texts = forms.texts_under(key(passage.prompt)) + forms.texts_under(
        head_key(passage.section)
    )
    if not form_texts or len(form_texts) > MAX_TEXTS:
        return False
    runs = _runs_of_four(key(passage.text))
    form_runs = map(_runs_of_four, form_texts)
    return any(len(of_form & runs) >= FORM_SHARE * len(of_form) for of_form in form_runs)


def _runs_of_four(text: str) -> set[tuple[str, ...]]:
    words = text.split()
    return {tuple(words[i : i + 4]) for i in range(max(1, len(words) - 3))}


# The kind of each character of a file, without the parser: by the markers of its lines alone. All
# that can't be named is taken for an answer.

ANSWER = "answer"
_KINDS = {
    "title": "title",
    "section": "section heading",
    "open": "group markup",
    "close": "group markup",
}
_IMAGE = re.compile(r"!\[[^\]\n]*\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*\)")
# What is written for a machine inside answers: a link's marks and address, elements, white
# space and elements written as entities (escaped several times over).
_AMP = r"&(?:amp;){0,5}"
_MARKUP = re.compile(
    r"\]\(\s{0,20}(?:https?://|www\.)[^()\n]{0,20000}(?:\([^()\s]*\)[^()\n]{0,2000})*\)"
    rf"|</?[a-z][^<>]{{0,2000}}>|{_AMP}(?:nbsp|\#160|\#xa0|zwnj|zwj|shy);"
    rf"|{_AMP}lt;/?[a-z][^<>\n]{{0,200}}?{_AMP}gt;|^\s*>",
    re.IGNORECASE | re.MULTILINE,
)
_WORDS = re.compile(r"[^\W_]")
_MARKS = frozenset("*[]")
_UNSEEN = ("Cc", "Cf")


class Piece(NamedTuple):
    """raw[start:end] is of one kind: "answer", or why it is none."""

    kind: str
    start: int
    end: int


def pieces(report: Report, forms: Forms) -> Iterator[Piece]:
    """The pieces of a report's file, in order; what is blank is in none."""
    raw = report.raw
    questions = dict.fromkeys((*(b.prompt for b in report.blocks), *report.unanswered))
    # A question over several lines is one question.
    joined = " " + " \n ".join(questions) + " "
    tags = [(tag.start, tag.end) for tag in find_tags(raw)][::-1]
    paragraph: list[Span] = []
    # The question that a paragraph stands under, or its section.
    under = ""
    titled = False
    for match in re.finditer(r"[^\n]+\n?|\n", raw):
        start, end = match.span()
        at = start
        while tags and tags[-1][0] < end:
            yield from _paragraph(paragraph, raw, under, forms)
            at = min(tags[-1][1], end)
            yield Piece("tag", max(tags[-1][0], start), at)
            if tags[-1][1] > end:
                break
            tags.pop()
        line = raw[at:end].strip()
        kind, text = ANSWER, line
        if line and at == start:
            kind, text = _kind_of_line(line, titled, joined, forms)
        if line and kind == ANSWER and text == line:
            paragraph.append((at, end))
            continue
        yield from _paragraph(paragraph, raw, under, forms)
        if kind == ANSWER:
            yield from _paragraph([(at, end)] if line else [], raw, "", forms)
            continue
        yield Piece(kind, at, end)
        titled = titled or kind == "title"
        if kind == "section heading":
            under = head_key(text)
        elif kind == "question" and key(text):
            under = key(text)
    yield from _paragraph(paragraph, raw, under, forms)


def _kind_of_line(line: str, titled: bool, questions: str, forms: Forms) -> tuple[str, str]:
    """What a line is, and its words without the marker."""
    kind, width = marker(line, titled) or ("text", 0)
    text = line[width:].strip()
    if kind == "prompt":
        readable = clean(text)
        is_question = (
            readable in ("", "None")
            or f" {readable} " in questions
            or key(text) in forms.prompts
            or bool(forms.record_key(key(text)))
        )
        return "question" if is_question else ANSWER, text
    return _KINDS.get(kind, ANSWER), text


def _paragraph(lines: list[Span], raw: str, under: str, forms: Forms) -> Iterator[Piece]:
    """A paragraph is an answer but for its images, form text, and marks of a blank answer."""
    if not lines:
        return
    start, end = lines[0][0], lines[-1][1]
    lines.clear()
    text = raw[start:end]
    if _is_blank(text):
        yield Piece("blank answer", start, end)
        return
    others = [Piece("form text", a, b) for a, b in forms.form_spans(under, text)]
    others = others or [Piece("image", *m.span()) for m in _IMAGE.finditer(text)]
    at = 0
    for kind, a, b in others:
        yield Piece(ANSWER, start + at, start + a)
        yield Piece(kind, start + a, start + b)
        at = b
    yield Piece(ANSWER, start + at, end)


def _is_blank(text: str) -> bool:
    """Whether a paragraph has nothing but dashes and marks."""
    return not _WORDS.search(text := _MARKUP.sub("", text)) and not any(
        _counts(char) and char not in "-–>_" for char in text
    )


def counted(raw: str) -> npt.NDArray[np.bool_]:
    """Which characters of a file count: all but white space, marks and markup."""
    codes = np.frombuffer(raw.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    seen, place = np.unique(codes, return_inverse=True)
    counts = np.array([_counts(chr(code)) for code in seen], dtype=np.bool_)
    flags = counts[place] if len(raw) else np.zeros(0, dtype=np.bool_)
    for match in _MARKUP.finditer(raw):
        flags[match.start() : match.end()] = False
    return flags


def _counts(char: str) -> bool:
    return not char.isspace() and char not in _MARKS and unicodedata.category(char) not in _UNSEEN
