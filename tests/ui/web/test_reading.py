"""Tests of reading an answer: its numbers' data, its row, its coverage, whole reports, as text."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_engine import (
    HOSTILE,
    QUOTE,
    FakeEngine,
    answer,
    hostile,
    hostile_report,
    passage,
    report,
    whole,
)
from readers import Outline

from rag.catalog.fields import Filters
from rag.i18n.labels import language_label
from rag.i18n.translations import ENGLISH
from rag.retrieval.hybrid import MOST_PASSAGES, more_passages
from rag.settings import Settings
from rag.types import Citation, Coverage
from tests.ui.web.test_render import REPORTS
from ui.web import handlers
from ui.web import report as reading
from ui.web.answer import can_widen, covered, plain_text, row
from ui.web.conversation import Exchange
from ui.web.report import report_view
from ui.web.sources import LONGEST_QUOTE, card, cite

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


def exchange(question: str = "Q?", **given: object) -> Exchange:
    return Exchange(question, answer=answer(question, **given))


def test_a_number_carries_what_its_popover_says() -> None:
    first = passage(report(0), language="fr")
    both = [Citation(3, first, "One."), Citation(3, first, "x " * 400, "partly", corrected=True)]
    link = Outline(cite(3, 1, both, ENGLISH)).all("a")[0]
    assert link["data-who"] == "Peru, 2021"
    assert link["data-lang"] == "fr"
    one, other = (link["data-quote"] or "").split("\n")
    assert one == "One."
    assert len(other) <= LONGEST_QUOTE + 2
    verdict = (link["data-verdict"] or "").split("\n")
    assert verdict[0] == "≈ The quote supports the sentence in part"
    assert verdict[1].startswith("⇄ Citation corrected")
    assert "title" not in link
    assert "data-quote" not in Outline(cite(3, 1, [], ENGLISH)).all("a")[0]


def test_the_row_has_what_can_be_done_with_an_answer() -> None:
    html = Outline(row(exchange(), 2, True, ENGLISH))
    names = [b["class"] for b in html.all("button") if "class" in b]
    assert names == ["copy", "again", "wider", "vote", "vote"]
    assert html.all("div", "answer-row")[0]["data-turn"] == "2"
    assert [b["aria-pressed"] for b in html.all("button", "vote")] == ["false", "false"]
    older = [b.get("class") for b in Outline(row(exchange(), 1, False, ENGLISH)).all("button")]
    assert older == ["copy", "vote", "vote", None]
    assert "Send" in html.text
    waiting = Outline(row(exchange(), 1, False, idle=False, t=ENGLISH))
    assert [b["class"] for b in waiting.all("button")] == ["copy"]


def test_what_has_no_answer_can_only_be_asked_again() -> None:
    failed = Exchange("Q?", error="No model.")
    assert [b["class"] for b in Outline(row(failed, 1, True, ENGLISH)).all("button")] == ["again"]
    assert row(failed, 1, False, ENGLISH) == ""


def test_a_vote_that_was_given_stays_pressed() -> None:
    one = exchange()
    one = replace(one, vote=reading._feedback(one, one.answer or answer(), "down", ""))
    votes = Outline(row(one, 1, True, ENGLISH)).all("button", "vote")
    assert {b["data-vote"]: b["aria-pressed"] for b in votes} == {"up": "false", "down": "true"}


@pytest.mark.parametrize(
    ("given", "can"),
    [
        ({"coverage": Coverage("answer", read_passages=5)}, True),
        ({"coverage": Coverage("answer", read_passages=8)}, False),
        ({"coverage": Coverage("answer", read_passages=0)}, False),
        ({"coverage": Coverage("list", read_passages=5)}, False),
        ({"coverage": Coverage("about", read_passages=5)}, False),
    ],
)
def test_reading_more_widely_is_offered_while_there_is_more(
    given: dict[str, Coverage], can: bool
) -> None:
    assert can_widen(exchange(**given)) is can
    assert not can_widen(replace(exchange(**given), passages=MOST_PASSAGES))
    assert ("wider" in row(exchange(**given), 1, True, ENGLISH)) is can


def test_each_wider_reading_is_twice_the_last_up_to_a_bound() -> None:
    settings = Settings()
    steps = [more_passages(0, settings)]
    while steps[-1] < MOST_PASSAGES:
        steps.append(more_passages(steps[-1], settings))
    assert steps == [40, 80, 100]
    assert more_passages(100, settings) == 100
    assert more_passages(0, Settings(passages=60)) == 100


def test_widen_asks_the_same_with_more_passages_and_again_keeps_them() -> None:
    engine = FakeEngine()
    talk = list(handlers.ask(engine, "First?", Filters(year=(2023,)), (), None, ENGLISH))[-1][
        "talk"
    ]
    talk = list(handlers.widen(engine, talk, None, 1, ENGLISH))[-1]["talk"]
    assert engine.passages == [0, 40]
    assert engine.asked[-1] == ("First?", (), Filters(year=(2023,)))
    assert len(talk) == 1
    talk = list(handlers.again(engine, Filters(), talk, None, ENGLISH))[-1]["talk"]
    assert engine.passages[-1] == 40
    talk = list(handlers.ask(engine, "Second?", Filters(), talk, None, ENGLISH))[-1]["talk"]
    assert engine.passages[-1] == 0
    for wrong in (1, 0, 3, "2", None, [2]):
        assert list(handlers.widen(engine, talk, None, wrong, ENGLISH)) == []
    assert list(handlers.widen(engine, (), None, 0, ENGLISH)) == []


def test_the_coverage_line_unfolds_to_reports_and_labs() -> None:
    html = Outline(covered(answer(coverage=READ), REPORTS, ENGLISH))
    assert html.all("summary", "coverage")
    assert "Cool boxes at the market, part 0 2021 · cited" in html.text
    assert "Cool boxes at the market, part 1 2022" in html.text
    assert "Viet Nam 2 · Togo 1" in html.text
    opened = [b["data-report"] for b in html.all("button", "open-report")]
    assert opened == ["report_0", "report_1"]
    listed = Outline(covered(answer(coverage=Coverage("list", ("report_0",))), REPORTS, ENGLISH))
    assert not listed.all("details")


def test_an_answer_is_copied_with_its_numbered_sources() -> None:
    text = plain_text(answer(text="**Peru:** Wet sand [1]."), ENGLISH)
    assert text.startswith(
        "What keeps food cool?\n\nPeru: Wet sand [1].\n\nSources\n\n[1] Peru, 2021"
    )
    assert f"“{QUOTE}”\nLearnings › What did you learn from this?" in text
    assert text.endswith("31 more reports matched and were not read.\n")


def test_a_card_names_the_language_and_opens_its_report() -> None:
    source = passage(report(0), language="fr")
    html = Outline(card(source, 2, [Citation(4, source, QUOTE)], (), ENGLISH))
    assert "Language" in html.text
    assert "French" in html.text
    button = html.all("button", "open-report")[0]
    shown = [button[f"data-{name}"] for name in ("report", "passage", "turn", "n")]
    assert shown == ["report_0", "report_0#1", "2", "4"]
    assert language_label("zz") == "zz"


def test_a_report_is_laid_out_by_section_and_form_question() -> None:
    info = report(0, sdgs=("13. Climate action",), facts={"focal_point": ("ana@example.org",)})
    passages = whole(info)
    html = Outline(
        report_view(info, passages, quotes={"report_0#1": [QUOTE]}, unanswered=["Why?"], t=ENGLISH)
    )
    assert html.open == []
    text = html.text
    order = ["Challenge", "What is your challenge?", "A long beginning", "Its end.", "Learnings"]
    order += ["Who?", "French", "Le sable.", "What did you learn", QUOTE, "Tags of this report"]
    order += ["13. Climate action", "Sample size: 43", "Left open by the lab: 1 form question"]
    places = [text.index(one) for one in order]
    assert places == sorted(places)
    assert text.count("What is your challenge?") == 1
    assert len(html.all("mark")) == 1
    assert "example.org" not in text
    assert [b["lang"] for b in html.all("blockquote")] == ["en", "en", "fr", "en", "en", "en"]
    assert all(b["dir"] == "auto" for b in html.all("blockquote"))
    assert not html.all("a")


def test_a_report_begins_where_it_is_wanted_and_says_what_is_lost() -> None:
    info = report(0)
    html = Outline(report_view(info, whole(info), at="report_0#4", t=ENGLISH))
    assert [b.get("class") for b in html.all("blockquote")].index("here") == 2
    lost = Outline(report_view(info, whole(info), quotes={"report_0#1": ["Never said"]}, t=ENGLISH))
    assert "The quoted words are not in this report" in lost.text
    assert not lost.all("mark")
    assert "Never said" not in lost.text


def test_the_tag_that_a_list_rests_on_is_marked() -> None:
    info = report(0, methods=("Prototyping", "Paper prototyping"))
    quotes = {"report_0#tags": ["[[methods:prototyping]]"]}
    html = Outline(report_view(info, whole(info), quotes=quotes, t=ENGLISH))
    assert len(html.all("mark")) == 1
    assert html.all("section", "tags here")


def test_a_link_to_the_archive_is_escaped() -> None:
    info = report(0)
    html = Outline(report_view(info, (), link='https://x.example/?a=1&b="><script>', t=ENGLISH))
    assert html.all("a")[0]["href"] == 'https://x.example/?a=1&b="><script>'
    assert html.all("a")[0]["rel"] == "noopener noreferrer"


def test_the_archive_is_linked_where_the_settings_name_it() -> None:
    engine = FakeEngine()
    assert not Outline(reading.opened(engine, (), {"report": "report_0"}, ENGLISH)).all("a")
    engine.settings = Settings(report_url="https://archive.example/{report}")
    links = Outline(reading.opened(engine, (), {"report": "report_0"}, ENGLISH)).all("a")
    assert [link["href"] for link in links] == ["https://archive.example/report_0"]


def test_only_a_report_of_the_index_is_opened() -> None:
    engine = FakeEngine()
    talk = (exchange(),)
    shown = reading.opened(engine, talk, {"report": "report_0", "turn": 1, "n": 1}, ENGLISH)
    assert Outline(shown).all("mark")
    assert 'data-key="report_0||1|1"' in shown
    for wrong in ("report_99", "../../etc/passwd", "", None, 7, ["report_0"], HOSTILE):
        html = Outline(reading.opened(engine, talk, {"report": wrong}, ENGLISH))
        assert "not in the index any more" in html.text
        assert not html.all("blockquote")
    for turn, n in ((0, 1), (2, 1), ("1", 1), (1, 9), (1, "1"), (None, None)):
        other = reading.opened(engine, talk, {"report": "report_0", "turn": turn, "n": n}, ENGLISH)
        assert not Outline(other).all("mark")
    # A number of another report marks nothing in this one.
    other = reading.opened(engine, talk, {"report": "report_5", "turn": 1, "n": 1}, ENGLISH)
    assert not Outline(other).all("mark")


def test_nothing_from_outside_becomes_markup() -> None:
    info = hostile_report()
    quotes = {f"{info.id}#1": [HOSTILE], f"{info.id}#tags": [HOSTILE]}
    bad = hostile(HOSTILE)
    page = report_view(
        info, whole(info, HOSTILE), quotes=quotes, unanswered=[HOSTILE], key=HOSTILE, t=ENGLISH
    )
    page += row(Exchange(HOSTILE, answer=bad), 1, True, ENGLISH)
    page += covered(
        replace(bad, coverage=replace(READ, unread=((HOSTILE, 1),), read=(info.id,))),
        {info.id: info},
        ENGLISH,
    )
    page += reading.opened(FakeEngine(), (), {"report": HOSTILE}, ENGLISH)
    html = Outline(page)
    html.is_inert()
    assert html.all("mark")
    assert HOSTILE in html.text
