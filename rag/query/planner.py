"""Makes plans of questions: by rules, and by one completion of a chat model where that is set.

The rules' plan comes first and stands where the model fails. The model's reply is untrusted: only
values that the collection has are taken from it, and only a list is narrowed by them. Intents are
told apart in `rag.query.intents`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    create_model,
    field_validator,
)

from rag.catalog.catalog import Catalog, find_value
from rag.catalog.tag_fields import TAGS, CatalogQuery, Filters
from rag.errors import ModelError, SettingsError
from rag.index.interface import Index
from rag.models.chat import ChatModel, make_chat
from rag.models.prompts import PLAN_LISTS, plan_messages
from rag.places.countries import region_names, without_regions
from rag.query.conversation import language_in
from rag.query.correction import correct, without_capitals
from rag.query.entities import (
    countries_in,
    labs_in,
    places_in,
    region_in,
    without,
    without_countries,
)
from rag.query.forms import MOST_TERMS, OFF_TOPIC_LIKELY, in_form, subject, topic_of_plan
from rag.query.gloss import RENAMED, alike_words, concepts_of, in_english
from rag.query.intents import own_score
from rag.query.linker import Linker
from rag.query.pairs import QUOTED, pairs
from rag.query.parts import MOST_QUESTIONS, are_apart, asks_of, may_be_apart, questions_in
from rag.query.rules import Rules
from rag.query.wordings import has_wording
from rag.settings import Settings
from rag.text.tokenize import is_quantity, language_of, terms
from rag.types import Notice, Plan, Turn

_COMPARES = 0.55  # the score from which on a question compares two works
TOKENS = 400  # tokens of a reply: a sentence of MOST_CHARACTERS in any script, and the lists
MOST_CHARACTERS = 600  # characters of a question that a model is given or may give
# What is read of a reply (characters), of its lists (values), and of each value (characters).
_MOST_READ = 4000
_MOST_VALUES = 20
_MOST_VALUE = 100


class Planner:
    """Makes plans of questions. Safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        """By rules, and a model where the settings name one: for follow-ups, or every question.

        A SettingsError is raised where it is to be a model, and none is set.
        """
        self._full = settings.planner == "model"
        self._seconds = settings.patience
        self._linker: Linker | None = None
        self._llm: ChatModel | None = None
        if settings.planner != "rules":
            # No retry: what comes too late is of no use, and there is a plan without it.
            short = {"answer_tokens": TOKENS, "timeout": self._seconds}
            self._llm = make_chat(settings.model_copy(update=short), retries=0)
        if self._full and self._llm is None:
            raise SettingsError(
                "The planner is to be a model, but none is set. Set ASKLABS_MODEL, or "
                "ASKLABS_PLANNER to auto."
            )

    def without_model(self) -> Planner:
        """A planner by rules alone that has the same linker."""
        planner = copy(self)
        planner._llm = None
        return planner

    def linker_of(self, catalog: Catalog) -> Linker:
        """The linker of a catalog, made once; two threads may make it at the same time."""
        linker = self._linker
        if linker is None or linker.catalog is not catalog:
            self._linker = linker = Linker(catalog)
        return linker

    def plan(
        self,
        question: str,
        index: Index,
        history: Sequence[Turn] = (),
        filters: Filters = Filters(),
        ignored: Filters = Filters(),
    ) -> Plan:
        """The plan of a question as the user typed it, after a conversation (oldest turn first).

        The words, labs and tags of the collection are recognised. `filters` are what the user
        narrows the search to; `ignored` are values that are not taken from the question.
        """
        typed = without_capitals(question)
        language = language_in(typed, history)
        corrected = correct(typed, language, index)
        rules = self._rules(index, filters, ignored)
        plan = rules.plan(corrected, language, history)
        # A follow-up to a list of which the rules understood every word needs no model.
        unclear = plan.intent != "about" and (self._full or (plan.follows and not plan.query))
        if self._llm is not None and unclear and len(corrected) <= MOST_CHARACTERS:
            plan = self._plan_by_model(self._llm, plan, rules, history)
        plan = self._in_words_of_reports(plan, index)
        # Its reports need not name the region that a question is narrowed to.
        labs = {*plan.boosted.country, *plan.filters.country}
        is_region = len(labs) > 1 and labs.issubset(region_in(plan.standalone, index.catalog))
        bare = " ".join(without_regions(plan.standalone).split()) if is_region else ""
        searched = bare if terms(bare, plan.language) else plan.standalone
        alike = alike_words(index, searched, plan.language)

        def gloss(text: str) -> str:
            return in_english(text, plan.language, alike, index.frequent_words)

        return replace(
            plan,
            # What is asked again stands in the words of before.
            question=question if plan.question == corrected else plan.question,
            countries=tuple(countries_in(plan.standalone)),
            places=tuple(places_in(corrected)),
            alike=alike,
            gloss=gloss(searched),
            asks=tuple(replace(ask, gloss=gloss(ask.standalone)) for ask in asks_of(plan)),
        )

    def questions(
        self,
        plan: Plan,
        index: Index,
        history: Sequence[Turn],
        filters: Filters,
        ignored: Filters,
    ) -> list[tuple[str, Filters]]:
        """The questions that a planned one holds, each with its scope; none where it is but one.

        A list is one of the places, years and kinds of the list before, if it names none.
        """
        text = plan.question
        if regions := self._of_regions(text, plan, index, filters):
            return regions
        parts, plans = questions_in(text, plan.language), list[Plan]()
        if not parts or plan.follows or plan.alone or plan.intent == "about":
            return []
        kinds = self.linker_of(index.catalog).link(text, plan.language).kinds
        is_long = plan.intent == "answer" and len(terms(parts[0], plan.language)) > MOST_TERMS
        if is_long and not kinds:
            return []  # Long questions ask for particulars, which are read together.
        rules, said = self._rules(index, filters, ignored), list(history)
        scopes, before = list[Filters](), Filters()
        for part in parts:
            plans.append(planned := rules.plan(part, plan.language, said))
            scope = filters
            if planned.query:
                own = planned.query.filters
                of_kind = () if own.kind or own.type else ("kind", "type")
                names = [n for n in ("country", "year", *of_kind) if not getattr(own, n)]
                scope = filters.merged(Filters(**{n: getattr(before, n) for n in names}))
                before = scope.merged(own)
            scopes.append(scope)
            said += [Turn("user", part), Turn("assistant", "")]
            if len(plans) == 1 and not (kinds or may_be_apart(plan, planned)):
                return []
        return [*zip(parts, scopes, strict=True)] if are_apart(plan, plans) else []

    def works_compared(self, plan: Plan, index: Index) -> tuple[str, ...]:
        """What a planned question calls two works that it compares; () for any other question.

        Each of them is called by more than tags, places and what any work has.
        """
        is_told = plan.stages or plan.topics or (plan.intent == "compare" and plan.reports)
        others = any(has_wording(name, plan.question) for name in ("many_labs", "sums_up"))
        others = others or plan.off_topic > OFF_TOPIC_LIKELY
        if is_told or others or plan.query or plan.follows or plan.alone:
            return ()
        linker = self.linker_of(index.catalog)

        def is_work(words: str) -> bool:
            links = linker.link(words, plan.language)
            tagged = any(k.field in TAGS for k in links.links)
            return bool(links.rest and (tagged or subject(links, plan.language, "compare")))

        found = [
            (score, pair.one, pair.other)
            for pair in pairs(plan.question, plan.language)
            if (score := own_score("works", pair.asked)) > _COMPARES
            and is_work(pair.one)
            and is_work(pair.other)
        ]
        return max(found)[1:] if found else ()

    def _of_regions(
        self, text: str, plan: Plan, index: Index, filters: Filters
    ) -> list[tuple[str, Filters]]:
        """The topic of a question that compares regions, asked of each; none of any other."""
        is_topic = plan.intent in ("topic", "compare", "answer") and plan.wide
        is_topic = is_topic and not (plan.query or plan.follows or filters.country)
        asks_more = has_wording("did_more", text) or is_quantity(text)
        if not (is_topic and has_wording("compare", text)) or asks_more:
            return []
        named = region_names(text)
        if not 1 < len(named) <= MOST_QUESTIONS:
            return []
        topic = topic_of_plan(plan, self.linker_of(index.catalog))
        topic = " ".join(word for word in topic.split() if not has_wording("compare", word))
        scopes: dict[tuple[str, ...], str] = {}
        for name in named:
            places = region_in(f"{name} labs", index.catalog)
            own = tuple(place for place in places if place in plan.boosted.country)
            scopes.setdefault(own, f"{topic} – {name[:1].upper()}{name[1:]}")
        if not topic or len(scopes) < 2 or () in scopes:
            return []
        return [
            (part, filters.merged(replace(plan.boosted, country=own)))
            for own, part in scopes.items()
        ]

    def _in_words_of_reports(self, plan: Plan, index: Index) -> Plan:
        """The plan of a question whose topic has another name in reports, by that name, too."""
        is_fixed = plan.query or plan.reports or plan.alone or plan.intent == "compare"
        is_fixed = is_fixed or plan.off_topic > OFF_TOPIC_LIKELY
        # Of labs that are named, or at length, something particular is asked.
        named = plan.boosted.country or plan.filters.country
        is_long = len(terms(plan.question, plan.language)) > MOST_TERMS
        if is_fixed or named or is_long or QUOTED.search(plan.question):
            return plan
        topic = topic_of_plan(plan, self.linker_of(index.catalog))
        concept, hint = concepts_of(without_countries(topic), plan.language, index)
        if not concept:
            return replace(plan, hint=hint)
        told = (Notice(RENAMED, {"concept": concept.partition(" / ")[0]}),)
        wide = plan.wide or not plan.follows
        return replace(plan, concept=concept, wide=wide, notices=(*plan.notices, *told))

    def _rules(self, index: Index, filters: Filters, ignored: Filters) -> Rules:
        def reports_with(words: Sequence[Collection[str]]) -> set[str]:
            rows = [row for row, _ in index.having(words, Filters())]
            return {index.ids[n] for n in set(index.report_numbers[rows].tolist())}

        return Rules(self.linker_of(index.catalog), filters, ignored, reports_with)

    def _plan_by_model(
        self, llm: ChatModel, plan: Plan, rules: Rules, history: Sequence[Turn]
    ) -> Plan:
        messages = plan_messages(plan.question, history, plan.language)
        try:
            text = llm.complete(messages, self._seconds, _Reply.model_json_schema())
        except ModelError:
            text = ""
        fields = first_object(text, _Reply.model_fields)
        reply = _Reply.model_validate(fields).model_dump()
        standalone = _sentence(reply["standalone"], plan.language)
        if not (standalone or fields.keys() - {"standalone"}):
            return replace(plan, planner="fallback")
        if standalone and not plan.query:
            # The rules' plan of the question in the words that make it stand alone.
            alone = rules.plan(standalone, plan.language)
            if alone.intent != "about":
                plan = replace(alone, question=plan.question, follows=plan.follows)
        return replace(_refine(plan, reply, rules), planner="model")


