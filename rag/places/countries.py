"""Country names in five languages, resolved to ISO 3166 codes."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import pycountry
from babel import Locale

from rag.text.language import LANGUAGES

# Names that neither CLDR nor ISO lists.
EXCEPTIONS = {
    "antigua": "AG",
    "burkina": "BF",
    "burma": "MM",
    "cape verde": "CV",
    "costa de marfil": "CI",
    "costa do marfim": "CI",
    "democratic republic of congo": "CD",
    "dr congo": "CD",
    "drc": "CD",
    "east timor": "TL",
    "great britain": "GB",
    "ivory coast": "CI",
    "lao pdr": "LA",
    "macedonia": "MK",
    "rdc": "CD",
    "republic of the congo": "CG",
    "swaziland": "SZ",
    "trinidad": "TT",
    "turkey": "TR",
    "uae": "AE",
    "uk": "GB",
    "usa": "US",
}
# Regions that report under their country. The regions of ISO 3166-2 are no help: their names
# are local ("Canarias"), and many are wider regions elsewhere ("Sahel", "South", "Punjab").
REGIONS = {
    "england": "GB",
    "federation of bosnia and herzegovina": "BA",
    "kurdistan region": "IQ",
    "north island": "NZ",
    "northern ireland": "GB",
    "puntland": "SO",
    "republika srpska": "BA",
    "scotland": "GB",
    "somaliland": "SO",
    "south island": "NZ",
    "wales": "GB",
    "zanzibar": "TZ",
}
# Codes that CLDR has and ISO only reserves: Kosovo is a lab of its own, the Canary Islands,
# Ceuta and Melilla are Spain's.
_RESERVED = {"XK": "XK", "IC": "ES", "EA": "ES"}
_BETWEEN = re.compile(r"\s*[,;/|+&\n]\s*|\s+[-–—]\s+|\s+(?:and|y|e|et)\s+", re.IGNORECASE)
_LONGEST = 500
_MOST_PIECES = 6


def fold_name(name: str) -> str:
    """A name without case, accents, punctuation and repeated spaces."""
    text = unicodedata.normalize("NFKD", name.casefold().replace("’", "'").replace("&", " and "))
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
                first, _, rest = value.partition(",")
                names.setdefault(fold_name(first), country.alpha_2)
                # "Korea, Republic of" is also the "Republic of Korea".
                inverted = fold_name(f"{rest} {first}").removeprefix("the ")
                names.setdefault(inverted, country.alpha_2)
    for language in LANGUAGES:
        for code, name in Locale(language).territories.items():
            if len(code) == 2 and pycountry.countries.get(alpha_2=code):
                names[fold_name(name)] = code
                names.setdefault(fold_name(re.sub(r"\s*\(.*\)", "", name)), code)
                names.setdefault(fold_name(name.replace("&", " ")), code)
            elif code in _RESERVED:
                names.setdefault(fold_name(name), _RESERVED[code])
    # "Korea, Republic of" and "Congo, ..." would otherwise claim their shared first word.
    names.pop("korea", None)
    return names | EXCEPTIONS | REGIONS


def resolve_country(name: str) -> tuple[str, str] | None:
    """The alpha-2 code and display name of a country's name, or None for an unknown place.

    The display name is the name as given, except for regions, which show their country.
    """
    folded = fold_name(name)
    code = names_to_iso().get(folded)
    if code is None:
        # "The Philippines"; "Gambia, The".
        code = names_to_iso().get(folded.removeprefix("the ").removesuffix(" the"))
    if code is None:
        return None
    return code, english_name(code) if folded in _region_names() else " ".join(name.split())


@cache
def _region_names() -> frozenset[str]:
    inside = [code for code, country in _RESERVED.items() if code != country]
    named = (Locale(language).territories.get(code) for language in LANGUAGES for code in inside)
    return frozenset(REGIONS) | {fold_name(name) for name in named if name}


def resolve_countries(text: str) -> tuple[tuple[str, str], ...]:
    """The countries that a text lists, as `resolve_country` gives them; unknown places left out.

    They may be parted by commas, strokes or "and". The longest name wins, so that "Bosnia and
    Herzegovina" or "Korea, Republic of" stay whole.
    """
    if len(text) > _LONGEST:
        return ()
    if whole := resolve_country(text):
        return (whole,)
    gaps = [match.span() for match in _BETWEEN.finditer(text)]
    starts = [0, *(end for _, end in gaps)]
    ends = [*(start for start, _ in gaps), len(text)]
    found: dict[tuple[str, str], None] = {}
    i = 0
    while i < len(starts):
        step = 1
        for n in range(min(_MOST_PIECES, len(starts) - i), 0, -1):
            if place := resolve_country(text[starts[i] : ends[i + n - 1]]):
                found[place] = None
                step = n
                break
        i += step
    return tuple(found)


@cache
def english_name(code: str) -> str:
    """CLDR's English name of an alpha-2 code."""
    return str(Locale("en").territories.get(code, code)).replace("&", "and")


