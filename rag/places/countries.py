"""Names and adjectives of countries in five languages, resolved to ISO 3166 codes."""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

import pycountry
from babel import Locale

from rag.text.language import LANGUAGES

# CLDR has the code and ISO only reserves it.
_KOSOVO = "XK"
_SEPARATOR = re.compile(r"\s*[,;/|+&\n]\s*|\s+[-–—]\s+|\s+(?:and|y|e|et)\s+", re.IGNORECASE)
# Longer texts, in characters, list no countries.
_MAX_LENGTH = 500
# The most pieces between separators that a country's name may have.
_MAX_PIECES = 6
_ADJECTIVE_ENDING = re.compile(r"(?:n?e?s?|[oa]s?)$")


@lru_cache(10_000)
def fold_name(name: str) -> str:
    """A name without case, accents, punctuation and repeated spaces."""
    text = unicodedata.normalize("NFKD", name.casefold().replace("’", "'").replace("&", " and "))
    text = "".join(ch for ch in text if not unicodedata.combining(ch))
    return re.sub(r"[^\w']+", " ", text).replace("'", " ").strip()


@cache
def names_to_iso() -> Mapping[str, str]:
    """Every known folded name of a country, in five languages, with its alpha-2 code."""
    names: dict[str, str] = {}
    for country in pycountry.countries:
        for field in ("name", "official_name", "common_name"):
            if value := getattr(country, field, None):
                names[fold_name(value)] = country.alpha_2
                first, _, rest = value.partition(",")
                names.setdefault(fold_name(first), country.alpha_2)
                # "Korea, Republic of" is also the "Republic of Korea".
                inverted = fold_name(f"{rest} {first}").removeprefix("the ")
                names.setdefault(inverted, country.alpha_2)
    for language in LANGUAGES:
        for code, name in Locale(language).territories.items():
            if len(code) == 2 and (pycountry.countries.get(alpha_2=code) or code == _KOSOVO):
                names[fold_name(name)] = code
                names.setdefault(fold_name(re.sub(r"\s*\(.*\)", "", name)), code)
                names.setdefault(fold_name(name.replace("&", " ")), code)
    # There are two Koreas.
    names.pop("korea", None)
    listed = _listed_names()
    return names | listed["countries"] | listed["abbreviations"] | listed["parts"]


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
    i = 0
    while i < len(starts):
        step = 1
        for n in range(min(_MAX_PIECES, len(starts) - i), 0, -1):
            if country := resolve_country(text[starts[i] : ends[i + n - 1]]):
                countries[country] = None
                step = n
                break
        i += step
    return tuple(countries)


def adjective_to_iso(phrase: str) -> str | None:
    """The alpha-2 code of the country that a folded phrase is the adjective of, or None.

    "Togolese", "peruanas" and "tunisien" are looked up in `demonyms.tsv`, with and without an
    ending of gender or number. Endings alone don't tell: "perish" is not of Peru, "chaos" not of
    Chad, and "nigérien" is of another country than "nigérian".
    """
    codes = _demonyms()
    if phrase in codes:
        return codes[phrase]
    # Every ending that leaves a word of the table, the shortest first.
    for size in range(1, 4):
        stem, ending = phrase[:-size], phrase[-size:]
        if stem in codes and _ADJECTIVE_ENDING.match(ending):
            return codes[stem]
    return None


@cache
def english_name(code: str) -> str:
    """The English name of an alpha-2 code: the short name that the United Nations use.

    Where that of ISO 3166 is inverted ("Iran, Islamic Republic of"), CLDR's takes its place.
    """
    if listed := _listed_names()["shown"].get(code):
        return listed
    country = pycountry.countries.get(alpha_2=code)
    if country and "," not in country.name:
        return str(country.name)
    return str(Locale("en").territories.get(code, code)).replace("&", "and")


def is_abbreviation(phrase: str) -> bool:
    """Whether a folded phrase names a country only in capitals: "US" does, "us" does not."""
    return phrase in _listed_names()["abbreviations"]


@cache
def _listed_names() -> Mapping[str, dict[str, str]]:
    return tomllib.loads(Path(__file__).with_name("country_names.toml").read_text("utf-8"))


@cache
def _demonyms() -> Mapping[str, str]:
    rows = Path(__file__).with_name("demonyms.tsv").read_text("utf-8").splitlines()
    return {word: code for code, *words in (row.split("\t") for row in rows) for word in words}
