"""Tests of the page's HTML: citations, quotes, cards, coverage, escaping, contrast."""

from __future__ import annotations

from itertools import product

import pytest
from fake_engine import HOSTILE, QUOTE, answer, hostile, passage, report
from readers import Outline

from rag.catalog.fields import Filters
from rag.i18n.notices import coverage_sentence
from rag.i18n.translations import ENGLISH
from rag.types import Citation, Coverage
from ui.web import answer as render
from ui.web import sources as cards
from ui.web import theme
from ui.web.conversation import Exchange

REPORTS = {f"report_{i}": report(i) for i in range(30)}


def cited(text: str, *numbers: int) -> Outline:
    info = report(0)
    return Outline(
        render.prose(text, 3, {n: [Citation(n, passage(info), QUOTE)] for n in numbers}, ENGLISH)
    )


def test_each_mark_is_a_link_to_its_card() -> None:
    html = cited("One [1]. Two [2][1].", 1, 2)
    assert [a["href"] for a in html.all("a", "cite")] == [
        "#source-3-1",
        "#source-3-2",
        "#source-3-1",
    ]
    assert html.text == "One\u202f1. Two\u202f2\u20091."


def test_a_number_without_a_citation_stays_text() -> None:
    html = cited("Built in [1999], see [7] and [1].", 1)
    assert [a["data-n"] for a in html.all("a")] == ["1"]
    assert "[1999], see [7]" in html.text


def test_while_the_answer_grows_every_mark_is_a_link() -> None:
    html = Outline(render.pending(Exchange("Q"), "Cool [4].", 2, ENGLISH, {}))
    assert [a["href"] for a in html.all("a")] == ["#source-2-4"]


def test_lists_headings_and_bold_are_understood() -> None:
    html = cited("## Cost\nIt is **low**:\n\n- sand\n- water\n\n3. third\n4. fourth\nEnd")
    names = [tag for tag, _ in html.tags]
    assert names == ["h4", "p", "strong", "ul", "li", "li", "ol", "li", "li", "p"]
    assert html.all("ol") == [{"start": "3", "dir": "auto"}]
    assert html.open == []


def test_who_speaks_stands_out() -> None:
    html = render.prose(
        "Côte d'Ivoire, Peru (2022, plan): It is (so far: 3) new [1].", 1, {}, ENGLISH
    )
    assert html.startswith(
        '<p dir="auto"><strong>Côte d&#x27;Ivoire, Peru (2022, plan):</strong> It'
    )
    assert "<strong>" not in render.prose(
        "They spent it (2022): no [1].".replace("(2022)", "all"), 1, None, ENGLISH
    )


def test_a_list_survives_the_empty_lines_between_its_items() -> None:
    assert len(cited("- one\n\n- two").all("ul")) == 1


def test_status_is_told_in_words_and_by_a_sign() -> None:
    one = Citation(5, passage(report(0)), QUOTE, "unsupported")
    html = Outline(render.prose("Bold claim [5].", 1, {5: [one]}, ENGLISH))
    assert html.text.endswith("5?.")
    assert "does not support" in (html.all("a")[0]["aria-label"] or "")
    assert "Peru, 2021" in (html.all("a")[0]["aria-label"] or "")


def test_the_quote_is_marked_inside_its_passage() -> None:
    html = cards.highlighted(f"Before. {QUOTE}. After.", [QUOTE])
    assert html == f"Before. <mark>{QUOTE}</mark>. After."


@pytest.mark.parametrize(
    ("text", "quote", "spans"),
    [
        ("a b c d", "b c", [(2, 5)]),
        ("a b\n\u00a0c d", "b c", [(2, 6)]),
        ("one two three four", "one … three", [(0, 3), (8, 13)]),
        ("one two three four", "one [...] five", []),
        ("a b", "", []),
        ("a.c abc", "abc", [(4, 7)]),
    ],
)
def test_finding_a_quote(text: str, quote: str, spans: list[tuple[int, int]]) -> None:
    assert cards.find_quote(text, quote) == spans


