"""Readable text of raw slices, the way back to the file, and the addresses in a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from strategies import report_text, steady

from ingest.parsing.clean import clean, clean_with_offsets, image_urls, link_urls


@steady
@given(report_text)
def test_offsets_go_with_the_clean_text(raw: str) -> None:
    text, offsets = clean_with_offsets(raw)
    assert text == clean(raw)
    assert len(offsets) == len(text)
    assert offsets == sorted(offsets)
    assert all(0 <= at < len(raw) for at in offsets)


@pytest.mark.parametrize(
    ("raw", "readable"),
    [
        ("1\u00a0049\u00a0767 boats", "1 049 767 boats"),
        ("sea\u200bweed \ufeffdry\u00ading", "seaweed drying"),
        ("Fish &amp; rice&nbsp;farmers", "Fish & rice farmers"),
        ("A &amp;lt;div&amp;gt; B", "A\nB"),
        ("5 &lt; 10 and <100 USD", "5 < 10 and <100 USD"),
        ("The ferry leaves\nat noon.", "The ferry leaves at noon."),
        ("The ferry leaves.\nAt noon.", "The ferry leaves.\nAt noon."),
        ("We asked\na) when\nb) where", "We asked\na) when\nb) where"),
        ("- Sense\n- Explore", "- Sense\n- Explore"),
        ("See ![Missing alt text](https://x.example/a.jpg) here", "See\nhere"),
        ("[the map](https://x.example/m)", "the map"),
        ("[](https://x.example/m)", "https://x.example/m"),
        ("https://a.example/1https://b.example/2", "https://a.example/1 https://b.example/2"),
        ("https://a.example/2020/https://b.example", "https://a.example/2020/https://b.example"),
        ("as saidhttps://a.example", "as said https://a.example"),
        ("See [the sea](https://a.example/tide_(sea)) now", "See the sea now"),
        ("[a map](https://a.example/(1 and more", "[a map](https://a.example/(1 and more"),
        ("[https://a.example/1 \n](https://a.example/1 \n)", "https://a.example/1"),
        ("[a play](by Ana) and [1](2)", "[a play](by Ana) and [1](2)"),
        (
            "[[control-group:Yes, the same\ngroup &amp; more]]",
            "Control group: Yes, the same group & more",
        ),
        ("[[total_cost:USD 130", "Total cost: USD 130"),
        ("boats [[1]] and [[two words]]", "boats [[1]] and [[two words]]"),
        ("| port | boats |\n|---|---|\n| Ilo | 12 |", "| port | boats |\n|---|---|\n| Ilo | 12 |"),
        ("****\nAn **own** answer****", "An **own** answer"),
        ("a\x1b[2Jb\x07\u202ec", "a[2Jbc"),
        ("مرحبا\u200f", "مرحبا\u200f"),
        (" \n\u00a0\n", ""),
    ],
)
def test_clean(raw: str, readable: str) -> None:
    assert clean(raw) == readable


@pytest.mark.parametrize(
    ("quote", "verbatim"),
    [
        ("Fish & rice farmers", "Fish &amp; rice\u00a0farmers"),
        ("so it is.", "so\nit is."),
        ("map", "map"),
        ("Sample size: 40 boats", "sample_size:40 boats"),
        ("40 boats", "40 boats"),
    ],
)
def test_a_quote_is_traced_to_the_file(quote: str, verbatim: str) -> None:
    raw = (
        "Fish &amp; rice\u00a0farmers say:\nso\nit is. [A map](https://x.example) shows.\n"
        "[[sample_size:40 boats]]"
    )
    text, offsets = clean_with_offsets(raw)
    at = text.index(quote)
    assert raw[offsets[at] : offsets[at + len(quote) - 1] + 1] == verbatim


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("See https://a.example/1, or https://b.example/2.", ("a.example/1", "b.example/2")),
        ("https://a.example/1https://b.example/2", ("a.example/1", "b.example/2")),
        ("[a](https://a.example)[b](https://b.example/x)", ("a.example", "b.example/x")),
        ("(see https://a.example/tide_(sea)_2)", ("a.example/tide_(sea)_2",)),
        ("[https://a.example](https://a.example)", ("a.example",)),
        ("https://a.example/?x=1&amp;y=2", ("a.example/?x=1&y=2",)),
        ("<a href='https://a.example/x'>here</a>", ("a.example/x",)),
        ("![x](https://a.example/i.png) and http:// are no links", ()),
    ],
)
def test_links(text: str, urls: tuple[str, ...]) -> None:
    assert link_urls([text]) == tuple(f"https://{url}" for url in urls)


def test_images() -> None:
    texts = ["![x](https://a.example/i.png)![](https://a.example/i_(2).png)", "![x]() ![y](f.png)"]
    assert image_urls(texts) == ("https://a.example/i.png", "https://a.example/i_(2).png", "f.png")
