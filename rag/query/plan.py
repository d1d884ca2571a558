"""Question -> Plan: language, what it asks for, the places and years it names; by rules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from rag.catalog.catalog import Catalog
from rag.catalog.fields import Filters
from rag.places.regions import means_one_of_a_region, without_regions
from rag.query.conversation import (
    Thread,
    asked_before,
    carries_on,
    follow,
    has_topic,
    language_before,
    points_at_labs,
    to_many_labs,
)
from rag.query.entities import (
    ABOUT_TAGS,
    countries_in,
    facts_in,
    listing_stems,
    named_in,
    region_in,
    tags_in,
    tokens,
    without,
)
from rag.query.intent import asks_about, is_topic
from rag.text.language import language_of
from rag.text.tokenize import strip_accents, terms, words
from rag.types import Intent, Plan, Turn

# What may stand between "which" and "plans": a year, a number, an adjective or two of listing.
_BETWEEN = r"(?:(?:of )?(?:the )?(?:20\d\d|different|other|action|learning|closing|many) )*"
_THINGS = r"(?:labs?|countries|country|reports?|plans?|closings?|experiments?)\b"
_LIST = re.compile(
    rf"^\W*(?:(?:in )?(?:which|what)(?: are(?: all)?)? {_BETWEEN}{_THINGS}"
    rf"|how many {_BETWEEN}{_THINGS}|all (?:of )?(?:the )?{_BETWEEN}{_THINGS}"
    r"|(?:(?:can|could) you |please )*(?:list|name|count|enumerate|show)\b"
    r"|(?:(?:can|could) you |please |i (?:want|need) )*(?:(?:give|get|show) me )?"
    r"(?:the|a) (?:\w+ )?list of\b"
    r"|(?:dans )?quels?(?: sont les)? (?:pays|laborato|labos?|labs|rapports|plans|experi)"
    r"|combien de (?:pays|laborato|labos?|labs|rapports|plans|experi)"
    r"|(?:(?:faites?|donnez|donne)(?:[ -]moi)? )?(?:la )?liste"
    r"|(?:en )?(?:que|cuales|cuantos|cuantas) (?:son los )?(?:paises|laborat|labs|informes|planes"
    r"|experi)|(?:haz|dame|deme) (?:la|una) lista|(?:la )?lista (?:completa )?de\b|enumer"
    r"|(?:em )?(?:que|quais|quantos|quantas) (?:sao os )?(?:paises|laborat|labs|relatorios|planos"
    r"|experi)|(?:faca|de-me|da-me) (?:a|uma) lista|ما هي|كم عدد|اذكر)",
    re.IGNORECASE,
)
_COMPARE = re.compile(
    r"\b(?:compare|compared|comparison|differ|difference|diferenci\w+|compar\w+|versus|vs|change[d]?"
    r"|develop(?:ed)?|evolve[d]?|evolucion\w*|evolu\w+|between|against|contrast\w*|side by side"
    r"|contre|par rapport|cote a cote|face a|frente a|lado a lado|entre)\b"
)
# "Which country was the first" asks for one, whatever else it looks like.
_FOREMOST = re.compile(
    r"\b(?:is|was|be) the (?:first|last|only|most|least|\w+est)\b"
    r"|\b(?:est|etait|fut|ete) l[ea] (?:premier|derni|seul|plus|moins)"
    r"|\b(?:es|fue|era|sido|e|foi) (?:el|la|o|a) (?:prime|ultim|unic|mas|mais|menos)"
    r"|(?:كان|كانت|هو|هي) (?:ال)?(?:اول|اخر|وحيد|اكثر|اقل)"
)


def make_plan(
    question: str,
    history: Sequence[Turn],
    given: Filters,
    catalog: Catalog,
    ignored: Filters = Filters(),
    language: str = "",
) -> Plan:
    """How a question is understood.

    Args:
        question: what the user asked.
        history: the conversation before it, oldest first.
        given: filters that the user set; they narrow the search.
        catalog: the reports; only labs and tags that exist are recognised.
        ignored: values that are not taken from the question; an empty one stands for its field.
        language: that of the question; "" to tell it by its letters.
    """
    language = language or language_of(question, default=language_before(history), min_letters=8)
    named = named_in(question, catalog)
    to_many = to_many_labs(question)
    follows = carries_on(question, language, bool(named.country) or to_many, history)
    if not follows and asks_about(question) is not None:
        return Plan(question, question, language, "about", given)
    if follows and (again := _listed_again(question, history, given, catalog, ignored, language)):
        return again
    thread = follow(question, history, named, catalog) if follows else Thread(question)
    asked, to_many = thread.standalone, to_many or thread.wide
    named = named.merged(Filters(country=thread.country, year=thread.year))
    intent = _intent(question, without(named, ignored, catalog))
    region = () if named.country else region_in(question, catalog)
    named = replace(named, country=named.country or region)
    kept = without(named, ignored, catalog)
    if not has_topic(asked, language):
        # "What worked?", asked of the reports of a theme, is about that theme.
        asked = " ".join([asked, *given.theme, *given.method, *given.datasource, *given.sdg])
    # Several labs that were chosen are all to be heard, unless the question names one.
    to_many = to_many or (len(given.country) > 1 and not named.country)
    # So is whoever has to say something on a topic.
    to_many = to_many or (not follows and is_topic(question, language))
    wide, filters = intent != "answer" or to_many, given
    if region and kept.country and not means_one_of_a_region(question):
        wide = True
        if to_many:
            # "Labs in West Africa" leaves no doubt whose words are asked for.
            filters = given.merged(Filters(country=kept.country))
            asked = without_regions(asked)
    if thread.only and kept.country:
        filters = given.merged(Filters(country=kept.country))
    dropped = without(named, kept, catalog)
    plan = Plan(question, asked, language, intent, filters, kept, wide, dropped, follows)
    if intent != "list":
        return plan
    tags = _all_tags_in(question, catalog)
    rest = without_regions(question) if region else question
    if not all_understood(rest, language, named, tags, regional=bool(region)):
        one = wide and not to_many and _FOREMOST.search(strip_accents(question))
        return replace(plan, intent="answer", wide=wide and not one)
    wanted = without(tags, ignored, catalog)
    return _listed(plan, given, wanted, without(tags, wanted, catalog))


def _listed(plan: Plan, given: Filters, tags: Filters, dropped: Filters) -> Plan:
    """The plan of a list by what a question names; of an answer where all of that is ignored.

    Args:
        plan: how the question is understood but for its tags.
        given: filters that the user set.
        tags: the tags that are taken from the question.
        dropped: the tags that it names and that are ignored.
    """
    plan = replace(plan, ignored=plan.ignored.merged(dropped))
    if not (plan.boosted or tags):
        return replace(plan, intent="answer")
    return replace(plan, filters=given.merged(plan.boosted).merged(tags), boosted=Filters())


def _listed_again(
    question: str,
    history: Sequence[Turn],
    given: Filters,
    catalog: Catalog,
    ignored: Filters,
    language: str,
) -> Plan | None:
    """The plan of a list that a question asks for once more by other filters ("and in 2022?")."""
    named, tags = named_in(question, catalog), _all_tags_in(question, catalog)
    if points_at_labs(question) or not all_understood(question, language, named, tags):
        return None
    last = make_plan(*asked_before(history), given, catalog, ignored)
    if last.intent != "list":
        return None
    new = without(named.merged(tags), ignored, catalog)
    # "And the experiments?" asks for them in the place of plans.
    old = replace(last.filters, type=(), kind=()) if new.kind or new.type else last.filters
    said = f"{last.standalone} {question}"
    return replace(last, question=question, standalone=said, filters=new.merged(old), follows=True)


def _all_tags_in(question: str, catalog: Catalog) -> Filters:
    """The tags that a question names, facts among them."""
    tags, facts = tags_in(question, catalog), facts_in(question, catalog)
    if not facts:
        return tags
    # What a fact is called ("control group") may look like a theme.
    about = ABOUT_TAGS.search(strip_accents(question))
    return replace(tags if about else Filters(), fact=facts)


def asks_for_a_list(question: str) -> bool:
    """Whether a question has the form of one for a list ("which labs", "how many reports")."""
    return bool(_LIST.search(strip_accents(question)))


def all_understood(
    question: str,
    language: str,
    named: Filters,
    tags: Filters,
    *,
    regional: bool = False,
    translated: bool = False,
) -> bool:
    """Whether a list by these filters is what a question asks for, and nothing narrower.

    It is where the question speaks of tags ("among the methods") and one was recognised, or
    where nothing is left of it but words of listing. The names of a region (`regional`) are gone
    from it already. Tags that are `translated` may go by other words in it.
    """
    if not (named or tags):
        return False
    if not tags.fact and ABOUT_TAGS.search(strip_accents(question)):
        return bool(tags)
    said = " ".join(str(v) for values in named.merged(tags).as_dict().values() for v in values)
    known = {*terms(said, language), *terms(said, "en")}
    known |= listing_stems(language) | listing_stems("en")
    if tags.fact:
        # A fact's value is a sentence of the form: a question says it in other words.
        said = " ".join((*tags.fact, *named.kind, *named.type))
        return len(tokens(question) - tokens(said) - known) <= len(tags.fact)
    left = [term for term in terms(question, language) if term not in known]
    # A country may go by another name in the question: as many words may stand for it.
    other = () if regional else named.country
    if translated:
        other += tuple(str(v) for values in tags.as_dict().values() for v in values)
    return len(left) <= sum(len(words(name)) for name in other)


def _intent(question: str, named: Filters) -> Intent:
    folded = strip_accents(question)
    if asks_for_a_list(question):
        return "list"
    # Whoever names two labs wants to hear both; two years may be a span.
    both = len(countries_in(question)) > 1 and len(named.country) > 1
    if both or (has_sides(named) and _COMPARE.search(folded)):
        return "compare"
    return "answer"


def has_sides(named: Filters) -> bool:
    """Whether there are two labs or two years to compare."""
    return max(len(named.country), len(named.year)) >= 2
