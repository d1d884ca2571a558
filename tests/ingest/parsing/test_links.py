"""Addresses of links and images are found whole, once, however they are written."""

from __future__ import annotations

import pytest

from ingest.parsing.clean import image_urls, link_urls


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
