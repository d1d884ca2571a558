"""Lines, tags and readable words of a file: nothing twice, nothing lost, private values blanked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import report_text, steady

from ingest import scan
from rag.catalog.tag_fields import ReportInfo

NAMES = st.sampled_from(["focal-point", "focal_points_2", "lab_e-mail", "phone_no", "sdgs", "team"])
ADDRESSES = st.from_regex(r"[a-z]{1,8}\.[a-z]{1,8}@[a-z]{2,9}\.(?:org|example)", fullmatch=True)


@steady
@given(report_text)
def test_every_line_is_in_exactly_one_event_and_offsets_go_with_the_clean_text(raw: str) -> None:
    at = 0
    for event in scan.scan(raw):
        assert event.start >= at
        assert not raw[at : event.start].strip()
        at = event.end
    assert not raw[at:].strip()
    text, offsets = scan.clean_with_offsets(raw)
    assert (text, offsets) == (scan.clean(raw), sorted(offsets))
    assert len(offsets) == len(text)
    assert all(0 <= at < len(raw) for at in offsets)


def test_tags_and_the_words_after_them() -> None:
    for raw, pairs in (
        ("[[methods:Survey]]\n[[Methods:Survey]]", [("methods", "Survey")] * 2),
        ("[[note:one\n two [b] c]]", [("note", "one two [b] c")]),
        ("[[country:Peru\n[[year:2020]]", [("country", "Peru"), ("year", "2020")]),
        ("[[country:Peru\n\nSee [[1]].", [("country", "Peru")]),
        ("[[empty:]] [[no colon]] [[ spaced:x]]", [("empty", "")]),
        ("an answer that says [[see:below]] [[and:above]]\n  [[b:c]]", [("b", "c")]),
    ):
        assert [(tag.key, tag.value) for tag in scan.find_tags(raw)] == pairs
    raw = "[[year:2020]] [[a:b]] The ferry leaves.\nAt noon.\n[[note:one\ntwo]] Yes.\n[[c:d\nNo.\n"
    said = [event.text.strip() for event in scan.scan(raw) if event.kind == "text"]
    assert said == ["The ferry leaves.\nAt noon.", "Yes.", "No."]
    places = [raw[tag.start : tag.end] for tag in scan.find_tags(raw)]
    assert places == ["[[year:2020]]", "[[a:b]]", "[[note:one\ntwo]]", "[[c:d"]


def test_private_tags_are_blanked_in_place_and_their_address_everywhere() -> None:
    for raw in (
        "[[Focal Point : ana@lab.example]]",
        "[[focal_point:\nana@lab.example\n]]",
        "[[focal_point:a] b ana@lab.example]]",
        "[[focal_point:ana@lab.example\n[[year:2020]]",
        "[[contact_person:Ana, ana@lab.example]] and more",
    ):
        hidden = scan.hide_private(raw)
        assert "ana" not in hidden.lower()
        assert [len(line) for line in hidden.split("\n")] == [len(line) for line in raw.split("\n")]
        assert scan.hide_private(hidden) == hidden
    raw = (
        "[[focal_point:Ana.B@lab.example]] [[year:2020]]\n[[focal_point:x@y.example\n"
        "Write to ana.b@lab.example. Or x@lab.example."
    )
    hidden = scan.hide_private(raw)
    assert "[[year:2020]]" in hidden
    assert hidden.endswith("\nWrite to " + "·" * 17 + ". Or x@lab.example.")


@pytest.mark.parametrize(
    "key",
    [
        *("telephone", "phone_no", "innovator_email", "lab_e-mail", "e_mail", "innovator_contact"),
        *("lab-contact", "contact_person", "focal-point", "labs_focal_point", "gender", "age"),
        "consent",
    ],
)
def test_a_private_tag_is_neither_text_nor_a_fact_however_it_is_written(key: str) -> None:
    for written in (key, key.title(), f" {key} ", f"{key}\t"):
        raw = f"[[{written}:Jane Doe\nof Maseru]] [[team:Four]]"
        assert scan.hide_private(raw) == f"[[{written}:········\n·········]] [[team:Four]]"
    assert fields_of((key, "Jane Doe")) == fields_of()


def test_other_tags_are_text_and_facts() -> None:
    for key in ("homepage", "percentage", "gender_focus", "microphones", "smartphone", "consents"):
        raw = f"[[{key}:Jane Doe]] [[ {key} :Jane Doe"
        assert scan.hide_private(raw) == raw
        assert fields_of((key, "Jane Doe")).facts == {key: ("Jane Doe",)}


def fields_of(*tags: tuple[str, str]) -> ReportInfo:
    return scan.tags_to_fields(scan.Tag(name, value, 0, 0) for name, value in tags)


def test_fields_are_typed_and_count_once_by_meaning() -> None:
    fields = fields_of(
        *(("country", name) for name in ("Peru", "Colombia", "PERU", "Null Island", "Perú")),
        *(("sdgs", goal) for goal in ("10. Reduced innequalities", "ODD 10 : inégalités")),
        *(("methods", name) for name in ("In-depth  interviews", "IN_DEPTH INTERVIEWS", "???")),
        *(("thematic_areas", name) for name in ("food &amp;amp; water", "nets,\\")),
        *(("control_group", "Yes"), ("total_cost", ""), ("type", "Experiment")),
        *(("latlng", "-13.4,27.7"), ("latlng", "13.4,27.7"), ("latlng", "-13.4,27.7")),
    )
    assert (fields.iso, fields.countries) == (("PE", "CO"), ("Peru", "Colombia"))
    assert (fields.sdgs, fields.type) == (("10. Reduced inequalities",), "experiment")
    assert fields.methods == ("In-depth interviews",)
    assert fields.thematic_areas == ("food & water", "nets")
    assert fields.facts == {"control_group": ("Yes",), "latlng": ("-13.4,27.7", "13.4,27.7")}
    assert "latlng" in scan.NOT_SHOWN
    years = {"2023-24": 2023, "Q3 2021": 2021, "FY2023": 2023, "٢٠٢٣": 2023, "12023": None}
    assert {value: fields_of(("year", value)).year for value in years} == years


@given(NAMES, ADDRESSES, st.text(max_size=5))
def test_no_address_and_no_person_comes_out(name: str, address: str, around: str) -> None:
    person = ("focal_point", "Zyxomma Quillfeather")
    fields = fields_of(("notes", "Boats"), person, (name, f"{around} {address} {around}"))
    assert set(fields.facts) <= {"notes", "team"}
    assert address not in repr(fields)
    assert "Zyxomma" not in repr(fields)


def test_clean() -> None:
    for raw, readable in (
        ("1\u00a0049\u00a0767 boats", "1 049 767 boats"),
        ("sea\u200bweed \ufeffdry\u00ading", "seaweed drying"),
        ("A &amp;lt;div&amp;gt; B", "A\nB"),
        ("5 &lt; 10 and <100 USD", "5 < 10 and <100 USD"),
        ("The ferry leaves.\nAt noon.", "The ferry leaves.\nAt noon."),
        ("We asked\na) when\nb) where", "We asked\na) when\nb) where"),
        ("See ![Missing alt text](https://x.example/a.jpg) here", "See\nhere"),
        ("https://a.example/1https://b.example/2", "https://a.example/1 https://b.example/2"),
        ("[a map](https://a.example/(1 and more", "[a map](https://a.example/(1 and more"),
        ("[https://a.example/1 \n](https://a.example/1 \n)", "https://a.example/1"),
        ("[a play](by Ana) and [1](2)", "[a play](by Ana) and [1](2)"),
        ("[[control-group:Yes, the\nsame &amp; more]]", "Control group: Yes, the same & more"),
        ("****\nAn **own** answer****", "An **own** answer"),
        ("a\x1b[2Jb\x07\u202ec", "a[2Jbc"),
        (" \n\u00a0\n", ""),
    ):
        assert scan.clean(raw) == readable
