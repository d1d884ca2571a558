"""Regions that a text names, as ISO 3166 codes: those of UN M49, usual groups, languages.

`regions.toml` holds their countries and the wordings that people use ("West Africa", "les
laboratoires arabes"); CLDR has their names in five languages.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from babel import Locale
from babel.languages import get_official_languages

from rag.places.countries import fold_name, resolve_country
from rag.text.language import LANGUAGES

_SIDE = r"(?:east|west|north|south)(?:ern)?|central"
_TWO_SIDES = re.compile(rf"(?<!middle )\b({_SIDE}) and ({_SIDE}) (africa|asia|europe|america)\b")
# What stands before a region's name where one place of it is meant: "a West African city".
_ARTICLE = re.compile(r"\b(?:(?:an?|one)|(?:une?|una|uma?) \w+) $")
_PLURAL = r"(?:n?e?s|[oa]s|as?|x)?"
# A word for labs counts for an adjective that is at most so many characters away.
_REACH = 25
# Regions of languages ("francophone") are named "lang-fr", to tell them from those of places.
_LANGUAGE = "lang-"


def countries_of_regions_in(text: str) -> frozenset[str]:
    """The codes of the countries of the regions that a text names; empty if it names none.

    The countries of several places are joined; of a place and a language ("Afrique francophone")
    only the countries of both remain. The longest name counts ("Latin America and the Caribbean"
    before "Caribbean"), also in the feminine and the plural. An adjective counts only near a word
    for labs: "African labs", but not "African swine fever".
    """
    folded = _patterns("other_names").sub(" ", _fold(text))
    folded = _TWO_SIDES.sub(r"\1 \3 and \2 \3", folded)
    places: frozenset[str] = frozenset()
    speakers: frozenset[str] = frozenset()
    for match in _name_pattern().finditer(folded):
        context = folded[max(0, match.start() - _REACH) : match.end() + _REACH]
        if match["name"] in _adjectives() and not _patterns("labs").search(context):
            continue
        region = _names()[match["name"]]
        if region.startswith(_LANGUAGE):
            speakers |= _members()[region]
        else:
            places |= _members()[region]
    return places & speakers if places and speakers else places | speakers


def means_one_of_a_region(text: str) -> bool:
    """Whether a text is about one place of a region ("a Latin American city"), not its labs."""
    folded = _fold(text)
    matches = _name_pattern().finditer(folded)
    return any(_ARTICLE.search(folded[: match.start()]) for match in matches)


def region_words(text: str) -> list[tuple[int, int]]:
    """Where the words stand with which a text names regions."""
    matches = _name_pattern().finditer(_fold(text))
    names = {word for match in matches for word in match.group().split()}
    return [m.span() for m in re.finditer(r"\w+", text) if fold_name(m.group()) in names]


def without_regions(text: str) -> str:
    """A text without the words that name regions."""
    for start, end in reversed(region_words(text)):
        text = text[:start] + text[end:]
    return text


@cache
def regions() -> Mapping[str, frozenset[str]]:
    """The regions of UN M49 by number with their countries' codes, each before its parts.

    The Americas are two: what lies south of the United States, and the rest.
    """
    ordered: dict[str, frozenset[str]] = {}
    for number in ("002", "419", "021", "142", "150", "009"):
        parts = [part for part in _data()["regions"][number]["members"].split() if part.isdigit()]
        for region in (number, *sorted(parts, key=region_name)):
            ordered[region] = _members()[region]
    return ordered


def region_of(countries: Iterable[object]) -> str:
    """The smallest region of which these are at least half of the countries; "" for few or none."""
    found = (resolve_country(str(name)) for name in countries)
    codes = {country[0] for country in found if country}
    within = [(len(members), n) for n, members in regions().items() if codes <= members]
    size, region = min(within, default=(0, ""))
    return region if len(codes) > 3 and 2 * len(codes) >= size else ""


def region_name(region: str, language: str = "en") -> str:
    """CLDR's name of a region by its M49 number, in a language."""
    return str(Locale(language).territories.get(region, region))


def _fold(text: str) -> str:
    """A text folded, with the parts of its compounds apart."""
    return fold_name(re.sub(r"[-–]", " ", text))


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("regions.toml").read_text("utf-8"))


@cache
def _patterns(key: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(_data()[key])})\b")


@cache
def _adjectives() -> frozenset[str]:
    regions = _data()["regions"].values()
    return frozenset(word for region in regions for word in region.get("adjectives", ()))


@cache
def _name_pattern() -> re.Pattern[str]:
    names = sorted(_names(), key=lambda name: (-len(name), name))
    # The article and prepositions are written as one with an Arabic name.
    return re.compile(rf"(?<!\w)[وبل]?(?P<name>{'|'.join(map(re.escape, names))}){_PLURAL}(?!\w)")


@cache
def _names() -> Mapping[str, str]:
    """Every folded name of a region with its key in `_members`."""
    names: dict[str, str] = {}
    for region, language in product(_data()["regions"], LANGUAGES):
        folded = _fold(region_name(region, language))
        names.setdefault(folded, region)
        # "Western African", "South American"; those of continents are listed as adjectives.
        if region.isdigit() and language == "en" and folded.endswith("a") and " " in folded:
            names.setdefault(f"{folded}n", region)
    for region, entry in _data()["regions"].items():
        for name in (*entry.get("names", ()), *entry.get("adjectives", ())):
            names[name] = region
    for language, entry in _data()["languages"].items():
        names |= dict.fromkeys(entry["names"], _LANGUAGE + language)
    return names


@cache
def _members() -> Mapping[str, frozenset[str]]:
    """The codes of the countries of each region, by M49 number, group or language."""
    members: dict[str, frozenset[str]] = {}
    for region, entry in _data()["regions"].items():
        parts = (members.get(part, {part}) for part in entry["members"].split())
        members[region] = frozenset().union(*parts)
    countries = frozenset().union(*members.values())
    for language in LANGUAGES:
        members[_LANGUAGE + language] = frozenset(
            code for code in countries if language in get_official_languages(code, de_facto=True)
        )
    return members
