"""Turns the text of one report file into tags, answer blocks and passages; pure and lossless.

The file is a sequence of events (`ingest.scan`). Text belongs to the last form question
above it; an empty `> ` line changes nothing; a group of questions that comes round again for each
partner is gathered into one block a partner, under the question that asks for the list.
Where no question stands above a text, its section's heading serves as one, and where there is
no heading either, `FREE_TEXT`. What only tags say is one more block (`FACTS`).
What is left out is only form text, images and blank answers.
A group whose end is missing ends with its section.

A passage is an answer block, or a token-bounded part of one.
"""

import hashlib
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count
from pathlib import Path

from ingest.form_text import Forms, head_key
from ingest.scan import (
    BLANK,
    NOT_SHOWN,
    Event,
    Tag,
    clean,
    clean_with_offsets,
    find_tags,
    key,
    scan,
    tags_to_fields,
    unescaped,
)
from rag.catalog.normalize import fold_tag
from rag.models.tokens import count_tokens, fits
from rag.text.sentences import sentences
from rag.text.tokenize import language_of
from rag.types import FACTS, FREE_TEXT, Block, Passage, Report, Span, Stage

_NAME_PROMPT = re.compile(
    r"\b(?:name for your|title of the|name of the (?:experiment|innovation)|solution name)\b"
    r"|^(?:title|name)$",
    re.IGNORECASE,
)
_INSIGHT = re.compile(r"^(?:[-_*•\"'.]|\d+\s*[.)]|$)")
MAX_TITLE = 200  # characters of the longest title or heading
# Tokens of the longest passage: two or three paragraphs, so that a dozen passages fit any model.
MAX_TOKENS = 300
MAX_GAP = 40  # characters of markup that may lie between two sentences of one span
# A text of more sentences than any report has in one answer is data: a table, a log. It is cut at
# white space, since placing each sentence costs time.
MANY_SENTENCES = 1000


@dataclass(slots=True)
class _Slot:
    """An answer block in the making."""

    section: str
    prompt: str
    spans: list[Span] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _State:
    """Where in the form the reader of events is."""

    section: str = ""
    key: str = ""  # of the last question, or of the section's heading
    outer: str = ""  # the last question that is in no group
    depth: int = 0  # of groups
    record: _Slot | None = None  # that of the partner whose group it is
    slots: list[_Slot] = field(default_factory=list)

    def open_slot(self, prompt: str) -> _Slot:
        self.slots.append(_Slot(self.section, prompt))
        return self.slots[-1]


def parse(report_id: str, raw: str, forms: Forms) -> Report:
    """The report that a file's text holds; newlines are "\\n"."""
    events, tags = scan(raw), find_tags(raw)
    tagged = tags_to_fields(tags)
    slots = _slots(events, forms)
    facts = _facts_block(raw, tags, tagged.facts)
    # How many blocks of the same section and prompt came before.
    seen: dict[tuple[str, str], Iterator[int]] = defaultdict(count)
    numbered = [
        replace(block, occurrence=next(seen[block.section, block.prompt]))
        for block in (facts, *(_block(slot, raw) for slot in slots))
    ]
    blocks = tuple(block for block in numbered if block.text)
    questions = [
        ((slot.section, slot.prompt), block.text)
        for slot, block in zip(slots, numbered[1:], strict=True)
        if slot.prompt
    ]
    answered = {at for at, text in questions if text}
    return Report(
        info=replace(
            tagged,
            id=report_id,
            title=_title(events, blocks) or report_id,
            kind=kind_of(tagged.type, blocks),
        ),
        blocks=blocks,
        raw=raw,
        unanswered=tuple(dict.fromkeys(at[1] for at, _ in questions if at not in answered)),
    )


def _slots(events: list[Event], forms: Forms) -> list[_Slot]:
    state = _State()

    def add_text(start: int, end: int) -> None:
        slot = state.record or (state.slots[-1] if state.slots else state.open_slot(""))
        slot.spans.append((start, end))

    questions = forms.prompt_lines(events)
    for i, event in enumerate(events):
        if event.kind == "section" and len(event.text) <= MAX_TITLE:
            state.section, state.key, state.outer = clean(event.text), head_key(event.text), ""
            state.record, state.depth = None, 0
            state.open_slot("")
        elif event.kind == "open":
            state.depth += 1
        elif event.kind == "close":
            state.depth = max(0, state.depth - 1)
        elif event.kind == "prompt" and i in questions:
            if event.text:
                _enter_prompt(state, event, forms)
        elif event.kind == "text" and not forms.has(state.key, event.text):
            add_text(event.start, event.end)
        elif event.kind in ("prompt", "quote", "section"):
            # A lab's own line that begins with ">" or "##": its words begin after the mark.
            add_text(event.inside, event.end)
    return state.slots


