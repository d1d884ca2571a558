"""Understands questions: by rules, and by one completion of a chat model where that is wanted.

The rules' plan comes first and is what there is where the model fails. The model's reply is
untrusted: of what it says only what the collection has is taken, and it narrows a search only
where the rules would, for a list of which every word is understood.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rag.catalog.catalog import Catalog
from rag.catalog.fields import Filters
from rag.errors import ModelError, SettingsError
from rag.index.snapshot import Snapshot
from rag.models.chat import make_chat
from rag.models.prompts import TAG_LISTS, plan_messages
from rag.query.conversation import language_before
from rag.query.correction import as_meant
from rag.query.entities import countries_in, without
from rag.query.intent import language_of_few
from rag.query.plan import (
    all_understood,
    asks_for_a_list,
    has_sides,
    make_plan,
)
from rag.settings import Settings
from rag.text.language import language_of
from rag.types import Plan, Turn

if TYPE_CHECKING:
    from rag.models.chat import ChatModel


# Enough for a sentence of MOST_SAID in any script, and for the lists.
TOKENS = 400
MOST_SAID = 600
# What is read of a reply, of each of its lists, and of each value in these.
MOST_READ = 4000
MOST_VALUES = 20
MOST_VALUE = 100
_NAMED = {"country": "countries", "year": "years", "kind": "kinds"}
_RETOLD = frozenset(["standalone"])
_UNDERSTOOD = frozenset(["intent", *_NAMED.values(), *TAG_LISTS.values()])


class Planner:
    """Makes plans of questions. Safe to share between threads.

    Without a model by rules; with one, it understands every question (`whole`), or only makes
    those that carry on a conversation stand alone, for the rules.
    """

    def __init__(
        self, llm: ChatModel | None = None, whole: bool = False, seconds: float = 0.0
    ) -> None:
        self._llm = llm
        self._whole = whole
        self._seconds = seconds

    def plan(
        self,
        question: str,
        history: Sequence[Turn],
        given: Filters,
        catalog: Catalog,
        ignored: Filters = Filters(),
        language: str = "",
    ) -> Plan:
        """How a question is understood; `given` filters hold, `ignored` ones are not taken."""
        rules = make_plan(question, history, given, catalog, ignored, language)
        if self._llm is None or not self._asks(rules):
            return rules
        messages = plan_messages(question, history, rules.language, self._whole)
        keys = (_RETOLD if history else frozenset()) | (_UNDERSTOOD if self._whole else frozenset())
        try:
            found = first_object(self._llm.complete(messages, self._seconds), keys)
        except ModelError:
            found = {}
        said = _understood(found, rules.language, catalog, ignored)
        if said == _Said():
            return replace(rules, planner="fallback")
        plan = rules
        if said.standalone:
            plan = _restated(rules, said.standalone, given, catalog, ignored)
        return replace(_refined(plan, said, given), planner="model")

    def _asks(self, rules: Plan) -> bool:
        """Whether the model is asked: not where it could not say the question again."""
        if rules.intent == "about" or len(rules.question) > MOST_SAID:
            return False
        return self._whole or rules.follows


def understood(
    planner: Planner,
    snapshot: Snapshot,
    question: str,
    history: Sequence[Turn],
    filters: Filters,
    ignored: Filters,
) -> Plan:
    """The plan of a question as it was meant, with what is like its words."""
    keyword = snapshot.keyword
    written = snapshot.languages, snapshot.language_counts
    before = language_before(history) if history else ""
    language = language_of_few(question, keyword, *written, before)
    told = language or language_of(question.lower(), min_letters=8)
    meant = as_meant(question, told, keyword)
    plan = planner.plan(meant, history, filters, snapshot.catalog, ignored, language)
    alike = snapshot.lexicon.alike(plan.standalone, plan.language, keyword)
    return replace(plan, question=question, alike=alike)


def make_planner(settings: Settings) -> Planner:
    """The planner that the settings name.

    Raises:
        SettingsError: it is to be a model, and none is configured.
    """
    if settings.planner == "rules":
        return Planner()
    seconds = settings.patience
    # Not asked again: what comes too late is of no use, and there is a plan without it.
    llm = make_chat(settings, max_tokens=TOKENS, timeout=seconds, retries=0)
    if llm is None and settings.planner == "model":
        raise SettingsError(
            "The planner is to be a model, but none is set. Set ASKLABS_MODEL, or ASKLABS_PLANNER "
            "to auto."
        )
    return Planner(llm, settings.planner == "model", seconds)


@dataclass(frozen=True, slots=True)
class _Said:
    """What can be used of a model's reply; empty where nothing can."""

    standalone: str = ""
    intent: str = ""
    named: Filters = Filters()
    tags: Filters = Filters()


