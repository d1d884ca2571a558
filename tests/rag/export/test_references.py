"""References: one entry a report, in three formats."""

from __future__ import annotations

import json
from dataclasses import replace

import bibtexparser
import rispy
from answers import EVIL, PLAIN, answer, passage
from readers import squeezed, text_of

from rag.export.brief import report_link
from rag.export.formats import export

LINKS = [f"https://labs.example/{name}" for name in ("one_report", "two", "three")]


def test_references_have_one_entry_per_report_with_all_it_is_cited_for() -> None:
    twice = [PLAIN, answer(passage("Once more."), question="A second question?")]
    bib, ris, csl = (
        export(twice, ending, report_url="https://labs.example/{report}").decode()
        for ending in ("bib", "ris", "csl.json")
    )
    entries = rispy.loads(ris)
    assert [entry["id"] for entry in entries] == ["one_report", "two", "three"]
    assert entries[0]["type_of_reference"] == "RPRT"
    assert entries[0]["authors"] == ["Côte d’Ivoire", "Perú"]
    assert "[1] “Once more.” (Énoncé du défi)" in entries[0]["notes"]
    assert [entry["urls"] for entry in entries] == [[link] for link in LINKS]
    items = json.loads(csl)
    assert [item["id"] for item in items] == ["one-report", "two", "three"]
    assert items[0]["author"] == [{"literal": "Côte d’Ivoire"}, {"literal": "Perú"}]
    assert items[0]["issued"] == {"date-parts": [[2023]]}
    assert [item["URL"] for item in items] == LINKS
    library = bibtexparser.parse_string(bib)
    assert [entry.key for entry in library.entries] == ["one-report", "two", "three"]
    assert library.entries[0]["year"] == "2023"
    assert library.entries[0]["langid"] == "french"
    assert "A second question?" in library.entries[0]["annote"]
    assert [entry["url"] for entry in library.entries] == LINKS


def test_a_report_cant_add_entries_to_the_references() -> None:
    assert len(rispy.loads(export([EVIL], "ris").decode())) == 1
    assert len(json.loads(export([EVIL], "csl.json"))) == 1
    text = export([EVIL], "bib").decode()
    assert len(bibtexparser.parse_string(text).entries) == 1
    depth = 0
    for character in text:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0


def test_references_are_noted_in_the_language_of_the_question() -> None:
    words = squeezed(text_of(export([replace(PLAIN, language="pt")], "ris"), "ris"))
    assert squeezed(f"Citado na resposta a: {PLAIN.question}") in words
    assert squeezed("Relatório final") in words


def test_a_report_s_name_is_escaped_in_its_address() -> None:
    for name, escaped in {
        "a/../b?c#d": "a%2F..%2Fb%3Fc%23d",
        "é <b>&\"'": "%C3%A9%20%3Cb%3E%26%22%27",
        "{report}": "%7Breport%7D",
        "half \ud800": "half%20%3F",
    }.items():
        assert report_link("https://labs.example/{report}?v=1", name) == (
            f"https://labs.example/{escaped}?v=1"
        )
    assert report_link("", "a") == ""
