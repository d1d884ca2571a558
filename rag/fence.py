"""Fences around quoted data in a prompt: text of reports stands inside them and can't close them.

A fence begins with `<`, and no text that is put between fences keeps one that could begin a tag.
So no secret or random word is needed: what looks like a fence is one of ours.
"""

from __future__ import annotations

import re

from rag.cite import defuse

# Of a title or form question: more of it says nothing, and a title may be a whole book.
MOST_ATTRIBUTE = 300

_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# What a reader doesn't see and a model reads: controls, fillers, selectors, tag characters, halves
# of pairs. The two joiners stay, for scripts that need them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b"
    "\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
_GAP = "[\\s\u200c\u200d]*"
# "<5" and "<= 5" are numbers compared; all else may begin a tag, ours or one of a chat template.
_TAG = re.compile(rf"[<＜﹤](?!{_GAP}[\d=.,$€£])")
_LIKE_TAG = re.compile(rf"[‹⟨〈](?={_GAP}(?:[/／|｜]|passage|question|system))", re.IGNORECASE)
# Marks of turns in some models' templates: [INST], [/INST], [SYSTEM_PROMPT].
_TURN = re.compile(r"\[(\s*/?\s*[A-Z][A-Z_ ]{2,30})\]")


def defused(text: str) -> str:
    """A text in which nothing can be taken for a fence, a citation mark or a mark of a turn."""
    text = _INVISIBLE.sub("", _LINE_ENDS.sub("\n", text))
    text = _LIKE_TAG.sub("(", _TAG.sub("(", text))
    return defuse(_TURN.sub(r"(\1)", text))


def attribute(value: object) -> str:
    """A value that can stand in double quotes inside a fence: defused, short, on one line."""
    text = " ".join(defused(str(value)).split()).replace('"', "'").replace(">", ")")
    return text if len(text) <= MOST_ATTRIBUTE else f"{text[:MOST_ATTRIBUTE]}…"


def fenced(name: str, text: str, **attributes: object) -> str:
    """A text between fences of this name; attributes without a value are left out."""
    given = "".join(f' {key}="{attribute(value)}"' for key, value in attributes.items() if value)
    return f"<{name}{given}>\n{defused(text).strip()}\n</{name}>"
