"""Questions, answers and their sources as HTML: numbers, lists, refusals, cards, copied text."""

from dataclasses import replace
from typing import Any

from fake_engine import HOSTILE, QUOTE, answer, checked, hostile, passage, report
from markupsafe import escape
from readers import Outline

from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import Filters
from rag.i18n.translations import ENGLISH
from rag.retrieval.hybrid import MOST_PASSAGES
from rag.types import Citation, Coverage, GenerationRecord, Notice
from ui.web import answer as view
from ui.web.handlers import Exchange

CATALOG = Catalog(report(i) for i in range(30))
REPORTS = CATALOG.reports
READ = Coverage("answer", ("report_0",), read=("report_0", "report_1", "report_gone"))
READ = replace(READ, read_passages=3, unread=(("Viet Nam", 2), ("Togo", 1)))
RECORD = GenerationRecord("gpt-4.1-mini", steps=(Notice("searched", {"query": "sand", "n": 3}),))


def cards(html: str) -> list[str | None]:
    """The ids of the cards of a panel, None for passages that are not cited."""
    return [details.get("id") for details in Outline(html).all("details", "source")]


def asked(**given: Any) -> Exchange:
    return Exchange("Q?", answer=answer("Q?", **given))


def drawn(exchange: Exchange) -> Outline:
    return Outline(view.render_conversation([exchange], CATALOG, ENGLISH))


def test_each_known_number_is_a_link_to_its_card() -> None:
    sure = Citation(1, passage(report(0)), QUOTE)
    citations = {1: [sure], 5: [replace(sure, n=5, status="unsupported")]}
    text = "One [1]. Two [5][1]. Built in [1999]."
    html = Outline(view.render_prose(text, 3, citations, ENGLISH))
    links = html.all("a", "cite")
    assert [a["href"] for a in links] == ["#source-3-1", "#source-3-5", "#source-3-1"]
    # A doubtful one says so in words and by a sign.
    assert html.text == "One\u202f1. Two\u202f5?\u20091. Built in [1999]."
    assert "does not support" in (links[1]["aria-label"] or "")
    cool = Exchange("Q", text="Cool [4].")
    growing = Outline(view.render_exchange(cool, 2, CATALOG, ENGLISH, is_running=True))
    assert [a["href"] for a in growing.all("a")] == ["#source-2-4"]


def test_lists_headings_and_bold_are_understood() -> None:
    text = "## Cost\nIt is **low**:\n\n- sand\n\n- water\n\n3. third\n4. fourth\nEnd"
    html = Outline(view.render_prose(text, 3, {}, ENGLISH))
    names = [tag for tag, _ in html.tags]
    assert names == ["h4", "p", "strong", "ul", "li", "li", "ol", "li", "li", "p"]
    assert html.all("ol") == [{"start": "3", "dir": "auto"}]
    # So is who speaks.
    labs = ", ".join(f"Island {n} of the sea" for n in range(6))
    for who in ("Côte d'Ivoire", "Peru, Boats – a story", f"{labs}, {'Ice is dear, so ' * 4}ice …"):
        told = view.render_prose(f"{who} (2022, plan): It is (so far: 3) new [1].", 1, {}, ENGLISH)
        assert told.startswith(f'<p dir="auto"><strong>{escape(who)} (2022, plan):</strong> It')


def test_a_list_answer_counts_and_lists_every_report() -> None:
    tags = [passage(info, text="[[methods:Pilots]]") for info in REPORTS.values()]
    cited = tuple(Citation(n, tag, tag.text) for n, tag in enumerate(tags, 1))
    covered = Coverage("list", tuple(REPORTS), ("Peru", "Togo", "Viet Nam"), 30)
    listed = answer(text="30 reports match.\n- Peru: [1]", citations=cited, coverage=covered)
    html = drawn(Exchange("Q?", answer=listed))
    assert html.all("section", "list")[0]["aria-label"] == "30 reports of 3 labs"
    # Grouped by lab; each title opens its report at the tag that counted.
    assert len(html.all("details", "group")) == 3
    opened = {b["data-report"]: b["data-n"] for b in html.all("button", "open-report")}
    assert opened == {name: str(n) for n, name in enumerate(REPORTS, 1)}
    assert "empty" in view.render_sources(listed, 1)
    assert "Sources" not in view.plain_text(listed, ENGLISH)


