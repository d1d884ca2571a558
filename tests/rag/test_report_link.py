"""Addresses of reports: made from a checked template, whatever a report is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import SettingsError
from rag.export.brief import report_link
from rag.settings import load_settings

TEMPLATE = "https://labs.example/archive/{report}?view=1"


def loaded(template: str) -> str:
    return load_settings({"ASKLABS_REPORT_URL": template}, Path("none")).report_url


def test_addresses_without_a_place_for_the_report_s_name_are_refused() -> None:
    for template in ("", TEMPLATE, "http://127.0.0.1:8000/#{report}"):
        assert loaded(template) == template
    for template in (
        "https://labs.example/",
        "javascript:alert('{report}')",
        "https://labs.example@{report}/",
        "https://name:word@labs.example/{report}",
        "https://labs.example/{report}/{report}",
        'https://labs.example/{report}"onclick="x',
        "https://[::1/{report}",
    ):
        with pytest.raises(SettingsError, match=r"report_url.*\{report\}.*ASKLABS_REPORT_URL"):
            loaded(template)


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("a/../b?c#d", "a%2F..%2Fb%3Fc%23d"),
        ("é <b>&\"'", "%C3%A9%20%3Cb%3E%26%22%27"),
        ("{report}", "%7Breport%7D"),
        ("half \ud800", "half%20%3F"),
    ],
)
def test_a_report_s_name_is_escaped(name: str, escaped: str) -> None:
    assert report_link(TEMPLATE, name) == f"https://labs.example/archive/{escaped}?view=1"
    assert report_link("", name) == ""
