"""Lines and tags of a file: every line found once, tags whole, private values blanked."""

from __future__ import annotations

import pytest
from hypothesis import given
from strategies import report_text, steady

from ingest.parsing.scan import (
    find_tags,
    hide_private,
    key,
    scan,
    tags,
)


def kinds(raw: str) -> list[tuple[str, str]]:
    return [(event.kind, event.text.strip()) for event in scan(raw)]


@steady
@given(report_text)
def test_every_line_is_in_exactly_one_event(raw: str) -> None:
    at = 0
    for event in scan(raw):
        assert event.start >= at
        assert not raw[at : event.start].strip()
        at = event.end
    assert not raw[at:].strip()


def test_what_lines_mean() -> None:
    raw = (
        "# Title\n[[year:2020]]\n## Section\n> A question?\n\nAn answer\nof two lines.\n\n"
        '##\n<div class="group">\n> \n>> mine\n>100 boats\n</div>\n# No title\n'
    )
    assert kinds(raw) == [
        ("title", "Title"),
        ("tag", ""),
        ("section", "Section"),
        ("prompt", "A question?"),
        ("text", "An answer\nof two lines."),
        ("section", ""),
        ("open", ""),
        ("prompt", ""),
        ("quote", "> mine"),
        ("quote", "100 boats"),
        ("close", ""),
        ("text", "# No title"),
    ]


def test_nothing_needs_a_blank_line() -> None:
    raw = "## Title\n> A question?\nAn answer.\n> Another?\n## Next"
    assert [k for k, _ in kinds(raw)] == ["section", "prompt", "text", "prompt", "section"]


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ("[[methods:Survey]]\n[[Methods:Survey]]", [("methods", "Survey")] * 2),
        ("[[note:one\n two]]", [("note", "one two")]),
        ("[[note:a [b] c]]", [("note", "a [b] c")]),
        ("[[country:Peru\n[[year:2020]]", [("country", "Peru"), ("year", "2020")]),
        ("[[year:2020]]\n[[country:Peru", [("year", "2020"), ("country", "Peru")]),
        ("[[country:Peru\n\nSee [[1]].", [("country", "Peru")]),
        ("[[country:Peru\n## Title\n> Q?\n]]", [("country", "Peru")]),
        ("[[empty:]] [[no colon]] [[ spaced:x]]", [("empty", "")]),
        ("an answer that says [[see: below", []),
        ("an answer that says [[see:below]] [[and:above]]\n  [[b:c]]", [("b", "c")]),
        ("[[a:b]] words [[c:d]]\n[[e:f]]", [("a", "b"), ("e", "f")]),
    ],
)
def test_tags(raw: str, found: list[tuple[str, str]]) -> None:
    assert tags(raw) == found


def test_a_tag_without_an_end_takes_no_answer_with_it() -> None:
    raw = "[[country:Peru\n## Title\n> Q?\nThe boat [[7]] leaves.\n"
    assert ("text", "The boat [[7]] leaves.") in kinds(raw)
    assert next(kind for kind, _ in kinds(raw)) == "tag"


def test_words_after_a_tag_are_an_answer() -> None:
    raw = "[[year:2020]] [[a:b]] The ferry leaves.\nAt noon.\n[[note:one\ntwo]] Yes.\n"
    events = [(event.kind, event.text.strip()) for event in scan(raw)]
    assert events == [
        ("tag", ""),
        ("text", "The ferry leaves.\nAt noon."),
        ("tag", ""),
        ("tag", ""),
        ("text", "Yes."),
    ]
    places = [raw[tag.start : tag.end] for tag in find_tags(raw)]
    assert places == ["[[year:2020]]", "[[a:b]]", "[[note:one\ntwo]]"]


@pytest.mark.parametrize("line", ["> None", ">", "> ", ">\u00a0", "> null", ">  None "])
def test_a_question_without_text(line: str) -> None:
    assert kinds(f"{line}\nYes.") == [("prompt", ""), ("text", "Yes.")]


def test_all_lines_of_a_tag_are_tag() -> None:
    assert [k for k, _ in kinds("[[note:one\ntwo\nthree]]\nAn answer.")] == ["tag"] * 3 + ["text"]


@pytest.mark.parametrize(
    "raw",
    [
        "[[focal_point:ana@lab.example]]",
        "[[Focal Point : ana@lab.example]]",
        "[[focal-points:ana@lab.example]]",
        "[[focal_point:\nana@lab.example\n]]",
        "[[focal_point:a] b ana@lab.example]]",
        "[[focal_point:ana@lab.example\n[[year:2020]]",
        "words [[e-mail:ana@lab.example",
        "[[contact_person:Ana, ana@lab.example]] and more",
    ],
)
def test_private_tags_are_blanked_in_place(raw: str) -> None:
    hidden = hide_private(raw)
    assert "ana" not in hidden.lower()
    assert len(hidden) == len(raw)
    assert [i for i, c in enumerate(hidden) if c == "\n"] == [
        i for i, c in enumerate(raw) if c == "\n"
    ]
    assert hide_private(hidden) == hidden


def test_blanking_stops_at_the_tags_end() -> None:
    raw = "[[focal_point:x@y.example]] [[year:2020]]\n[[focal_point:x@y.example\nAn answer."
    hidden = hide_private(raw)
    assert "[[year:2020]]" in hidden
    assert hidden.endswith("An answer.")


def test_an_address_of_a_private_tag_is_blanked_everywhere() -> None:
    raw = "[[focal_point:Ana.B@lab.example]]\n> Q?\n\nWrite to ana.b@lab.example. Or x@lab.example."
    hidden = hide_private(raw)
    assert hidden.endswith("Write to " + "·" * 17 + ". Or x@lab.example.")


def test_key_forgets_case_entities_and_spacing() -> None:
    assert key("Who&#39;s  IN?") == key("who's\u00a0in") == key("WHO&amp;#39;S IN")
    assert key("Who is in") != key("Who is out")