def test_what_is_no_answer_is_told() -> None:
    refused = drawn(asked(text="The reports don't say.", refused=True, citations=()))
    assert refused.all("div", "refused")
    assert "Nearest passages" in refused.text
    assert "rests on" not in refused.text
    struck = drawn(Exchange("Q", answer=checked()))
    assert len(struck.all("del")) == struck.text.count("Reason: ") == 2
    assert "43 boxes were sold within a week." in struck.text
    assert [b["data-n"] for b in struck.all("button", "restore")] == ["0", "1"]
    assert "In doubt: 1 sentence" in drawn(Exchange("Q", answer=checked().restored(1))).text
    failed = drawn(Exchange("Q?", error="No <model>."))
    assert failed.all("p", "error") == [{"class": "error", "role": "alert"}]
    assert "No <model>." in failed.text
    searched = "Searched: sand, 3 passage(s)"
    assert f"Looked further{searched}Prompt version" in drawn(asked(generation=RECORD)).text
    state = {"is_running": True, "steps": RECORD.steps}
    assert searched in view.render_exchange(Exchange("Q"), 1, CATALOG, ENGLISH, **state)
    stopped = drawn(Exchange("Q", text="Half [1]", stopped=True))
    assert "Half [1]Stopped before the end." in stopped.text
    assert not stopped.all("a")


def test_the_coverage_line_unfolds_to_reports_and_labs() -> None:
    html = drawn(asked(coverage=READ))
    assert "Cool boxes at the market, part 0 2021 · cited" in html.text
    assert "Cool boxes at the market, part 1 2022" in html.text
    assert "Viet Nam 2 · Togo 1" in html.text
    opened = [b["data-report"] for b in html.all("button", "open-report")]
    assert opened == ["report_0", "report_1"]
    assert not drawn(asked(coverage=Coverage("list", ("report_0",)))).all("details")


WRITTEN = asked(generation=replace(RECORD, steps=()))
# Wider reading would add nothing to it.
DIGEST = asked(coverage=replace(READ, intent="topic"))
READ_ALL = asked(coverage=Coverage("answer", read_passages=8))


def test_the_row_has_what_can_be_done_with_an_answer() -> None:
    for exchange, is_last, is_idle, buttons in (
        (asked(), True, True, ["copy", "pin", "share", "again", "wider", "vote", "vote", None]),
        (asked(), False, False, ["copy"]),
        (READ_ALL, True, True, ["copy", "pin", "share", "again", "vote", "vote", None]),
        (DIGEST, True, False, ["copy", "again"]),
        (DIGEST, True, True, ["copy", "pin", "share", "again", "vote", "vote", None]),
        (WRITTEN, True, False, ["copy", "again", "wider", "deeper"]),
        (replace(asked(), passages=MOST_PASSAGES), True, False, ["copy", "again"]),
        (Exchange("Q?", error="No model."), True, True, ["again"]),
        (Exchange("Q?", error="No model."), False, True, []),
    ):
        state = {"is_last": is_last, "is_idle": is_idle}
        html = view.render_exchange(exchange, 2, CATALOG, ENGLISH, **state)
        row = html.partition('<div class="answer-row"')[2].partition("</div>")[0].partition(">")[2]
        assert [button.get("class") for button in Outline(row).all("button")] == buttons


def test_an_answer_is_copied_with_its_numbered_sources() -> None:
    text = view.plain_text(answer(text="**Peru:** Wet sand [1]."), ENGLISH)
    start = "What keeps food cool?\n\nPeru: Wet sand [1].\n\nSources\n\n[1] Peru, 2021"
    assert text.startswith(start)
    assert f"“{QUOTE}”\nLearnings › What did you learn from this?" in text
    assert text.endswith("31 more reports matched, not read.\n")