def flag(code: str) -> str:
    """The flag emoji of an alpha-2 code."""
    return "".join(chr(0x1F1E6 + ord(letter) - ord("A")) for letter in code.upper())


# Adjectives of countries ("Togolese", "peruanas", "tunisien") resolved to ISO 3166 codes.
#
# A table, because endings don't tell: "perish" is not of Peru, "chaos" not of Chad, and
# "nigérien" is of another country than "nigérian". Countries that have labs, in English, French,
# Spanish and Portuguese; each entry is a word without accents, to which an ending of gender or
# number may be added.


_ENDING = re.compile(r"(?:n?e?s?|[oa]s?)$")
_WORDS = {
    "AE": "emirati emirien",
    "AF": "afghan afgan afega",
    "AL": "albanian albanais albanes",
    "AM": "armenian armenien armeni",
    "AO": "angolan angolais angolens angolen",
    "AR": "argentin argentinian argentinean",
    "AZ": "azerbaijani azerbaidjanais azerbaiyan azeri",
    "BA": "bosnian bosnien bosni",
    "BB": "barbadian barbadien barbadens",
    "BD": "bangladeshi bangladais bangladesi",
    "BF": "burkinabe burkines",
    "BI": "burundian burundais burundes",
    "BJ": "beninese beninois benines beninens",
    "BO": "bolivian bolivien",
    "BR": "brazilian bresilien brasilen brasileir",
    "BT": "bhutanese bhoutanais butanes",
    "BW": "batswana motswana botswanais botswanes",
    "BY": "belarusian bielorusse bielorrus",
    "CD": "congolese congolais congolen congoles",
    "CI": "ivorian ivoirien marfilen marfinens",
    "CL": "chilean chilien chilen",
    "CM": "cameroonian camerounais camerunes",
    "CN": "chinese chinois chines",
    "CO": "colombian colombien",
    "CR": "costarrican costarricens",
    "CU": "cuban cubain",
    "CV": "cabo_verdean cape_verdean cap_verdien caboverdian cabo_verdian caboverden",
    "DO": "dominican dominicain",
    "DZ": "algerian algerien argelin",
    "EC": "ecuadorian ecuadorean equatorien ecuatorian equatorian",
    "EG": "egyptian egyptien egipci",
    "ET": "ethiopian ethiopien etiope",
    "FJ": "fijian fidjien fiyian",
    "GA": "gabonese gabonais gabones",
    "GE": "georgian georgien",
    "GH": "ghanaian ghaneen ghanes",
    "GM": "gambian gambien",
    "GN": "guinean guineen",
    "GQ": "equatoguinean equatoguineen ecuatoguinean",
    "GT": "guatemalan guatemalteque guatemaltec",
    "GW": "bissau_guinean bissau_guineen guineens",
    "HN": "honduran hondurien honduren hondurenh",
    "HT": "haitian haitien",
    "ID": "indonesian indonesien indonesi",
    "IN": "indian indien",
    "IQ": "iraqi irakien iraqui iraquian",
    "IR": "iranian iranien irani",
    "JM": "jamaican jamaicain jamaiquin",
    "JO": "jordanian jordanien jordani",
    "KE": "kenyan kenian quenian",
    "KG": "kyrgyz kirghize kirguis",
    "KH": "cambodian cambodgien camboyan cambojan",
    "KZ": "kazakh kazakhstani kazaj kazako cazaque",
    "LA": "lao laotian laotien laosian",
    "LB": "lebanese libanais libanes",
    "LK": "sri_lankan sri_lankais srilankais",
    "LR": "liberian liberien",
    "LS": "basotho mosotho lesothan",
    "LY": "libyan libyen libi",
    "MA": "moroccan marocain marroqui marroquin",
    "MD": "moldovan moldave moldav",
    "ME": "montenegrin montenegrais",
    "MG": "malagasy malgache",
    "MK": "macedonian macedonien macedoni",
    "ML": "malian malien",
    "MN": "mongolian mongol",
    "MR": "mauritanian mauritanien mauritan",
    "MU": "mauritian mauricien maurician",
    "MV": "maldivian maldivien",
    "MW": "malawian malawien malawit malaui malauian",
    "MX": "mexican mexicain",
    "MY": "malaysian malaisien malasi",
    "MZ": "mozambican mozambicain mocambican mozambiquen",
    "NA": "namibian namibien namibi",
    "NE": "nigerien nigerin",
    "NG": "nigerian",
    "NI": "nicaraguan nicaraguayen nicaraguens",
    "NP": "nepali nepalese nepalais nepales",
    "PA": "panamanian panameen panamen panamenh",
    "PE": "peruvian peruvien peruan",
    "PG": "papua_new_guinean papouasien",
    "PH": "filipino filipina philippin filipin",
    "PK": "pakistani pakistanais paquistanes",
    "PS": "palestinian palestinien palestin",
    "PY": "paraguayan paraguayen paraguay paraguai",
    "RS": "serbian serbe serbi serb",
    "RW": "rwandan rwandais ruandes",
    "SA": "saudi saoudien saudit",
    "SB": "solomon_islander",
    "SD": "sudanese soudanais sudanes",
    "SL": "sierra_leonean sierra_leonais sierraleones",
    "SN": "senegalese senegalais senegales",
    "SO": "somali somalian somalien",
    "SS": "south_sudanese sud_soudanais sursudanes sul_sudanes",
    "ST": "santomean santomeen sao_tomens santomens",
    "SV": "salvadoran salvadorean salvadorien salvadoren salvadorenh",
    "SY": "syrian syrien siri",
    "SZ": "swazi",
    "TD": "chadian tchadien",
    "TG": "togolese togolais togoles",
    "TH": "thai thailandais tailandes",
    "TL": "timorese timorais timorens",
    "TN": "tunisian tunisien tunecin",
    "TO": "tongan tonguien",
    "TR": "turkish turc turque turk",
    "TT": "trinidadian trinidadien trinitens",
    "TZ": "tanzanian tanzanien tanzan",
    "UA": "ukrainian ukrainien ucranian",
    "UG": "ugandan ougandais ugandes",
    "UY": "uruguayan uruguayen uruguay uruguai",
    "UZ": "uzbek ouzbek",
    "VN": "vietnamese vietnamien vietnamit",
    "VU": "vanuatuan ni_vanuatu vanuatais",
    "WS": "samoan samoen",
    "YE": "yemeni yemenit iemenit",
    "ZA": "south_african sud_africain sudafrican sul_african",
    "ZM": "zambian zambien",
    "ZW": "zimbabwean zimbabween zimbabuens",
}


@cache
def _codes() -> dict[str, str]:
    return {
        word.replace("_", " "): code for code, words in _WORDS.items() for word in words.split()
    }


def adjective_to_iso(phrase: str) -> str | None:
    """The alpha-2 code of the country that a folded phrase is the adjective of, or None."""
    codes = _codes()
    if phrase in codes:
        return codes[phrase]
    # Every ending that leaves a word of the table, the shortest first.
    for size in range(1, 4):
        bare, ending = phrase[:-size], phrase[-size:]
        if bare in codes and _ENDING.match(ending):
            return codes[bare]
    return None