def _enter_prompt(state: _State, event: Event, forms: Forms) -> None:
    """Go on to a question line."""
    prompt, state.key = clean(event.text), key(event.text)
    if state.depth and state.key in forms.records:
        # The next partner's record begins where this one has the question.
        if state.record is None or state.key in state.record.keys:
            state.record = state.open_slot(state.outer or prompt)
        state.record.keys.append(state.key)
        return
    state.record = None
    if not state.depth:
        state.outer = prompt
    state.open_slot(prompt)


def _block(slot: _Slot, raw: str) -> Block:
    """The finished block of a slot: spans that hold no readable text are dropped."""
    answers = {s: text for s in slot.spans if not BLANK.fullmatch(text := clean(raw[slice(*s)]))}
    prompt = slot.prompt or slot.section or FREE_TEXT
    return Block(slot.section, prompt, "\n".join(answers.values()), tuple(answers))


def _title(events: Iterable[Event], blocks: tuple[Block, ...]) -> str:
    """The report's name: the answer to the form's question for it, else the heading.

    A heading that was cut ("...") is completed from the answer that it was cut from.
    """
    named = next((b.text for b in blocks if _NAME_PROMPT.search(b.prompt)), "")
    named = " ".join(named.split())
    if named and len(named) <= MAX_TITLE:
        return named
    heading = next((clean(e.text) for e in events if e.kind == "title"), "")
    stem = heading.rstrip("….").rstrip()
    if len(stem) >= 3 and (heading != stem or _INSIGHT.match(heading)):
        texts = (" ".join(block.text.split()) for block in blocks)
        if text := next((text for text in texts if text.startswith(stem)), ""):
            first = text[slice(*sentences(text)[0])]
            heading = first if len(stem) <= len(first) <= MAX_TITLE else heading
    return re.sub(r"^[-*•·]\s+", "", heading)


def _facts_block(raw: str, tags: Iterable[Tag], facts: Mapping[str, tuple[str, ...]]) -> Block:
    """The block whose spans are the tags that hold the facts; empty where there are none."""
    allowed = {key: {fold_tag(value) for value in values} for key, values in facts.items()}
    span_of = {
        (tag.key, value): (tag.start, tag.end)
        for tag in reversed(list(tags))
        if tag.key not in NOT_SHOWN
        and (value := fold_tag(unescaped(tag.value))) in allowed.get(tag.key, ())
    }
    spans = tuple(sorted(span_of.values()))
    text = "\n".join(clean(raw[start:end]) for start, end in spans)
    return Block(section=FACTS, prompt=FACTS, text=text, spans=spans)


def kind_of(type_: str, blocks: tuple[Block, ...]) -> str:
    """What the report is: "plan" or "closing" for a learning plan, else its type."""
    if type_ != "learningplan":
        return type_
    is_closing = any(b.prompt != b.section and stage_of("", b.prompt) == "finding" for b in blocks)
    return "closing" if is_closing else "plan"


@cache
def _rules(table: str) -> Sequence[tuple[Stage, re.Pattern[str]]]:
    """The stages of a table of `stages.toml` with their words, in order."""
    data = tomllib.loads(Path(__file__).with_name("stages.toml").read_text(encoding="utf-8"))
    return [(s, re.compile("|".join(words), re.IGNORECASE)) for s, words in data[table].items()]


def stage_of(section: str, prompt: str) -> Stage:
    """The stage of an answer, from its form question and, where that is silent, its section.

    A heading that stands for a question is a section's, not a form's.
    """
    asked = "" if prompt == section else prompt
    places = ("questions", asked), ("sections", section)
    found = (stage for table, text in places for stage, w in _rules(table) if w.search(text))
    return next(found, "evidence")


