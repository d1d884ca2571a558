"""Contacts are masked, figures are not, and every character keeps its place."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from passages import passage, report

from rag.retrieval.postprocess import mask_passage
from rag.text.contacts import MASK, mask_contacts


@pytest.mark.parametrize(
    ("marked", "regions"),
    [
        ("Write to {ana.lopez+lab@mail.example.org} today", ()),
        ("{ana} &#64; {example.org}, {ana}&amp;#64;{example.org}", ()),
        ("{ana @ example.org}, {ana} [at] {example.org}, {ana}(arroba){example.org}", ()),
        ("It is (+{51}) {912-345-678}.", ()),
        ("ring {0051 912345678} at noon", ()),
        ("+{44(0)1926 634400}", ("PE",)),
        ("Tel.: {1 234 5678}", ()),
        ("Mobile Number\n\n{9078332188}", ()),
        ("هاتف: {0112345678}", ()),
        ("https://wa.me/{51912345678}", ()),
        ("Contact Rosa, the owner, on {912345678}", ("PE",)),
        ("{225-0079} / ana [at] home or {ana@example.org}", ("PA",)),
        ("Mobile: {76514142} ou {78727437}; {65958410}, {62596569}", ("BF",)),
    ],
)
def test_contacts_in_braces_are_masked(marked: str, regions: tuple[str, ...]) -> None:
    text = re.sub("[{}]", "", marked)
    dots = re.sub(r"\{(.*?)\}", lambda match: re.sub(r"[^\W_]", MASK, match[1]), marked)
    assert mask_contacts(text, regions) == dots


@pytest.mark.parametrize(
    "text",
    [
        "Contact was made with 1 049 767 people, or 11.132.456",
        "USD 4 600 000 for 11.132 boats, and +10 000 000 more",
        "mobile phones: 1 049 767",
        "Contact: 2020-2021, 12/21/2017, 2021-04-01, 20210401",
        "[[latlng:15.114399804213997,101.00333335534482]] ana @lab",
        "ISBN 978-3-16-148410-0, id 646664921259, DOI 10.1073/1807180116",
        "https://www.example.org/contact/22683484/page and a@b",
        "https://example.org/?campaign_id=19640110501 whatsapp",
        "contact us @UNDPLab and via @News Ghana. The 12 labs",
        "NPV @20% (5 Years) ZMW 422,509.20",
    ],
)
def test_figures_are_not_masked(text: str) -> None:
    assert mask_contacts(text, ("PE", "ZM", "TT", "MR", "GT")) == text


def test_the_form_question_tells_whether_digits_are_a_phone_number() -> None:
    philippines = report("r", "Philippines", "PH")
    for prompt, shown in {"How many?": "9078332188", "Mobile number": MASK * 10}.items():
        assert mask_passage(passage("9078332188", philippines, prompt=prompt)).text == shown


SIGNS = st.lists(
    st.sampled_from([*"0123456789+@.-() ;/a\n", "Tel: ", "00", "a@b.org", "+51 912 345 678", "٣"]),
    max_size=30,
).map("".join)


@given(SIGNS | st.text(max_size=40), st.sampled_from([(), ("PE",), ("US", "BF")]))
def test_every_character_keeps_its_place(text: str, regions: tuple[str, ...]) -> None:
    masked = mask_contacts(text, regions)
    changes = [(old, new) for old, new in zip(text, masked, strict=True) if old != new]
    assert all(old.isalnum() and new == MASK for old, new in changes)
