"""PDF briefs: tags, fonts, links, letters that no font has."""

from __future__ import annotations

import io
from collections import Counter
from datetime import date

import pytest
from answers import ARABIC, PLAIN, RIGHT_TO_LEFT, answer, passage
from pypdf import PdfReader
from readers import text_of

from rag.errors import InputError
from rag.export.formats import export

DAY = date(2025, 11, 25)


def test_the_pdf_is_tagged_carries_its_fonts_and_has_every_arabic_letter() -> None:
    reader = PdfReader(io.BytesIO(export([RIGHT_TO_LEFT], "pdf", "Souks", day=DAY)))
    assert reader.metadata is not None
    assert reader.metadata.title == "Souks"
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert str(reader.trailer["/Root"]["/Lang"]).startswith("en")
    fonts = [
        str(font.get_object()["/BaseFont"])
        for page in reader.pages
        for font in page["/Resources"]["/Font"].values()
    ]
    assert fonts
    assert all("FiraGO" in font for font in fonts)
    # Readers give Arabic back by line and word in an order of their own.
    shown = Counter("".join(page.extract_text() for page in reader.pages))
    wanted = Counter(ch for ch in ARABIC + RIGHT_TO_LEFT.question if ch.isalpha())
    assert not wanted - shown


def test_pages_are_numbered_and_sources_lead_to_their_reports() -> None:
    data = export([PLAIN] * 3, "pdf", day=DAY, report_url="https://labs.example/{report}")
    pages = PdfReader(io.BytesIO(data)).pages
    ends = [page.extract_text().rstrip().splitlines()[-1] for page in pages]
    assert all(f"{n} / {len(ends)}" in end for n, end in enumerate(ends, 1))
    notes = [note.get_object().get("/A", {}) for p in pages for note in p.get("/Annots", ())]
    links = [note["/URI"] for note in notes if "/URI" in note]
    assert links == [f"https://labs.example/{name}" for name in ("one_report", "two", "three")] * 3


def test_the_pdf_names_symbols_that_no_font_has_and_refuses_letters() -> None:
    data = export([answer(passage("old bullet \uf0a7 here"))], "pdf", day=DAY)
    assert "old bullet ▪ here" in text_of(data, "pdf")
    with pytest.raises(InputError, match=r"U\+12F90.*\.docx or \.html"):
        export([answer(passage("Cypro-Minoan \U00012f90"))], "pdf", day=DAY)