def test_nothing_from_outside_becomes_markup() -> None:
    bad = hostile(HOSTILE)
    catalog = Catalog([bad.citations[0].passage.report])
    unread = replace(READ, unread=((HOSTILE, 1),), read=tuple(catalog.reports))
    listed = replace(bad, coverage=replace(bad.coverage, intent="list"))
    talk = (
        Exchange(HOSTILE, Filters(country=(HOSTILE,)), listed),
        Exchange(HOSTILE, error=HOSTILE),
        Exchange(HOSTILE, answer=replace(bad, coverage=unread)),
    )
    half = Exchange("Q", text=HOSTILE)
    growing = view.render_exchange(half, 1, catalog, ENGLISH, is_running=True)
    shown = view.render_conversation(talk, catalog, ENGLISH) + view.render_sources(bad, 1)
    html = Outline(shown + growing)
    html.is_inert()
    assert all((a["href"] or "").startswith("#") for a in html.all("a"))
    assert {a["data-n"] for a in html.all("a", "cite")} == {"1"}
    assert HOSTILE in html.text


def test_a_passage_cited_twice_is_one_card_with_both_quotes() -> None:
    source = passage(report(0), text="One thing. Another thing. A third thing.")
    both = (Citation(1, source, "A third thing."), Citation(1, source, "One thing.", "unsupported"))
    panel = view.render_sources(answer(text="A third [1]. One [1].", citations=both), 1)
    assert cards(panel).count("source-1-1") == 1
    assert Outline(panel).text.startswith("1 source")
    assert "<mark>One thing.</mark> Another thing. <mark>A third thing.</mark>" in panel
    assert "does not support the sentence One thing." in Outline(panel).text
    # So that no doubt is hidden.
    (link,) = Outline(view.render_cite(1, 1, both, ENGLISH)).all("a")
    assert "unsupported" in (link["class"] or "")
    assert view.find_quote("a b\n\u00a0c d", "b c") == (2, 6)
    assert view.find_quote("one two three four", "one five") is None
    assert view.find_quote("a.c abc", "abc") == (4, 7)


def test_a_card_says_who_when_where_and_what_it_is() -> None:
    source = passage(report(0), stage="intention", part=2, parts=3, language="fr")
    cited = (Citation(4, source, QUOTE, "partly"), Citation(4, source, "Missing words"))
    html = Outline(view.render_card(source, 1, cited, (), ENGLISH))
    # A quote that is not in the passage stands above it.
    words = ("🇵🇪", "Peru", "2021 · Plan", "Cool boxes at the market, part 0", "Learnings")
    words += ("What did you learn from this?", "What the lab planned", "Part 2 of 3", "in part")
    for text in (*words, "Language", "French", "Missing wordsWe began"):
        assert text in html.text
    assert html.all("details")[0]["id"] == "source-1-4"
    assert html.all("span", "when")[0]["title"] == "Plan: What a lab means to try and learn."
    button = html.all("button", "open-report")[0]
    values = [button[f"data-{name}"] for name in ("report", "passage", "turn", "n")]
    assert values == ["report_0", "report_0#1", "1", "4"]


def test_the_panel_shows_what_is_cited_first_or_what_comes_closest() -> None:
    panel = view.render_sources(answer(), 1)
    assert cards(panel)[:2] == ["source-1-1", "source-1-2"]
    assert "6 more passages found, not cited" in panel
    bare = view.render_sources(answer(refused=True, citations=()), 1)
    assert Outline(bare).text.startswith("Nearest passages")
    assert cards(bare) == [None] * view.NEAREST
    named = cards(view.render_sources(answer(refused=True), 1))
    assert named == ["source-1-1", "source-1-2", *[None] * (view.NEAREST - 2)]
