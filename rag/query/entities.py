"""The entities in a question: countries, regions, years, kinds of report, tags, facts."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import cache
from operator import ge, gt, le, lt

from rag.catalog.catalog import Catalog
from rag.catalog.normalize import canonical_sdg, filter_key
from rag.catalog.tag_fields import FILTER_FIELDS, FREE_FIELDS, Filters
from rag.places.countries import adjective_to_iso, fold_name, names_to_iso
from rag.places.regions import countries_of_regions_in
from rag.query.wordings import any_of, words_of
from rag.text.tokenize import strip_accents, terms, words
from rag.types import Span

_YEAR = r"(?<!\d)(20[12]\d)(?!\d)"
# "2021-2023", "from 2021 to 2023", "between 2021 and 2023", in five languages.
_RANGE = re.compile(
    rf"{_YEAR}\s*(?:-|–|—|\bto\b|\bthrough\b|\buntil\b|\ba\b|\bau\b|\bhasta\b|\bate\b|إلى|الى|حتى)"
    rf"\s*{_YEAR}|\b(?:between|entre|بين)\s+{_YEAR}\s+(?:and|et|y|e|و)\s*{_YEAR}"
)
# "Since 2021" and the like, each with how a year compares with the one that is named.
_OPEN_RANGES: Sequence[tuple[str, Callable[[int, int], bool]]] = (
    (r"\b(?:since|depuis|a partir de|desde)\s+{}|\bfrom {} on|منذ (?:عام )?{}", ge),
    (r"\b(?:after|later than|apres|despues de|depois de|apos)\s+{}|بعد (?:عام )?{}", gt),
    (r"\b(?:before|prior to|earlier than|avant|antes de)\s+{}|قبل (?:عام )?{}", lt),
    (r"\b(?:until|up to|till|jusqu en|hasta|ate)\s+{}|حتى (?:عام )?{}", le),
)
_KINDS = {
    "closing": r"\bclosing (?:form|report|plan)s?\b|\bclosings?\b|\bcloture\b|\bcierres?\b"
    r"|\bencerramentos?\b",
    "experiment": r"\bexperiments?\b|\bexperiences?\b(?= )|\bexperimentos?\b|التجارب",
    "solution": r"\bsolutions?\b(?= (?:pages?|mapped))",
}
# "Plan" in a question means the whole form, whose last part is the closing.
PLAN_TYPE = "learningplan"
_PLANS = (
    r"\b(?:action|learning) (?:learning )?plans?\b|\bplans? d.action|\bplans?\b"
    r"|\bplan(?:es|os|o)\b|خطط العمل|خطة"
)
# Names that have a country's in them and stand for something else.
_NO_COUNTRIES = re.compile(r"\b(?:new mexico|(?:gulf of|golfe de|golfo de) guin\w+)", re.IGNORECASE)
# A tag with more values than this is no fact: it is written freely.
_MOST_VALUES = 12
# Words of keys that do not say what the key is about.
_OF_ANY_KEY = frozenset(terms("type status total size check experiment quality", "en"))
# Stop words that make the difference between two values.
_COUNTS = frozenset(("more", "less", "between", "before", "same", "different", "non"))
_MEANS = {
    "fewer": "less", "under": "less", "below": "less", "over": "more", "above": "more",
    "exceeding": "more", "separate": "different", "dollar": "usd", "dollars": "usd",
    "randomly": "random",
}  # fmt: skip
# The least share of a value's words that a question which names it has.
_LEAST = 0.5


def named_in(text: str, catalog: Catalog) -> Filters:
    """The countries, years and kinds of report that a text names."""
    known = {str(key) for key in catalog.keys("country")}
    codes = [code for code in countries_in(text) if code in known]
    folded = strip_accents(text)
    kinds = [kind for kind, pattern in _KINDS.items() if re.search(pattern, folded)]
    plans = bool(re.search(_PLANS, folded))
    if plans and "closing" in kinds:
        kinds.remove("closing")
    return Filters(
        country=tuple(catalog.name("country", code) for code in codes),
        year=tuple(years_in(text, [int(year) for year in catalog.keys("year")])),
        type=(PLAN_TYPE,) if plans and not kinds else (),
        kind=tuple(kind for kind in kinds if kind in catalog.keys("kind")),
    )


def region_in(text: str, catalog: Catalog) -> tuple[str, ...]:
    """The labs of the collection in the regions that a text names."""
    codes = countries_of_regions_in(text)
    known = sorted(str(key) for key in catalog.keys("country"))
    return tuple(catalog.name("country", code) for code in known if code in codes)


def years_in(text: str, known: Collection[int]) -> list[int]:
    """Of the years known those that a text names, one by one or as a range.

    "Since" and "until" take the year itself in, "after" and "before" do not. A range from which
    the collection has no year names none.
    """
    folded = strip_accents(text).replace("'", " ")
    spans = [sorted(int(y) for y in m.groups() if y) for m in _RANGE.finditer(folded)]
    named = {year for first, last in spans for year in range(first, last + 1)}
    if not spans:
        for pattern, compares in _OPEN_RANGES:
            for match in re.finditer(pattern.replace("{}", _YEAR), folded):
                limit = int(next(group for group in match.groups() if group))
                named |= {year for year in known if compares(year, limit)}
        if not named:
            named = {int(year) for year in re.findall(_YEAR, folded)}
    return sorted(named & set(known))


def countries_in(text: str) -> list[str]:
    """Alpha-2 codes of the countries that a text names, in order.

    Names count in five languages, the longest first ("Guinea-Bissau" before "Guinea");
    adjectives ("South African", "colombianos") by their ending. A word in lower case is no
    name of a country where the text uses capitals ("turkey", "chad").
    """
    return list(dict.fromkeys(code for code, _ in _countries(_without_others(text))))


def places_in(text: str) -> list[str]:
    """Alpha-2 codes of the countries that a text names, but not by an adjective of people."""
    text = _without_others(text)
    countries = ((code, fold_name(text[start:end])) for code, (start, end) in _countries(text))
    return list(dict.fromkeys(code for code, name in countries if adjective_to_iso(name) is None))


def without_countries(text: str) -> str:
    """A text without the words that name countries."""
    bare = text = _without_others(text)
    for _, (start, end) in reversed(_countries(text)):
        bare = f"{bare[:start]} {bare[end:]}"
    return " ".join(bare.split())


def _without_others(text: str) -> str:
    return re.sub(r"['’]s\b", "", _NO_COUNTRIES.sub(" ", text))


def _countries(text: str) -> list[tuple[str, Span]]:
    matches = list(re.finditer(r"\w+", text))
    folded = [fold_name(match.group()) for match in matches]
    capitals = text != text.lower()
    countries: list[tuple[str, Span]] = []
    i = 0
    while i < len(matches):
        last = min(i + 6, len(matches))
        while last > i:
            code = _country(" ".join(folded[i:last]), matches[i].group(), capitals)
            if code:
                countries.append((code, (matches[i].start(), matches[last - 1].end())))
                break
            last -= 1
        i = max(last, i + 1)
    return countries


def _country(phrase: str, first: str, capitals: bool) -> str | None:
    code = names_to_iso().get(phrase)
    if code:
        return None if capitals and first[0] != first[0].upper() else code
    # The article and prepositions are written as one with an Arabic name.
    if re.match(r"[\u0600-\u06ff]", phrase):
        for prefix in ("ال", "وال", "بال", "لل", "ب", "ل", "و", "في"):
            bare = phrase.removeprefix(prefix)
            if bare != phrase and len(bare) > 2:
                code = names_to_iso().get(bare) or names_to_iso().get("ال" + bare)
                if code:
                    return code
        return names_to_iso().get("ال" + phrase)
    return adjective_to_iso(phrase)


def tags_in(question: str, catalog: Catalog) -> Filters:
    """The tags of the catalog that a question names: methods, goals, themes ..."""
    folded = strip_accents(question)
    goals = re.findall(r"\b(?:sdg|ods|odd)\s*(\d{1,2})\b", folded)
    if names := [catalog.name("sdg", canonical_sdg(f"{n}.")) for n in goals]:
        return Filters(sdg=tuple(names))
    phrase = stems_of(question)
    generic = set() if names_tags(question) else listing_stems("en")
    tags: dict[str, tuple[str, ...]] = {}
    for field in FREE_FIELDS:
        values: dict[str, int] = {}
        for key in sorted(map(str, catalog.keys(field))):
            stemmed = stems_of(key)
            if len(stemmed) > 5 and stemmed in phrase and set(stemmed.split()) - generic:
                # A value has a key for each spelling: the longest one named counts.
                name = catalog.name(field, key)
                values[name] = max(len(stemmed), values.get(name, 0))
        if values:
            longest = max(values.values())
            tags[field] = tuple(name for name, size in values.items() if size == longest)
    if "method" in tags and "datasource" in tags:
        sources = re.search(r"\bdata source|\bfuente|\bsource de", folded)
        tags.pop("method" if sources else "datasource")
    if "method" in tags or "datasource" in tags:
        tags.pop("theme", None)
    return Filters(**tags)  # type: ignore[arg-type]


def stems_of(text: str) -> str:
    """The stems of a text, British and American spelling alike, with a space at both ends."""
    american = re.sub(r"(?<=\w{2})our", "or", strip_accents(text))
    return f" {' '.join(terms(american, 'en'))} "


@cache
def listing_stems(language: str) -> frozenset[str]:
    """The stems of words that may stand in a list question without narrowing it."""
    return frozenset(terms(words_of("listing_words"), language))


def all_tags_in(question: str, catalog: Catalog) -> Filters:
    """The tags that a question names, facts among them."""
    facts = facts_in(question, catalog)
    # What a fact is called ("control group") may look like a theme.
    tags = tags_in(question, catalog) if names_tags(question) or not facts else Filters()
    return replace(tags, fact=facts)


def names_tags(question: str) -> bool:
    """Whether a question has a word for tags ("among the methods", "tagged with")."""
    return bool(re.search(rf"\b{any_of('tag_words')}\b", strip_accents(question)))


def facts_in(question: str, catalog: Catalog) -> tuple[str, ...]:
    """The facts of the collection that a question in English names, at most one for each key.

    A fact is a tag whose value is ticked from a short list, such as "sample_size: More than
    1,000". A question names it if it has a word of the key ("sample") and fits the value better
    than all others of the key.
    """
    question_terms = fact_terms(question)
    by_key: dict[str, list[str]] = {}
    for fact, _ in catalog.counts("fact"):
        by_key.setdefault(fact.partition(": ")[0], []).append(fact)
    best = (
        _best_fact(question_terms, facts)
        for key, facts in by_key.items()
        if 2 <= len(facts) <= _MOST_VALUES and (fact_terms(key) - _OF_ANY_KEY) & question_terms
    )
    return tuple(fact for fact in best if fact)


def _best_fact(question_terms: frozenset[str], facts: Iterable[str]) -> str:
    scored = []
    for fact in facts:
        key, _, value = fact.partition(": ")
        value_terms = fact_terms(value)
        shared = value_terms & question_terms
        # "A control group" names the key alone, even if the values repeat it.
        if shared - fact_terms(key) or shared == value_terms:
            scored.append((len(shared) / max(1, len(value_terms)), len(shared), fact))
    scored.sort(reverse=True)
    if not scored or scored[0][0] < _LEAST:
        return ""
    alone = len(scored) == 1 or scored[0][:2] > scored[1][:2]
    return scored[0][2] if alone else ""


def fact_terms(text: str) -> frozenset[str]:
    """What facts and questions are compared by: stems, numbers, and words like "more"."""
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", text.replace("_", " "))
    meanings = [_MEANS.get(word, word) for word in words(plain)]
    return frozenset(terms(" ".join(meanings), "en")) | (_COUNTS & set(meanings))


def without(named: Filters, ignored: Filters, catalog: Catalog) -> Filters:
    """The values of `named` that are not ignored, whatever their spelling.

    An empty value ("", or the year 0) ignores all values of its field.
    """

    def rest(field: str) -> tuple[str | int, ...]:
        unwanted = getattr(ignored, field)
        if not all(unwanted):
            return ()
        keys = {_key(catalog, field, value) for value in unwanted}
        return tuple(v for v in getattr(named, field) if _key(catalog, field, v) not in keys)

    changed = {field: rest(field) for field in FILTER_FIELDS if getattr(ignored, field)}
    return replace(named, **changed)  # type: ignore[arg-type]


def _key(catalog: Catalog, field: str, value: str | int) -> str | int:
    return filter_key(field, catalog.name(field, value))
