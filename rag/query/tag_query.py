"""Which query of tags answers a question, by what it names and how it asks."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import inf
from typing import Literal

from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import TAGS, CatalogQuery, Filters
from rag.places.countries import fold_name
from rag.query.entities import year_spans
from rag.query.intents import CATALOG, TALK, intent_scores
from rag.query.linker import Link, Links
from rag.query.usual_words import asks_for_lists, is_usual_word, light_words
from rag.query.wordings import any_of, has_wording, units
from rag.text.tokenize import NUMERALS, is_quantity, numbers_in, stop_words, strip_accents

_TAGGED = 0.25  # taken from the score of a topic that is the value of a tag, too
_MARGIN = 0.05  # by how much more a question that names a method has to be like one to reports
# How the answer to an intent begins, if not with the list.
_FORMS: dict[str, Literal["count", "exists"]] = {"count": "count", "yesno": "exists"}
_CLEAR = 0.3  # score of an intent that is meant for sure
_NO_TAGS = ("country", "year", "language")  # fields that every report has
_OF_REPORTS = ("list", "count", "yesno")  # the intents that ask for reports
_MOST_ROWS = 50  # the most rows that "top 5" may ask for


def query_of(links: Links, scores: Mapping[str, float], catalog: Catalog) -> CatalogQuery | None:
    """The query of tags that answers a question; None where it asks for more than tags know."""
    by_tags = {name: scores[name] for name in CATALOG}
    # Of reports and nothing but tags, tags answer where no other intent is clear.
    named, excluded = links.filters(), links.filters(excluded=True)
    of_lists = [field for field in (*TAGS, "fact") if field != "theme"]
    tags = any(getattr(named, field) or getattr(excluded, field) for field in of_lists)
    # "Plans of Peru" names no topic, nor does "puppetry as a method".
    by_name = any(getattr(named, field, ()) for field in links.fields if field != "country")
    no_topic = by_name or not (tags or named.theme)
    not_other = (*CATALOG, *TALK, *(("topic",) if no_topic else ()))
    other = max(score for name, score in scores.items() if name not in not_other)
    # Methods and data are tags first, a theme is rather what a question is about.
    margin = _MARGIN if tags else -_MARGIN if named.theme else 0.0
    counts = has_wording("counts_reports", links.masked())
    clear = other > max(by_tags.values()) + margin and not counts
    if clear and links.kinds:
        clear = other > _CLEAR
    # "SDG 15 reports" and "methods of the Peru lab" say nothing else that could ask for more.
    named_only = light_words().issuperset(map(fold_name, links.unlinked))
    asks_tags = (tags and (links.kinds or named.year)) or {*links.fields}.difference(_NO_TAGS)
    clear = clear and not (named_only and asks_tags)
    words = " ".join(links.words)
    # "Plans that name no method" asks for no methods.
    if untagged := untagged_in(links):
        by_tags |= {"ranking": 0.0, "values": 0.0}
    if shares := has_wording("share", words) and untagged == links.fields:
        by_tags["ranking"] = 0.0
    best = max(by_tags, key=lambda name: by_tags[name])
    # "The rarest" is asked of tags alone; a list and a count are asked for in the same words.
    ways = {best, *_OF_REPORTS} if best in _OF_REPORTS else {best}
    asking = (
        any(is_usual_word(word, links.language, way) for way in ways)
        or asks_for_lists(word, links.language)
        for word in links.rest
    )
    # "Vaccines in Togo" and nothing else names a topic, as does "waste over the years".
    is_topic = has_wording("over_years", words) or (
        named_only and not (links.kinds or links.fields)
    )
    is_topic = is_topic and bool(named.theme) and best == "list" and not tags
    is_asked = links.links and all(asking) and not has_wording("no_tag", words)
    if clear or is_topic or not is_asked:
        return None
    # "The countries that used nudges as a method" asks for no methods.
    of_value = best in ("ranking", "values") and links.fields[:1] != ("country",)
    names_labs = any(not k.field and k.values == ("country",) for k in links.links)
    labs = names_labs or has_wording("who", words)
    having, counted = bounds_in(links)
    if counted and not any(having):
        return None  # How many of them a single report has is not counted.
    of_kind = (k for k in links.links if k.field in ("type", "kind") and k.values)
    kinds_told = [k for k in of_kind if not k.excluded]
    if labs and len(kinds_told) > 1 and has_wording("each_of", words):
        # "Both plans and experiments": a lab with closings has plans.
        each_kind = {"plan" if k.field == "type" else str(k.values[0]) for k in kinds_told}
        named = replace(named, kind=tuple(sorted(each_kind)))
        having, counted = (len(each_kind), 0), "kind"
    fields = (name for name in links.fields if name not in ("country", counted, *untagged))
    of_tags = [name for name in fields if of_value or not getattr(named, name, ())]
    if labs and untagged and not links.kinds:
        return None  # Labs none of whose reports have it are not known by these.
    no_reports = any(k.field == "kind" and not k.values and k.excluded for k in links.links)
    if labs and no_reports and not excluded:
        # "Labs that have no reports in 2023".
        named, excluded = Filters(country=named.country), replace(named, country=())
    # "Labs that never used it" and "years without it" lack it, "plans without it" are plans.
    unwanted = excluded if of_tags else replace(excluded, country=())
    is_of_kind = bool(named.kind or named.type)
    lacking = bool(unwanted.kind or unwanted.type if is_of_kind else unwanted)
    lacking = lacking and (labs or bool(of_tags)) and not has_wording("leaves_out", words)
    lacking = lacking and not (best == "ranking" and has_wording("more_of", words))
    # "Which labs are there?" names nothing else.
    all_labs = "country" in links.fields and not (named or excluded)
    # "By Togo" asks for nothing of each.
    is_per = has_wording("per", " ".join(links.unlinked)) and len(named.country) != 1
    # "Dos" is Portuguese for "of the", "once" is a time, and "only one" is no limit.
    no_numerals = light_words() | stop_words("en") | {"one"}
    spelled = (fold_name(word) for word in links.unlinked)
    numerals = (NUMERALS.get(word, word) for word in spelled if word not in no_numerals)
    sizes = [int(word) for word in numerals if word.isdecimal()]
    # "More reports on water, please" ranks nothing.
    is_ranked = bool(labs or links.fields or named.country or sizes)
    ranks = best == "ranking" and len(named.country) != 1 and is_ranked
    per_lab = ranks or (is_per and not shares) or all_labs or any(having)
    # "In how many different countries" counts them.
    per_lab = per_lab or has_wording("nations", words) or (lacking and labs)
    asks_for_most = has_wording("more_of", words) or has_wording("least", words)
    # "More in 2022 or in 2023?", "were there more in 2022 than in 2023?", "more on bees or ants?"
    either = [k for k in links.links if k.joined == "or" and not (k.excluded or names_labs)]
    either_year = any(k.field == "year" for k in either) or (asks_for_most and len(named.year) == 2)
    per_year = either_year and best in ("ranking", "yesno") and not names_labs
    either = [k for k in either if asks_for_most and k.field in (*TAGS, "fact")]
    tags_of = (f"{k.values[0]}" if k.field == "fact" else k.field for k in either)
    per_value = [*(tag.partition(": ")[0] for tag in tags_of), *(["year"] if per_year else [])]
    group_by = [*of_tags, *per_value, "country" if per_lab else ""][0]
    per = (*each, *of_tags) if (each := fields_per(links)) else ()
    group_by = [*per, group_by][0]
    # "Plans and closings per year" are told apart in each, as are those of a type.
    told_apart = len(named.kind) > 1 or (named.type and not any(having))
    kinds = "kind" if group_by and told_apart else ""
    split = counted or next((name for name in per if name != group_by), kinds)
    if links.missing_years and not named.year:
        named = replace(named, year=links.missing_years)
    if not (named or excluded or untagged or group_by) and best not in ("count", "yesno"):
        return None
    if links.guessed and not (excluded or of_tags or replace(named, kind=(), type=())):
        # What may be a topic must not become a list of everything.
        return None
    if ((lacking and labs) or has_wording("labs", words)) and not (named.kind or named.type):
        # Innovators are no labs.
        named = replace(named, author=("lab",))
    tops = bool(group_by) and not any(having)
    # A report has one cost, and as many ways of scaling as are ticked.
    keys = {str(fact).partition(": ")[0] for fact in named.fact}
    every = tuple(f for f in links.every if f != "fact" or all(map(catalog.has_several, keys)))
    # Tables have one form.
    # "Who used both?" wants no yes.
    no_yes = lacking or per_value or has_wording("who", words)
    way = "" if split or (best == "yesno" and no_yes) else best
    query = CatalogQuery(
        filters=named,
        every=every,
        excluded=excluded,
        untagged=untagged,
        group_by=group_by,
        limit=next(filter(range(1, _MOST_ROWS + 1).__contains__, sizes), 0) if tops else 0,
        least=has_wording("least", words) and tops,
        form=_FORMS.get(way, "list"),
        split=split,
        having=having,
        lacking=lacking,
        ranked=best == "ranking" and group_by == "year" and asks_for_most and not per_year,
    )
    if shares and not group_by:
        query = replace(query, form="share")
    # Where no report has the tag, or none of the kind has such a tag, the text of one may say it.
    is_empty = group_by and not lacking and not catalog.table(query)[1]
    whole = replace(query, untagged=())
    has_none = bool(untagged) and catalog.matching(query) == catalog.matching(whole)
    return None if is_empty or has_none else query


def scores_of(links: Links) -> dict[str, float]:
    """The scores of the intents: that of a topic may be higher where values are not masked."""
    masked, topical = intent_scores(links.masked(), links.masked(values=False))
    return {
        # The names of values ("disabilities") are no reasons.
        name: score if name in (*CATALOG, "reasons") else max(score, topical[name] - _TAGGED)
        for name, score in masked.items()
    }


def untagged_in(links: Links) -> tuple[str, ...]:
    """The fields of which a question wants reports without any value ("without a method")."""
    absent = [k for k in links.links if not k.field and k.excluded and k.values[0] in links.fields]
    return tuple(str(k.values[0]) for k in absent if k.values[0] not in _NO_TAGS)


def sized(links: Links, question: str, catalog: Catalog) -> Links:
    """The links with the sizes of a tag that a question limits ("over 20,000 USD") as its values.

    A tag has sizes if most of its values are numbers or ranges. Only values that are inside the
    limits are meant; where there is none, the words of the limit are left for the text of reports.
    """
    folded, of_units = strip_accents(question), units()
    limits = [*_limits(folded)]
    years = year_spans(question) if limits else []
    for least, most, (start, end) in limits:
        if any(a < end and start < b for a, b in years):
            continue
        first, last = (len(re.findall(r"\w+", folded[:at])) for at in (start, end))
        before, after = links.words[max(0, first - 2) : first], links.words[last : last + 3]
        beside = (" ".join(map(fold_name, said)) for said in (after, before))
        said = [k for k, unit in of_units.items() if re.search(unit, folded[start:end])]
        for text, begins in zip(beside, ("", r".*\b"), strict=True):
            said += [k for k, unit in of_units.items() if re.match(rf"{begins}{unit}(?!\w)", text)]
        # What is beside the number says what it is of, else the tag that is named.
        for key in said[:1] or links.fields:
            if not (ranges := sizes_of(key, catalog)):
                continue
            inside = [f for f, (low, high) in ranges.items() if least <= low and high <= most]
            if not inside:
                # No tag knows.
                return replace(links, rest=(*links.rest, *links.words[first:last]))
            links = _with_values(links, range(first, last), tuple(sorted(inside)))
            break
    return links


def sizes_of(key: str, catalog: Catalog) -> dict[str, tuple[float, float]]:
    """The least and most of each value of a tag that has sizes; nothing for any other tag."""
    values = [fact for fact, _ in catalog.counts("fact") if fact.startswith(f"{key}: ")]
    ranges = {f: size for f in values if (size := _range_of(f.partition(": ")[2]))}
    return ranges if 2 * len(ranges) > len(values) else {}


def is_in_text(query: CatalogQuery, links: Links, question: str, catalog: Catalog) -> bool:
    """Whether a report's text says more than its tags: its cost, and how many people there were."""
    if query.group_by:
        return bool(sizes_of(query.group_by, catalog))
    return is_quantity(question) and not links.kinds


