"""Regions that a text names, as ISO 3166 codes: those of UN M49, usual groups, languages.

Which countries a region has comes from a library, its names in five languages from CLDR; beside
them stand the wordings that people use ("West Africa", "les laboratoires arabes").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache

from babel import Locale
from babel.languages import get_official_languages
from countrystatecity_regions import get_all_regions

from rag.places.countries import fold_name
from rag.text.language import LANGUAGES

# The library's name of a sub-region -> its M49 number, under which CLDR has its names.
_M49 = {
    "Western Africa": "011",
    "Central America": "013",
    "Eastern Africa": "014",
    "Northern Africa": "015",
    "Middle Africa": "017",
    "Southern Africa": "018",
    "Northern America": "021",
    "Caribbean": "029",
    "Eastern Asia": "030",
    "Southern Asia": "034",
    "South-Eastern Asia": "035",
    "Southern Europe": "039",
    "Australia and New Zealand": "053",
    "Melanesia": "054",
    "Micronesia": "057",
    "Polynesia": "061",
    "South America": "005",
    "Central Asia": "143",
    "Western Asia": "145",
    "Eastern Europe": "151",
    "Northern Europe": "154",
    "Western Europe": "155",
}
# Where the library is not of M49's mind.
_CORRECTED = {"CY": "145", "MX": "013", "SS": "014", "ZM": "014"}
# Regions that are made of others, each with the names of its parts or the codes of countries.
_MADE_OF = {
    "002": "011 014 015 017 018",
    "003": "013 021 029",
    "009": "053 054 057 061",
    "019": "005 013 021 029",
    "142": "030 034 035 143 145",
    "150": "039 151 154 155",
    "202": "011 014 017 018",
    "419": "005 013 029",
    "arab": "AE BH DJ DZ EG IQ JO KM KW LB LY MA MR OM PS QA SA SD SO SY TN YE",
    "andes": "BO CO EC PE VE",
    "balkans": "AL BA BG GR HR ME MK RO RS SI XK",
    "caucasus": "AM AZ GE",
    "gulf": "AE BH KW OM QA SA",
    "horn": "DJ ER ET SO",
    "maghreb": "DZ LY MA MR TN",
    "middle east": "145 EG",
    "middle east and north africa": "015 145",
    "pacific": "054 057 061",
    "sahel": "BF ML MR NE SN TD",
}
# How people say it, beside CLDR's names; languages as "lang-".
_SAID = {
    "002": "africain|african|africano",
    "003": "north america",
    "005": "america del sur|south american|sudamericano|sul americano|sud americain",
    "009": "oceania",
    "011": "west africa|west african|afrique de l ouest|ouest africain|africa del oeste"
    "|africa do oeste|غرب افريقيا",
    "013": "america central|centroamericano|central american",
    "014": "east africa|east african|afrique de l est|est africain|africa del este|africa do leste"
    "|شرق افريقيا",
    "015": "north africa|north african|afrique du nord|africa del norte|norte de africa"
    "|africa do norte|شمال افريقيا",
    "017": "central africa|central african|وسط افريقيا",
    "018": "southern african|africa austral|sur de africa",
    "019": "america|americas|las americas|as americas",
    "029": "caribe|caraibe|caribeno|caribenho|caribeen|the caribbean|منطقة البحر الكاريبي",
    "030": "east asia|east asian",
    "034": "south asia|south asian|asie du sud|sur de asia|sul da asia",
    "035": "south east asia|southeast asian|asie du sud est|sudeste de asia|sudeste da asia",
    "039": "southern european|sur de europa|sul da europa",
    "142": "asian|asiatique|asiatico",
    "143": "central asian|asie centrale|asia central",
    "150": "european|europeen|europeo|europeu",
    "151": "eastern european|europa del este|leste europeu|europa do leste",
    "202": "subsaharan africa|sub saharan|afrique sub saharienne|africa sub sahariana",
    "419": "latin american|latinoamericano|latino americano|latino americain|america latina"
    "|latin america and the caribbean|amerique latine et les caraibes"
    "|america latina y el caribe|america latina e caribe|amerique latine et caraibes",
    "andes": "andean|andino|andin|andes",
    "arab": "arabe|arab states|arab world|monde arabe|mundo arabe|عربية|العربية|الوطن العربي",
    "balkans": "balkan|balkans|western balkans|balcanes|balcas|البلقان",
    "caucasus": "caucase|caucaso|south caucasus|القوقاز",
    "gulf": "gulf states|gulf countries|pays du golfe|paises del golfo|دول الخليج",
    "horn": "horn of africa|corne de l afrique|cuerno de africa|corno de africa|القرن الافريقي",
    "maghreb": "maghrebin|magreb|المغرب العربي",
    "middle east": "moyen orient|proche orient|oriente medio|medio oriente|medio oriente"
    "|الشرق الاوسط",
    "middle east and north africa": "mena|moyen orient et afrique du nord"
    "|oriente medio y norte de africa|الشرق الاوسط وشمال افريقيا",
    "pacific": "pacifique|pacifico|pacific islands|iles du pacifique|islas del pacifico"
    "|المحيط الهادئ",
    "sahel": "sahelien|saheliano|الساحل الافريقي",
    "lang-ar": "arabic speaking|arabophone|de habla arabe|الناطقة بالعربية",
    "lang-en": "anglophone|english speaking|anglofono",
    "lang-es": "hispanophone|spanish speaking|hispanohablante|de habla hispana",
    "lang-fr": "francophone|french speaking|francofono|الفرنكوفونية",
    "lang-pt": "lusophone|lusofono|portuguese speaking|lusofono",
}
# What only belongs to a region where labs, countries or people of it are meant ("African labs",
# but not the "African Union"): adjectives, and names that are also other things.
_OF_LABS = re.compile(
    r"\b(?:labs?|laborato\w+|labos?|countries|country|pays|paises|nations?|states|etats|estados"
    r"|teams?|equip\w+|region\w*|reports?|rapports?|informes?|relatorios?|islands?)\b"
    r"|مختبر|الدول|دول|بلدان|البلدان|منطقة|تقارير"
)
_NOT_REGIONS = re.compile(
    r"\b(?:european|african|union europeenne|union africaine|inter|banco|banque)"
    r" (?:union|commission|development bank|parliament)\b"
    r"|\b(?:union europeenne|union europea|uniao europeia|union africaine|union africana"
    r"|south africa\w*|central african republic|republique centrafricaine|african swine \w+"
    r"|united states of america|north america trade|latin american? (?:development )?bank"
    r"|(?:banque|banco) \w+ de desarrollo|asian development bank|african development bank)\b"
)
_ADJECTIVE = re.compile(
    "africain|african|africano|asian|asiatique|asiatico|european|europeen|europeo|europeu|arab"
    "|arabe|عربية|العربية|america|pacific|pacifique|pacifico|andean|andino|andin|gulf"
)
_SIDE = r"(?:east|west|north|south)(?:ern)?|central"
_TWO_OF_ONE = re.compile(rf"(?<!middle )\b({_SIDE}) and ({_SIDE}) (africa|asia|europe|america)\b")
# What goes before a region's name where one place of it is meant: "a West African city".
_ONE = re.compile(r"\b(?:(?:an?|one)|(?:une?|una|uma?) \w+) $")
_LANGUAGE = "lang-"
_PLURAL = r"(?:n?e?s|[oa]s|as?|x)?"


def countries_of_regions_in(text: str) -> frozenset[str]:
    """The codes of the countries of the regions that a text names; none for none.

    Of several places all countries count, of a place and a language ("Afrique francophone") those
    of both. The longest name counts ("Latin America and the Caribbean" before "Caribbean"), and a
    name's feminine and plural too. An adjective counts where a word for labs is beside it.
    """
    folded = _NOT_REGIONS.sub(" ", _spaced(text))
    folded = _TWO_OF_ONE.sub(r"\1 \3 and \2 \3", folded)
    places: frozenset[str] = frozenset()
    speakers: frozenset[str] = frozenset()
    for match in _pattern().finditer(folded):
        around = folded[max(0, match.start() - 25) : match.end() + 25]
        region = _names()[match["name"]]
        if _ADJECTIVE.fullmatch(match["name"]) and not _OF_LABS.search(around):
            continue
        if region.startswith(_LANGUAGE):
            speakers |= _members()[region]
        else:
            places |= _members()[region]
    return places & speakers if places and speakers else places | speakers


def means_one_of_a_region(text: str) -> bool:
    """Whether a text speaks of one place of a region ("a Latin American city"), not of its labs."""
    folded = _spaced(text)
    return any(_ONE.search(folded[: match.start()]) for match in _pattern().finditer(folded))


def without_regions(text: str) -> str:
    """A text without the words that name regions."""
    folded = _spaced(text)
    named = {word for match in _pattern().finditer(folded) for word in match.group().split()}
    parts = re.split(r"(\w+)", text)
    return "".join(part for part in parts if fold_name(part) not in named or not part.strip())


def _spaced(text: str) -> str:
    """A text folded, with the parts of its compounds apart."""
    return fold_name(re.sub(r"[-–]", " ", text))


@cache
def regions() -> Mapping[str, frozenset[str]]:
    """The regions of UN M49 by number with their countries' codes, each before its parts.

    The Americas stand as two: what lies south of the United States, and the rest.
    """
    found: dict[str, frozenset[str]] = {}
    for whole in ("002", "419", "021", "142", "150", "009"):
        parts = _MADE_OF.get(whole, "").split()
        for region in (whole, *sorted(parts, key=region_name)):
            found[region] = _members()[region]
    return found


def region_name(region: str, language: str = "en") -> str:
    """CLDR's name of a region by its M49 number, in a language."""
    return str(Locale(language).territories.get(region, region))