def test_a_quote_that_is_not_in_the_passage_is_shown_above_it() -> None:
    html = Outline(cards.highlighted("Other words.", ["Missing words"]))
    assert html.text == "Missing wordsOther words."
    assert len(html.all("mark")) == 1


def test_a_passage_cited_twice_is_one_card_with_both_quotes() -> None:
    source = passage(report(0), text="One thing. Another thing. A third thing.")
    both = (Citation(1, source, "A third thing."), Citation(1, source, "One thing.", "unsupported"))
    found = answer(text="A third [1]. One [1].", citations=both)
    panel = Outline(cards.sources(found, 1))
    assert [d.get("id") for d in panel.all("details", "source")].count("source-1-1") == 1
    assert panel.text.startswith("1 source")
    card = cards.card(source, 1, both, (), ENGLISH)
    assert "<mark>One thing.</mark> Another thing. <mark>A third thing.</mark>" in card
    assert "does not support the sentence One thing." in Outline(card).text
    text = Outline(render.exchange(Exchange("Q", answer=found), 1, REPORTS, False, ENGLISH))
    assert all("unsupported" in (a["class"] or "") for a in text.all("a", "cite"))


def test_quotes_that_overlap_are_marked_once() -> None:
    assert cards.highlighted("a b c d", ["a b c", "b c d", "b"]) == (
        "<mark>a b c</mark><mark> d</mark>"
    )


def test_a_card_says_who_when_where_and_what_it_is() -> None:
    source = passage(report(0), stage="intention", part=2, parts=3)
    html = Outline(cards.card(source, 1, [Citation(4, source, QUOTE, "partly")], (), ENGLISH))
    for words in ("🇵🇪", "Peru", "2021 · Plan", "Cool boxes at the market, part 0", "Learnings"):
        assert words in html.text
    for words in (
        "What did you learn from this?",
        "What the lab planned",
        "Part 2 of 3",
        "in part",
    ):
        assert words in html.text
    assert html.all("details")[0]["id"] == "source-1-4"


@pytest.mark.parametrize(
    ("iso", "flag"),
    [(("PE",), "🇵🇪"), (("pe", "TG"), "🇵🇪🇹🇬"), ((), ""), (("<b>", "P", "12"), "")],
)
def test_flags(iso: tuple[str, ...], flag: str) -> None:
    assert cards.flags(iso) == flag


def test_coverage_is_one_sentence() -> None:
    assert coverage_sentence(answer(), ENGLISH) == (
        "Read 12 passages from 9 reports; the answer rests on 2 reports of 2 labs; "
        "31 more reports matched and were not read."
    )
    one = answer(coverage=Coverage("answer", ("a",), ("Peru",), 2, 1, 1))
    assert coverage_sentence(one, ENGLISH) == (
        "Read 1 passage from 1 report; the answer rests on 1 report of 1 lab; "
        "1 more report matched and was not read."
    )


def test_a_refusal_offers_the_nearest_passages() -> None:
    refused = answer(text="The reports don't say.", refused=True, citations=())
    html = Outline(render.exchange(Exchange("Q", answer=refused), 1, REPORTS, False, ENGLISH))
    assert html.all("div", "refused")
    assert "Nearest passages" in html.text
    assert "rests on" not in html.text
    panel = Outline(cards.sources(refused, 1))
    assert panel.text.startswith("Nearest passages")
    assert len(panel.all("details", "source")) == cards.NEAREST
    assert not panel.all("mark")


def test_the_numbers_of_a_refusal_lead_to_the_passages_that_it_names() -> None:
    refused = answer(text="The reports don't say. Nearest: Peru [1].", refused=True)
    panel = Outline(cards.sources(refused, 1))
    found = [d.get("id") for d in panel.all("details", "source")]
    assert len(found) == cards.NEAREST
    assert found[:3] == ["source-1-1", "source-1-2", None]


