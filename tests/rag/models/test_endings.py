"""Where a model's text ends: in whole sentences, and before it repeats itself without end."""

from __future__ import annotations

from itertools import chain, islice, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import ModelError
from rag.models.chat import (
    CUT_SHORT,
    Generation,
    complete_sentences,
    truncate,
)
from rag.types import Notice

OWN = "Fees matter to vendors in Peru [1]. Trust matters more in Fiji [2]."


def kept(
    *pieces: str, again: str = "", finish: str = "", tokens: int = 700
) -> tuple[str, Generation]:
    """What is kept of pieces, followed by `again` without end, and what is noted."""
    writing = Generation(finish=finish)
    endless = chain(pieces, repeat(again) if again else ())
    text = "".join(islice(truncate(iter(endless), writing, tokens), 20_000))
    assert len(text) < 20_000
    return text[: writing.kept], writing


@pytest.mark.parametrize(
    "again",
    [
        "Labs agree [1]. ",
        "Yes. ",
        "Fees are high [1]. Labs say so in every report that they wrote about it [2].\n\n",
        "- Labs agree on it [1]\n",
        "المختبرات تتفق على ذلك [1]. ",
    ],
)
def test_what_is_repeated_is_kept_once(again: str) -> None:
    text, writing = kept(f"{OWN} ", again=again)
    assert text == f"{OWN} {again}".strip()
    assert writing.notices == [Notice("model_repeated_itself")]


@pytest.mark.parametrize("again", ["the ", "\n", "-", "and so on, ", "[1]", "x" * 33])
def test_a_repetition_that_is_no_sentence_is_left_out(again: str) -> None:
    text, writing = kept(f"{OWN} In short: ", again=again)
    assert text == OWN
    assert writing.notices == [Notice("model_repeated_itself")]


@pytest.mark.parametrize("size", [1, 3, 7, 400])
def test_repetition_is_found_however_it_is_cut_in_pieces(size: int) -> None:
    text = f"{OWN} " + "It is so, and they say it again [2]. " * 200
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    assert kept(*pieces)[0] == f"{OWN} It is so, and they say it again [2]."


def test_a_model_that_only_repeats_has_failed() -> None:
    with pytest.raises(ModelError, match="repeated itself"):
        kept(again="the ")


@pytest.mark.parametrize(
    "text",
    [
        OWN,
        "| lab | year |\n|---|---|\n| Peru | 2023 |\n| Peru | 2024 |\n| Peru | 2022 |\n",
        "".join(f"- Lab {n} reports that fees matter [1].\n" for n in range(40)),
        "No. " * 9 + "Yes.",
        "=" * 60,
        "",
    ],
)
def test_lists_tables_and_short_echoes_are_no_repetition(text: str) -> None:
    found, writing = kept(*text)
    assert found == text
    assert not writing.notices


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        (f"{OWN} And th", OWN),
        (f"{OWN} And [3", OWN),
        (OWN, OWN),
        (OWN.replace(". ", ".\n- ") + "\n- And", OWN.replace(". ", ".\n- ")),
        ("- Fees [1]\n- Trust [2]\n", "- Fees [1]\n- Trust [2]"),
        ("Fees matter. [1]", "Fees matter. [1]"),
        ("هل هذا صحيح؟ نعم و", "هل هذا صحيح؟"),
        ("Half", ""),
        ("", ""),
    ],
)
def test_half_a_sentence_at_the_end_is_dropped(text: str, whole: str) -> None:
    assert complete_sentences(text) == whole


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_an_answer_that_was_cut_short_says_so(finish: str) -> None:
    text, writing = kept(OWN, " And th", finish=finish)
    assert text == OWN
    assert writing.notices == [Notice(CUT_SHORT[finish])]
    assert kept("Half of it", finish=finish)[0] == "Half of it"
    assert not kept(OWN, " And th", finish="stop")[1].notices


def test_a_server_that_does_not_count_is_stopped() -> None:
    numbers = (f"Number {n} is not number {n * 7}. " for n in range(10**9))
    writing = Generation()
    text = "".join(truncate(numbers, writing, 50))
    assert len(text) < 1000
    assert writing.notices


@given(st.lists(st.text("ab. \n[1]", max_size=6), max_size=60))
def test_what_is_kept_is_always_a_beginning(pieces: list[str]) -> None:
    writing = Generation(finish="length")
    text = ""
    try:
        for piece in truncate(iter(pieces), writing, 700):
            text += piece
    except ModelError:
        return
    assert "".join(pieces).startswith(text)
    assert writing.kept is None or 0 < writing.kept <= len(text)


def test_one_piece_that_is_far_too_long_is_cut_like_many() -> None:
    told = " ".join(f"Lab {n} has {n * n} boats [1]." for n in range(30_000))
    text, writing = kept(told, tokens=50)
    assert told.startswith(text)
    assert 500 < len(text) <= 600
    assert text.endswith("boats [1].")
    assert writing.finish == "length"
