"""Sources of an answer: quotes found and marked in passages, cards, the panel, popovers."""

import pytest
from fake_engine import QUOTE, answer, passage, report
from readers import Outline

from rag.i18n.translations import ENGLISH
from rag.types import Citation
from ui.web.answer import (
    NEAREST,
    find_quote,
    render_card,
    render_cite,
    render_sources,
)


def cards(html: str) -> list[str | None]:
    """The ids of the cards of a panel, None for passages that are not cited."""
    return [details.get("id") for details in Outline(html).all("details", "source")]


@pytest.mark.parametrize(
    ("text", "quote", "span"),
    [
        ("a b\n\u00a0c d", "b c", (2, 6)),
        ("one two three four", "one five", None),
        ("a.c abc", "abc", (4, 7)),
    ],
)
def test_finding_a_quote(text: str, quote: str, span: tuple[int, int] | None) -> None:
    assert find_quote(text, quote) == span


def test_a_passage_cited_twice_is_one_card_with_both_quotes() -> None:
    source = passage(report(0), text="One thing. Another thing. A third thing.")
    both = (Citation(1, source, "A third thing."), Citation(1, source, "One thing.", "unsupported"))
    panel = render_sources(answer(text="A third [1]. One [1].", citations=both), 1)
    assert cards(panel).count("source-1-1") == 1
    assert Outline(panel).text.startswith("1 source")
    assert "<mark>One thing.</mark> Another thing. <mark>A third thing.</mark>" in panel
    assert "does not support the sentence One thing." in Outline(panel).text
    # So that no doubt is hidden.
    (link,) = Outline(render_cite(1, 1, both, ENGLISH)).all("a")
    assert "unsupported" in (link["class"] or "")


def test_a_card_says_who_when_where_and_what_it_is() -> None:
    source = passage(report(0), stage="intention", part=2, parts=3, language="fr")
    cited = (Citation(4, source, QUOTE, "partly"), Citation(4, source, "Missing words"))
    html = Outline(render_card(source, 1, cited, (), ENGLISH))
    for text in (
        *("🇵🇪", "Peru", "2021 · Plan", "Cool boxes at the market, part 0", "Learnings"),
        *("What did you learn from this?", "What the lab planned", "Part 2 of 3", "in part"),
        *("Language", "French"),
        # A quote that is not in the passage stands above it.
        "Missing wordsWe began",
    ):
        assert text in html.text
    assert html.all("details")[0]["id"] == "source-1-4"
    button = html.all("button", "open-report")[0]
    values = [button[f"data-{name}"] for name in ("report", "passage", "turn", "n")]
    assert values == ["report_0", "report_0#1", "1", "4"]


def test_the_panel_shows_what_is_cited_first_or_what_comes_closest() -> None:
    panel = render_sources(answer(), 1)
    assert cards(panel)[:2] == ["source-1-1", "source-1-2"]
    assert "6 more passages found, not cited" in panel
    bare = render_sources(answer(refused=True, citations=()), 1)
    assert Outline(bare).text.startswith("Nearest passages")
    assert cards(bare) == [None] * NEAREST
    named = cards(render_sources(answer(refused=True), 1))
    assert named == ["source-1-1", "source-1-2", *[None] * (NEAREST - 2)]
