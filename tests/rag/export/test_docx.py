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


def test_word_is_told_what_runs_right_to_left() -> None:
    document = opened(RIGHT_TO_LEFT)
    paragraph = next(p for p in document.paragraphs if p.text == ARABIC)
    assert paragraph._p.pPr.xpath("w:bidi")
    assert [run.text for run in paragraph.runs if not run.font.rtl] == ["mobile"]
    title = next(p for p in document.paragraphs if "أسواق بلا نقود" in p.text)
    words = [run.text.strip("\u200e\u200f") for run in title.runs if run.font.rtl]
    assert words == ["أسواق بلا نقود"]


def test_an_arabic_document_runs_from_right_to_left() -> None:
    document = opened(replace(RIGHT_TO_LEFT, language="ar"), PLAIN)
    for paragraph in document.paragraphs:
        turned = bool(paragraph._p.pPr.xpath("w:bidi"))
        # The product's own words do, and of others those that begin so.
        own = paragraph.style.name in ("Facts", "Heading 2", "Producer")
        assert turned or not (own or right_to_left(paragraph.text)), paragraph.text
    english = next(p for p in document.paragraphs if "What did you learn?" in p.text)
    # What is in Latin letters keeps its question mark on its own end.
    assert english.runs[-1].text == "\u200eWhat did you learn?\u200e"
    assert not english.runs[-1].font.rtl
    assert document.core_properties.language == "ar"
    assert document.styles.element.xpath("//w:rPrDefault//w:lang/@w:val") == ["ar"]


def test_notes_lead_to_sources_and_sources_to_their_reports() -> None:
    document = opened(PLAIN)
    anchors = document.element.xpath("//w:hyperlink/@w:anchor")
    assert anchors
    assert set(anchors) <= set(document.element.xpath("//w:bookmarkStart/@w:name"))
    relations = [one for one in document.part.rels.values() if one.is_external]
    links = {f"https://labs.example/{name}" for name in ("one_report", "two", "three")}
    assert {one.target_ref for one in relations} == links


def test_pages_are_numbered_and_headings_are_not_left_alone() -> None:
    document = opened(PLAIN)
    footer = document.sections[0].footer
    assert footer._element.xpath("//w:fldSimple/@w:instr") == ["PAGE", "NUMPAGES"]
    assert document.core_properties.created.date() == DAY
    for paragraph in document.paragraphs:
        if paragraph.style.name.startswith("Heading"):
            assert paragraph.style.paragraph_format.keep_with_next
        if paragraph.text.startswith("[") or paragraph.style.name == "Quote":
            assert paragraph.paragraph_format.keep_with_next
