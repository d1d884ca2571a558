"""The rules that make a plan: what a question asks for, of which labs, by which tags.

To add an intent: its name in `Intent` (`rag/types.py`), its wordings in `wordings.toml`, a case of
`intent_of`, and who answers it in `Engine.ask`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import Filters
from rag.places.regions import means_one_of_a_region, without_regions
from rag.query.conversation import (
    Thread,
    follow_up,
    has_topic,
    is_follow_up,
    language_in,
    points_at_labs,
    previous_question,
    to_many_labs,
)
from rag.query.entities import (
    all_tags_in,
    countries_in,
    fact_terms,
    listing_stems,
    named_in,
    names_tags,
    region_in,
    without,
)
from rag.query.wordings import any_of, keys
from rag.text.prompt_injection import overrides
from rag.text.tokenize import strip_accents, terms, words
from rag.types import Intent, Plan, Turn


@dataclass(frozen=True, slots=True)
class Rules:
    """Makes plans by rules.

    Args:
        catalog: the reports; only labs and tags that exist are recognised.
        filters: those that the user set; they narrow the search.
        ignored: values that are not taken from a question; an empty one stands for its field.
    """

    catalog: Catalog
    filters: Filters = Filters()
    ignored: Filters = Filters()

    def plan(self, question: str, language: str, history: Sequence[Turn] = ()) -> Plan:
        """The plan of a question without slips, after a conversation (oldest turn first)."""
        catalog, filters = self.catalog, self.filters
        named, many = named_in(question, catalog), to_many_labs(question)
        follows = is_follow_up(question, language, bool(named.country) or many, history)
        if not follows and (about := asks_about(question)) is not None:
            language = greeting_language(question) or language
            return Plan(question, question, language, "about", filters, about=about)
        if follows and (repeated := self._repeat_list(question, language, history)):
            return repeated
        thread = follow_up(question, history, named, catalog) if follows else Thread(question)
        standalone = thread.standalone
        named = named.merged(Filters(country=thread.country, year=thread.year))
        intent = intent_of(question, self._wanted(named))
        region = () if named.country else region_in(question, catalog)
        named = replace(named, country=named.country or region)
        boosted = self._wanted(named)
        if not has_topic(standalone, language):
            # "What worked?" about the reports of a theme is about that theme.
            chosen = (*filters.theme, *filters.method, *filters.datasource, *filters.sdg)
            standalone = " ".join([standalone, *chosen])
        # Several labs that the user chose are all heard, unless the question names one.
        many = many or thread.wide or (len(filters.country) > 1 and not named.country)
        wide, narrowed = intent != "answer" or many, filters
        if region and boosted.country and not means_one_of_a_region(question):
            wide = True
            if many:
                # "Labs in West Africa" leaves no doubt whose words are asked for.
                narrowed = filters.merged(Filters(country=boosted.country))
                standalone = without_regions(standalone)
        if thread.only and boosted.country:
            narrowed = filters.merged(Filters(country=boosted.country))
        ignored = without(named, boosted, catalog)
        plan = Plan(
            question, standalone, language, intent, narrowed, boosted, wide, ignored, follows
        )
        if intent != "list":
            return plan
        tags = all_tags_in(question, catalog)
        rest = without_regions(question) if region else question
        if not is_exact_list(rest, language, named, tags, regional=bool(region)):
            return replace(plan, intent="answer", wide=many or not asks_for_foremost(question))
        wanted = self._wanted(tags)
        plan = replace(plan, ignored=ignored.merged(without(tags, wanted, catalog)))
        if not (boosted or wanted):
            return replace(plan, intent="answer")
        return replace(plan, filters=filters.merged(boosted).merged(wanted), boosted=Filters())

    def _repeat_list(self, question: str, language: str, history: Sequence[Turn]) -> Plan | None:
        """The plan of the last list once more by other filters ("and in 2022?"), if it is asked."""
        named, tags = named_in(question, self.catalog), all_tags_in(question, self.catalog)
        if points_at_labs(question) or not is_exact_list(question, language, named, tags):
            return None
        before, earlier = previous_question(history)
        last = self.plan(before, language_in(before, earlier), earlier)
        if last.intent != "list":
            return None
        new = self._wanted(named.merged(tags))
        # "And the experiments?" asks for them in the place of plans.
        old = replace(last.filters, type=(), kind=()) if new.kind or new.type else last.filters
        return replace(
            last,
            question=question,
            standalone=f"{last.standalone} {question}",
            filters=new.merged(old),
            follows=True,
        )

    def _wanted(self, named: Filters) -> Filters:
        return without(named, self.ignored, self.catalog)


def is_exact_list(
    question: str,
    language: str,
    named: Filters,
    tags: Filters,
    *,
    regional: bool = False,
    translated: bool = False,
) -> bool:
    """Whether a list by the labs, years, kinds and tags that a question names is all it asks for.

    It is where the question speaks of tags ("among the methods") and names one, or where nothing
    is left of it but words of listing. Of a `regional` question the names of regions are left out;
    `translated` tags may go by other words in it.
    """
    if not (named or tags):
        return False
    if not tags.fact and names_tags(question):
        return bool(tags)
    names = " ".join(str(v) for values in named.merged(tags).as_dict().values() for v in values)
    known = {*terms(names, language), *terms(names, "en")}
    known |= listing_stems(language) | listing_stems("en")
    if tags.fact:
        # A fact's value is a sentence of the form: a question says it in other words.
        names = " ".join((*tags.fact, *named.kind, *named.type))
        return len(fact_terms(question) - fact_terms(names) - known) <= len(tags.fact)
    rest = [term for term in terms(question, language) if term not in known]
    # A country may go by another name in the question: as many words may stand for it.
    other = () if regional else named.country
    if translated:
        other += tuple(str(v) for values in tags.as_dict().values() for v in values)
    return len(rest) <= sum(len(words(name)) for name in other)


def intent_of(question: str, named: Filters) -> Intent:
    """The intent of a question to the reports that names some labs, years and kinds."""
    if asks_for_list(question):
        return "list"
    # Two labs are both wanted, however they are named; two years may be a span.
    folded = strip_accents(question)
    two_labs = len(countries_in(question)) > 1 and len(named.country) > 1
    if two_labs or (has_sides(named) and re.search(rf"\b{any_of('compare')}\b", folded)):
        return "compare"
    return "answer"


def has_sides(named: Filters) -> bool:
    """Whether there are two labs or two years to compare."""
    return max(len(named.country), len(named.year)) >= 2


def asks_for_list(question: str) -> bool:
    """Whether a question has the form of one for a list ("which labs", "how many reports")."""
    things = rf"(?:(?:of )?(?:the )?{any_of('between')} )*{any_of('listable')}\b"
    pattern = any_of("list").replace("{things}", things)
    return bool(re.match(rf"\W*{pattern}", strip_accents(question)))


def asks_for_foremost(question: str) -> bool:
    """Whether a question asks for a single report ("the first", "the only", "the largest")."""
    return bool(re.search(any_of("foremost"), strip_accents(question)))


def asks_about(question: str) -> tuple[str, ...] | None:
    """The filter fields, or "report", that a question wants to know of the collection.

    () for a greeting, "what can you do?" or an attempt to change the rules; None for a question to
    the reports.
    """
    folded = re.sub("['’]", " ", strip_accents(question)).strip()
    if (
        greeting_language(question)
        or re.search(rf"^\W*{any_of('self')}\W*$", folded)
        or overrides(question)
    ):
        return ()
    for field in keys("fields"):
        start = rf"^\W*(?:in )?{any_of('ask')}\s?{any_of('fields', field)}"
        match = re.search(rf"{start}\s+(?:\w+ ){{0,2}}?{any_of('yours')}", folded)
        # "How many reports do you have on water?" is put to the reports.
        if match and not re.search(r"\w", folded[match.end() :]):
            return (field,)
    return None


def greeting_language(question: str) -> str:
    """The language of a greeting; "" for anything else."""
    plain = re.sub(r"^\W+|\W+$", "", strip_accents(question))
    plain = re.sub(r" (?:there|everyone|all|a tous|a todos)$", "", plain)
    languages = keys("greetings")
    return next((c for c in languages if re.fullmatch(any_of("greetings", c), plain)), "")
