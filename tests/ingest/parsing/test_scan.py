"""Lines and tags of a file: each line once, tags complete and typed, private values blanked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import report_text, steady

from ingest.parsing.scan import NOT_SHOWN, find_tags, hide_private, scan, tags, tags_to_fields
from rag.catalog.normalize import canonical_sdg


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


def test_two_countries_stay_in_order_and_count_once() -> None:
    names = ("Peru", "Colombia", "PERU", "Null Island", "Perú")
    fields = tags_to_fields([("country", name) for name in names])
    assert fields.iso == ("PE", "CO")
    assert fields.countries == ("Peru", "Colombia")


@pytest.mark.parametrize(
    ("value", "year"),
    [
        *(("2023", 2023), (" 2023 ", 2023), ("2023-24", 2023), ("Q3 2021", 2021), ("n/a", None)),
        *(("FY2023", 2023), ("٢٠٢٣", 2023), ("12023", None), ("1999", 1999), ("²", None)),
    ],
)
def test_years_are_numbers(value: str, year: int | None) -> None:
    assert tags_to_fields([("year", value)]).year == year


def test_repeated_tags_count_once_by_meaning() -> None:
    methods = ("In-depth interviews", "in depth interviews", "IN_DEPTH INTERVIEWS", "Ethnography")
    found = tags_to_fields([("methods", value) for value in methods]).methods
    assert sorted(found) == ["Ethnography", "In-depth interviews"]


def test_misspelt_goals_get_their_name_by_number() -> None:
    values = ("10. Reduced innequalities", "SDG 10", "ODD 10 : inégalités", "10")
    fields = tags_to_fields([("sdgs", value) for value in values])
    assert fields.sdgs == ("10. Reduced inequalities",)
    assert canonical_sdg("99. Nothing") == "99. Nothing"


def test_entities_and_spacing_in_values() -> None:
    fields = tags_to_fields([("thematic_areas", "food &amp;amp; water"), ("methods", " a\n b ")])
    assert fields.thematic_areas == ("food & water",)
    assert fields.methods == ("a b",)


def test_the_rest_are_facts() -> None:
    fields = tags_to_fields([("control_group", "Yes"), ("total_cost", ""), ("type", "Experiment")])
    assert fields.facts == {"control_group": ("Yes",)}
    assert fields.type == "experiment"


def test_the_place_on_the_map_is_a_fact_that_is_not_shown() -> None:
    places = ("-13.4,27.7", "13.4,27.7")
    fields = tags_to_fields([("latlng", place) for place in (*places, places[0])])
    assert fields.facts == {"latlng": places}
    assert set(fields.facts) <= NOT_SHOWN


def test_stray_signs_are_no_part_of_a_tag() -> None:
    fields = tags_to_fields([("methods", "-"), ("methods", "???"), ("thematic_areas", "nets,\\")])
    assert (fields.methods, fields.thematic_areas) == ((), ("nets",))


NAMES = st.sampled_from(
    [
        *("focal_point", "focal-point", "focal_points_2", "email", "lab_e-mail", "contact"),
        *("lab_contact", "phone_no", "lab_telephone", "country", "year", "type", "methods"),
        *("datasources", "sdgs", "thematic_areas", "latlng", "team", "notes"),
    ]
)
ADDRESSES = st.from_regex(r"[a-z]{1,8}\.[a-z]{1,8}@[a-z]{2,9}\.(?:org|example)", fullmatch=True)


@given(
    st.lists(st.tuples(NAMES, st.text(max_size=20)), max_size=8),
    NAMES,
    ADDRESSES,
    st.text(max_size=5),
)
def test_no_address_and_no_person_comes_out(
    given_tags: list[tuple[str, str]], name: str, address: str, around: str
) -> None:
    private = ("focal", "email", "e-mail", "contact", "phone")
    secret = [("focal_point", "Zyxomma Quillfeather"), (name, f"{around} {address} {around}")]
    fields = tags_to_fields([*given_tags, *secret])
    assert not any(word in key for key in fields.facts for word in private)
    assert address not in repr(fields)
    assert "Zyxomma" not in repr(fields)
