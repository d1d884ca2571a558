"""Names and adjectives of countries and regions in five languages, resolved to ISO 3166 codes.

Regions are those of UN M49, usual groups, and languages. `regions.toml` holds their countries and
the wordings that people use ("West Africa", "les laboratoires arabes"); CLDR has their names.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from itertools import product
from pathlib import Path
from typing import Any

from babel import Locale
from babel.languages import get_official_languages

from rag.text.tokenize import LANGUAGES, strip_accents

# Codes that CLDR has for what is no country.
_NO_COUNTRIES = "AC CP CQ DG EA EU EZ IC QO TA UN XA XB ZZ"
_SEPARATOR = re.compile(r"\s*[,;/|+&\n]\s*|\s+[-–—]\s+|\s+(?:and|y|e|et)\s+", re.IGNORECASE)
# Longer texts, in characters, list no countries.
_MAX_LENGTH = 500
# The most pieces between separators that a country's name may have.
_MAX_PIECES = 6
_ARABIC_ADJECTIVE = re.compile(r"(?:[وب]?ال|لل)(?P<stem>\w{3,}?)ي(?:[ةه]|ين|ون|ات)?")
_ADJECTIVE_ENDING = re.compile(r"(?:n?e?s?|[oa]s?)$")
_ROWS = Path(__file__).with_name("demonyms.tsv").read_text("utf-8").splitlines()
_DEMONYMS = {w: code for code, *words in (row.split("\t") for row in _ROWS) for w in words}
_SIDE = r"(?:east|west|north|south)(?:ern)?|central"
_TWO_SIDES = re.compile(rf"(?<!middle )\b({_SIDE}) and ({_SIDE}) (africa|asia|europe|america)\b")
# What stands before a region's name where one place of it is meant: "a West African city".
_ARTICLE = re.compile(r"\b(?:(?:an?|one)|(?:une?|una|uma?) \w+) $")
_PLURAL = r"(?:n?e?s|[oa]s|as?|x)?"
# A word for labs counts for an adjective that is at most so many characters away.
_REACH = 25
# The countries of regions and languages, and how people name these.
_DATA: dict[str, Any] = tomllib.loads(Path(__file__).with_name("regions.toml").read_text("utf-8"))
_LABS, _OTHER_NAMES = (
    re.compile(rf"\b(?:{'|'.join(_DATA[key])})\b") for key in ("labs", "other_names")
)
_ADJECTIVES = frozenset(w for of in _DATA["regions"].values() for w in of.get("adjectives", ()))
# Regions of languages ("francophone") are named "lang-fr", to tell them from those of places.
_LANGUAGE = "lang-"


@lru_cache(10_000)
def fold_name(name: str) -> str:
    """A name without case, accents, punctuation and repeated spaces."""
    return " ".join(re.findall(r"\w+", strip_accents(name.replace("&", " and "))))


@cache
def names_to_iso() -> Mapping[str, str]:
    """Every known folded name of a country, in five languages, with its alpha-2 code."""
    names: dict[str, str] = {}
    for language in LANGUAGES:
        for code, name in Locale(language).territories.items():
            if len(code) == 2 and code not in _NO_COUNTRIES:
                names[fold_name(name)] = code
                names.setdefault(fold_name(re.sub(r"\s*\(.*\)", "", name)), code)
                names.setdefault(fold_name(name.replace("&", " ")), code)
    for kind in ("official", "countries", "abbreviations", "parts"):
        names |= _listed_names()[kind]
    return names


@cache
def names_to_countries() -> Mapping[str, str]:
    """As `names_to_iso`, but with the codes of both countries where two have a name."""
    return {**names_to_iso(), **_listed_names()["shared"]}


def resolve_country(name: str) -> tuple[str, str] | None:
    """The alpha-2 code and display name of a country's name, or None for an unknown place."""
    folded = fold_name(name)
    # "The Philippines"; "Gambia, The".
    bare = folded.removeprefix("the ").removesuffix(" the")
    code = names_to_iso().get(folded) or names_to_iso().get(bare)
    return None if code is None else (code, english_name(code))


def resolve_countries(text: str) -> tuple[tuple[str, str], ...]:
    """The countries that a text lists, as `resolve_country` gives them; unknown places left out.

    Commas, strokes and "and" separate them. The longest name wins, so that "Bosnia and
    Herzegovina" and "Korea, Republic of" are one country each.
    """
    if len(text) > _MAX_LENGTH:
        return ()
    if country := resolve_country(text):
        return (country,)
    gaps = [match.span() for match in _SEPARATOR.finditer(text)]
    starts = [0, *(end for _, end in gaps)]
    ends = [*(start for start, _ in gaps), len(text)]
    countries: dict[tuple[str, str], None] = {}
    done = 0
    for i, last in longest_runs(len(starts), _MAX_PIECES):
        if i >= done and (country := resolve_country(text[starts[i] : ends[last - 1]])):
            countries[country] = None
            done = last
    return tuple(countries)


def longest_runs(size: int, most: int) -> Iterator[tuple[int, int]]:
    """Where each run of at most `most` of so many pieces begins and ends, longer ones first."""
    return ((i, end) for i in range(size) for end in range(min(i + most, size), i, -1))


