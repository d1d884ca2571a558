"""Briefs in the language of the first question, right to left too, and links to the reports."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from dataclasses import replace
from datetime import date

import bibtexparser
import docx
import pytest
import rispy
from answers import ARABIC, PLAIN, RIGHT_TO_LEFT
from pypdf import PdfReader
from readers import html_text, rendered, squeezed, text_of

from rag.catalog.fields import Filters
from rag.export.brief import make_brief, right_to_left
from rag.export.formats import export
from rag.i18n.notices import text_notice
from rag.types import Answer, Coverage, Notice, Struck

DAY = date(2026, 3, 4)
URL = "https://labs.example/{report}"
LINKS = [f"https://labs.example/{name}" for name in ("one_report", "two", "three")]
BRIEFS = ("md", "html", "docx", "pdf")
# Title, date, labels and sentences, a number of more than three digits among them.
SAID = {
    "en": """
Brief from the lab reports
4 March 2026
Filters: Year: 2023
Closing
1,032 more reports matched and were not read.
Status: The quote supports
Reason: the number 43 stands in no passage cited
About this answer
    """,
    "fr": """
Note de synthèse
4 mars 2026
Filtres : Année : 2023
Bilan final
1 032 autres rapports correspondaient et n’ont pas été lus.
Statut : La citation
Motif : le nombre 43 ne figure dans aucun passage cité
À propos de cette réponse
    """,
    "es": """
Nota informativa
4 de marzo de 2026
Filtros: Año: 2023
Informe de cierre
1.032 informes más coincidían y no se leyeron.
Estado: La cita respalda
Motivo: el número 43 no figura en ningún pasaje citado
Acerca de esta respuesta
    """,
    "pt": """
Nota informativa
4 de março de 2026
Filtros: Ano: 2023
Relatório final
mais 1.032 relatórios correspondiam e não foram lidos.
Estado: A citação sustenta
Motivo: o número 43 não consta de nenhuma passagem citada
Sobre esta resposta
    """,
    "ar": """
