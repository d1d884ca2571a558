"""Links that carry a question and filters: written, read, and sent by somebody hostile."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from fake_engine import HOSTILE, report
from hypothesis import given
from hypothesis import strategies as st

from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import Filters
from rag.i18n.translations import ENGLISH
from ui.web.links import LONGEST_QUESTION, Link, notice, read, write

CATALOG = Catalog(
    [
        *(report(i) for i in range(12)),
        report(12, sdgs=("9. Industry, innovation and infrastructure",), language="fr"),
        report(13, thematic_areas=("Bread, milk & honey = food?",), methods=("Ñandú #1",)),
        report(14, countries=("Korea, Republic of",), iso=("KR",)),
        report(15, countries=("Somewhere, else",), iso=()),
    ]
)
EVERY_FIELD = Filters(
    country=("Peru", "Viet Nam", "Korea, Republic of"),
    year=(2021, 2022, 2024),
    kind=("closing",),
    method=("Ñandú #1", "Prototyping"),
    sdg=("9. Industry, innovation and infrastructure",),
    theme=("Bread, milk & honey = food?", "Markets"),
    language=("fr",),
)


def test_a_link_is_short_and_can_be_read_by_people() -> None:
    filters = Filters(country=("Peru", "Togo"), year=(2022, 2023, 2024), sdg=EVERY_FIELD.sdg)
    query = write("Who waits?", filters, CATALOG)
    assert query == "q=Who%20waits%3F&country=PE,TG&year=2022-2024&sdg=9"
    assert write("", Filters(), CATALOG) == ""


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=100))
def test_what_is_written_is_read(question: str) -> None:
    query = write(question, EVERY_FIELD, CATALOG)
    assert read(f"?{query}", CATALOG) == Link(question.strip(), EVERY_FIELD)


def test_what_was_taken_back_goes_along_with_a_question() -> None:
    query = write("Why?", Filters(kind=("plan",)), CATALOG, EVERY_FIELD)
    assert query.startswith(
        "q=Why%3F&kind=plan&without-country=PE,VN,KR&without-year=2021-2022,2024"
    )
    assert read(query, CATALOG) == Link("Why?", Filters(kind=("plan",)), EVERY_FIELD)
    # Without a question there is nothing to take it from; what no report has can't be taken back.
    assert read("without-country=PE", CATALOG) == Link()
    vain = read("q=Why%3F&without-country=Atlantis&without-x=y&without-year=1-2", CATALOG)
    assert vain == Link("Why?")


@pytest.mark.parametrize(
    ("query", "filters"),
    [
        ("country=peru,TG&country=Vietnam", Filters(country=("Peru", "Togo", "Viet Nam"))),
        ("country=Korea, Republic of", Filters(country=("Korea, Republic of",))),
        ("year=2024,2021-2022", Filters(year=(2021, 2022, 2024))),
        ("year=0-9999", Filters(year=(2021, 2022, 2023, 2024))),
        ("utm_source=x&__theme=dark&countries=PE&q=", Filters()),
        ("&&=&country=&country=,,&year", Filters()),
    ],
)
def test_what_people_write_is_understood(query: str, filters: Filters) -> None:
    assert read(query, CATALOG) == Link(filters=filters)


def test_what_can_t_be_used_is_named_and_left_out() -> None:
    link = read("country=Atlantis,PE&year=1990,x,2-1-3&theme=nil&q=Why?", CATALOG)
    assert (link.question, link.filters) == ("Why?", Filters(country=("Peru",)))
    assert notice(link, ENGLISH) == (
        "The link also names what no report here has, left out: Lab “Atlantis”, Year “1990”, "
        "Year “x” and 2 more."
    )
    assert notice(read("country=PE", CATALOG), ENGLISH) == ""
    link = read(f"q={'x' * (LONGEST_QUESTION + 1)}&country=PE", CATALOG)
    assert (link.question, link.filters) == ("", Filters(country=("Peru",)))
    assert notice(link, ENGLISH) == "The link's question has more than 4000 characters: left out."


@pytest.mark.parametrize(
    "query",
    [
        f"country={quote(HOSTILE)}&theme={quote(HOSTILE)}&year={quote(HOSTILE)}",
        "year=" + "9" * 50_000,
        "country=" + ",".join(["ZZ"] * 30_000),
        "q=%00%ff%fe&country=%00&theme=%ed%a0%80",
        "%" * 50_000,
    ],
    ids=range(5),
)
def test_hostile_links_ask_for_nothing(query: str) -> None:
    link = read(query, CATALOG)
    assert link.filters == Filters()
    assert len(notice(link, ENGLISH)) < 400


@given(st.text(max_size=200), st.lists(st.text(max_size=20), max_size=4))
def test_any_text_is_read_without_an_error(text: str, values: list[str]) -> None:
    read(text, CATALOG)
    query = "&".join(f"{name}={quote(v)}" for v in values for name in ("theme", "year", "country"))
    assert read(query, CATALOG).question == ""
