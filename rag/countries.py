"""Country names in five languages, resolved to ISO 3166 codes."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import pycountry
from babel import Locale

LANGUAGES = ("en", "fr", "es", "pt", "ar")

# Names that neither CLDR nor ISO lists, and regions that report under their country.
EXCEPTIONS = {
    "antigua": "AG",
    "burkina": "BF",
    "burma": "MM",
    "cape verde": "CV",
    "costa de marfil": "CI",
    "costa do marfim": "CI",
    "democratic republic of the congo": "CD",
    "democratic republic of congo": "CD",
    "dr congo": "CD",
    "drc": "CD",
    "east timor": "TL",
    "federation of bosnia and herzegovina": "BA",
    "ivory coast": "CI",
    "kurdistan region": "IQ",
    "lao pdr": "LA",
    "palestine": "PS",
    "puntland": "SO",
    "rdc": "CD",
    "republic of the congo": "CG",
    "republika srpska": "BA",
    "somaliland": "SO",
    "south island": "NZ",
    "the gambia": "GM",
    "trinidad": "TT",
    "turkey": "TR",
    "england": "GB",
    "uk": "GB",
    "usa": "US",
}


def fold_name(name: str) -> str:
    """A name without case, accents, punctuation and repeated spaces."""
    text = unicodedata.normalize("NFKD", name.casefold().replace("’", "'"))
    text = "".join(ch for ch in text if not unicodedata.combining(ch))
    return re.sub(r"[^\w']+", " ", text).replace("'", " ").strip()


@cache
def names_to_iso() -> dict[str, str]:
    """Every known folded name of a country, in five languages, with its alpha-2 code."""
    names: dict[str, str] = {}
    for country in pycountry.countries:
        for field in ("name", "official_name", "common_name"):
            if value := getattr(country, field, None):
                names[fold_name(value)] = country.alpha_2
                names.setdefault(fold_name(value.split(",")[0]), country.alpha_2)
    for language in LANGUAGES:
        for code, name in Locale(language).territories.items():
            if len(code) == 2 and pycountry.countries.get(alpha_2=code):
                names[fold_name(name)] = code
                names.setdefault(fold_name(re.sub(r"\s*\(.*\)", "", name)), code)
    # "Korea, Republic of" and "Congo, ..." would otherwise claim their shared first word.
    names.pop("korea", None)
    return names | EXCEPTIONS


def resolve_country(name: str) -> tuple[str, str] | None:
    """The alpha-2 code and display name of a country's name, or None for an unknown place.

    The display name is the name as given, except for regions, which show their country.
    """
    folded = fold_name(name)
    code = names_to_iso().get(folded)
    if code is None:
        return None
    region = folded in EXCEPTIONS and folded in {
        "federation of bosnia and herzegovina",
        "republika srpska",
        "kurdistan region",
        "puntland",
        "somaliland",
        "south island",
        "england",
    }
    return code, english_name(code) if region else " ".join(name.split())


@cache
def english_name(code: str) -> str:
    """CLDR's English name of an alpha-2 code."""
    return str(Locale("en").territories.get(code, code)).replace("&", "and")


def flag(code: str) -> str:
    """The flag emoji of an alpha-2 code."""
    return "".join(chr(0x1F1E6 + ord(letter) - ord("A")) for letter in code.upper())
