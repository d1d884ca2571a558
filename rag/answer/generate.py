"""Answers by a language model: what it reads, one prompt that fits its window, one completion.

It may look further first: it searches a few times more, by tools. Each step is a prompt of its own
with all passages so far and notes of the calls before it: so any step fits in the window, and
nothing depends on how a server keeps a conversation with tools. The answer is then written, cited
and checked like any other, from all passages together.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from pydantic import create_model

from rag.answer.extractive import Digest
from rag.answer.pipeline import Look, Texts
from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import CatalogQuery, Filters
from rag.errors import ContextOverflow, ModelError
from rag.index.interface import Index
from rag.models.chat import ChatModel, Generation, ToolCall, truncate
from rag.models.client import OPENAI
from rag.models.prompts import PLAN_LISTS, answer_messages, refusal, search_messages
from rag.models.tokens import Budget, count_tokens, make_budget
from rag.query.planner import Lenient, TagLists, filters_in, first_object
from rag.retrieval.hybrid import WIDE_TOKENS, SearchResult, add_reports, reports_to_read
from rag.retrieval.postprocess import fit_budget, interleave
from rag.settings import Settings
from rag.text.citation_marks import stream_known
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


def read_usual(
    plan: Plan,
    found: SearchResult,
    hits: Sequence[Hit],
    index: Index,
    settings: Settings,
    window: int,
    digested: Callable[[], tuple[Digest, Sequence[Hit], object] | None],
    mask: Callable[[Sequence[Hit]], Sequence[Hit]],
    generation: Generation,
) -> Generator[str, None, tuple[Sequence[Hit], Mapping[str, str]]]:
    """What a model reads, of at most `window` tokens: passages, and the texts of their reports.

    First come the passages that a digest without a model quotes, which `digested` makes if the
    plan has one. `hits` of what was `found` are read in any case.
    """
    yield from ()
    first: Sequence[Hit] = ()
    if made := digested():
        digest, first, _ = made
        generation.counted, generation.speaking = digest.counted, digest.speaking
    reports = reports_to_read(plan, found, index.catalog, first)
    parts = chain.from_iterable(map(index.passages_of, reports))
    read = mask(add_reports(plan, first, hits, reports, parts, settings, window))
    return read, index.texts({hit.passage.report.id for hit in read})


class ModelAnswerer:
    """Answers by one streamed completion of a chat model, which may `look` further before.

    Safe to share between threads.
    """

    def __init__(self, llm: ChatModel, settings: Settings) -> None:
        self._llm = llm
        self._budget = make_budget(settings)
        self._passages, self._room = settings.passages, settings.context_tokens
        self.window = self._budget.room
        self.name = self._budget.model
        self._priced = settings.openai_base_url in (None, OPENAI)

    def stream(
        self, plan: Plan, hits: Sequence[Hit], history: Sequence[Turn], generation: Generation
    ) -> Iterator[str]:
        """The model's words with marks of unknown passages left out; the refusal without hits.

        Where its server says that the prompt is too long, it is asked once more with half of the
        passages.

        Raises:
            ModelError: no passage fits in its window, or the model failed.
        """
        if not hits:
            yield refusal(plan.language)
            return
        given, least = hits, self._passages
        if generation.steps:
            # The model asked for all that it found.
            given, least = fit_budget(hits, len(hits), WIDE_TOKENS * self._room), len(hits)
        read = self._budget.fitting(plan, given, history, generation.counted)
        if not read:
            raise ModelError(Notice("no_passage_fits", {"window": self._budget.window}))
        has_text, spent = False, generation.prompt
        try:
            for piece in self._write(plan, read, history, generation):
                has_text = True
                yield piece
        except ContextOverflow:
            read, generation.prompt = read[: len(read) // 2], spent
            # Some servers notice only while they write: half an answer can't go on.
            if has_text or not read:
                raise
            yield from self._write(plan, read, history, generation)
        # A wide question takes as many as fit: fewer than the usual number are worth a word.
        if len(read) < min(len(hits), least):
            left_out = {"read": len(read), "all": len(hits)}
            generation.notices.insert(0, Notice("passages_left_out", left_out))

    def _write(
        self, plan: Plan, read: Sequence[Hit], history: Sequence[Turn], generation: Generation
    ) -> Iterator[str]:
        messages = answer_messages(plan, read, history, generation.counted)
        generation.model, generation.priced = self.name, self._priced
        generation.read, generation.window = len(read), self._budget.window
        generation.prompt += self._budget.tokens(messages)
        # Closed at once where its end is not waited for, so that the server stops too.
        with closing(self._llm.stream(messages, generation)) as pieces:
            known = stream_known(pieces, len(read))
            yield from truncate(known, generation, self._budget.answer)

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
        found: list[Sequence[Hit]] = [fit_budget(hits, self._passages, self._room)]
        notes: list[str] = []
        while len(notes) < STEPS and not generation.stop.is_set():
            calls = self._calls(plan, found, notes, history, generation)[: STEPS - len(notes)]
            for call in calls:
                notice, note, came = _step(call, library)
                known = {hit.passage.id for group in found for hit in group}
                new = sum(hit.passage.id not in known for hit in came)
                found.append(came)
                notes.append(f"{note} New: {new}." if came else note)
                generation.steps.append(notice)
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
        room = WIDE_TOKENS * self._room
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


def _ranked(found: Sequence[Sequence[Hit]]) -> list[Hit]:
    """What was found, each passage once; what was found first comes after what the model found.

    The model's searches take turns, so that each has its best passages among those that fit.
    """
    return interleave([[*interleave(found[1:]), *found[0]]])


def _step(call: ToolCall, library: Library) -> tuple[Notice, str, Sequence[Hit]]:
    """What comes of a call: for the reader, for the model, and as passages.

    A tool that is not there, or a query without words, finds nothing.
    """
    model: Any = next((m for m in _TOOLS if m.__name__ == call.name), Lenient)
    given = model.model_validate(first_object(call.arguments, model.model_fields)).model_dump()
    if model is _Open:
        in_scope = given["id"] in library.catalog.ids(library.scope)
        hits = library.open(given["id"]) if in_scope else ()
        title = hits[0].passage.report.title if hits else given["id"][:_MOST_QUERY]
        notice = Notice("opened_report", {"title": title, "n": len(hits)})
        return notice, f"open_report {title}: {len(hits)} passages.", hits
    named = filters_in(given, library.catalog) if "countries" in given else Filters()
    filters = library.scope.merged(named)
    query = " ".join(given.get("query", "").split())[:_MOST_QUERY]
    values = (str(value) for values in named.as_dict().values() for value in values)
    said = ", ".join(filter(None, (query, *values)))
    if model is _Count:
        rows, total = _counted(library.catalog, filters, _FIELDS.get(given["group_by"], ""))
        notice = Notice("counted_reports", {"query": said or given["group_by"], "n": total})
        return notice, f"count {said} {given['group_by']}: {total} reports\n{rows}", ()
    hits = library.search(query, filters)[:FOUND] if query else ()
    notice = Notice("searched", {"query": said, "n": len(hits)})
    return notice, f"{call.name[:20]} {said}: {len(hits)} passages.", hits


def _counted(catalog: Catalog, filters: Filters, group_by: str) -> tuple[str, int]:
    """The values of a field, or else the reports, with these tags, a line each; how many have."""
    if group_by:
        rows, total = catalog.table(CatalogQuery(filters, group_by=group_by))
        return "\n".join(f"{name}: {n}" for name, n in rows[:_ROWS]), total
    reports = catalog.select(filters)
    lines = (f"{r.id} | {r.lab} | {r.year or ''} | {r.kind} | {r.title}" for r in reports[:_ROWS])
    return "\n".join(lines), len(reports)
