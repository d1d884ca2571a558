"""Contacts are masked, figures are not, and every character keeps its place."""

from __future__ import annotations

import re
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from passages import hits, passage, report

from rag.retrieval.postprocess import mask_hits, mask_passage
from rag.text.contacts import MASK, mask_contacts

CONTACTS = [
    ("Write to ana.lopez+lab@mail.example.org today", "ana.lopez+lab@mail.example.org", ()),
    ("Correo:ana@example.org.", "ana@example.org", ()),
    ("ana &#64; example.org", "ana &#64; example.org", ()),
    ("ana&amp;#64;example.org", "ana&amp;#64;example.org", ()),
    ("ana @ example.org", "ana @ example.org", ()),
    ("ana [at] example.org", "ana [at] example.org", ()),
    ("ana(arroba)example.org", "ana(arroba)example.org", ()),
    ("أرسل إلى ana@example.org", "ana@example.org", ()),
    ("It is +51 912 345 678", "51 912 345 678", ()),
    ("It is (+51) 912-345-678.", "51) 912-345-678", ()),
    ("ring 0051 912345678 at noon", "0051 912345678", ()),
    ("+44(0)1926 634400", "44(0)1926 634400", ("PE",)),
    ("Tel.: 1 234 5678", "1 234 5678", ()),
    ("Tél : 62 59 65 69", "62 59 65 69", ("BF",)),
    ("Mobile Number\n\n9078332188", "9078332188", ()),
    ("Cell: +880177746587", "880177746587", ("BD",)),
    ("WhatsApp (shop): 912345678", "912345678", ()),
    ("Celular 912345678 Lima", "912345678", ("PE",)),
    ("هاتف: 0112345678", "0112345678", ()),
    ("https://wa.me/51912345678", "51912345678", ()),
    ("Contact Rosa, the owner, on 912345678", "912345678", ("PE",)),
    ("225-0079 / ana [at] home or ana@example.org", "225-0079", ("PA",)),
]


@pytest.mark.parametrize(("text", "contact", "regions"), CONTACTS)
def test_contacts_are_masked(text: str, contact: str, regions: tuple[str, ...]) -> None:
    masked = mask_contacts(text, regions)
    at = text.index(contact)
    shown = masked[at : at + len(contact)]
    for entity in re.findall(r"&\S+?64;|[\[(]\w+[\])]", contact):
        shown = shown.replace(entity, "")
    assert MASK in shown
    assert not re.search(r"[^\W_]", shown)
    assert masked[:at] == text[:at]


def test_every_number_of_a_row_is_masked() -> None:
    text = "Mobile: 76514142 ou 78727437; 65958410, 62596569"
    assert not re.search(r"\d", mask_contacts(text, ("BF",)))


@pytest.mark.parametrize(
    "text",
    [
        "1 049 767 people in 2020-2021",
        "Contact was made with 1 049 767 people, or 11.132.456",
        "They call 1 049 767 homes their own",
        "USD 4 600 000 for 11.132 boats, and +10 000 000 more",
        "mobile phones: 1 049 767",
        "Contact: 2020-2021, 12/21/2017, 2021-04-01, 20210401",
        "[[latlng:15.114399804213997,101.00333335534482]] ana @lab",
        "contact: -12.0463731, -77.0427540",
        "ISBN 978-3-16-148410-0, id 646664921259, DOI 10.1073/1807180116",
        "https://www.example.org/contact/22683484/page and a@b",
        "https://example.org/?campaign_id=19640110501 whatsapp",
        "rgb(128, 128, 128) Tel",
        "contact us @UNDPLab and via @News Ghana. The 12 labs",
        "https://medium.example.org/@lab.innovation/story-34bf063477bf",
        "NPV @20% (5 Years) ZMW 422,509.20",
        "Growth 69 47.5 +10.7 in place A 126 35.9 -6.7 in B",
    ],
)
def test_figures_are_not_masked(text: str) -> None:
    assert mask_contacts(text, ("PE", "ZM", "TT", "MR", "GT")) == text


def test_the_form_question_says_what_the_digits_are() -> None:
    bare = passage("9078332188", report("r", "Philippines", "PH"), prompt="How many?")
    asked = passage("9078332188", report("r", "Philippines", "PH"), prompt="Mobile number")
    assert mask_passage(bare) is bare
    assert mask_passage(asked).text == MASK * 10
    assert mask_passage(asked).prompt == "Mobile number"


def test_only_passages_with_contacts_change() -> None:
    given = hits("Ice is dear.", "Ask ana@example.org for ice.")
    plain, masked = mask_hits(given)
    assert plain == given[0]
    assert masked.passage.text == "Ask •••@•••••••.••• for ice."
    assert (masked.score, masked.passage.id) == (given[1].score, given[1].passage.id)


SIGNS = st.lists(
    st.sampled_from([*"0123456789+@.-() ;/a\n", "Tel: ", "00", "a@b.org", "+51 912 345 678", "٣"]),
    max_size=30,
).map("".join)


@given(SIGNS | st.text(max_size=40), st.sampled_from([(), ("PE",), ("US", "BF")]))
def test_every_character_keeps_its_place(text: str, regions: tuple[str, ...]) -> None:
    masked = mask_contacts(text, regions)
    assert len(masked) == len(text)
    assert all(new in (old, MASK) for old, new in zip(text, masked, strict=True))
    assert all(old.isalnum() for old, new in zip(text, masked, strict=True) if old != new)


@pytest.mark.parametrize(
    "piece", ["1 ", "12345678 ", "a@", "a@a.", "@", "a.", "+1 ", "Tel 1234567 ", "&amp;", "( at "]
)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    started = time.perf_counter()
    mask_contacts(piece * (200_000 // len(piece)), ("PE",))
    assert time.perf_counter() - started < 10


def test_nothing_is_loaded_for_text_without_phone_numbers() -> None:
    code = (
        "import sys; from rag.text.contacts import mask_contacts as mask; "
        "mask('They sold 1 049 767 in 2020-2021'); assert 'phonenumbers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
