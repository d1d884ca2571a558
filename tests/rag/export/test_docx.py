"""Word documents: directions, languages, links, page numbers."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date

import docx
from answers import ARABIC, PLAIN, RIGHT_TO_LEFT
from docx.document import Document

from rag.export.brief import right_to_left
from rag.export.formats import export
from rag.types import Answer

DAY = date(2025, 11, 25)
URL = "https://labs.example/{report}"


def opened(*answers: Answer) -> Document:
    return docx.Document(io.BytesIO(export(answers, "docx", day=DAY, report_url=URL)))


def test_each_paragraph_and_its_words_run_in_their_direction() -> None:
    document = opened(replace(RIGHT_TO_LEFT, language="ar"), PLAIN)
    for paragraph in document.paragraphs:
        turned = bool(paragraph._p.pPr.xpath("w:bidi"))
        # The product's own words do, and of others those that begin so.
        own = paragraph.style.name in ("Facts", "Heading 2", "Producer")
        assert turned or not (own or right_to_left(paragraph.text)), paragraph.text
    quote = next(p for p in document.paragraphs if p.text == ARABIC)
    assert [run.text for run in quote.runs if not run.font.rtl] == ["mobile"]
    english = next(p for p in document.paragraphs if "What did you learn?" in p.text)
    # What is in Latin letters keeps its question mark on its own end.
    assert english.runs[-1].text == "\u200eWhat did you learn?\u200e"
    assert document.core_properties.language == "ar"


def test_notes_lead_to_sources_and_sources_to_their_reports() -> None:
    document = opened(PLAIN)
    anchors = document.element.xpath("//w:hyperlink/@w:anchor")
    assert anchors
    assert set(anchors) <= set(document.element.xpath("//w:bookmarkStart/@w:name"))
    relations = document.part.rels.values()
    links = {f"https://labs.example/{name}" for name in ("one_report", "two", "three")}
    assert {relation.target_ref for relation in relations if relation.is_external} == links


def test_pages_are_numbered_and_dated() -> None:
    document = opened(PLAIN)
    footer = document.sections[0].footer
    assert footer._element.xpath("//w:fldSimple/@w:instr") == ["PAGE", "NUMPAGES"]
    assert document.core_properties.created.date() == DAY