@cache
def _pattern() -> re.Pattern[str]:
    names = sorted(_names(), key=lambda name: (-len(name), name))
    # The article and prepositions are written as one with an Arabic name.
    return re.compile(
        rf"(?<!\w)[وبل]?(?P<name>{'|'.join(map(re.escape, names))}){_PLURAL}(?!\w)",
    )


@cache
def _names() -> Mapping[str, str]:
    """Every folded name of a region with its number, or what else it is called here."""
    names: dict[str, str] = {}
    for region in _members():
        for language in LANGUAGES:
            if name := Locale(language).territories.get(region):
                folded = _spaced(name)
                names.setdefault(folded, region)
                # "Western African", "South American"; of whole continents see `_SAID`.
                if folded.endswith("a") and " " in folded and language == "en":
                    names.setdefault(f"{folded}n", region)
        names.setdefault(region, region)
        names.update(dict.fromkeys(_SAID.get(region, region).split("|"), region))
    return names


@cache
def _members() -> Mapping[str, frozenset[str]]:
    """The codes of the countries of each region, by M49 number, group or language."""
    members: dict[str, set[str]] = {}
    for country in get_all_regions():
        region = _CORRECTED.get(country.countryCode, _M49.get(country.subregion or "", ""))
        members.setdefault(region, set()).add(country.countryCode)
    members.pop("", None)
    for region, parts in _MADE_OF.items():
        members[region] = set().union(*(members.get(part, {part}) for part in parts.split()))
    everywhere = set().union(*members.values())
    for language in LANGUAGES:
        members[f"{_LANGUAGE}{language}"] = {c for c in everywhere if _speaks(c, language)}
    return {region: frozenset(codes) for region, codes in members.items()}


def _speaks(code: str, language: str) -> bool:
    official: Iterable[str] = get_official_languages(code, de_facto=True)
    return language in official
