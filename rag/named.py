"""What a question names: labs, regions, years, kinds of report, tags; by rules."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache

from rag.catalogue import Catalogue
from rag.countries import fold_name, names_to_iso
from rag.demonyms import adjective_to_iso
from rag.fields import FREE_FIELDS
from rag.regions import countries_of_regions_in
from rag.tags import canonical_sdg
from rag.types import Filters, Span
from rag.words import strip_accents, terms

# What may stand in a question beside its filters without narrowing it.
_LISTING_WORDS = (
    "use uses used using apply applied name named mention mentioned list all have has made "
    "were was are there carry tagged give given show find collection many number "
    "count title titles write wrote written publish published year dated learning action plan "
    "plans closing closings experiment experiments report reports lab labs country countries "
    "solution solutions method methods theme themes complete full entire whole different please "
    "complète complet intégrale completa completo labo labos utilise utilisent utilisé citent cite "
    "liste tous toutes année pays plans expériences clôtures usan usaron utilizaron utilizan "
    "lista todos todas año países planes experimentos cierres usam usaram utilizaram lista "
    "todos ano países planos experimentos encerramentos خطط العمل خطة عام سنة اذكر عناوينها "
    "سجلها سجّلها مختبر المختبر التجارب"
)
ABOUT_TAGS = re.compile(
    r"\b(?:methods?|data sources?|sdgs?|tagged|themes?|thematic areas?|methodes?|metodos?"
    r"|sources? de donnees|fuentes? de datos|fontes? de dados|odd|ods|goals?)\b"
)
_YEAR = r"(?<!\d)(20[12]\d)(?!\d)"
# "2021-2023", "from 2021 to 2023", "between 2021 and 2023", in five languages.
_RANGE = re.compile(
    rf"{_YEAR}\s*(?:-|–|—|\bto\b|\bthrough\b|\buntil\b|\ba\b|\bau\b|\bhasta\b|\bate\b|إلى|الى|حتى)"
    rf"\s*{_YEAR}|\b(?:between|entre|بين)\s+{_YEAR}\s+(?:and|et|y|e|و)\s*{_YEAR}"
)
_OPEN = {
    "from": r"\b(?:since|depuis|a partir de|desde)\s+{}|\bfrom {} on|منذ (?:عام )?{}",
    "after": r"\b(?:after|later than|apres|despues de|depois de|apos)\s+{}|بعد (?:عام )?{}",
    "before": r"\b(?:before|prior to|earlier than|avant|antes de)\s+{}|قبل (?:عام )?{}",
    "until": r"\b(?:until|up to|till|jusqu en|hasta|ate)\s+{}|حتى (?:عام )?{}",
}
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


def named_in(text: str, catalogue: Catalogue) -> Filters:
    """The countries, years and kinds of report that a text names."""
    known = {str(key) for key in catalogue.keys("country")}
    codes = [code for code in countries_in(text) if code in known]
    folded = strip_accents(text)
    kinds = [kind for kind, pattern in _KINDS.items() if re.search(pattern, folded)]
    plans = bool(re.search(_PLANS, folded))
    if plans and "closing" in kinds:
        kinds.remove("closing")
    return Filters(
        country=tuple(catalogue.name("country", code) for code in codes),
        year=tuple(years_in(text, [int(year) for year in catalogue.keys("year")])),
        type=(PLAN_TYPE,) if plans and not kinds else (),
        kind=tuple(kind for kind in kinds if kind in catalogue.keys("kind")),
    )


# Names that have a country's in them and stand for something else.
_NO_COUNTRIES = re.compile(r"\b(?:new mexico|(?:gulf of|golfe de|golfo de) guin\w+)", re.IGNORECASE)


def region_in(text: str, catalogue: Catalogue) -> tuple[str, ...]:
    """The labs of the collection that are in a region which a text names."""
    codes = countries_of_regions_in(text)
    known = sorted(str(key) for key in catalogue.keys("country"))
    return tuple(catalogue.name("country", code) for code in known if code in codes)


def years_in(text: str, known: Collection[int]) -> list[int]:
    """Of the years known those that a text names, one by one or as a range.

    "Since" and "until" take the year itself in, "after" and "before" do not. A range from which
    the collection has no year names none.
    """
    folded = strip_accents(text).replace("'", " ")
    spans = [sorted(int(y) for y in m.groups() if y) for m in _RANGE.finditer(folded)]
    found = {year for first, last in spans for year in range(first, last + 1)}
    if not spans:
        for kind, pattern in _open().items():
            for match in pattern.finditer(folded):
                year = int(next(group for group in match.groups() if group))
                found |= {y for y in known if _within(kind, y, year)}
        if not found:
            found = {int(year) for year in re.findall(_YEAR, folded)}
    return sorted(found & set(known))


def _within(kind: str, year: int, limit: int) -> bool:
    return {
        "from": year >= limit,
        "after": year > limit,
        "before": year < limit,
        "until": year <= limit,
    }[kind]


@cache
def _open() -> Mapping[str, re.Pattern[str]]:
    return {kind: re.compile(said.replace("{}", _YEAR)) for kind, said in _OPEN.items()}


def countries_in(text: str) -> list[str]:
    """Alpha-2 codes of the countries that a text names, in order.

    Names count in five languages, the longest first ("Guinea-Bissau" before "Guinea");
    adjectives ("South African", "colombianos") by their ending. A word in lower case is no
    name of a country where the text uses capitals ("turkey", "chad").
    """
    return list(dict.fromkeys(code for code, _ in _countries(_without_others(text))))


def places_in(text: str) -> list[str]:
    """Alpha-2 codes of the countries that a text names, but not by an adjective of people."""
    told = _without_others(text)
    found = ((code, fold_name(told[start:end])) for code, (start, end) in _countries(told))
    return list(dict.fromkeys(code for code, name in found if adjective_to_iso(name) is None))


def without_countries(text: str) -> str:
    """A text without the words that name countries."""
    bare = text = _without_others(text)
    for _, (start, end) in reversed(_countries(text)):
        bare = f"{bare[:start]} {bare[end:]}"
    return " ".join(bare.split())


def _without_others(text: str) -> str:
    return re.sub(r"['’]s\b", "", _NO_COUNTRIES.sub(" ", text))


def _countries(text: str) -> list[tuple[str, Span]]:
    """The codes of the countries that a text names, in order, and where it does."""
    matches = list(re.finditer(r"\w+", text))
    folded = [fold_name(match.group()) for match in matches]
    capitals = text != text.lower()
    found: list[tuple[str, Span]] = []
    i = 0
    while i < len(matches):
        step = 1
        for n in range(min(6, len(matches) - i), 0, -1):
            code = _country(" ".join(folded[i : i + n]), matches[i].group(), capitals)
            if code:
                found.append((code, (matches[i].start(), matches[i + n - 1].end())))
                step = n
                break
        i += step
    return found


def _country(phrase: str, first: str, capitals: bool) -> str | None:
    """The code of the country that a folded phrase names or is the adjective of."""
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


def tags_in(question: str, catalogue: Catalogue) -> Filters:
    """The tags of the catalogue that a question names: methods, goals, themes ..."""
    phrase = stems_of(question)
    found: dict[str, tuple[str, ...]] = {}
    generic = set() if ABOUT_TAGS.search(strip_accents(question)) else listing_stems("en")
    for field in FREE_FIELDS:
        values: dict[str, int] = {}
        for key in sorted(map(str, catalogue.keys(field))):
            stemmed = stems_of(key)
            if len(stemmed) > 5 and stemmed in phrase and set(stemmed.split()) - generic:
                # A value has a key for each spelling: the longest one named counts.
                name = catalogue.name(field, key)
                values[name] = max(len(stemmed), values.get(name, 0))
        if values:
            longest = max(values.values())
            found[field] = tuple(name for name, size in values.items() if size == longest)
    goals = re.findall(r"\b(?:sdg|ods|odd)\s*(\d{1,2})\b", strip_accents(question))
    names = [catalogue.name("sdg", canonical_sdg(f"{n}.")) for n in goals]
    if names:
        return Filters(sdg=tuple(names))
    if "method" in found and "datasource" in found:
        folded = strip_accents(question)
        found.pop(
            "method" if re.search(r"\bdata source|\bfuente|\bsource de", folded) else "datasource"
        )
    if "method" in found or "datasource" in found:
        found.pop("theme", None)
    return Filters(**found)  # type: ignore[arg-type]


def stems_of(text: str) -> str:
    """The stems of a text, British and American spelling alike, with a space at both ends."""
    american = re.sub(r"(?<=\w{2})our", "or", strip_accents(text))
    return f" {' '.join(terms(american, 'en'))} "


@cache
def listing_stems(language: str) -> frozenset[str]:
    """The stems of words that may stand in a list question without narrowing it."""
    return frozenset(terms(_LISTING_WORDS, language))
