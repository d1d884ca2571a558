"""Looks further: a model searches a few times more, by tools, before it writes its answer.

Each step is a prompt of its own with all passages so far and notes of the calls before it: so any
step fits in the window, and nothing depends on how a server keeps a conversation with tools. The
answer is then written, cited and checked like any other, from all passages together.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from pydantic import create_model

from rag.answer.pipeline import Look, Texts
from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import CatalogQuery, Filters
from rag.errors import ModelError
from rag.models.chat import ChatModel, Generation, ToolCall, make_chat
from rag.models.prompts import PLAN_LISTS, search_messages
from rag.models.tokens import Budget, count_tokens, make_budget
from rag.query.planner import Lenient, TagLists, filters_in, first_object
from rag.retrieval.hybrid import WIDE_TOKENS
from rag.retrieval.postprocess import fit_budget, interleave
from rag.settings import Settings
from rag.types import Hit, Notice, Plan, Turn

STEPS = 8  # how many tools an answer may call
FOUND = 10  # passages that a search gives
_ROWS = 30  # values or reports that a count names
_ASIDE = 1500  # tokens of the tools, and of what a model may call
_MOST_QUERY = 300  # characters of a query that are read, and told

_FIELDS = {name: field for field, name in PLAN_LISTS.items()}
_Search = create_model("search", __base__=TagLists, query=(str, ""))
_Count = create_model("count", __base__=TagLists, group_by=(str, ""))
_Open = create_model("open_report", __base__=Lenient, id=(str, ""))
_TOOLS = {
    _Search: "Search all reports by meaning and by words. The lists narrow the search; leave them "
    "empty to search everywhere.",
    _Count: "Count the reports that have the tags in the lists, and name them; or count the values "
    f"of a list among them: group_by is one of {', '.join(_FIELDS)}, or empty.",
    _Open: "Read a whole report, by its id.",
}
TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": model.__name__,
            "description": description,
            "parameters": model.model_json_schema(),
        },
    }
    for model, description in _TOOLS.items()
]


@dataclass(frozen=True, slots=True)
class Library:
    """What the tools look through: tags, a search within filters, reports and their texts by id.

    All of it stays within `scope`, whatever a model asks for.
    """

    catalog: Catalog
    scope: Filters
    search: Callable[[str, Filters], Sequence[Hit]]
    open: Callable[[str], Sequence[Hit]]
    texts: Texts


@dataclass(frozen=True, slots=True)
class _Step:
    """What came of a call: for the reader, for the model, and as passages."""

    notice: Notice
    note: str
    hits: Sequence[Hit] = ()


class Researcher:
    """Searches with a chat model for what an answer lacks. Safe to share between threads."""

    def __init__(self, llm: ChatModel, settings: Settings) -> None:
        self._llm = llm
        self._budget = make_budget(settings)
        self._settings = settings

    def look(
        self,
        library: Library,
        plan: Plan,
        hits: Sequence[Hit],
        usual: Look,
        history: Sequence[Turn],
        generation: Generation,
    ) -> Generator[str, None, tuple[Sequence[Hit], Mapping[str, str]]]:
        """Yields "" after each step, which is noted in `generation`.

        Returns the hits to answer from, first those that the model found, and the texts of their
        reports. A server that fails ends the search. Where the model calls no tool at all, it
        reads what is `usual`, which a notice says.
        """
        passages, room = self._settings.passages, self._settings.context_tokens
        found: list[Sequence[Hit]] = [fit_budget(hits, passages, room)]
        notes: list[str] = []
        while len(notes) < STEPS and not generation.stop.is_set():
            calls = self._calls(plan, found, notes, history, generation)[: STEPS - len(notes)]
            for call in calls:
                step = _step(call, library)
                known = {hit.passage.id for group in found for hit in group}
                new = sum(hit.passage.id not in known for hit in step.hits)
                found.append(step.hits)
                notes.append(f"{step.note} New: {new}." if step.hits else step.note)
                generation.steps.append(step.notice)
                yield ""
            if not calls:
                break
        if not notes:
            if not generation.stop.is_set():
                generation.notices.append(Notice("looked_no_further"))
            return (yield from usual(generation))
        read = _ranked([hits, *found[1:]])
        return read, library.texts({hit.passage.report.id for hit in read})

    def _calls(
        self,
        plan: Plan,
        found: Sequence[Sequence[Hit]],
        notes: Sequence[str],
        history: Sequence[Turn],
        generation: Generation,
    ) -> list[ToolCall]:
        aside = _ASIDE + sum(count_tokens(note) for note in notes)
        budget: Budget = replace(self._budget, answer=self._budget.answer + aside)
        hits = interleave([[*chain.from_iterable(found)]])
        room = WIDE_TOKENS * self._settings.context_tokens
        read = budget.fitting(plan, fit_budget(hits, len(hits), room), history)
        if len(read) < len(hits):  # Else in their old order, which servers remember.
            read = budget.fitting(plan, fit_budget(_ranked(found), len(hits), room), history)
        messages = search_messages(plan, read, notes, history, STEPS - len(notes))
        generation.prompt += budget.tokens(messages)
        try:
            calls = self._llm.call_tools(messages, TOOLS, generation.stop)
        except ModelError:
            return []
        generation.completion += sum(count_tokens(call.arguments) for call in calls)
        return calls


def make_researcher(settings: Settings) -> Researcher | None:
    """Who looks further, or None without a chat model."""
    llm = make_chat(settings)
    return Researcher(llm, settings) if llm else None


def _ranked(found: Sequence[Sequence[Hit]]) -> list[Hit]:
    """What was found, each passage once; what was found first comes after what the model found.

    The model's searches take turns, so that each has its best passages among those that fit.
    """
    return interleave([[*interleave(found[1:]), *found[0]]])


def _step(call: ToolCall, library: Library) -> _Step:
    """What comes of a call; a tool that is not there, or a query without words, finds nothing."""
    model: Any = next((m for m in _TOOLS if m.__name__ == call.name), Lenient)
    given = model.model_validate(first_object(call.arguments, model.model_fields)).model_dump()
    if model is _Open:
        in_scope = given["id"] in library.catalog.ids(library.scope)
        hits = library.open(given["id"]) if in_scope else ()
        title = hits[0].passage.report.title if hits else given["id"][:_MOST_QUERY]
        notice = Notice("opened_report", {"title": title, "n": len(hits)})
        return _Step(notice, f"open_report {title}: {len(hits)} passages.", hits)
    named = filters_in(given, library.catalog) if "countries" in given else Filters()
    filters = library.scope.merged(named)
    query = " ".join(given.get("query", "").split())[:_MOST_QUERY]
    values = (str(value) for values in named.as_dict().values() for value in values)
    said = ", ".join(filter(None, (query, *values)))
    if model is _Count:
        rows, total = _counted(library.catalog, filters, _FIELDS.get(given["group_by"], ""))
        notice = Notice("counted_reports", {"query": said or given["group_by"], "n": total})
        return _Step(notice, f"count {said} {given['group_by']}: {total} reports\n{rows}")
    hits = library.search(query, filters)[:FOUND] if query else ()
    notice = Notice("searched", {"query": said, "n": len(hits)})
    return _Step(notice, f"{call.name[:20]} {said}: {len(hits)} passages.", hits)


def _counted(catalog: Catalog, filters: Filters, group_by: str) -> tuple[str, int]:
    """The values of a field, or else the reports, with these tags, a line each; how many have."""
    if group_by:
        rows, total = catalog.table(CatalogQuery(filters, group_by=group_by))
        return "\n".join(f"{name}: {n}" for name, n in rows[:_ROWS]), total
    reports = catalog.select(filters)
    lines = (f"{r.id} | {r.lab} | {r.year or ''} | {r.kind} | {r.title}" for r in reports[:_ROWS])
    return "\n".join(lines), len(reports)
