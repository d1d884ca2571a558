"""What a question names: places, years, tags and facts."""

from rag.query.entities import countries_in, is_named, years_in


def test_countries_are_found_and_words_like_them_are_not() -> None:
    for text, codes in {
        "What did labs in Côte d'Ivoire try?": "CI",
        "ماذا حدث بليبيا؟": "LY",
        "السنغال ومالي": "SN ML",
        "لا يبقى حافز مالي كاف في القطاع المالي": "",
        "Is Guinea ahead of Guinea-Bissau?": "GN GW",
        "what did peru learn about fish": "PE",
        "We ate turkey and rice.": "",
        "Las malas hierbas y las peras": "",
        "New Mexico's schools": "",
        "oil in the Gulf of Guinea": "",
        "What can the US teach us?": "US",
        "drc and uae": "CD AE",
        # Two countries have the name, and nothing tells which is meant.
        "des jeunes congolais": "CD CG",
        "ماذا تعلم مختبر الكونغو؟": "CD CG",
        "In eastern Congo, who has a phone?": "CD",
        "They paid US$ 4, then 30 US dollars": "",
        "Latin American women, femmes latino-américaines": "",
        "Turkish and American innovators": "TR US",
        # Acronyms are in capitals where nothing else is.
        "quais ODS nos planos de moçambique": "MZ",
        "الخطط السورية والتجارب الأردنية": "SY JO",
        "المكاتب القطرية والتقارير بالفرنسية": "",
        # "Financially" is not in Mali, for its vowel sign.
        "غير مجدٍ ماليًا": "",
        "مشروع في مالي": "ML",
    }.items():
        assert countries_in(text) == codes.split(), text


def test_years_and_ranges_are_found() -> None:
    for text, years in {
        "2021–22, or 2024": [2021, 2024],
        "changed between 2020 and 2022": [2020, 2021, 2022],
        "Differences between 2020 and 2022": [2020, 2022],
        "différences entre 2020 et 2022": [2020, 2022],
        "الفرق بين 2020 و2022": [2020, 2022],
        "the preference between 2020 and 2022": [2020, 2021, 2022],
        "after 2023": [2024],
        "before 2019": [],
        "antes y después del 2022": [2020, 2021, 2022, 2023, 2024],
        "more than in 2020": [2020, 2021, 2022, 2023, 2024],
        "more in 2024 than in 2020": [2020, 2024],
        "before 2022, who looked after old people?": [2020, 2021],
        "avant 2022, d'après les labos": [2020, 2021],
        "los planes que en 2022 usaron redes": [2022],
        "قبل 2022 في التعليم عن بعد": [2020, 2021],
        "en 2020 et en 2022-2024": [2020, 2022, 2023, 2024],
        "منذ عام 2023": [2023, 2024],
        "before and after the 2023 storm": [2020, 2021, 2022, 2023, 2024],
        "2023 compared with the year before": [2022, 2023],
        "in 2023 and the year before primary school": [2023],
        "in 2022 what was written of the previous year's budget": [2022],
        "2023 مقارنة بالعام السابق": [2022, 2023],
        "بين 2020 و 2021": [2020, 2021],
        "desde 2023 hasta la fecha": [2023, 2024],
        "تقارير من 2023 وحتى الآن": [2023, 2024],
        "plans of the last two years": [2023, 2024],
        "plans from 2023 to now": [2023, 2024],
        "les 3 dernières années": [2022, 2023, 2024],
        "التقارير في آخر عامين": [2023, 2024],
        "over the last few years": [],
        "In 1999 and 2019": [],
        "120222 people": [],
    }.items():
        assert years_in(text, range(2020, 2025)) == years, text


def test_a_name_is_known_in_any_inflection_but_not_by_its_stem_alone() -> None:
    for name, text, named in (
        ("community", "Both communities agreed.", True),
        ("Solutions mapping", "The solution was mapped twice.", True),
        ("behavioural insights", "Some behavioral insight helped.", True),
        ("Informality", "This information informed the government.", False),
        ("mobility", "They paid with mobile money.", False),
        ("Solutions mapping", "A mapping of solutions.", False),
        ("", "Nothing is named.", False),
    ):
        assert is_named(name, text) is named, text
