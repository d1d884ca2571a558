"""Which form of answer a question wants: by its nearest examples, if it names what the form needs.

A form is chosen where its examples are clearly nearer than those of a question to passages; long
questions ask for particulars, whatever they are like.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from rag.catalog.tag_fields import TAGS, Filters
from rag.query.conversation import is_of_any_work
from rag.query.linker import Linker, Links, is_usual_word
from rag.query.wordings import has_wording
from rag.text.tokenize import is_quantity, terms
from rag.types import Intent, Plan

DIGESTS: tuple[Intent, ...] = ("report", "lab", "trend", "topic", "reasons")
# By how much a question looks more like one off the topic than like one to reports, from which on
# it may be.
OFF_TOPIC_LIKELY = -0.1
_LEAST = 0.25  # the score of a form that is chosen
_LEAD = 0.05  # by how much it is more than that of a question to passages
_NAMED_LEAD = -0.3  # the same where the question has the words of a report's title
_MOST_TERMS = 8  # content words of a question that wants more than particulars
_MOST_WORDS = {"topic": 4, "reasons": 3}  # words of what is not put to labs
_TITLE_WORDS = 3  # words that are not those of a title by chance
_MOST_OF_TITLE = 4  # reports of one line of work, which may have the same title


def form_of(plan: Plan, links: Links, scores: Mapping[str, float], linker: Linker) -> Plan:
    """The plan of an answer from passages, in the form that its question wants."""
    words = subject(links, plan.language)
    plan = replace(plan, subject=" ".join(words))
    chosen, digest = max((scores[name], name) for name in (*DIGESTS, "compare"))
    many = len(terms(plan.standalone, plan.language)) > _MOST_TERMS
    if sides := titled_sides(links, plan, linker):
        return replace(plan, intent="compare", reports=sides, wide=True)
    if words and links.kinds and not many and max(scores, key=lambda n: scores[n]) == "count":
        # How many reports speak of what is no tag, their survey tells.
        return plan if plan.follows else in_form(plan, "topic")
    if plan.follows or many or is_quantity(plan.standalone):
        return plan
    if plan.intent == "compare":
        # Years of one lab are no sides: what is asked for is how its work went on.
        over_time = len(plan.boosted.country) < 2
        return in_form(plan, "trend") if over_time else plan
    lead = chosen - scores["passage"]
    particular = plan.wide or scores["report"] - scores["passage"] < _NAMED_LEAD
    named = () if particular else titled(words, plan, linker)
    # One word may be in a title by chance.
    one = plan.boosted.country or plan.boosted.kind or plan.boosted.type
    clear = one and (len(words) > 1 or len(named) == 1) and digest not in ("topic", "trend")
    is_report = scores["report"] >= chosen - _LEAD
    if named and (is_report or clear or len(words) >= _TITLE_WORDS):
        return replace(plan, intent="report", reports=named)
    # Whether a report is there to be summed up, its passages tell.
    if plan.off_topic > (0.0 if digest == "report" else OFF_TOPIC_LIKELY):
        return plan
    # All of a lab is asked for where nothing of its work is named.
    least = _LEAD if words or digest != "lab" else -_LEAD
    particular = not plan.wide and len(words) > _MOST_WORDS.get(digest, _MOST_TERMS)
    if chosen < _LEAST or lead < least or particular:
        return plan
    if digest == "report" and not words:
        # "Summarise the plan of 2022": one report, or all of that kind.
        ids = linker.catalog.ids(plan.filters.merged(plan.boosted))
        digest = "report" if len(ids) == 1 else "lab"
        plan = replace(plan, reports=tuple(ids) if len(ids) == 1 else ())
    return in_form(plan, digest)


def in_form(plan: Plan, form: Intent) -> Plan:
    """The plan with this form of answer; as it is where the question lacks what the form needs."""
    countries = plan.filters.country or plan.boosted.country
    if form == "lab" and len(countries) != 1:
        return plan
    if form == "compare":
        return replace(plan, intent=form, wide=True) if has_sides(plan.boosted) else plan
    if form == "topic" and len(countries) == 1:
        return plan
    wide = plan.wide or (form in ("topic", "trend", "reasons") and not countries)
    return replace(plan, intent=form, wide=wide)


def has_sides(named: Filters) -> bool:
    """Whether there are two labs or two years to compare."""
    return max(len(named.country), len(named.year)) >= 2


def subject(links: Links, language: str) -> tuple[str, ...]:
    """The words of a question that say what it is about, but for labs, years and kinds."""
    told = {i for k in links.links if k.field not in TAGS for i in range(k.start, k.end)}
    values = {i for k in links.links if k.field in TAGS for i in range(k.start, k.end)}
    return tuple(
        word
        for i, word in enumerate(links.words)
        if i in values or (i not in told and not _asks(word, language))
    )


def titled_sides(links: Links, plan: Plan, linker: Linker) -> tuple[str, ...]:
    """The reports that a question names by their titles to compare them; () for fewer than two."""
    if not has_wording("compare", plan.standalone) or has_sides(plan.boosted):
        return ()
    parts: list[list[str]] = [[]]
    for word in links.words:
        if has_wording("joins", word) or has_wording("compare", word):
            parts.append([])
        elif not _asks(word, plan.language):
            parts[-1].append(word)
    found = [titled(part, plan, linker) for part in parts if part]
    reports = linker.catalog.reports
    shortest = [min(ids, key=lambda i: len(reports[i].title)) for ids in found if ids]
    return tuple(dict.fromkeys(shortest)) if len(set(shortest)) > 1 else ()


def _asks(word: str, language: str) -> bool:
    """Whether a word only asks."""
    usual = is_usual_word(word, language) or is_of_any_work(word, language)
    return usual or has_wording("compare", word)


def titled(words: Collection[str], plan: Plan, linker: Linker) -> tuple[str, ...]:
    """The reports that have all these words in their titles, if they are of one lab and few."""
    wanted = set(terms(" ".join(words), plan.language))
    scope = linker.catalog.ids(plan.filters.merged(plan.boosted)) if wanted else ()
    found = sorted(i for i in scope if wanted <= linker.titles[i])
    labs = {linker.catalog.reports[i].lab for i in found}
    return tuple(found) if len(labs) == 1 and len(found) <= _MOST_OF_TITLE else ()
