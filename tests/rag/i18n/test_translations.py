"""Every translation has exactly the messages of the code, with their placeholders."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po

from rag.i18n.labels import format_count
from rag.i18n.translations import (
    ENGLISH,
    LOCALE,
    format_seconds,
    language_code,
    languages,
    translations_for,
)
from tests.messages import calls

ROOT = Path(__file__).resolve().parents[3]
KEYWORDS = {**DEFAULT_KEYWORDS, "marked": None, "plural": (1, 2)}
TRANSLATED = tuple(code for code in languages() if code != "en")


@cache
def in_code() -> set[object]:
    """The messages in the code, by their ids."""
    messages = Catalog()
    for package in ("rag", "ui", "eval"):
        for *_, message, _, _ in extract_from_dir(
            ROOT / package, method_map=[("**.py", calls), ("**.html", "jinja2")], keywords=KEYWORDS
        ):
            messages.add(message)
    return {message.id for message in messages if message.id}


@cache
def translated(code: str) -> dict[object, Message]:
    """The messages of a translation by their ids; none is obsolete."""
    with (LOCALE / f"{code}.po").open("rb") as file:
        catalog = read_po(file, locale=code, abort_invalid=True)
    assert not catalog.obsolete
    return {message.id: message for message in catalog if message.id}


def texts(text: object) -> tuple[str, ...]:
    """A message's one text, or its singular and plural forms."""
    return (text,) if isinstance(text, str) else tuple(text)  # type: ignore[arg-type]


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"\{(\w*)\}", text))


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_message_is_translated_and_none_is_obsolete(code: str) -> None:
    known, wanted = translated(code), in_code()
    assert {"Sources", ("{n} report", "{n} reports"), "Lab"} <= wanted
    missing = [key for key in wanted if key not in known or not all(texts(known[key].string))]
    assert missing == [], "run `make words` and translate"
    assert [key for key in known if key not in wanted] == [], "run `make words`"
    assert [key for key, message in known.items() if message.fuzzy] == []


@pytest.mark.parametrize("code", TRANSLATED)
def test_translations_keep_the_placeholders(code: str) -> None:
    for message in translated(code).values():
        _, *many = texts(message.id)
        named = {name for text in texts(message.id) for name in placeholders(text)}
        for form in texts(message.string):
            # "A report" needs no number.
            assert named - placeholders(form) <= ({"n"} if many else set()), form
            assert placeholders(form) <= named, form


def test_plural_forms() -> None:
    for code, counts in {
        "en": {0: "0 reports", 1: "1 report", 1204: "1,204 reports"},
        "fr": {0: "0 rapport", 1: "1 rapport", 1204: "1\u202f204 rapports"},
        "ar": {0: "لا تقارير", 1: "تقرير واحد", 2: "تقريران", 3: "3 تقارير", 11: "11 تقريرًا"},
    }.items():
        assert {n: format_count(n, "report", translations_for(code)) for n in counts} == counts


def test_regional_codes_fall_back_to_their_language_and_others_to_english() -> None:
    assert translations_for("fr-CA").gettext("Year") == "Année"
    assert language_code(translations_for("pt_BR")) == "pt"
    for code in ("tlh", "", "../fr", "en-GB"):
        assert translations_for(code) is ENGLISH
    assert format_seconds(translations_for("fr"), 0.1) == "0,1\u202fs"