def _understood(
    found: Mapping[str, Any], language: str, catalog: Catalog, ignored: Filters
) -> _Said:
    intent = found.get("intent")
    return _Said(
        _sentence(found.get("standalone"), language),
        intent if intent in ("answer", "compare", "list") else "",
        without(_known(found, _NAMED, catalog), ignored, catalog),
        without(_known(found, TAG_LISTS, catalog), ignored, catalog),
    )


def first_object(reply: str, keys: Collection[str]) -> Mapping[str, Any]:
    """These keys of the first JSON object with one of them, whatever stands around it."""
    text = reply[:MOST_READ]
    for brace in re.finditer(r"\{", text):
        try:
            found, _ = json.JSONDecoder().raw_decode(text, brace.start())
        except (ValueError, RecursionError):
            continue
        wanted = {k: found[k] for k in keys if k in found} if isinstance(found, dict) else {}
        if wanted:
            return wanted
    return {}


def _sentence(value: object, language: str) -> str:
    """A question that stands alone, if it is one of a bearable length in the right language."""
    # Half a surrogate pair, which JSON can hold, has no UTF-8.
    text = value.encode("utf-8", "ignore").decode() if isinstance(value, str) else ""
    text = " ".join(text.split())
    if len(text) > MOST_SAID or language_of(text, default=language, min_letters=8) != language:
        return ""
    return text


def _known(found: Mapping[str, Any], keys: Mapping[str, str], catalog: Catalog) -> Filters:
    """Of the values under these keys those that the collection has, as it spells them."""
    known = {
        field: tuple(
            dict.fromkeys(
                name
                for value in _values(found.get(key))
                for name in _spelled(field, value, catalog)
            )
        )
        for field, key in keys.items()
    }
    return Filters(**known)  # type: ignore[arg-type]


def _values(given: object) -> list[str]:
    items = given if isinstance(given, list) else [given]
    kept = [str(i).strip() for i in items[:MOST_VALUES] if type(i) in (str, int)]
    return [text for text in kept if 0 < len(text) <= MOST_VALUE]


def _spelled(field: str, value: str, catalog: Catalog) -> Sequence[str | int]:
    """What a value is called in the collection; nothing where no report has it."""
    if field == "country":
        known = catalog.keys("country")
        return [catalog.name("country", code) for code in countries_in(value) if code in known]
    if field == "year":
        return [int(value)] if value.isdecimal() and int(value) in catalog.keys("year") else []
    has = catalog.ids(Filters(**{field: (value,)}))  # type: ignore[arg-type]
    return [catalog.name(field, value)] if has else []


def _restated(rules: Plan, said: str, given: Filters, catalog: Catalog, ignored: Filters) -> Plan:
    """The rules' plan of a question in the words that make it stand alone."""
    plan = make_plan(said, (), given, catalog, ignored)
    if plan.intent == "about":
        return rules
    return replace(plan, question=rules.question, language=rules.language, follows=rules.follows)


def _refined(plan: Plan, said: _Said, given: Filters) -> Plan:
    """A plan with what the model understood beyond the rules.

    What is known for certain stays: given filters, a list of which the rules understood every
    word, the sides that a question compares, the form that it calls a plan.
    """
    if plan.intent == "list":
        return plan
    taken = [n for n in _NAMED if getattr(given, n)]
    # Small models name several kinds for any question.
    if plan.boosted.type or len(said.named.kind) > 1:
        taken.append("kind")
    named = replace(said.named, **dict.fromkeys(taken, ()))
    ours = plan.intent == "compare"
    boosted = plan.boosted.merged(named) if ours else named.merged(plan.boosted)
    if said.intent == "list" and _is_list(plan, boosted, said.tags):
        filters = given.merged(boosted).merged(said.tags)
        return replace(plan, intent="list", filters=filters, boosted=Filters(), wide=True)
    if said.intent == "compare" and has_sides(boosted):
        return replace(plan, intent="compare", boosted=boosted, wide=True)
    return replace(plan, boosted=boosted)


def _is_list(plan: Plan, named: Filters, tags: Filters) -> bool:
    return asks_for_a_list(plan.standalone) and all_understood(
        plan.standalone, plan.language, named, tags, translated=True
    )
