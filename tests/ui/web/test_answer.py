"""Questions and answers as HTML: links of numbers, lists, refusals, the row, copied text."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_engine import HOSTILE, QUOTE, answer, checked, hostile, passage, report
from readers import Outline

from rag.catalog.fields import Filters
from rag.i18n.notices import coverage_sentence
from rag.i18n.translations import ENGLISH
from rag.retrieval.hybrid import MOST_PASSAGES
from rag.types import Answer, Citation, Coverage
from ui.web.answer import (
    can_widen,
    plain_text,
    render_collection,
    render_conversation,
    render_coverage,
    render_exchange,
    render_pending,
    render_prose,
    render_row,
)
from ui.web.conversation import Exchange
from ui.web.sources import render_sources

REPORTS = {f"report_{i}": report(i) for i in range(30)}
READ = Coverage(
    "answer",
    ("report_0",),
    ("Peru",),
    matched_reports=5,
    read_passages=3,
    read_reports=2,
    read=("report_0", "report_1", "report_gone"),
    unread=(("Viet Nam", 2), ("Togo", 1)),
)


def prose(text: str, *numbers: int) -> Outline:
    citations = {n: [Citation(n, passage(report(0)), QUOTE)] for n in numbers}
    return Outline(render_prose(text, 3, citations, ENGLISH))


def drawn(exchange: Exchange, *, is_last: bool = False) -> Outline:
    return Outline(render_exchange(exchange, 1, REPORTS, is_last, ENGLISH))


def answered(**values: object) -> Exchange:
    return Exchange("Q?", answer=answer("Q?", **values))


def test_each_known_number_is_a_link_to_its_card() -> None:
    html = prose("One [1]. Two [2][1]. Built in [1999].", 1, 2)
    links = [a["href"] for a in html.all("a", "cite")]
    assert links == ["#source-3-1", "#source-3-2", "#source-3-1"]
    assert html.text == "One\u202f1. Two\u202f2\u20091. Built in [1999]."


def test_while_the_answer_grows_every_number_is_a_link() -> None:
    html = Outline(render_pending(Exchange("Q"), "Cool [4].", 2, ENGLISH, {}))
    assert [a["href"] for a in html.all("a")] == ["#source-2-4"]
    assert "Reading the reports" in render_pending(Exchange("Q"), " ", 2, ENGLISH, {})


def test_lists_headings_and_bold_are_understood() -> None:
    html = prose("## Cost\nIt is **low**:\n\n- sand\n\n- water\n\n3. third\n4. fourth\nEnd")
    names = [tag for tag, _ in html.tags]
    assert names == ["h4", "p", "strong", "ul", "li", "li", "ol", "li", "li", "p"]
    assert html.all("ol") == [{"start": "3", "dir": "auto"}]
    assert html.open == []


def test_who_speaks_stands_out() -> None:
    html = render_prose("Côte d'Ivoire (2022, plan): It is (so far: 3) new [1].", 1, {}, ENGLISH)
    assert html.startswith('<p dir="auto"><strong>Côte d&#39;Ivoire (2022, plan):</strong> It')
    assert "<strong>" not in render_prose("They spent it all: no [1].", 1, None, ENGLISH)


def test_a_doubtful_citation_says_so_in_words_and_by_a_sign() -> None:
    citation = Citation(5, passage(report(0)), QUOTE, "unsupported")
    html = Outline(render_prose("Bold claim [5].", 1, {5: [citation]}, ENGLISH))
    assert html.text.endswith("5?.")
    assert "does not support" in (html.all("a")[0]["aria-label"] or "")


def test_a_refusal_offers_the_nearest_passages() -> None:
    html = drawn(answered(text="The reports don't say.", refused=True, citations=()))
    assert html.all("div", "refused")
    assert "Nearest passages" in html.text
    assert "rests on" not in html.text


def test_a_list_answer_counts_and_lists_every_report() -> None:
    tags = [passage(info, text="[[methods:Pilots]]") for info in REPORTS.values()]
    citations = tuple(Citation(n, tag, tag.text) for n, tag in enumerate(tags, 1))
    coverage = Coverage("list", tuple(REPORTS), ("Peru", "Togo", "Viet Nam"), 30)
    html = drawn(
        answered(text="30 reports match.\n- Peru: [1]", citations=citations, coverage=coverage)
    )
    assert html.all("section", "list")[0]["aria-label"] == "30 reports of 3 labs"
    assert "Show the other 18" in html.text
    assert all(info.title in html.text for info in REPORTS.values())
    assert [a["data-n"] for a in html.all("a", "cite")] == [str(n) for n in range(1, 31)]


def test_struck_sentences_are_folded_with_their_reasons() -> None:
    html = drawn(Exchange("Q", answer=checked()))
    assert "Left out: 2 sentences that no passage supports" in html.text
    assert len(html.all("del")) == 2
    assert "43 boxes were sold within a week." in html.text
    assert html.text.count("Reason: ") == 2


def test_an_error_is_a_sentence_and_a_stop_is_told() -> None:
    failed = drawn(Exchange("Q", error="No <model>."))
    assert failed.all("p", "error") == [{"class": "error", "role": "alert"}]
    assert "No <model>." in failed.text
    stopped = drawn(Exchange("Q", text="Half [1]", stopped=True))
    assert "Half [1]Stopped before the end." in stopped.text
    assert not stopped.all("a")


def test_direction_follows_the_text() -> None:
    html = drawn(Exchange("ماذا؟", answer=answer("ماذا؟")))
    assert html.all("h3")[0]["dir"] == "auto"
    assert all(a["dir"] == "auto" for tag, a in html.tags if tag in ("ul", "td"))


def test_the_coverage_line_unfolds_to_reports_and_labs() -> None:
    html = Outline(render_coverage(answer(coverage=READ), REPORTS, ENGLISH))
    assert html.all("summary", "coverage")
    assert "Cool boxes at the market, part 0 2021 · cited" in html.text
    assert "Cool boxes at the market, part 1 2022" in html.text
    assert "Viet Nam 2 · Togo 1" in html.text
    opened = [b["data-report"] for b in html.all("button", "open-report")]
    assert opened == ["report_0", "report_1"]
    listed = answer(coverage=Coverage("list", ("report_0",)))
    assert not Outline(render_coverage(listed, REPORTS, ENGLISH)).all("details")


def test_coverage_is_one_sentence() -> None:
    assert coverage_sentence(answer(), ENGLISH) == (
        "Read 12 passages from 9 reports; the answer rests on 2 reports of 2 labs; "
        "31 more reports matched and were not read."
    )


def test_the_row_has_what_can_be_done_with_an_answer() -> None:
    def buttons(exchange: Exchange, *, is_last: bool, is_idle: bool = True) -> list[str | None]:
        html = render_row(exchange, 2, is_last, ENGLISH, is_idle=is_idle)
        return [b.get("class") for b in Outline(html).all("button")]

    assert buttons(answered(), is_last=True) == ["copy", "again", "wider", "vote", "vote", None]
    assert buttons(answered(), is_last=False) == ["copy", "vote", "vote", None]
    assert buttons(answered(), is_last=False, is_idle=False) == ["copy"]
    assert buttons(Exchange("Q?", error="No model."), is_last=True) == ["again"]
    assert buttons(Exchange("Q?", error="No model."), is_last=False) == []


@pytest.mark.parametrize(
    ("coverage", "can"),
    [
        (Coverage("answer", read_passages=5), True),
        (Coverage("answer", read_passages=8), False),
        (Coverage("answer", read_passages=0), False),
        (Coverage("list", read_passages=5), False),
        (Coverage("about", read_passages=5), False),
    ],
)
def test_reading_more_widely_is_offered_while_there_is_more(coverage: Coverage, can: bool) -> None:
    exchange = answered(coverage=coverage)
    assert can_widen(exchange) is can
    assert not can_widen(replace(exchange, passages=MOST_PASSAGES))
    assert ("wider" in render_row(exchange, 1, True, ENGLISH)) is can


def test_an_answer_is_copied_with_its_numbered_sources() -> None:
    text = plain_text(answer(text="**Peru:** Wet sand [1]."), ENGLISH)
    assert text.startswith(
        "What keeps food cool?\n\nPeru: Wet sand [1].\n\nSources\n\n[1] Peru, 2021"
    )
    assert f"“{QUOTE}”\nLearnings › What did you learn from this?" in text
    assert text.endswith("31 more reports matched and were not read.\n")


def test_nothing_from_outside_becomes_markup() -> None:
    bad: Answer = hostile(HOSTILE)
    source = bad.citations[0].passage.report
    covered = replace(bad, coverage=replace(READ, unread=((HOSTILE, 1),), read=(source.id,)))
    talk = (
        Exchange(HOSTILE, Filters(country=(HOSTILE,)), bad),
        Exchange(HOSTILE, error=HOSTILE),
        Exchange(HOSTILE, answer=covered),
    )
    reports = {"report_11": source}
    html = Outline(
        render_conversation(talk, reports, ENGLISH)
        + render_sources(bad, 1)
        + render_pending(Exchange(HOSTILE), HOSTILE, 1, ENGLISH, {})
        + render_collection(reports, HOSTILE, HOSTILE)
    )
    html.is_inert()
    assert all((a["href"] or "").startswith("#") for a in html.all("a"))
    assert {a["data-n"] for a in html.all("a", "cite")} == {"1"}
    assert HOSTILE in html.text