def _texts(value: object) -> list[str]:
    """The short texts and numbers of a list that a model wrote, as texts."""
    items = value if isinstance(value, list) else [value]
    texts = [str(i).strip() for i in items[:_MOST_VALUES] if type(i) in (str, int)]
    return [text for text in texts if 0 < len(text) <= _MOST_VALUE]


def _strict(schema: dict[str, Any]) -> None:
    # What servers ask of a schema: all fields required, and no others.
    schema |= {"required": list(schema["properties"]), "additionalProperties": False}
    for field in schema["properties"].values():
        field.pop("default", None)


class Lenient(BaseModel):
    """A part of a model's reply, where a field that is none of its type counts as missing."""

    model_config = ConfigDict(json_schema_extra=_strict)

    @field_validator("*", mode="wrap")
    @classmethod
    def _or_missing(
        cls, value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> Any:
        try:
            return handler(value)
        except ValidationError:
            return cls.model_fields[str(info.field_name)].get_default(call_default_factory=True)


_Texts = Annotated[list[str], BeforeValidator(_texts), Field(default_factory=list)]
# Half a surrogate pair, which JSON can hold, has no UTF-8.
_Text: Any = Annotated[
    str, BeforeValidator(lambda v: v.encode("utf-8", "ignore").decode() if type(v) is str else v)
]
_Intent: Any = Literal["answer", "report", "lab", "compare", "trend", "topic", "reasons", "list"]
_lists: dict[str, Any] = dict.fromkeys(PLAN_LISTS.values(), _Texts)
TagLists = create_model("TagLists", __base__=Lenient, **_lists)
_Reply = create_model(
    "_Reply",
    __base__=TagLists,
    standalone=(_Text, ""),
    intent=(_Intent, "answer"),
    excluded=(TagLists, Field(default_factory=TagLists)),
    every=(bool, False),
    group_by=(str, ""),
    limit=(int, Field(0, ge=0, le=50)),
)


def first_object(reply: str, keys: Collection[str], most: int = _MOST_READ) -> Mapping[str, Any]:
    """These keys of the first JSON object with one of them, of so many characters at most."""
    text = reply[:most]
    for brace in re.finditer(r"\{", text):
        try:
            value, _ = json.JSONDecoder().raw_decode(text, brace.start())
        except (ValueError, RecursionError):
            continue
        wanted = {k: value[k] for k in keys if k in value} if isinstance(value, dict) else {}
        if wanted:
            return wanted
    return {}


def filters_in(lists: Mapping[str, Any], catalog: Catalog) -> Filters:
    """What the lists that a model wrote name of what the collection has."""
    values = {
        field: tuple(dict.fromkeys(n for v in lists[key] for n in _names(field, v, catalog)))
        for field, key in PLAN_LISTS.items()
    }
    return Filters(**values)  # type: ignore[arg-type]


def _named(lists: Mapping[str, Any], rules: Rules) -> Filters:
    catalog = rules.linker.catalog
    return without(filters_in(lists, catalog), rules.ignored, catalog)


def _sentence(text: str, language: str) -> str:
    text = " ".join(text.split())
    if len(text) > MOST_CHARACTERS or language_of(text, language, min_letters=8) != language:
        return ""
    return text


def _names(field: str, value: str, catalog: Catalog) -> Sequence[str | int]:
    if field == "country":
        return labs_in(value, catalog)
    found = find_value(catalog, field, value)
    return [] if found is None else [found]


def _refine(plan: Plan, reply: Mapping[str, Any], rules: Rules) -> Plan:
    # What is certain stays: filters that the user set, a list of which the rules understood every
    # word, the sides that a question compares, the form that it calls a plan.
    if plan.intent == "list":
        return plan
    named, filters = _named(reply, rules), rules.filters
    tags = replace(named, country=(), year=(), kind=())
    taken = [field for field in PLAN_LISTS if field not in TAGS and getattr(filters, field)]
    # Small models name several kinds for any question.
    if plan.boosted.type or len(named.kind) > 1:
        taken.append("kind")
    named = replace(named, **dict.fromkeys((*taken, *TAGS), ()))
    compared = plan.intent == "compare"
    boosted = plan.boosted.merged(named) if compared else named.merged(plan.boosted)
    query = CatalogQuery(
        filters=filters.merged(boosted).merged(tags),
        every=tuple(field for field in TAGS if reply["every"] and len(getattr(tags, field)) > 1),
        excluded=_named(reply["excluded"], rules),
        group_by={key: field for field, key in PLAN_LISTS.items()}.get(reply["group_by"], ""),
        limit=reply["limit"],
    )
    if reply["intent"] == "list" and (tags or query.excluded or query.group_by):
        return replace(
            plan, intent="list", filters=query.filters, boosted=Filters(), wide=True, query=query
        )
    plan = replace(plan, boosted=boosted)
    return in_form(plan, reply["intent"]) if reply["intent"] not in ("answer", "list") else plan
