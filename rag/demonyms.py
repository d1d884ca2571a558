"""Adjectives of countries ("Togolese", "peruanas", "tunisien") resolved to ISO 3166 codes.

A table, because endings don't tell: "perish" is not of Peru, "chaos" not of Chad, and
"nigérien" is of another country than "nigérian". Countries that have labs, in English, French,
Spanish and Portuguese; each entry is a word without accents, to which an ending of gender or
number may be added.
"""

from __future__ import annotations

import re
from functools import cache

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
