"""Addresses of reports: made from a checked template, whatever a report is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import SettingsError
from rag.report_link import report_link
from rag.settings import load_settings

TEMPLATE = "https://labs.example/archive/{report}?view=1"


def loaded(template: str) -> str:
    return load_settings({"ASKLABS_REPORT_URL": template}, Path("none")).report_url


@pytest.mark.parametrize("template", ["", TEMPLATE, "http://127.0.0.1:8000/#{report}"])
def test_valid_templates_are_kept(template: str) -> None:
    assert loaded(template) == template


@pytest.mark.parametrize(
    "template",
    [
        "https://labs.example/",
        "labs.example/{report}",
        "javascript:alert('{report}')",
        "https://labs.example@{report}/",
        "https://name:word@labs.example/{report}",
        "https://labs.example/{report}/{report}",
        "https://labs.example/{report}/{other}",
        'https://labs.example/{report}"onclick="x',
        "https://labs.example/a b/{report}",
        "https://[::1/{report}",
    ],
)
def test_other_templates_are_refused(template: str) -> None:
    with pytest.raises(SettingsError, match=r"report_url.*\{report\}.*ASKLABS_REPORT_URL"):
        loaded(template)


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("plain_name", "https://labs.example/archive/plain_name?view=1"),
        ("a/../b?c#d", "https://labs.example/archive/a%2F..%2Fb%3Fc%23d?view=1"),
        ("é <b>&\"'", "https://labs.example/archive/%C3%A9%20%3Cb%3E%26%22%27?view=1"),
        ("{report}", "https://labs.example/archive/%7Breport%7D?view=1"),
        ("half \ud800", "https://labs.example/archive/half%20%3F?view=1"),
    ],
)
def test_a_report_s_name_is_escaped(name: str, address: str) -> None:
    assert report_link(TEMPLATE, name) == address
    assert report_link("", name) == ""