def chunk(report: Report, max_tokens: int = MAX_TOKENS) -> list[Passage]:
    """The passages of a report, in file order, each of at most `max_tokens` tokens.

    A single sentence that is longer is cut at white space. The language of a passage too
    short to tell is that of most of the report.
    """
    passages = [
        Passage(
            id=_passage_id(report.info.id, block, n),
            report=report.info,
            section=block.section,
            prompt=block.prompt,
            text=text,
            spans=spans,
            stage=stage_of(block.section, block.prompt),
            language=language_of(text, default=""),
            part=n,
            parts=len(parts),
        )
        for block in report.blocks
        for parts in [_parts(report.raw, block, max_tokens)]
        for n, (text, spans) in enumerate(parts, start=1)
    ]
    sizes: Counter[str] = Counter()
    for passage in passages:
        # Tags are in the form's language, not in the lab's.
        if passage.language and passage.section != FACTS:
            sizes[passage.language] += len(passage.text)
    main = sizes.most_common(1)[0][0] if sizes else "en"
    info = replace(report.info, language=main)
    return [replace(p, report=info, language=p.language or main) for p in passages]


def _passage_id(report_id: str, block: Block, part: int) -> str:
    """The same for the same place in the same report, at any time."""
    place = (report_id, block.section, block.prompt, str(block.occurrence), str(part))
    return hashlib.sha256("\x1f".join(place).encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _parts(raw: str, block: Block, max_tokens: int) -> list[tuple[str, tuple[Span, ...]]]:
    """The block's text in parts of at most `max_tokens`, each with its spans in the file."""
    if fits(block.text, max_tokens):
        return [(block.text, block.spans)]
    parts: list[dict[Span, str]] = []
    total = 0
    for origin in block.spans:
        for n, (piece, span, size) in enumerate(_pieces(raw, origin, max_tokens)):
            room = bool(parts) and total + size <= max_tokens
            grown = _grown(raw, parts[-1], piece, span, within=n > 0) if room else {}
            # Joined, the pieces may have a few tokens more than the sum of their sizes.
            if grown and fits("\n".join(grown.values()), max_tokens):
                parts[-1] = grown
                total += size
            else:
                parts.append({span: piece})
                total = size
    return [("\n".join(part.values()), tuple(part)) for part in parts]


def _grown(
    raw: str, part: dict[Span, str], piece: str, span: Span, within: bool
) -> dict[Span, str]:
    """The part with one more piece; the last span grows over it if nothing is left out between.

    `within` says that both are of one span, where only markup can lie between them.
    """
    last = next(reversed(part))
    gap = raw[last[1] : span[0]]
    if len(gap) <= MAX_GAP and (within or not gap.strip()):
        joined = (last[0], span[1])
        text = clean(raw[slice(*joined)])
        if text.endswith(piece):
            return {s: t for s, t in part.items() if s != last} | {joined: text}
    return part | {span: piece}


def _pieces(raw: str, span: Span, max_tokens: int) -> Iterator[tuple[str, Span, int]]:
    """Sentences (cut at white space where longer than `max_tokens`) with place and size."""
    source = raw[slice(*span)]
    text, offsets = clean_with_offsets(source)
    units = sentences(text)
    for a, b in units if len(units) <= MANY_SENTENCES else [(0, len(text))]:
        for c, d in _cut(text, a, b, max_tokens):
            start, end = _place(source, text, offsets, c, d)
            piece = clean(source[start:end])
            if piece:
                yield piece, (span[0] + start, span[0] + end), count_tokens(piece) + 1


def _place(source: str, text: str, offsets: list[int], c: int, d: int) -> Span:
    """Where in `source` text[c:d] comes from."""
    tight = offsets[c], offsets[d - 1] + 1
    if clean(source[slice(*tight)]) == text[c:d]:
        return tight
    # It begins or ends with a link's label: the link's marks and address belong to it.
    opening = source.rfind("[", offsets[c - 1] if c else 0, tight[0])
    after = offsets[d] if d < len(offsets) else len(source)
    starts = (opening, tight[0]) if opening >= 0 else (tight[0],)
    places = [(start, end) for end in (after, tight[1]) for start in starts]
    # Or it is all that a tag says.
    places.append((0, len(source)))
    return next((p for p in places if clean(source[slice(*p)]) == text[c:d]), tight)


def _cut(text: str, start: int, end: int, max_tokens: int) -> Iterator[tuple[int, int]]:
    """text[start:end] in runs of whole words of at most `max_tokens` tokens."""
    # Words of more than 8 characters a token are rare: what is longer is cut without counting,
    # which would take the square of the time for a file of one line.
    while end - start > 8 * max_tokens or not fits(text[start:end], max_tokens):
        length = min(4 * max_tokens, end - start)
        while length > 1 and not fits(text[start : start + length], max_tokens):
            length //= 2
        space = text.rfind(" ", start + 1, start + length)
        stop = space if space > start else start + length
        yield start, stop
        start = stop + (1 if text[stop : stop + 1] == " " else 0)
    if start < end:
        yield start, end
