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
        ("sea\u200bweed \ufeffdrying", "seaweed drying"),
        ("soft\u00adhyphen", "softhyphen"),
        ("Fish &amp; rice&nbsp;farmers", "Fish & rice farmers"),
        ("A &amp;lt;div&amp;gt; B", "A\nB"),
        ("5 &lt; 10 and <100 USD", "5 < 10 and <100 USD"),
        ("“We don’t know”", "“We don’t know”"),
        ("The ferry leaves\nat noon.", "The ferry leaves at noon."),
        ("The ferry leaves.\nAt noon.", "The ferry leaves.\nAt noon."),
        ("We asked\na) when\nb) where", "We asked\na) when\nb) where"),
        ("- Sense\n- Explore", "- Sense\n- Explore"),
        ("See ![Missing alt text](https://x.example/a.jpg) here", "See\nhere"),
        ("![Missing alt text](https://x.example/a.jpg)", ""),
        ("[the map](https://x.example/m)", "the map"),
        ("[](https://x.example/m)", "https://x.example/m"),
        (
            "https://a.example/1https://b.example/2",
            "https://a.example/1 https://b.example/2",
        ),
        ("[one](https://a.example)[two](https://b.example)", "onetwo"),
        ("as saidhttps://a.example", "as said https://a.example"),
        ("See [the sea](https://a.example/tide_(sea)) now", "See the sea now"),
        ("([a map](https://a.example/(1)/b(2).pdf))", "(a map)"),
        ("[a map](https://a.example/(1 and more", "[a map](https://a.example/(1 and more"),
        ("[https://a.example/1 \n](https://a.example/1 \n)", "https://a.example/1"),
        (
            "[https://a.example/1 https://b.example](https://a.example/1 https://b.example)",
            "https://a.example/1 https://b.example",
        ),
        ("[www.a.example](www.a.example)", "www.a.example"),
        ("[a play](by Ana) and [1](2)", "[a play](by Ana) and [1](2)"),
        ("![x](https://x.example/tide_(sea).png) Yes", "Yes"),
        ("[[sample_size:40]]", "Sample size: 40"),
        (
            "[[control-group:Yes, the same\ngroup &amp; more]]",
            "Control group: Yes, the same group & more",
        ),
        ("[[total_cost:USD 130", "Total cost: USD 130"),
        ("they said [[note:this]] twice", "they said Note: this twice"),
        ("boats [[1]] and [[two words]]", "boats [[1]] and [[two words]]"),
        (
            "https://old.example/2020/https://a.example",
            "https://old.example/2020/https://a.example",
        ),
        ("| port | boats |\n|---|---|\n| Ilo | 12 |", "| port | boats |\n|---|---|\n| Ilo | 12 |"),
        ("****\nAn answer****", "An answer"),
        ("**bold** stays", "**bold** stays"),
        ("11.132, 38,6%, USD130 and 4.600+", "11.132, 38,6%, USD130 and 4.600+"),
        ("34 000$", "34 000$"),
        ("a\x1b[2Jb\x07\u202ec", "a[2Jbc"),
        ("مرحبا\u200f", "مرحبا\u200f"),
        (" \n\u00a0\n", ""),
    ],
)
def test_clean(raw: str, readable: str) -> None:
    assert clean(raw) == readable


def source_span(raw: str, start: int, end: int, quote: str) -> tuple[int, int] | None:
    """Where in the file `quote` stands, looked for in the clean text of raw[start:end]."""
    text, offsets = clean_with_offsets(raw[start:end])
    at = text.find(quote)
    if at < 0 or not quote:
        return None
    return start + offsets[at], start + offsets[at + len(quote) - 1] + 1


def test_a_quote_is_found_in_the_file() -> None:
    raw = "> Q?\n\nFish &amp; rice\u00a0farmers say:\nso\nit is. [A map](https://x.example) shows."
    start, end = 5, len(raw)
    for quote, verbatim in [
        ("Fish & rice farmers", "Fish &amp; rice\u00a0farmers"),
        ("so it is.", "so\nit is."),
        ("map", "map"),
    ]:
        span = source_span(raw, start, end, quote)
        assert span is not None
        assert raw[slice(*span)] == verbatim
    assert source_span(raw, start, end, "not there") is None
    assert source_span(raw, start, end, "") is None


def test_a_fact_is_found_in_its_tag() -> None:
    raw = "[[year:2020]]\n[[sample_size:40 boats]]\n"
    span = source_span(raw, 14, 39, "Sample size: 40 boats")
    assert span is not None
    assert raw[slice(*span)] == "sample_size:40 boats"
    span = source_span(raw, 14, 39, "40 boats")
    assert span is not None
    assert raw[slice(*span)] == "40 boats"


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("See https://a.example/1, or https://b.example/2.", ("a.example/1", "b.example/2")),
        ("https://a.example/1https://b.example/2", ("a.example/1", "b.example/2")),
        ("[a](https://a.example)[b](https://b.example/x)", ("a.example", "b.example/x")),
        ("[sea](https://a.example/tide_(sea))", ("a.example/tide_(sea)",)),
        ("(see https://a.example/tide_(sea)_2)", ("a.example/tide_(sea)_2",)),
        ("https://a.example/map%20(1).pdf", ("a.example/map%20(1).pdf",)),
        ("[https://a.example](https://a.example)", ("a.example",)),
        ("https://a.example/?x=1&amp;y=2", ("a.example/?x=1&y=2",)),
        ("<a href='https://a.example/x'>here</a>", ("a.example/x",)),
        ("![x](https://a.example/i.png) and no more", ()),
        ("http:// and https:// are no links", ()),
    ],
)
def test_links(text: str, urls: tuple[str, ...]) -> None:
    assert link_urls([text]) == tuple(f"https://{url}" for url in urls)


def test_images() -> None:
    texts = ["![x](https://a.example/i.png)![](https://a.example/i_(2).png)", "![x]() ![y](f.png)"]
    assert image_urls(texts) == ("https://a.example/i.png", "https://a.example/i_(2).png", "f.png")
