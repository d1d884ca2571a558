"""What a question names, in five languages and with slips, and how certain words change it."""

import pytest
from passages import report

from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import Filters
from rag.engine import Engine
from rag.query.linker import Linker
from rag.query.usual_words import asks

ETHNOGRAPHY = Filters(method=("Ethnography",))
TOGO, EXPERIMENTS = Filters(country=("Togo",)), Filters(kind=("experiment",))
PEACE = "16. Peace, justice and strong institutions"
RANDOM = Filters(fact=("assignment_type: Random assignment",), kind=("experiment",))


@pytest.fixture
def linker(quick_engine: Engine) -> Linker:
    return Linker(quick_engine.catalog)


def test_names_are_found_in_any_language(linker: Linker) -> None:
    for question, (language, expected) in {
        "which labs used ethnograhpy": ("en", ETHNOGRAPHY),
        "خطط من ليسوتو": ("ar", Filters(country=("Lesotho",), type=("learningplan",))),
        "ما المختبرات التي استخدمت علم المواطن؟": ("ar", Filters(method=("Citizen Science",))),
        "expériences avec affectation aléatoire": ("fr", RANDOM),
        "plans on SDG 14": ("en", Filters(sdg=("14. Life below water",), type=("learningplan",))),
        "closing reports since 2024": ("en", Filters(year=(2024, 2025), kind=("closing",))),
        "How do sellers utilise ice?": ("en", Filters()),
        # Words of the same stems mean what they are written as.
        "solutions mapped in Togo": ("en", Filters(country=("Togo",), kind=("solution",))),
        # A report has one kind; plans are the whole form.
        "plans and solutions": ("en", Filters(kind=("solution", "plan", "closing"))),
        # A Portuguese name of experiments that is another word in Spanish.
        "experiencias de Togo": ("es", TOGO),
        "togos plans": ("en", Filters(country=("Togo",), type=("learningplan",))),
    }.items():
        assert linker.link(question, language).filters() == expected, question


def test_words_that_say_nothing_name_no_value() -> None:
    values = {"datasources": ("N/A", "Census"), "thematic_areas": ("commons", "peace")}
    linker = Linker(Catalog([report("a", sdgs=(PEACE,), **values)]))
    for question, language, expected in (
        ("eau : ce qui n'a pas marché", "fr", Filters()),
        ("census data", "en", Filters(datasource=("Census",))),
        ("most common themes", "en", Filters()),
        ("peace (SDG 16)", "en", Filters(sdg=(PEACE,))),
        ("the theme of peace", "en", Filters(theme=("peace",))),
    ):
        assert linker.link(question, language).filters() == expected, question


@pytest.mark.quality
def test_a_word_with_the_stem_of_one_that_asks_may_be_a_topic() -> None:
    topics = {"solar": "es", "comunidad": "es", "mobilité": "fr", "mobility": "en"}
    assert not any(asks(word, language) for word, language in topics.items())
    assert asks("exploring", "en")
    assert asks("soluciones", "es")


def test_what_is_left_over_and_what_the_collection_lacks(linker: Linker) -> None:
    links = linker.link("Which plans from Togo in 2023 used ethnography on street vendors?", "en")
    assert links.masked() == "Which KIND from COUNTRY in YEAR used VALUE on street vendors"
    assert links.rest == ("street", "vendors")
    assert linker.link("Togo's plans on salt", "en").masked() == "COUNTRY KIND on salt"
    for question, fields in {
        "most common methods and data sources per year": ("method", "datasource", "year"),
        "how many reports of each kind": ("kind",),
        "what kind of lab": ("country",),
        # A field beside its value is no question for it.
        "the method of ethnography": (),
    }.items():
        assert linker.link(question, "en").fields == fields
    # Values beside the name of their tag only list what it may be.
    assert linker.link("types of partners, firms or municipalities", "en").rest == ()
    # A word of the language is no slip of one that only asks ("fait").
    assert linker.link("solutions sur la faim", "fr").rest == ("faim",)
    assert linker.link("soluciones sobre el café", "es").rest == ("cafe",)
    # Years and countries that the collection lacks.
    assert linker.link("the budget in 2019", "en").missing_years == (2019,)
    (france,) = linker.link("plans from France", "en").links[1:]
    assert (france.field, france.values) == ("country", ("France",))


def test_and_or_not(linker: Linker) -> None:
    both = Filters(method=("Ethnography", "Citizen Science"))
    for question, language, every, excluded in (
        ("who used both ethnography and citizen science", "en", ("method",), Filters()),
        ("combined ethnography with citizen science", "en", ("method",), Filters()),
        ("ethnography compared with citizen science", "en", (), Filters()),
        ("etnografía o citizen science", "es", (), Filters()),
        ("used neither ethnography nor citizen science", "en", (), both),
        ("tout sur Fiji sauf les expériences", "fr", (), EXPERIMENTS),
        ("no etnografía ni ciencia ciudadana", "es", (), both),
        ("no Togo", "pt", (), Filters()),
        ("not ethnography but citizen science", "en", (), ETHNOGRAPHY),
        ("Didn't Togo use ethnography?", "en", (), Filters()),
        ("no, from Togo", "en", (), Filters()),
        ("no of experiments", "en", (), Filters()),
        ("all reports, Togo left out", "en", (), TOGO),
        ("experiencias, Togo excluido", "es", (), TOGO),
        ("Togo and Fiji excluded", "en", (), Filters(country=("Togo", "Fiji"))),
        ("Experimentos excluindo Togo", "pt", (), TOGO),
        ("Togo excluded from schools", "en", (), Filters()),
        # What is not wanted is what stands next.
        ("not the parrots of Togo", "en", (), Filters()),
    ):
        links = linker.link(question, language)
        assert (links.every, links.filters(excluded=True)) == (every, excluded)
