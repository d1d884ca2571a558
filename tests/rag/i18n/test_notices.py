"""What was checked, corrected and left out, as the page, the briefs and a terminal tell it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date

import pytest
from answers import HOSTILE, PLAIN
from fake_engine import HOSTILE as IMAGE
from fake_engine import STRUCK, WHY, checked
from readers import html_text, rendered, squeezed, text_of

from rag.answer.pipeline import AnswerStream
from rag.export.formats import export
from rag.i18n.notices import (
    checked_sentence,
    notice_words,
    read_notices,
    struck_sentence,
    text_notice,
)
from rag.i18n.translations import ENGLISH, translations_for
from rag.types import Answer, Notice, Struck
from ui.cli.output import print_answer, print_sources
from ui.web import answer as render
from ui.web import sources as cards
from ui.web.conversation import Exchange

DAY = date(2025, 11, 25)
BRIEFS = ("md", "html", "docx", "pdf")
FOUND = "3 sentences checked: 1 supported, 1 partly, 1 left out; 1 citation corrected."
# What a model could write into a sentence, or a passage into a reason, one after the other.
ATTACKS = (HOSTILE, IMAGE, "# h ~~x~~ [a](javascript:b) ![i](http://e.example/x) *e* `c` @a")


def struck(*texts: str, why: str = WHY) -> Answer:
    first, *others = PLAIN.citations
    return replace(
        PLAIN,
        citations=(replace(first, corrected=True), *others),
        struck=tuple(Struck(text, text_notice(why)) for text in texts),
        checked={"supported": 1, "partly": 1, "unsupported": 0, "struck": 1, "corrected": 1},
    )


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({}, ""),
        ({"supported": 0, "corrected": 0, "struck": 0}, ""),
        ({"supported": 1}, "1 sentence checked: 1 supported."),
        (
            {"struck": 1, "corrected": 2, "unsupported": 3, "partly": 1, "supported": 4},
            "9 sentences checked: 4 supported, 1 partly, 3 not supported, 1 left out; "
            "2 citations corrected.",
        ),
        ({"supported": 1, "<img>": 4, "partly": -2}, "1 sentence checked: 1 supported."),
    ],
)
def test_what_was_checked_is_one_sentence(found: Mapping[str, int], told: str) -> None:
    assert checked_sentence(found) == told


def test_what_was_struck_loses_its_numbers_which_would_lead_elsewhere() -> None:
    reason = Notice("not_said")
    sentence = Struck("It sold\n43 boxes [3] [4, 5].", reason)
    assert struck_sentence(sentence) == "It sold 43 boxes."
    assert len(struck_sentence(Struck("x" + " " * 1_000_000, reason))) == 1


def test_notices_are_put_into_the_reader_s_words() -> None:
    notices = (
        Notice("cut_short_by_tokens"),
        Notice("no_passage_fits", {"window": 12000}),
        Notice("no_reports_from", {"places": "{n} <b>"}),
    )
    english = (
        "The answer was cut short. Raise ASKLABS_ANSWER_TOKENS for longer answers. "
        "No passage fits in the language model's window of 12,000 tokens. Set "
        "ASKLABS_CONTEXT_WINDOW, or lower ASKLABS_ANSWER_TOKENS. "
        "The collection has no reports from {n} <b>."
    )
    assert notice_words(notices) == english
    french = notice_words(notices, translations_for("fr"))
    assert french.startswith("La réponse a été interrompue. Augmentez ASKLABS_ANSWER_TOKENS")
    assert "12\u202f000" in french
    assert french.endswith(" : {n} <b>.")


def test_notices_of_other_versions_are_shown_as_they_were_written() -> None:
    known = (Notice("passages_left_out", {"read": 3, "all": 20}),)
    assert read_notices(known, notice_words(known)) == known
    assert read_notices((), "") == ()
    for notices in ((), (Notice("a_new_code"),), (Notice("passages_left_out"),)):
        read = read_notices(notices, "It was so.")
        assert notice_words(read, translations_for("fr")) == "It was so."


def test_the_page_folds_what_was_left_out_and_says_what_was_checked() -> None:
    page = render.render_exchange(Exchange("Q", answer=checked()), 1, {}, False, ENGLISH)
    words, tags = html_text(page)
    assert "Left out: 2 sentences that no passage supports" in words
    assert f"Struck: In Lima alone 43 boxes were sold within a week.Reason: {WHY}" in words
    assert ("details", {"class": "left-out"}) in tags
    assert [name for name, _ in tags].count("del") == 2
    assert words.index("Left out") < words.index("Read 12 passages") < words.index("6 sentences")
    said = "6 sentences checked: 3 supported, 1 partly, 2 left out; 1 citation corrected."
    assert ("p", {"class": "checked"}) in tags
    assert said in words
    assert "Lima" not in words.partition("Left out")[0]
    one = replace(checked(), struck=(Struck("One.", text_notice("why")),), checked={})
    words, tags = html_text(
        render.render_exchange(Exchange("Q", answer=one), 1, {}, False, ENGLISH)
    )
    assert "Left out: 1 sentence that no passage supports" in words
    assert ("p", {"class": "checked"}) not in tags


def test_a_corrected_citation_is_told_in_words_and_by_a_sign() -> None:
    found = checked().citations
    numbers = cards.by_number(found)
    words, tags = html_text(render.render_prose("One [1]. Two [2].", 1, numbers, ENGLISH))
    assert words == "One\u202f1⇄. Two\u202f2≈."
    first, second = (attrs for name, attrs in tags if name == "a")
    told = "Citation corrected: the writer had cited another passage or none"
    assert first["aria-label"] == f"Source 1: Peru, 2021. The quote supports the sentence. {told}"
    assert first["data-verdict"] == f"✓ The quote supports the sentence\n⇄ {told}"
    assert first["class"] == "cite supported corrected"
    assert "corrected" not in f"{second['class']} {second['data-verdict']}"
    words, _ = html_text(cards.render_card(found[0].passage, 1, found[:1], (), ENGLISH))
    assert f"✓ The quote supports the sentence⇄ {told}" in words


@pytest.mark.parametrize("ending", BRIEFS)
def test_a_brief_says_what_was_left_out_and_what_was_corrected(ending: str) -> None:
    words = squeezed(text_of(export([struck(STRUCK)], ending, day=DAY), ending))
    assert squeezed("Left out of this answer") in words
    assert squeezed(f"In Lima alone 43 boxes were sold within a week.Reason: {WHY}") in words
    assert squeezed(f"Support: {FOUND}") in words or squeezed(f"Support{FOUND}") in words
    assert words.count("[3]") == 2  # after its sentence and before its source
    told = "The quote supports the sentence in part. Citation corrected: the writer had cited"
    assert words.count(squeezed(told)) == 1
    assert "**" not in words
    plain = text_of(export([PLAIN], ending, day=DAY), ending)
    assert "Left out" not in plain
    assert "Support:" not in plain


@pytest.mark.parametrize("ending", BRIEFS)
@pytest.mark.parametrize("attack", ATTACKS, ids=("mixed", "image", "markdown"))
def test_what_was_struck_is_text_in_every_brief(ending: str, attack: str) -> None:
    data = export([struck(attack, why=attack)], ending, day=DAY)
    words = squeezed(text_of(data, ending))
    # The sentence's own Markdown is laid out, as the answer's is; its reason is shown as it is.
    assert squeezed(f"Reason: {attack}") in words
    if ending in ("md", "html"):
        page = rendered(data.decode()) if ending == "md" else data.decode()
        _, tags = html_text(page)
        assert {name for name, _ in tags}.isdisjoint({"script", "img", "b", "s", "em", "code"})
        assert all(not key.startswith("on") for _, attrs in tags for key in attrs)
        assert all((attrs.get("href") or "#").startswith("#") for _, attrs in tags)


def test_the_page_shows_what_was_struck_as_text() -> None:
    one = replace(checked(), struck=tuple(Struck(text, text_notice(text)) for text in ATTACKS))
    words, tags = html_text(
        render.render_exchange(Exchange("Q", answer=one), 1, {}, False, ENGLISH)
    )
    assert {name for name, _ in tags}.isdisjoint({"script", "img", "b", "iframe"})
    assert squeezed(IMAGE) in squeezed(words)
    assert all((attrs.get("href") or "#").startswith("#") for _, attrs in tags)


def test_the_command_line_says_what_was_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    print_sources(struck(STRUCK, "Ring\x07 \x1b[31mred\nand \u202eback.", why=WHY))
    out, err = capsys.readouterr()
    assert (
        f"Left out: In **Lima** alone 43 boxes were sold within a week.\n    Reason: {WHY}" in out
    )
    assert "Left out: Ring [31mred and back.\n" in out
    assert out.index("[3] ") < out.index("Left out:")
    assert out.count("Citation corrected: the writer had cited another passage or none.\n") == 1
    assert out.count("    The quote supports the sentence in part") == 3
    assert FOUND in err


@pytest.mark.parametrize(
    ("terminal", "written", "printed"),
    [
        (True, "Kept [1].", "Kept [1].\n"),
        (True, "Struck. Kept [2].", "Struck. Kept [2].\n\nFinal answer:\n\nKept [1].\n"),
        (True, "Half an ans\n\nKept [1].", "Half an ans\n\nKept [1].\n"),
        (False, "Struck. Kept [2].", "Kept [1].\n"),
    ],
)
def test_the_text_that_counts_is_printed_last(
    terminal: bool,
    written: str,
    printed: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    pieces: Iterator[str] = iter(written.partition(" "))
    final = replace(PLAIN, text="Kept [1].")
    assert print_answer(AnswerStream(pieces, lambda _: final)) is final
    assert capsys.readouterr().out == printed