def test_the_panel_shows_cited_sources_then_those_not_cited() -> None:
    panel = Outline(cards.sources(answer(), 1))
    assert [d.get("id") for d in panel.all("details", "source")][:2] == ["source-1-1", "source-1-2"]
    assert "6 more passages found, not cited" in panel.text
    assert len(panel.all("mark")) == 2


def test_a_list_answer_counts_and_lists_every_report() -> None:
    tags = [passage(info, text="[[methods:Pilots]]") for info in REPORTS.values()]
    cites = tuple(Citation(n, tag, tag.text) for n, tag in enumerate(tags, 1))
    covered = Coverage("list", tuple(REPORTS), ("Peru", "Togo", "Viet Nam"), 30)
    listed = answer(text="30 reports match.\n- Peru: [1]", citations=cites, coverage=covered)
    html = Outline(render.exchange(Exchange("Which?", answer=listed), 1, REPORTS, False, ENGLISH))
    assert html.all("section", "list")[0]["aria-label"] == "30 reports of 3 labs"
    assert "30 reports match." in html.text
    assert "Show the other 18" in html.text
    assert all(info.title in html.text for info in REPORTS.values())
    assert [a["data-n"] for a in html.all("a", "cite")] == [str(n) for n in range(1, 31)]
    assert "The complete list, counted: 30 reports of 3 labs." in html.text


def test_an_error_is_a_sentence_and_a_stop_is_told() -> None:
    failed = Outline(
        render.exchange(Exchange("Q", error="No <model>."), 1, REPORTS, False, ENGLISH)
    )
    assert failed.all("p", "error") == [{"class": "error", "role": "alert"}]
    assert "No <model>." in failed.text
    stopped = Outline(
        render.exchange(Exchange("Q", text="Half [1]", stopped=True), 1, REPORTS, False, ENGLISH)
    )
    assert "Half [1]Stopped before the end." in stopped.text
    assert not stopped.all("a")


def test_direction_follows_the_text() -> None:
    html = Outline(
        render.exchange(Exchange("ماذا؟", answer=answer("ماذا؟")), 1, REPORTS, False, ENGLISH)
    )
    assert html.all("h3")[0]["dir"] == "auto"
    assert all(a["dir"] == "auto" for t, a in html.tags if t in ("ul", "td"))
    assert all(a["dir"] == "auto" for a in Outline(cards.sources(answer(), 1)).all("blockquote"))


def test_nothing_from_outside_becomes_markup() -> None:
    bad = hostile(HOSTILE)
    one = Exchange(HOSTILE, Filters(country=(HOSTILE,)), bad)
    failed = Exchange(HOSTILE, error=HOSTILE)
    reports = {"report_11": bad.citations[0].passage.report}
    page = render.conversation((one, failed), reports, ENGLISH) + cards.sources(bad, 1)
    page += render.pending(Exchange(HOSTILE), HOSTILE, 1, ENGLISH, {}) + render.collection(
        reports, HOSTILE, HOSTILE
    )
    html = Outline(page)
    html.is_inert()
    assert all((a["href"] or "").startswith("#") for a in html.all("a"))
    assert {a["data-n"] for a in html.all("a", "cite")} == {"1"}


def _contrast(one: str, other: str) -> float:
    """The WCAG 2 contrast ratio of two colours "#rrggbb"."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [theme.LIGHT, theme.DARK])
def test_text_and_controls_contrast_with_their_ground(palette: dict[str, str]) -> None:
    pairs = [*product(("ink", "quiet", "accent", "alert"), ("paper", "wash"))]
    pairs += [("accent", "tint"), ("ink", "tint"), ("on-accent", "accent"), ("on-mark", "mark")]
    for text, ground in pairs:
        assert _contrast(palette[text], palette[ground]) >= 4.5, (text, ground)
    for ground in ("paper", "wash"):
        assert _contrast(palette["edge"], palette[ground]) >= 3, ground


def test_head_asks_for_nothing_from_elsewhere() -> None:
    head = theme.head()
    assert "https:" not in head
    assert "@import" not in head
    assert "url(" not in head
