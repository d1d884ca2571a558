"""The prompts of `prompts.toml` with what they are filled with, and fences for quoted data."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from rag.catalog.tag_fields import TAGS
from rag.text.citation_marks import defuse, keep_known
from rag.text.tokenize import LANGUAGES
from rag.types import Hit, Plan, Turn

# A message to a chat model: its "role" (system, user or assistant) and its "content".
Message = dict[str, str]
# Changes with any edit of `prompts.toml`, so that an answer's record tells which wording made it.
PROMPT_VERSION = "11"
# Filter field -> what a plan in JSON calls its list.
PLAN_LISTS = {"country": "countries", **{name: f"{name}s" for name in ("year", "kind", *TAGS)}}
# How many turns of a conversation are shown, and how many characters of each: to whoever plans, and
# to whoever answers, to whom "the second point" may refer.
_TURNS = 4
_MOST_TURN = 600
_MOST_TOLD = 2000


@cache
def prompts() -> Mapping[str, Any]:
    """The prompts, by what they ask for."""
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))


def refusal(language: str) -> str:
    """The refusal phrase in a language, English where it is not one of the five."""
    phrases: Mapping[str, str] = prompts()["refused"]
    return phrases.get(language, phrases["en"])


def is_refusal(text: str) -> bool:
    """Whether an answer begins with a phrase of refusal of any language as a sentence."""
    first = _plain(re.split(r"[.\n]", text.lstrip(), maxsplit=1)[0])
    return any(first == _plain(phrase) for phrase in prompts()["refused"].values())


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text.replace("’", "'").casefold()).strip()


def answer_messages(
    plan: Plan, hits: Sequence[Hit], history: Sequence[Turn], counted: str = ""
) -> list[Message]:
    """The chat messages that ask a model for a cited answer from numbered passages (from 1).

    `counted` says how many reports of all there are on what is asked. The conversation stands
    before the question, without citation numbers: a model would copy them.
    """
    language = LANGUAGES.get(plan.language, "the language of the question")
    forms = prompts()["forms"]
    is_wide = plan.wide and plan.intent == "answer"
    system = prompts()["system"].format(language=language, refusal=refusal(plan.language))
    user = prompts()["user"].format(
        passages=numbered(enumerate(hits, start=1)),
        counts=f"{len({hit.passage.report.id for hit in hits})} reports "
        f"of {len({hit.passage.report.lab for hit in hits})} labs",
        counted=f"{prompts()['counted']}{fenced('counted', counted)}\n" if counted else "",
        earlier=_conversation(history[-_TURNS:], _MOST_TOLD),
        question=fenced("question", plan.question),
        form=forms["topic"] if is_wide else forms.get(plan.intent, forms["answer"]),
        language=language,
    )
    return messages_of(system, user)


def messages_of(system: str, user: str) -> list[Message]:
    """The chat messages that tell a model what to do and with what."""
    return [{"role": "system", "content": system}, {"role": "user", "content": user}]


def object_schema(**properties: Any) -> dict[str, Any]:
    """The JSON schema of an object that has all of these properties and no others."""
    required = {"required": list(properties), "additionalProperties": False}
    return {"type": "object", "properties": properties, **required}


def list_schema(items: Any) -> dict[str, Any]:
    """The JSON schema of a list of such items."""
    return {"type": "array", "items": items}


def numbered(hits: Iterable[tuple[int, Hit]], with_id: bool = False) -> str:
    """Passages by their numbers, those of one report together between fences that say whose it is.

    `with_id` these have the report's id.
    """
    by_report: dict[str, list[tuple[int, Hit]]] = {}
    for n, hit in hits:
        by_report.setdefault(hit.passage.report.id, []).append((n, hit))
    reports = []
    for own in by_report.values():
        info = own[0][1].passage.report
        title = f"{info.kind}: {info.title}" if info.kind else info.title
        facts = {"lab": info.lab, "author": info.author, "year": info.year or "unknown"}
        facts |= {"title": title, "id": info.id if with_id else ""}
        said = "\n".join(passage_text(n, hit) for n, hit in own)
        reports.append(_between("report", said, facts))
    return "\n\n".join(reports)


def passage_text(n: int, hit: Hit) -> str:
    """A passage between fences, whose attributes say what it answers."""
    passage = hit.passage
    section, question = passage.place
    asked = (
        {"form_question": attribute(question, _MOST_ASKED)} if question else {"section": section}
    )
    return fenced("passage", passage.text, number=n, **asked, stage=passage.stage)


def search_messages(
    plan: Plan, hits: Sequence[Hit], notes: Sequence[str], history: Sequence[Turn], left: int
) -> list[Message]:
    """The chat messages that ask for the next of `left` calls, with `notes` on those before."""
    parts = [numbered(enumerate(hits, start=1), with_id=True)]
    parts += [fenced("call", note) for note in notes]
    parts.append(_conversation(history[-_TURNS:], _MOST_TOLD) + fenced("question", plan.question))
    return messages_of(prompts()["search"].format(left=left), "\n\n".join(parts))


def plan_messages(question: str, history: Sequence[Turn], language: str) -> list[Message]:
    """The chat messages that ask a model how to search for a question, as a JSON object."""
    language_name = LANGUAGES.get(language, "the language of the question")
    lists = ", ".join(f'"{name}": []' for name in PLAN_LISTS.values())
    system = prompts()["plan"].format(language=language_name, lists=lists)
    earlier = _conversation(history[-_TURNS:], _MOST_TURN)
    return messages_of(system, earlier + fenced("question", question))


def _conversation(history: Sequence[Turn], most: int) -> str:
    """The turns of a conversation without citation numbers, between fences; "" for none."""
    turns = [f"{turn.role}: {keep_known(turn.content[:most], 0)}" for turn in history]
    return fenced("conversation", "\n".join(turns)) + "\n" if turns else ""


# Fences around quoted data in a prompt: text of reports stands inside them and can't close them.
#
# A fence begins with `<`, and no text that is put between fences keeps one that could begin a tag.
# So no secret or random word is needed: what looks like a fence is one of ours.

# Characters of a title, some of which are as long as a report, and of a form question.
MOST_ATTRIBUTE, _MOST_ASKED = 160, 90
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# Characters that a reader doesn't see and a model reads: controls, fillers, selectors, tag
# characters, surrogates. The two joiners stay, for scripts that need them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b"
    "\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
_GAP = "[\\s\u200c\u200d]*"
# "<5" and "<= 5" are numbers compared; all else may begin a tag, ours or one of a chat template.
_TAG = re.compile(rf"[<＜﹤](?!{_GAP}[\d=.,$€£])")
_LIKE_TAG = re.compile(
    rf"[‹⟨〈](?={_GAP}(?:[/／|｜]|passage|report|question|system))", re.IGNORECASE
)
# Marks of turns in some models' templates: [INST], [/INST], [SYSTEM_PROMPT].
_TURN = re.compile(r"\[(\s*/?\s*[A-Z][A-Z_ ]{2,30})\]")


def defused(text: str) -> str:
    """A text in which nothing can be taken for a fence, a citation mark or a mark of a turn."""
    text = _INVISIBLE.sub("", _LINE_ENDS.sub("\n", text))
    text = _LIKE_TAG.sub("(", _TAG.sub("(", text))
    return defuse(_TURN.sub(r"(\1)", text))


def attribute(value: object, most: int = MOST_ATTRIBUTE) -> str:
    """A value that can stand in double quotes inside a fence: defused, short, on one line."""
    text = " ".join(defused(str(value)).split()).replace('"', "'").replace(">", ")")
    return text if len(text) <= most else f"{text[:most]}…"


def fenced(name: str, text: str, **attributes: object) -> str:
    """A text between fences of this name; attributes without a value are left out."""
    return _between(name, defused(text).strip(), attributes)


def _between(name: str, text: str, attributes: Mapping[str, object]) -> str:
    """The same of what is fenced already."""
    shown = "".join(f' {key}="{attribute(value)}"' for key, value in attributes.items() if value)
    return f"<{name}{shown}>\n{text}\n</{name}>"
