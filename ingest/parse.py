"""Parses the text of one report file into its tags and answer blocks; pure and lossless.

The file is a sequence of events (`ingest.scan`). Text belongs to the last form question above
it; an empty `> ` line changes nothing; a group of questions that comes round again for each
partner is gathered into one block a partner, under the question that asks for the list.
What is left out is only form text, images and blank answers.
A group whose end is missing ends with its section.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ingest.clean import clean
from ingest.forms import Forms, head_key
from ingest.normalise import tags_to_fields
from ingest.scan import Event, key, scan, tags
from ingest.stages import is_finding_prompt
from rag.types import Block, Report, ReportInfo, Span
from rag.words import sentences

_IMAGE = re.compile(r"!\[[^\]\n]{0,300}\]\(([^()\s]{1,2000})\)")
_LINK = re.compile(r"https?://[^\s\[\]()<>\"']{1,2000}?(?=https?://|[\s\[\]()<>\"']|$)")
_NAME_PROMPT = re.compile(
    r"\b(?:name for your|title of the|name of the (?:experiment|innovation)|solution name)\b"
    r"|^(?:title|name)$",
    re.IGNORECASE,
)
_INSIGHT = re.compile(r"^(?:[-_*•\"'.]|\d+\s*[.)]|$)")
MAX_TITLE = 200
# A question may go over several lines, but no further than this many characters.
MAX_JOINED = 2000


@dataclass(slots=True)
class _Slot:
    """An answer block in the making."""

    section: str
    prompt: str
    spans: list[Span] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _State:
    """Where in the form the reader of events is."""

    section: str = ""
    prompt: str = ""
    key: str = ""
    outer: str = ""
    depth: int = 0
    record: _Slot | None = None
    slots: list[_Slot] = field(default_factory=list)

    def open_slot(self, prompt: str) -> _Slot:
        self.slots.append(_Slot(self.section, prompt))
        return self.slots[-1]


def parse(report_id: str, raw: str, forms: Forms) -> Report:
    """The report that a file's text holds.

    Args:
        report_id: the id that the report gets.
        raw: the whole text, newlines as "\\n".
        forms: what the collection says about its forms (`ingest.forms.learn`).
    """
    events = scan(raw)
    slots = _slots(events, raw, forms)
    blocks = tuple(b for b in _number(_block(slot, raw) for slot in slots) if b.text)
    answered = {(block.section, block.prompt) for block in blocks}
    asked = [(slot.section, slot.prompt) for slot in slots if slot.prompt]
    body = "\n".join(e.text for e in events if e.kind == "text")
    images = tuple(dict.fromkeys(_IMAGE.findall(body)))
    found = _LINK.findall(_IMAGE.sub(" ", body))
    return Report(
        info=_info(report_id, events, raw, blocks),
        blocks=blocks,
        raw=raw,
        links=tuple(dict.fromkeys(found)),
        images=images,
        unanswered=tuple(dict.fromkeys(p for s, p in asked if (s, p) not in answered)),
    )


def _slots(events: list[Event], raw: str, forms: Forms) -> list[_Slot]:
    """All answer blocks in the making, in file order, form text left out."""
    state = _State()
    questions = forms.prompt_lines(events)
    for i, event in enumerate(events):
        if event.kind == "section":
            state.section, state.prompt, state.outer = clean(event.text), "", ""
            state.key = head_key(event.text)
            state.record, state.depth = None, 0
            state.open_slot("")
        elif event.kind == "open":
            state.depth += 1
        elif event.kind == "close":
            state.depth = max(0, state.depth - 1)
        elif event.kind == "prompt" and i in questions:
            if event.text:
                _enter_prompt(state, event, forms, joined=_joined(events, i, questions))
        elif event.kind in ("text", "prompt", "quote") and not (
            event.kind == "text" and forms.is_form_paragraph(state.key, event.text)
        ):
            _add_text(state, event, raw)
    return state.slots


def _joined(events: list[Event], i: int, questions: frozenset[int]) -> bool:
    """Whether question line i goes on from the line before it."""
    return (
        i > 0
        and i - 1 in questions
        and events[i - 1].end == events[i].start
        and bool(events[i - 1].text)
    )


def _enter_prompt(state: _State, event: Event, forms: Forms, joined: bool) -> None:
    prompt = clean(event.text)
    this = key(event.text)
    fits = len(state.prompt) + len(prompt) <= MAX_JOINED
    if joined and fits and not state.slots[-1].spans and this not in forms.prompts:
        state.slots[-1].prompt = state.prompt = f"{state.prompt} {prompt}".strip()
        return
    state.prompt, state.key = prompt, this
    if state.depth and this in forms.records:
        if state.record is None or this in state.record.keys:
            state.record = state.open_slot(state.outer or prompt)
        state.record.keys.add(this)
        return
    state.record = None
    if not state.depth:
        state.outer = prompt
    state.open_slot(prompt)


def _add_text(state: _State, event: Event, raw: str) -> None:
    slot = state.record or (state.slots[-1] if state.slots else state.open_slot(""))
    if event.kind != "text":
        # A lab's own line that begins with ">": its words begin after the mark.
        slot.spans.append((raw.index(">", event.start) + 1, event.end))
    elif state.record is None and slot.spans and slot.spans[-1][1] == event.start:
        # One span for all that stands together: a sentence is never cut by the file's lines.
        slot.spans[-1] = (slot.spans[-1][0], event.end)
    else:
        slot.spans.append((event.start, event.end))


def _block(slot: _Slot, raw: str) -> Block:
    """The finished block of a slot: spans that hold no readable text are dropped."""
    kept = [
        (span, text) for span in slot.spans if (text := clean(raw[slice(*span)])) not in ("", "-")
    ]
    return Block(
        section=slot.section,
        prompt=slot.prompt,
        text="\n".join(text for _, text in kept),
        spans=tuple(span for span, _ in kept),
    )


def _number(blocks: Iterable[Block]) -> list[Block]:
    """Blocks with `occurrence` counting those of equal section and prompt."""
    seen: Counter[tuple[str, str]] = Counter()
    numbered = []
    for block in blocks:
        at = (block.section, block.prompt)
        numbered.append(replace(block, occurrence=seen[at]))
        seen[at] += 1
    return numbered


def _info(report_id: str, events: list[Event], raw: str, blocks: tuple[Block, ...]) -> ReportInfo:
    fields = tags_to_fields(tags(raw))
    heading = next((clean(e.text) for e in events if e.kind == "title"), "")
    return ReportInfo(
        id=report_id,
        title=_title(heading, blocks) or report_id,
        kind=_kind(fields.type, blocks),
        countries=fields.countries,
        iso=fields.iso,
        year=fields.year,
        type=fields.type,
        methods=fields.methods,
        datasources=fields.datasources,
        sdgs=fields.sdgs,
        thematic_areas=fields.thematic_areas,
        facts=fields.facts,
    )


def _title(heading: str, blocks: tuple[Block, ...]) -> str:
    """The report's name: the answer to the form's question for it, else the heading.

    A heading that was cut ("...") is completed from the answer that it was cut from.
    """
    named = next((b.text for b in blocks if _NAME_PROMPT.search(b.prompt)), "")
    named = " ".join(named.split())
    if named and len(named) <= MAX_TITLE:
        return named
    stem = heading.rstrip("….").rstrip()
    if heading != stem or _INSIGHT.match(heading):
        for block in blocks:
            text = " ".join(block.text.split())
            if len(stem) >= 3 and text.startswith(stem):
                first = text[slice(*sentences(text)[0])]
                # Insights are numbered, and the next one's number may stand on the same line.
                first = re.sub(r"[;,]?\s+\d{1,2}[.)]$", "", first)
                heading = first if len(stem) <= len(first) <= MAX_TITLE else heading
                break
    return re.sub(r"^[-*•·]\s+", "", heading)


def _kind(type_: str, blocks: tuple[Block, ...]) -> str:
    """What the report is: "plan" or "closing" for a learning plan, else its type."""
    if type_ != "learningplan":
        return type_
    return "closing" if any(is_finding_prompt(b.prompt) for b in blocks) else "plan"
