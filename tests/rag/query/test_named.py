"""What a question names: labs and years, and no lab where a word only looks like one."""

from __future__ import annotations

import pytest

from rag.query.entities import countries_in, years_in

NAMED = {
    "What did the lab of Peru learn?": "PE",
    "Qu'a appris le Pérou ?": "PE",
    "¿Qué aprendió el Perú?": "PE",
    "O que aprendeu o Peru?": "PE",
    "ماذا تعلم مختبر بيرو؟": "PE",
    "What did labs in Côte d'Ivoire try?": "CI",
    "What did the Ivory Coast try?": "CI",
    "¿Qué probó Costa de Marfil?": "CI",
    "O que fez a Costa do Marfim?": "CI",
    "What did Türkiye test?": "TR",
    "What did Turkey test?": "TR",
    "Que fait la Turquie ?": "TR",
    "What did Timor-Leste do?": "TL",
    "East Timor's taxis": "TL",
    "What happens in Cape Verde?": "CV",
    "O que se passa em Cabo Verde?": "CV",
    "ما الذي فعلته المختبرات في العراق؟": "IQ",
    "كيف ساعد مختبر مصر الفلاحين؟": "EG",
    "ماذا حدث بليبيا؟": "LY",
    "Peru and Colombia": "PE CO",
    "Colombia and Peru": "CO PE",
    "Jordan's young people": "JO",
    "The market in Georgia": "GE",
    "Did Chad measure it?": "TD",
    "Is Guinea ahead of Guinea-Bissau?": "GN GW",
    "Equatorial Guinea only": "GQ",
    "Papua New Guinea only": "PG",
    "Niger, not Nigeria": "NE NG",
    "The Dominican Republic": "DO",
    "Dominica was hit": "DM",
    "La República Dominicana": "DO",
    "DR Congo and Uganda": "CD UG",
    "The Democratic Republic of the Congo": "CD",
    "The Republic of the Congo": "CG",
    "South Sudan or Sudan?": "SS SD",
    "South Africa's townships": "ZA",
    "Burkina and Mali": "BF ML",
    "Viet Nam's schools": "VN",
    "Lao PDR": "LA",
    "Bosnia and Herzegovina": "BA",
    "Trinidad and Tobago": "TT",
    "North Macedonia": "MK",
    "what did peru learn about fish": "PE",
    # Adjectives.
    "Togolese nurses": "TG",
    "les infirmières togolaises": "TG",
    "colombianos y peruanas": "CO PE",
    "as vendedeiras moçambicanas": "MZ",
    "les commerçantes ivoiriennes": "CI",
    "Filipino fishers": "PH",
    "South African farmers": "ZA",
    "Burkinabè youth": "BF",
    "l'agriculteur nigérien": "NE",
    "l'agriculteur nigérian": "NG",
    "Nigerian traders": "NG",
    "Dominican farmers": "DO",
    "Guinean and Bissau-Guinean": "GN GW",
    "Basotho women": "LS",
    "Lebanese bakers": "LB",
    "les boulangers libanais": "LB",
    "el plan paraguayo": "PY",
    "uruguayas": "UY",
    "salvadoreños": "SV",
    "Tunisian, tunisienne": "TN",
    "Fijian women": "FJ",
    "Mongolian yurts": "MN",
    "Malian women": "ML",
    "Ghanaian cocoa": "GH",
    "Iraqi youth": "IQ",
}
UNNAMED = (
    "We ate turkey and rice.",
    "They chatted by the chad.",
    "The guinea fowl of the market",
    "A plate of fine china in Paris' cafés",
    "Did children like the chile peppers?",
    "A malicious message was sent.",
    "No woman was asked.",
    "Peruse the list.",
    "Food that will perish.",
    "They fear chaos in the market.",
    "Males and females",
    "Le malaise des malades",
    "Las malas hierbas y las peras",
    "Cubes of ice",
    "El cubo de agua",
    "The crowd was irate.",
    "He wore a jersey.",
    "George spoke to the mayor.",
    "It pales in comparison.",
    "Camarones y peces",
    "Ils ont servi du pain.",
    "Turkana and Colombo",
    "The romance of nightlife",
    "An individual and independent index",
    "To us, it is in or at no place.",
    "Samples of land and iron",
    "A guinea pig and guinea worms",
    "New Mexico's schools",
    "oil in the Gulf of Guinea",
    "He sold brazil nuts.",
    "Ein Jordaniel ist kein Land.",
    "On y va avec les Congolexicomatisation.",
    "Los niños togaron.",
    "Nous avons un mali de 3 %.",
    "A panama hat",
)


@pytest.mark.parametrize("text", NAMED)
def test_countries_are_found(text: str) -> None:
    assert countries_in(text) == NAMED[text].split()


@pytest.mark.parametrize("text", UNNAMED)
def test_other_words_are_no_countries(text: str) -> None:
    assert countries_in(text) == []


YEARS = {
    "What was learned in 2022?": [2022],
    "Between 2021 and 2023": [2021, 2022, 2023],
    "from 2021 to 2023": [2021, 2022, 2023],
    "2021-2023": [2021, 2022, 2023],
    "2021–22, or 2024": [2021, 2024],
    "the plan from 2021": [2021],
    "since 2023": [2023, 2024],
    "after 2023": [2024],
    "before 2021": [2020],
    "until 2021": [2020, 2021],
    "depuis 2023": [2023, 2024],
    "entre 2020 et 2021": [2020, 2021],
    "avant 2021": [2020],
    "desde 2023": [2023, 2024],
    "de 2020 a 2022": [2020, 2021, 2022],
    "até 2021": [2020, 2021],
    "entre 2022 e 2023": [2022, 2023],
    "منذ عام 2023": [2023, 2024],
    "بين 2020 و 2021": [2020, 2021],
    "Compare 2021 with 2023": [2021, 2023],
    "In 1999 and 2019": [],
    "120222 people": [],
    "Costs of 2022.": [2022],
    "No year": [],
    "before 1999": [],
}


@pytest.mark.parametrize("text", YEARS)
def test_years_and_ranges_are_found(text: str) -> None:
    assert years_in(text, range(2020, 2025)) == YEARS[text]
