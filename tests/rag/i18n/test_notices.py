"""What was checked, corrected and left out, as the page, the briefs and a terminal tell it."""

import sys
from dataclasses import replace

import pytest
from answers import PLAIN
from fake_engine import STRUCK, WHY
from passages import text_notice
from readers import squeezed, text_of

from rag.answer.pipeline import AnswerStream
from rag.export.formats import export
from rag.i18n.notices import notice_words
from rag.i18n.translations import translations_for
from rag.types import Answer, Notice, Struck
from ui.cli.ask import print_answer, print_sources

COUNTS = "3 sentences checked: 1 supported, 1 partly, 1 left out; 1 citation corrected."


def struck_answer(text: str, reason: str) -> Answer:
    first, *others = PLAIN.citations
    return replace(
        PLAIN,
        citations=(replace(first, corrected=True), *others),
        struck=(Struck(text, text_notice(reason)),),
        checked={"supported": 1, "partly": 1, "unsupported": 0, "struck": 1, "corrected": 1},
    )


def test_notices_are_put_into_the_reader_s_words() -> None:
    full = Notice("no_passage_fits", {"window": 12000})
    hostile = Notice("no_reports_from", {"places": "{n} <b>"})
    assert "window of 12,000 tokens" in notice_words([full])
    assert "12\u202f000" in notice_words([full], translations_for("fr"))
    assert notice_words([hostile]) == "The collection has no reports from {n} <b>."


@pytest.mark.parametrize("ending", ["md", "html", "docx", "pdf"])
def test_a_brief_says_what_was_left_out_and_what_was_corrected(ending: str) -> None:
    words = squeezed(text_of(export([struck_answer(STRUCK, WHY)], ending), ending))
    assert squeezed("Left out of this answer") in words
    assert squeezed(f"In Lima alone 43 boxes were sold within a week.Reason: {WHY}") in words
    assert squeezed(COUNTS) in words
    corrected = "The quote supports the sentence in part. Citation corrected: the writer had cited"
    assert words.count(squeezed(corrected)) == 1
    assert "Left out" not in text_of(export([PLAIN], ending), ending)


def test_the_command_line_says_what_was_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    print_sources(struck_answer("Ring\x07 \x1b[31mred\nand \u202eback.", WHY))
    out, err = capsys.readouterr()
    assert f"Left out: Ring [31mred and back.\n    Reason: {WHY}" in out
    assert out.count("Citation corrected: the writer had cited another passage or none.\n") == 1
    assert COUNTS in err


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
    final = replace(PLAIN, text="Kept [1].")
    assert print_answer(AnswerStream(iter(written.partition(" ")), lambda _: final)) is final
    assert capsys.readouterr().out == printed
