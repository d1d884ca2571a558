"""The filters: choosing them, their data and chips, the chips under a question, and links."""

from urllib.parse import quote

from fake_engine import HOSTILE, answer, report
from hypothesis import given
from hypothesis import strategies as st
from readers import Outline

from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import Filters
from rag.i18n.translations import ENGLISH
from rag.types import Coverage, PlannedBy
from ui.web.answer import render_conversation
from ui.web.filters import LONGEST_QUESTION, Link, changed, link_notice, read_link, write_link
from ui.web.handlers import Exchange

SDG = "9. Industry, innovation and infrastructure"
CATALOG = Catalog(
    [
        *(report(i) for i in range(12)),
        report(12, iso=("KE",), countries=("Kenya",), year=2023, sdgs=(SDG,), language="fr"),
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
    sdg=(SDG,),
    theme=("Bread, milk & honey = food?", "Markets"),
    language=("fr",),
)
PERU = Filters(country=("Peru",))
GONE = Filters(theme=("Gone",))
YEARS = Filters(year=(2021, 2023))


def test_values_are_chosen() -> None:
    for before, event, after in (
        (PERU, {"field": "country", "value": "Togo"}, Filters(country=("Peru", "Togo"))),
        (PERU, {"field": "country", "value": "Peru", "on": False}, Filters()),
        (PERU, {"field": "", "value": ""}, Filters()),
        # A value that the collection has no longer can be taken away.
        (GONE, {"field": "theme", "value": "Gone", "on": False}, Filters()),
        (Filters(year=(2023,)), {"field": "year", "value": "2021"}, YEARS),
        (YEARS, {"field": "year", "value": "2022-2023"}, Filters(year=(2021, 2022, 2023))),
        (YEARS, {"field": "year", "value": "2022-2024", "on": False}, Filters(year=(2021,))),
        (YEARS, {"field": "year", "value": "2023-", "only": True}, Filters(year=(2023, 2024))),
        (YEARS, {"field": "year", "value": "-", "only": True}, Filters()),
        # A region chooses its labs.
        (PERU, {"field": "region", "value": "014"}, Filters(country=("Peru", "Kenya"))),
        # What the collection does not have changes nothing.
        (PERU, {"field": "country", "value": "Atlantis"}, PERU),
        (PERU, {"field": ["country"], "value": "Togo"}, PERU),
        (PERU, {"field": "region", "value": "999"}, PERU),
        (PERU, {"field": "year", "value": "x-y"}, PERU),
        (PERU, {"field": "year", "value": "2024-2021"}, PERU),
        (PERU, {"field": "year", "value": "9" * 9999}, PERU),
    ):
        assert changed(CATALOG, before, {"on": True, **event}) == after


def scope_of(exchange: Exchange) -> str:
    """The chips under a question, which are the last."""
    html = render_conversation([exchange], Catalog([]), ENGLISH)
    return html.partition('<ul class="scope"')[2].partition(">")[2].partition("</ul>")[0]


def test_each_chip_of_a_question_says_where_it_comes_from() -> None:
    used, first = Filters(country=("Peru",), year=(2023,)), Filters(kind=("closing",))
    ignored = Filters(sdg=("1. No poverty",))
    answered = answer(coverage=Coverage("answer", filters=used, first=first))
    html = scope_of(Exchange("Q", Filters(year=(2023,)), answered, ignored=ignored))
    assert Outline(html).text == (
        "2023 (your filter)Peru (from your question)×"
        "Kind closing first (from your question)×SDG 1. No poverty (not used)Use again"
    )
    without = [f"Ask again without {name}" for name in ("Country: Peru", "Kind: closing")]
    labels = [b["aria-label"] for b in Outline(html).all("button") if "data-field" in b]
    assert labels == [*without, "Use again, SDG: 1. No poverty"]


def test_a_follow_up_as_understood_is_shown() -> None:
    def scope(standalone: str, planner: PlannedBy) -> str:
        follow_up = answer("And why?", standalone=standalone, planner=planner)
        return Outline(scope_of(Exchange("And why?", answer=follow_up))).text

    why = "Why do nets tear in Peru?"
    assert scope(why, "model") == f"Understood as {why} (from the conversation)"
    assert scope("Nets in Peru. And why?", "model") == scope(why, "rules") == ""


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=100))
def test_a_link_is_read_as_it_was_written_and_any_text_without_an_error(text: str) -> None:
    query = write_link(text, EVERY_FIELD, CATALOG)
    assert read_link(f"?{query}", CATALOG) == Link(text.strip(), EVERY_FIELD)
    read_link(text, CATALOG)
    assert read_link(f"theme={quote(text)}&year={quote(text)}", CATALOG).question == ""


def test_a_link_is_short_and_takes_along_what_was_taken_back() -> None:
    query = write_link("Who waits?", PERU, CATALOG, EVERY_FIELD)
    without = "without-country=PE,VN,KR&without-year=2021-2022,2024"
    assert query.startswith(f"q=Who%20waits%3F&country=PE&{without}")
    assert read_link(query, CATALOG) == Link("Who waits?", PERU, EVERY_FIELD)
    assert write_link("", Filters(), CATALOG) == ""
    # Without a question there is nothing to take it from; what no report has can't be taken back.
    assert read_link("without-country=PE", CATALOG) == Link()
    vain = read_link("q=Why%3F&without-country=Atlantis&without-x=y&without-year=1-2", CATALOG)
    assert vain == Link("Why?")


def test_what_people_write_into_a_link_is_understood() -> None:
    for query, filters in (
        ("country=Pérou,TG&country=Vietnam", Filters(country=("Peru", "Togo", "Viet Nam"))),
        ("country=Korea, Republic of", Filters(country=("Korea, Republic of",))),
        ("method=nandu %231&sdg=9", Filters(method=("Ñandú #1",), sdg=(SDG,))),
        ("year=2024,2021-2022", Filters(year=(2021, 2022, 2024))),
        ("year=0-9999", Filters(year=(2021, 2022, 2023, 2024))),
        ("utm_source=x&__theme=dark&countries=PE&q=", Filters()),
        ("&&=&country=&country=,,&year", Filters()),
    ):
        assert read_link(query, CATALOG) == Link(filters=filters)


def test_what_a_link_names_in_vain_is_told_and_left_out() -> None:
    link = read_link("country=Atlantis,PE&year=1990,x,2-1-3&theme=nil&q=Why?", CATALOG)
    assert (link.question, link.filters) == ("Why?", PERU)
    told = "names values that no report has: Country “Atlantis”, Year “1990”, Year “x” and 2 more."
    assert link_notice(link, ENGLISH) == f"The link {told}"
    assert link_notice(read_link("country=PE", CATALOG), ENGLISH) == ""
    link = read_link(f"q={'x' * (LONGEST_QUESTION + 1)}&country=PE", CATALOG)
    assert (link.question, link.filters) == ("", PERU)
    assert link_notice(link, ENGLISH).startswith("The link's question has more than 4000 char")


def test_hostile_links_ask_for_nothing() -> None:
    for query in (
        f"country={quote(HOSTILE)}&theme={quote(HOSTILE)}&year={quote(HOSTILE)}",
        "year=²," + "9" * 50_000 + "&theme=" + "e" * 5000,
        "country=" + ",".join(["ZZ"] * 30_000),
        "q=%00%ff%fe&country=%00&theme=%ed%a0%80",
        "%" * 50_000,
    ):
        link = read_link(query, CATALOG)
        assert link.filters == Filters()
        assert len(link_notice(link, ENGLISH)) < 400
