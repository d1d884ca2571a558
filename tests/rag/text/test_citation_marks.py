"""Citation marks in a text: kept, dropped, moved and streamed."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rag.text import citation_marks as marks

# Few letters, so that marks, whole, broken and nested, are made often.
MARKED = st.text(alphabet="[]19,; .a\n\t", max_size=40)


def test_only_known_single_marks_are_kept() -> None:
    for text, kept in {
        "Yes [1, 3].": "Yes [1][3].",
        "Yes [ 2;2 , 1 ].": "Yes [2][1].",
        "Yes [1, 9] and no.": "Yes [1] and no.",
        "Yes [9] [1] [8] no": "Yes [1] no",
        "Pourquoi ? Deux : l'un  et l'autre": "Pourquoi ? Deux : l'un  et l'autre",
        "Yes [12345678901234567890].": "Yes.",
        "Yes [1[9]2].": "Yes.",
        "Yes [[9]1].": "Yes [1].",
        "Yes [٣].": "Yes [3].",
        "see [the annex] [x1]": "see [the annex] [x1]",
    }.items():
        assert marks.keep_known(text, 3) == kept


@given(MARKED, st.lists(st.integers(0, 40), max_size=8))
def test_no_unknown_number_stays_and_a_stream_gives_what_the_whole_gives(
    text: str, cuts: list[int]
) -> None:
    once = marks.keep_known(text, 1)
    assert set(marks.marks(once)) <= {1}
    assert marks.keep_known(once, 1) == once
    assert not marks.marks(marks.defuse(text))
    at = [0, *sorted(cuts), len(text)]
    shown = ""
    for piece in marks.stream_known([text[a:b] for a, b in pairwise(at)], 1):
        shown += piece
        assert set(marks.marks(shown)) <= {1}
    assert shown == once


def test_a_stream_holds_back_no_more_than_a_mark() -> None:
    deltas = ["Money ", "is ", "slow [", "9", "9] here [1", "].", " End"]
    pieces = marks.stream_known(iter(deltas), 3)
    assert list(pieces) == ["Money", " is", " slow", " here", " [1].", " End"]
    trap = "[" * 1000 + "1 " * 1000
    assert "".join(marks.stream_known(trap, 1)) == marks.keep_known(trap, 1)


def test_each_sentence_has_the_marks_in_it_and_right_after_it() -> None:
    text = "First is so [1]. Second is so. [2][3] Third has none.\n---\n[1]\n\nFourth [1, 2]!"
    assert list(marks.cited_sentences(text)) == [
        ("First is so.", [1]),
        ("Second is so.", [2, 3]),
        ("Third has none.", [1]),
        ("Fourth!", [1, 2]),
    ]
    # They are moved before the full stop; a report's own are defused.
    text = "Fees matter.[1][3] Trust too? [2]\nFor whom? [4]. End"
    assert marks.marks_inside(text) == "Fees matter [1][3]. Trust too [2]?\nFor whom [4]? End"
    assert marks.defuse("as in [3] and [1, 2]; [a]") == "as in (3) and (1, 2); [a]"
    # Nothing of a report looks like a mark, and marks in many brackets end.
    for shown in ("[\ufffe1]", "[1\ufdd02]", "[1\u200d]"):
        assert "[" not in marks.defuse(f"As [a] says {shown}.").replace("[a]", "")
    assert marks.marks(marks.keep_known("[1" * 9000 + "[9]" + "]" * 9000, 0)) == []
    assert marks.keep_known("a" + " " * 200_000 + "b [1]", 0).endswith("b")