def _with_values(links: Links, places: range, facts: tuple[str, ...]) -> Links:
    """The links with facts at some places, in the stead of all that is linked there."""
    near = range(places.start - 2, places.stop)
    excluded = any(k.excluded for k in links.links if k.start in near and k.field in ("", "fact"))
    kept = [k for k in links.links if not {*range(k.start, k.end)} & {*places}]
    link = Link(places.start, places.stop, "fact", facts, excluded)
    said = {fold_name(word) for word in links.words[places.start : places.stop + 1]}
    # "Of a sample of over 500" names what the number is of.
    of_units = re.compile("|".join(units().values()))
    others = (word for word in links.rest if not of_units.fullmatch(word))
    rest = tuple(word for word in others if word not in said)
    linked = tuple(sorted((*kept, link), key=lambda k: k.start))
    return replace(links, links=linked, rest=rest)


def _limits(text: str) -> Iterator[tuple[float, float, tuple[int, int]]]:
    """The least and most of each size that a text limits, and where it does."""
    number = (
        r"(?:us ?\$|\$|usd)? ?((?:\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?!\d)|\d[\d.,]*)"
        r"(?: (?:mil|mille|thousand|الف|الاف|million|millones))?)"
    )
    done = [(0, 0)]
    for name in ("size_between", "size_more", "size_less"):
        for match in re.finditer(any_of(name).replace("NUMBER", number), text):
            if any(a < match.end() and match.start() < b for a, b in done):
                continue
            done.append(match.span())
            # "10 to 20 thousand" are thousands.
            sizes = sorted(float(n) for n in numbers_in(match.group()))
            if name == "size_between" and len(sizes) == 2:
                scale = 1000 if sizes[0] < sizes[1] / 100 and sizes[1] >= 1000 else 1
                yield sizes[0] * scale, sizes[1], match.span()
            elif name != "size_between" and sizes:
                limits = (sizes[0], inf) if name == "size_more" else (0.0, sizes[0])
                yield (*limits, match.span())