مذكرة موجزة من تقارير المختبرات
4 مارس 2026
المرشحات: السنة: 2023
1,032 تقريرًا آخر مطابقًا لم تُقرأ.
الحالة: الاقتباس يدعم
تقرير ختامي
السبب: العدد 43 غير وارد في أي مقطع مستشهد به
حول هذه الإجابة
    """,
}


def spoken(code: str) -> Answer:
    """A plain answer in a language, of which a sentence was struck."""
    coverage = Coverage("answer", ("one_report",), ("Perú",), 1041, 12, 9, Filters(year=(2023,)))
    struck = (Struck("In Lima 43 were sold.", Notice("number_not_cited", {"number": "43"})),)
    return replace(PLAIN, language=code, coverage=coverage, struck=struck)


@pytest.mark.parametrize("code", SAID)
@pytest.mark.parametrize("ending", BRIEFS)
def test_a_brief_speaks_the_language_of_the_question(code: str, ending: str) -> None:
    words = squeezed(text_of(export([spoken(code)], ending, day=DAY), ending))
    words = words.replace("\u200e", "").replace("\u200f", "")
    for citation in PLAIN.citations:
        assert squeezed(citation.quote) in words
        assert f"[{citation.n}]" in words
    for said in map(squeezed, SAID[code].strip().splitlines()):
        if (code, ending) == ("ar", "pdf"):
            # Readers give Arabic back by line and word in an order of their own.
            assert not Counter(filter(str.isalpha, said)) - Counter(words), said
        else:
            assert said in words, said


def test_the_first_question_s_language_is_that_of_the_whole_brief() -> None:
    both = make_brief([spoken("fr"), spoken("ar")], "", DAY)
    assert (both.language, both.rtl, both.labels.colon) == ("fr", False, "\u00a0:")
    assert [part.facts[0][0] for part in both.parts] == ["Couverture", "Couverture"]
    for unknown in ("de", "", "xx"):
        assert make_brief([spoken(unknown)], "", DAY).language == "en"


def test_reasons_that_are_not_known_stay_as_they_are() -> None:
    odd = replace(spoken("fr"), struck=(Struck("A.", text_notice("a reason {number} of its own")),))
    ((_, why),) = make_brief([odd], "", DAY).parts[0].left_out
    assert why == "a reason {number} of its own"


@pytest.mark.parametrize("code", SAID)
def test_documents_say_which_language_they_are_in(code: str) -> None:
    direction = "rtl" if code == "ar" else "ltr"
    _, tags = html_text(export([spoken(code)], "html", day=DAY).decode())
    assert dict(tags)["html"] == {"lang": code, "dir": direction}
    reader = PdfReader(io.BytesIO(export([spoken(code)], "pdf", day=DAY)))
    assert str(reader.trailer["/Root"]["/Lang"]).startswith(code)
    document = docx.Document(io.BytesIO(export([spoken(code)], "docx", day=DAY)))
    assert document.core_properties.language == code
    languages = document.styles.element.xpath("//w:rPrDefault//w:lang/@w:val")
    assert languages == [code]


def test_an_arabic_document_runs_from_right_to_left() -> None:
    arabic = replace(RIGHT_TO_LEFT, language="ar")
    document = docx.Document(io.BytesIO(export([arabic, PLAIN], "docx", day=DAY)))
    for paragraph in document.paragraphs:
        turned = bool(paragraph._p.pPr.xpath("w:bidi"))
        # The product's own words do, and of others those that begin so.
        own = paragraph.style.name in ("Facts", "Heading 2", "Producer")
        assert turned or not (own or right_to_left(paragraph.text)), paragraph.text
    english = next(p for p in document.paragraphs if "What did you learn?" in p.text)
    # What is in Latin letters keeps its question mark on its own end.
    assert english.runs[-1].text == "\u200eWhat did you learn?\u200e"
    assert not english.runs[-1].font.rtl
    assert ARABIC in "\n".join(p.text for p in document.paragraphs)


def test_pages_are_numbered_and_headings_are_not_left_alone() -> None:
    document = docx.Document(io.BytesIO(export([PLAIN], "docx", day=DAY)))
    footer = document.sections[0].footer
    assert footer._element.xpath("//w:fldSimple/@w:instr") == ["PAGE", "NUMPAGES"]
    for paragraph in document.paragraphs:
        if paragraph.style.name.startswith("Heading"):
            assert paragraph.style.paragraph_format.keep_with_next
        if paragraph.text.startswith("[") or paragraph.style.name == "Quote":
            assert paragraph.paragraph_format.keep_with_next
    pages = PdfReader(io.BytesIO(export([PLAIN] * 3, "pdf", day=DAY))).pages
    ends = [page.extract_text().rstrip().splitlines()[-1] for page in pages]
    assert all(f"{n} / {len(ends)}" in end for n, end in enumerate(ends, 1))


def test_every_source_leads_to_its_report() -> None:
    made = {
        ending: export([PLAIN], ending, day=DAY, report_url=URL)
        for ending in (*BRIEFS, "csv", "bib", "ris", "csl.json")
    }
    for ending in ("md", "html"):
        page = made[ending].decode()
        _, tags = html_text(rendered(page) if ending == "md" else page)
        leads = [str(attrs["href"]) for name, attrs in tags if name == "a"]
        assert [one for one in leads if not one.startswith("#")] == LINKS
    document = docx.Document(io.BytesIO(made["docx"]))
    relations = document.part.rels.values()
    assert sorted(one.target_ref for one in relations if one.is_external) == sorted(LINKS)
    assert all(link in text_of(made["docx"], "docx") for link in LINKS)
    notes = [
        note.get_object()["/A"].get("/URI")
        for page in PdfReader(io.BytesIO(made["pdf"])).pages
        for note in page.get("/Annots", ())
        if "/A" in note.get_object()
    ]
    assert [note for note in notes if note] == LINKS
    rows = csv.DictReader(io.StringIO(made["csv"].decode("utf-8-sig")))
    assert [row["link"] for row in rows] == LINKS
    assert [entry["urls"] for entry in rispy.loads(made["ris"].decode())] == [[x] for x in LINKS]
    assert [one["URL"] for one in json.loads(made["csl.json"])] == LINKS
    library = bibtexparser.parse_string(made["bib"].decode())
    assert [entry["url"] for entry in library.entries] == LINKS


@pytest.mark.parametrize("ending", [*BRIEFS, "csv", "bib", "ris", "csl.json"])
def test_without_an_address_in_the_settings_nothing_is_linked(ending: str) -> None:
    data = export([PLAIN], ending, day=DAY)
    assert "labs.example" not in text_of(data, ending)
    assert b"Link" not in data or ending in ("docx", "pdf")


@pytest.mark.parametrize("ending", ["bib", "ris", "csl.json"])
def test_references_are_noted_in_the_language_of_the_question(ending: str) -> None:
    words = squeezed(text_of(export([spoken("pt")], ending, day=DAY), ending))
    assert squeezed(f"Citado na resposta a: {PLAIN.question}") in words
    assert squeezed("Relatório final") in words
