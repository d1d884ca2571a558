"""Citation marks, and the words that support a sentence."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from passages import passage, report

from rag.citation.citations import best_support, coverage, has_numbers, numbers_in, resolve
from rag.text.marks import cited_sentences, defuse, keep_known, marks, marks_inside, stream_known
from rag.types import FACTS

# Few letters, so that marks, whole, broken and nested, are made often.
MARKED = st.text(alphabet="[]19,; .a\n\t", max_size=40)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Yes [1].", "Yes [1]."),
        ("Yes [1, 3].", "Yes [1][3]."),
        ("Yes [1][3].", "Yes [1][3]."),
        ("Yes [1;2].", "Yes [1][2]."),
        ("Yes [ 2 , 2 ].", "Yes [2]."),
        ("Yes [9].", "Yes."),
        ("Yes [0].", "Yes."),
        ("Yes [1, 9] and no.", "Yes [1] and no."),
        ("Yes [9]\nno", "Yes\nno"),
        ("Yes [9] [1] [8] no", "Yes [1] no"),
        ("Pourquoi ? Deux : l'un  et l'autre", "Pourquoi ? Deux : l'un  et l'autre"),
        ("Yes [12345678901234567890].", "Yes."),
        ("Yes [1[9]2].", "Yes."),
        ("Yes [[9]9].", "Yes."),
        ("Yes [[9]1].", "Yes [1]."),
        ("Yes [٣].", "Yes [3]."),
        ("see [the annex] [x1]", "see [the annex] [x1]"),
        ("", ""),
    ],
)
def test_only_known_single_marks_are_kept(text: str, kept: str) -> None:
    assert keep_known(text, 3) == kept


@given(MARKED)
def test_no_unknown_number_stays(text: str) -> None:
    assert all(1 <= n <= 1 for n in marks(keep_known(text, 1)))


@given(MARKED)
def test_keeping_twice_is_keeping_once(text: str) -> None:
    once = keep_known(text, 1)
    assert keep_known(once, 1) == once


@given(MARKED, st.lists(st.integers(0, 40), max_size=8))
def test_a_stream_gives_what_the_whole_gives(text: str, cuts: list[int]) -> None:
    at = [0, *sorted(cuts), len(text)]
    pieces = [text[a:b] for a, b in pairwise(at)]
    assert "".join(stream_known(pieces, 1)) == keep_known(text, 1)


@given(MARKED)
def test_a_stream_of_single_characters_never_shows_an_unknown_number(text: str) -> None:
    shown = ""
    for piece in stream_known(text, 1):
        shown += piece
        assert all(n == 1 for n in marks(shown))


def test_a_stream_holds_back_no_more_than_a_mark() -> None:
    pieces = stream_known(iter(["Money ", "is ", "slow [", "9", "9] here [1", "].", " End"]), 3)
    assert list(pieces) == ["Money", " is", " slow", " here", " [1].", " End"]


def test_a_long_run_of_open_brackets_is_no_trap() -> None:
    text = "[" * 1000 + "1 " * 1000
    assert "".join(stream_known(text, 1)) == keep_known(text, 1)


def test_marks_are_listed_in_order() -> None:
    assert marks("a [3] b [1, 2] c [x]") == [3, 1, 2]


def test_a_report_s_own_brackets_are_no_marks() -> None:
    assert defuse("as in [3] and [1, 2]; [a]") == "as in (3) and (1, 2); [a]"


@given(MARKED)
def test_defused_text_has_no_marks(text: str) -> None:
    assert not marks(defuse(text))


def test_each_sentence_has_the_marks_in_it_and_right_after_it() -> None:
    text = "First is so [1]. Second is so. [2][3] Third has none. Fourth [1, 2]!"
    assert list(cited_sentences(text)) == [
        ("First is so.", [1]),
        ("Second is so.", [2, 3]),
        ("Third has none.", []),
        ("Fourth!", [1, 2]),
    ]


def test_lines_without_words_are_no_sentences() -> None:
    assert [s for s, _ in cited_sentences("---\n[1]\n\nYes [2].")] == ["Yes."]


WOMEN = passage("Women sell fish at 6 a.m. every day. Ice is dear. They lost 1 049 kg in 2022.")


def test_a_quoted_sentence_is_its_own_support() -> None:
    support = best_support("Peru (2023, plan): Ice is dear.", WOMEN, "en")
    assert (support.quote, support.share, support.status) == ("Ice is dear.", 1.0, "supported")


def test_a_paraphrase_is_supported_by_the_sentence_that_shares_its_words() -> None:
    support = best_support("In Peru they lost 1,049 kg of fish in 2022.", WOMEN, "en")
    assert support.quote == "They lost 1 049 kg in 2022."
    assert support.numbers
    assert support.status == "supported"


def test_a_wrong_figure_is_not_supported() -> None:
    support = best_support("They lost 1,050 kg in 2022.", WOMEN, "en")
    assert not support.numbers
    assert support.status != "supported"


def test_an_invented_sentence_is_unsupported() -> None:
    assert best_support("Drones carry vaccines to clinics.", WOMEN, "en").status == "unsupported"


def test_a_citation_carries_the_words_of_its_passage() -> None:
    other = passage("Radio reaches the islands.", report("other"))
    found = resolve("Ice is dear [1]. Radio reaches the islands [2][7]. [1]", [WOMEN, other], "en")
    assert {(c.n, c.quote) for c in found} >= {
        (1, "Ice is dear."),
        (2, "Radio reaches the islands."),
    }
    assert all(c.quote in c.passage.text for c in found)
    assert {c.n for c in found} == {1, 2}


def test_the_same_words_are_cited_once() -> None:
    assert len(resolve("Ice is dear [1]. Ice is dear [1].", [WOMEN], "en")) == 1


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1 049 767 people", {"1049767"}),
        ("1\u202f049\u00a0767 people", {"1049767"}),
        ("11.132 personas", {"11132"}),
        ("11,132 people", {"11132"}),
        ("38,6% des femmes", {"38.6"}),
        ("38.6% of women", {"38.6"}),
        ("USD130", {"130"}),
        ("34 000$", {"34000"}),
        ("4.600+", {"4600"}),
        ("from 12 to 15 kg", {"12", "15"}),
        ("1.234.567,89", {"1234567.89"}),
        ("1,234,567.89", {"1234567.89"}),
        ("٣٥ امرأة", {"35"}),
        ("none", set()),
    ],
)
def test_numbers_are_read_in_any_format(text: str, numbers: set[str]) -> None:
    assert numbers_in(text) == numbers


def test_a_report_s_year_counts_as_its_number() -> None:
    assert has_numbers("In 2023 ice is dear.", WOMEN)
    assert not has_numbers("In 2024 ice is dear.", WOMEN)


def test_coverage_is_a_share() -> None:
    assert coverage({"ice", "dear"}, "Ice is dear", "en") == 1.0
    assert coverage({"ice", "snow"}, "Ice is dear", "en") == 0.5
    assert coverage(set(), "Ice", "en") == 0.0


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("Fees matter. [1]", "Fees matter [1]."),
        ("Fees matter.[1][3] Trust too? [2]\nEnd", "Fees matter [1][3]. Trust too [2]?\nEnd"),
        ("Fees matter [1].", "Fees matter [1]."),
    ],
)
def test_marks_stand_before_the_full_stop(text: str, moved: str) -> None:
    assert marks_inside(text) == moved


def test_of_a_fact_the_value_is_quoted() -> None:
    fact = replace(passage("Assignment type: not by chance\nSample size: 40"), section=FACTS)
    (citation,) = resolve("Peru (2023): Assignment type: not by chance [1].", [fact], "en")
    assert (citation.quote, citation.status) == ("not by chance", "supported")


def test_what_is_only_near_is_quoted_for_the_question() -> None:
    text = "The reports don't say.\nNearest: Peru (2023), Title of r [1]."
    (citation,) = resolve(text, [WOMEN], "en", sought="Why is ice dear?")
    assert citation.status == "supported"
    assert "ce is dear" in citation.quote
