"""The page's export menu: its words, and the files that it hands to the browser."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest
from answers import PLAIN, RIGHT_TO_LEFT, answer, passage
from readers import html_text

from rag.export.formats import FORMATS
from rag.i18n.translations import languages, translations_for
from ui.web import exports


def data(file: dict[str, str]) -> bytes:
    return base64.b64decode(file["data"])


@pytest.mark.parametrize("code", languages())
def test_the_menu_offers_every_format_in_the_visitor_s_words(code: str) -> None:
    text, tags = html_text(exports.menu(translations_for(code)))
    offered = [attrs["data-ending"] for name, attrs in tags if name == "button"]
    assert sorted(filter(None, offered)) == sorted(FORMATS)
    assert {attrs["value"] for name, attrs in tags if name == "input"} == {"all", "last"}
    assert translations_for(code).gettext("Last answer") in text
    assert all(attrs["data-waiting"] for name, attrs in tags if name == "button")


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_travels_as_a_file(ending: str) -> None:
    file = exports.download([PLAIN], ending, False)
    assert file["name"] == f"que-paso-senor.{ending}"
    assert "/" in file["type"]
    starts = {"pdf": b"%PDF-", "docx": b"PK", "html": b"<!doctype", "bib": b"@techreport"}
    assert data(file).startswith(starts.get(ending, b""))
    assert len(data(file)) > 200


def test_the_whole_conversation_or_its_last_answer() -> None:
    other = replace(PLAIN, question="And then?")
    whole, last = (
        json.loads(data(exports.download([PLAIN, other], "json", only))) for only in (False, True)
    )
    assert [one["question"] for one in whole] == [PLAIN.question, "And then?"]
    assert [one["question"] for one in last] == ["And then?"]


def test_reports_are_linked_where_the_settings_say() -> None:
    file = exports.download([PLAIN], "md", False, "https://labs.example/{report}")
    assert "<https://labs.example/one_report>" in data(file).decode()


def test_a_name_without_latin_letters_still_names_a_file() -> None:
    assert exports.download([RIGHT_TO_LEFT], "md", False)["name"] == "conversation.md"


@pytest.mark.parametrize("ending", ["exe", "../md", None, 7, ["md"], ""])
def test_what_no_menu_offers_is_refused_in_a_sentence(ending: object) -> None:
    file = exports.download([PLAIN], ending, False)
    assert file.keys() == {"error"}
    assert "Choose one of docx, " in file["error"]


def test_what_can_t_be_made_is_said() -> None:
    assert "Ask a question first" in exports.download([], "md", False)["error"]
    letters = answer(passage("Cypro-Minoan \U00012f90"))
    assert "export to .docx or .html" in exports.download([letters], "pdf", False)["error"]