def _range_of(value: str) -> tuple[float, float] | None:
    """The least and most of a size; None for what is none."""
    limits = next(_limits(strip_accents(value)), None)
    sizes = sorted(float(number) for number in numbers_in(value))
    return limits[:2] if limits else (sizes[0], sizes[-1]) if sizes else None


def fields_per(links: Links) -> tuple[str, ...]:
    """The fields for each of whose values something is asked: "by country and year"."""
    found: list[Link] = []
    words = [fold_name(word) for word in links.words]
    for link in links.links:
        between = words[found[-1].end : link.start] if found else [""]
        joins = all(re.fullmatch(f"{any_of('and')}|{any_of('per')}", word) for word in between)
        # "Used by labs" tells who did.
        named = has_wording("many_labs", " ".join(words[max(0, link.start - 1) : link.end]))
        is_per = re.fullmatch(any_of("per"), words[link.start - 1]) if link.start else None
        # "Since 2022, year by year".
        told = (*links.fields, "year") if is_per else links.fields
        is_field = not link.field and link.values[0] in told
        if is_field and (joins or (is_per and not named)):
            found.append(link)
    return tuple(dict.fromkeys(str(link.values[0]) for link in found))


def bounds_in(links: Links) -> tuple[tuple[int, int], str]:
    """How few and how many of something each value is to have; and the field, if they are of one.

    "At least two reports", "in only one year"; zeros where a question says nothing of the kind, or
    names nothing else that has them.
    """
    words = map(fold_name, links.words)
    said = " ".join(NUMERALS.get(word, word) for word in words)
    for name, more in (("only_one", 0), ("at_least", 0), ("more_than", 1)):
        if match := re.search(rf"\b{any_of(name)}\b", said):
            fewest = int(next(filter(None, match.groups()), "1")) + more
            at = said[: match.end()].count(" ")
            beside = [k for k in links.links if -3 <= k.start - at <= 4]
            of = min(beside, key=lambda k: (k.start <= at, abs(k.start - at)), default=None)
            # Money and people are no reports.
            if of and of.field in ("", "kind", "type"):
                counted = "" if of.field else str(of.values[0])
                having = (fewest, fewest if name == "only_one" else 0)
                return (having if {*links.fields} - {counted} else (0, 0), counted)
    return (0, 0), ""
