"""Names of countries: any that people use is known, and one is shown."""

import pytest

from rag.places.countries import resolve_countries, resolve_country


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ("Turkey, Türkiye, Turquie, تركيا", ("TR", "Türkiye")),
        ("Ivory Coast, Costa de Marfil, Côte d’Ivoire", ("CI", "Côte d'Ivoire")),
        ("East Timor, Timor-Leste", ("TL", "Timor-Leste")),
        ("People's Republic of China, China", ("CN", "China")),
        (
            "Federation of Bosnia and Herzegovina, Republika Srpska, Bosnia",
            ("BA", "Bosnia and Herzegovina"),
        ),
        ("Vietnam, Viet Nam", ("VN", "Viet Nam")),
        ("Laos, Lao PDR, Lao People's Democratic Republic", ("LA", "Lao PDR")),
        ("DRC, DR Congo, RDC", ("CD", "Democratic Republic of the Congo")),
        ("The Gambia, Gambia", ("GM", "Gambia")),
        ("Palestine, State of Palestine", ("PS", "Palestine")),
        ("United States of America, USA, US, U.S.", ("US", "United States")),
    ],
)
def test_a_country_is_shown_by_one_name(names: str, shown: tuple[str, str]) -> None:
    for name in (*names.split(", "), shown[1]):
        assert resolve_country(name) == shown, name


def test_a_tag_may_list_countries() -> None:
    assert resolve_countries("Turkey and East Timor; Korea, Republic of") == (
        ("TR", "Türkiye"),
        ("TL", "Timor-Leste"),
        ("KR", "South Korea"),
    )