def adjective_to_iso(phrase: str) -> str | None:
    """The alpha-2 code of the country that a folded phrase is the adjective of, or None.

    "Togolese", "peruanas" and "tunisien" are looked up in `demonyms.tsv`, with and without an
    ending of gender or number. Endings alone don't tell: "perish" is not of Peru, "chaos" not of
    Chad, and "nigérien" is of another country than "nigérian".
    """
    if phrase in _DEMONYMS:
        return _DEMONYMS[phrase]
    # Every ending that leaves a word of the table, the shortest first.
    for size in range(1, 4):
        stem, ending = phrase[:-size], phrase[-size:]
        if stem in _DEMONYMS and _ADJECTIVE_ENDING.match(ending):
            return _DEMONYMS[stem]
    arabic = _ARABIC_ADJECTIVE.fullmatch(phrase)
    return _arabic_stems().get(arabic["stem"]) if arabic else None


@cache
def _arabic_stems() -> Mapping[str, str]:
    """What Arabic adjectives of countries begin with: their names of one word without its end."""
    # Of "سوريا" is "سورية".
    names = (
        (name.removeprefix("ال").removesuffix("يا").rstrip("اةىه"), iso)
        for name, iso in names_to_iso().items()
    )
    known = {n: iso for n, iso in names if re.fullmatch(r"[\u0621-\u064a]{3,}", n)}
    # "Country offices" have the adjective of Qatar; the others are languages.
    return {n: iso for n, iso in known.items() if iso not in ("QA", "FR", "ES", "PT", "GB")}


@cache
def english_name(code: str) -> str:
    """The English name of an alpha-2 code, as labs and the United Nations use it."""
    name = _listed_names()["shown"].get(code) or str(Locale("en").territories.get(code, code))
    return name.replace("&", "and")


def is_abbreviation(phrase: str) -> bool:
    """Whether a folded phrase names a country only in capitals: "US" does, "us" does not."""
    return phrase in _listed_names()["abbreviations"]


@cache
def _listed_names() -> Mapping[str, dict[str, str]]:
    return tomllib.loads(Path(__file__).with_name("country_names.toml").read_text("utf-8"))


def countries_of_regions_in(text: str) -> frozenset[str]:
    """The codes of the countries of the regions that a text names; empty if it names none.

    The countries of several places are joined; of a place and a language ("Afrique francophone")
    only the countries of both remain. The longest name counts ("Latin America and the Caribbean"
    before "Caribbean"), also in the feminine and the plural. An adjective counts only near a word
    for labs: "African labs", but not "African swine fever".
    """
    folded = _OTHER_NAMES.sub(" ", _fold(text))
    folded = _TWO_SIDES.sub(r"\1 \3 and \2 \3", folded)
    places: frozenset[str] = frozenset()
    speakers: frozenset[str] = frozenset()
    for match in _name_pattern().finditer(folded):
        context = folded[max(0, match.start() - _REACH) : match.end() + _REACH]
        if match["name"] in _ADJECTIVES and not _LABS.search(context):
            continue
        region = _region_names()[match["name"]]
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
    return [span for _, spans in _regions_in(text) for span in spans]


def region_names(text: str) -> list[str]:
    """The names of regions in a text, as they are written, each once.

    An adjective counts only near a word for labs.
    """
    names: dict[str, str] = {}
    for name, spans in _regions_in(text):
        start, end = spans[0][0], spans[-1][1]
        near = _fold(text[max(0, start - _REACH) : end + _REACH])
        if name not in _ADJECTIVES or _LABS.search(near):
            # Arabic writes prepositions and "and" as one with a name.
            written = text[start:end]
            names.setdefault(name, written[not _fold(written).startswith(name[:2]) :])
    return [*names.values()]


def _regions_in(text: str) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """Each name of a region in a text as it is listed, and where its words stand."""
    words = list(re.finditer(r"\w+", text))
    folded = " ".join(fold_name(word.group()).replace(" ", "") for word in words)
    folded = _OTHER_NAMES.sub(lambda match: re.sub(r"\w", "_", match.group()), folded)
    for match in _name_pattern().finditer(folded):
        a, b = match.span()
        inside = range(folded.count(" ", 0, a), folded.count(" ", 0, b) + 1)
        yield match["name"], [words[i].span() for i in inside]


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
        parts = [part for part in _DATA["regions"][number]["members"].split() if part.isdigit()]
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
    return fold_name(re.sub(r"[-–]", " ", text))


@cache
def _name_pattern() -> re.Pattern[str]:
    names = sorted(_region_names(), key=lambda name: (-len(name), name))
    # The article and prepositions are written as one with an Arabic name.
    return re.compile(rf"(?<!\w)[وبل]?(?P<name>{'|'.join(map(re.escape, names))}){_PLURAL}(?!\w)")


@cache
def _region_names() -> Mapping[str, str]:
    """Every folded name of a region with its key in `_members`."""
    names: dict[str, str] = {}
    for region, language in product(_DATA["regions"], LANGUAGES):
        folded = _fold(region_name(region, language))
        names.setdefault(folded, region)
        # "Western African", "South American"; those of continents are listed as adjectives.
        if region.isdigit() and language == "en" and folded.endswith("a") and " " in folded:
            names.setdefault(f"{folded}n", region)
    for region, entry in _DATA["regions"].items():
        for name in (*entry.get("names", ()), *entry.get("adjectives", ())):
            names[name] = region
    for language, entry in _DATA["languages"].items():
        names |= dict.fromkeys(entry["names"], _LANGUAGE + language)
    return names


@cache
def _members() -> Mapping[str, frozenset[str]]:
    """The codes of the countries of each region, by M49 number, group or language."""
    members: dict[str, frozenset[str]] = {}
    for region, entry in _DATA["regions"].items():
        parts = (members.get(part, {part}) for part in entry["members"].split())
        members[region] = frozenset().union(*parts)
    countries = frozenset().union(*members.values())
    for language in LANGUAGES:
        members[_LANGUAGE + language] = frozenset(
            code for code in countries if language in get_official_languages(code, de_facto=True)
        )
    return members
