"""The chips under a question: where each comes from, what its button says, what is escaped."""

from __future__ import annotations

from fake_engine import HOSTILE, answer, report
from readers import Outline

from rag.catalog.fields import Filters
from rag.i18n.translations import ENGLISH, translations_for
from rag.types import Coverage
from ui.web import answer as render
from ui.web.conversation import Exchange
from ui.web.filters import scope

FRENCH = translations_for("fr")
MANY = ("Benin", "Ghana", "Mali", "Niger", "Togo")


def asked(filters: Filters, first: Filters = Filters(), **given: Filters) -> Exchange:
    found = answer(coverage=Coverage("answer", filters=filters, first=first))
    return Exchange("Q", answer=found, **given)


def labels(html: str) -> list[str | None]:
    chips = [b for b in Outline(html).all("button") if "data-field" in b]
    return [chip["aria-label"] for chip in chips]


def test_each_says_where_it_comes_from() -> None:
    used, first = Filters(country=("Peru",), year=(2023,)), Filters(kind=("closing",))
    one = asked(used, first, asked=Filters(year=(2023,)), ignored=Filters(sdg=("1. No poverty",)))
    html = Outline(scope(one, 1, ENGLISH, {}))
    assert html.text == (
        "Year 2023 your filterLab Peru from the question×"
        "Kind closing from the question, comes first×SDG 1. No poverty not usedUse again"
    )
    assert len(html.all("del")) == 1
    assert labels(scope(one, 1, ENGLISH, {})) == [
        "Ask again without Lab: Peru",
        "Ask again without Kind: closing",
        "Use again, SDG: 1. No poverty",
    ]
    assert [button["data-back"] for button in html.all("button")] == ["", "", "1"]
    assert scope(Exchange("Q"), 0, ENGLISH, {}) == ""


def test_few_values_go_one_by_one_and_many_at_once() -> None:
    few = scope(asked(Filters(country=MANY[:3])), 2, ENGLISH, {})
    assert labels(few) == [f"Ask again without Lab: {name}" for name in MANY[:3]]
    many = scope(asked(Filters(country=MANY)), 2, ENGLISH, {})
    assert labels(many) == ["Ask again without Lab: all 5"]
    assert "Lab Benin, Ghana and 3 more Mali, Niger, Togo from the question" in Outline(many).text
    button = Outline(many).all("button")[0]
    assert (button["data-turn"], button["data-field"], button["data-value"]) == (
        "2",
        "country",
        "",
    )


def test_only_the_last_question_has_buttons_and_none_while_one_is_answered() -> None:
    talk = [asked(Filters(country=("Peru",))), asked(Filters(year=(2023,)))]
    assert labels(render.conversation(talk, {}, ENGLISH)) == ["Ask again without Year: 2023"]
    assert labels(render.conversation(talk, {}, idle=False, t=ENGLISH)) == []
    waiting = Exchange("Q", ignored=Filters(country=("Peru",)))
    assert "Lab Peru not used" in Outline(render.pending(waiting, "", 3, ENGLISH, {})).text
    assert labels(render.pending(waiting, "", 3, ENGLISH, {})) == []


def test_values_stay_text() -> None:
    hostile = Filters(theme=(HOSTILE, '" autofocus onfocus="x'), country=(HOSTILE,) * 5)
    html = Outline(scope(asked(hostile, hostile, ignored=hostile), 1, ENGLISH, {}))
    assert html.open == []
    names = {name for tag, attributes in html.tags for name in attributes if tag == "button"}
    assert names == {
        "type", "data-turn", "data-field", "data-value", "data-back", "aria-label", "title",
    }  # fmt: skip
    assert {tag for tag, _ in html.tags} <= {
        "ul", "li", "div", "span", "del", "button", "details", "summary",
    }  # fmt: skip
    assert html.all("button")[1]["data-value"] == HOSTILE


def test_all_labs_of_a_region_go_by_its_name() -> None:
    reports = {
        code: report(n, iso=(code,)) for n, code in enumerate(("BJ", "GH", "ML", "NE", "TG", "KE"))
    }
    one = asked(Filters(country=MANY))
    shown = Outline(scope(one, 2, FRENCH, reports)).text
    assert shown.startswith("Région Afrique occidentale Bénin, Ghana, Mali, Niger, Togo")
    fewer = asked(Filters(country=MANY[:4]))
    assert (
        "Lab Benin, Ghana and 2 more" in Outline(scope(fewer, 2, reports=reports, t=ENGLISH)).text
    )
