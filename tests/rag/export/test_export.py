"""Exports, each opened with a reader that is not ours."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from dataclasses import replace
from datetime import date

import bibtexparser
import docx
import pytest
import rispy
from answers import ARABIC, EVIL, HOSTILE, PLAIN, RIGHT_TO_LEFT, answer, answers, passage
from hypothesis import given, settings
from pypdf import PdfReader
from readers import html_text, rendered, squeezed, text_of

from rag.errors import InputError
from rag.export.formats import FORMATS, ending_of, export
from rag.types import Answer, Coverage

DAY = date(2025, 11, 25)


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_holds_the_question_each_quote_and_each_number(ending: str) -> None:
    words = squeezed(text_of(export([PLAIN], ending, day=DAY), ending).replace("\\n", ""))
    assert squeezed(PLAIN.question) in words
    for citation in PLAIN.citations:
        assert squeezed(citation.quote) in words
        assert squeezed(citation.passage.report.title) in words
        assert squeezed(citation.passage.section) in words
        if ending not in ("csv", "json"):
            assert f"[{citation.n}]" in words
    assert "2023" in words


@pytest.mark.parametrize("ending", ["md", "html", "docx", "pdf"])
def test_a_brief_says_what_it_rests_on(ending: str) -> None:
    data = export([PLAIN], ending, "What the markets say", day=DAY)
    words = squeezed(text_of(data, ending))
    for said in (
        "What the markets say",
        "25 November 2025",
        "Rests on: 3 reports of 2 labs, 2023",
        "Côte d’Ivoire, Perú, 2023",
        "Closing",
        "Form question: What did you learn?",
        "The quote supports the sentence in part",
        "Read 12 passages from 9 reports; the answer rests on 1 report of 1 lab; "
        "32 more reports matched and were not read.",
        "Quoted sentences, no language model",
        "f00dcafe",
        "Sentence 2",
        "a step",
    ):
        # Labels and values stand in different cells of the page.
        assert squeezed(said) in words or squeezed(said.replace(": ", "")) in words, said
    assert words.index("Restson") < words.index(squeezed(PLAIN.question))
    assert "Trust" in words
    assert "**" not in words
    assert "Year:2023" in words


@pytest.mark.parametrize("ending", FORMATS)
def test_equal_input_gives_equal_bytes(ending: str) -> None:
    first, second = (export([PLAIN, RIGHT_TO_LEFT], ending, day=DAY) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("ending", FORMATS)
def test_text_of_reports_is_text_in_every_format(ending: str) -> None:
    words = squeezed(text_of(export([EVIL], ending, HOSTILE, day=DAY), ending))
    assert squeezed("#import") in words
    if ending in ("md", "html", "docx", "pdf", "csv"):
        # The answer's Markdown is laid out, so the quote is where the words must be whole.
        for line in HOSTILE.split("\n"):
            assert squeezed(line) in words, line
    assert squeezed("<b onclick=x>bold</b>") in words.replace('\\"', '"')


@pytest.mark.parametrize("ending", ["md", "html"])
def test_nothing_of_a_report_becomes_markup(ending: str) -> None:
    data = export([EVIL], ending, HOSTILE, day=DAY).decode()
    page = rendered(data) if ending == "md" else data
    _, tags = html_text(page)
    plain = export([PLAIN], ending, day=DAY).decode()
    ours = {name for name, _ in html_text(rendered(plain) if ending == "md" else plain)[1]}
    assert {name for name, _ in tags} - ours <= {"h4", "li", "ul", "ol", "p"}
    assert all(not key.startswith("on") for _, attrs in tags for key in attrs)
    for _, attrs in tags:
        assert (attrs.get("href") or "#").startswith("#")
        assert "src" not in attrs
    for quote in re.findall("<blockquote.*?</blockquote>", page, re.DOTALL):
        assert {name for name, _ in html_text(quote)[1]} == {"blockquote", "p"}
    # Bare addresses would be made links by GitHub.
    if ending == "md":
        assert not re.search(r"https?://|www\.|\w@\w", data)


def test_the_page_asks_the_network_for_nothing_and_its_notes_lead_to_sources() -> None:
    data = export([PLAIN, RIGHT_TO_LEFT], "html", day=DAY).decode()
    assert "default-src 'none'" in data
    assert not re.search(r"https?://|url\(|@import|<script|<link", data)
    _, tags = html_text(data)
    ids = {attrs["id"] for _, attrs in tags if "id" in attrs}
    targets = {attrs["href"] for name, attrs in tags if name == "a"}
    assert targets == {f"#source-1-{n}" for n in (1, 2, 3)} | {"#source-2-1"}
    assert targets == {f"#{name}" for name in ids}
    assert ("blockquote", {"lang": "ar", "dir": "rtl"}) in tags


def test_word_is_told_what_runs_right_to_left() -> None:
    document = docx.Document(io.BytesIO(export([RIGHT_TO_LEFT], "docx", day=DAY)))
    paragraph = next(p for p in document.paragraphs if p.text == ARABIC)
    assert paragraph._p.pPr.xpath("w:bidi")
    assert [run.text for run in paragraph.runs if not run.font.rtl] == ["mobile"]
    title = next(p for p in document.paragraphs if "أسواق بلا نقود" in p.text)
    words = [run.text.strip("\u200e\u200f") for run in title.runs if run.font.rtl]
    assert words == ["أسواق بلا نقود"]
    assert document.core_properties.created.date() == DAY
    anchors = document.element.xpath("//w:hyperlink/@w:anchor")
    assert set(anchors) <= set(document.element.xpath("//w:bookmarkStart/@w:name"))
    assert anchors


def test_the_pdf_is_tagged_carries_its_fonts_and_has_every_arabic_letter() -> None:
    reader = PdfReader(io.BytesIO(export([RIGHT_TO_LEFT], "pdf", "Souks", day=DAY)))
    assert reader.metadata is not None
    assert reader.metadata.title == "Souks"
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    fonts = {str(font) for page in reader.pages for font in _fonts(page)}
    assert fonts
    assert all("FiraGO" in font for font in fonts)
    # Readers give Arabic back by line and word in an order of their own.
    shown = Counter("".join(page.extract_text() for page in reader.pages))
    wanted = Counter(ch for ch in ARABIC + RIGHT_TO_LEFT.question if ch.isalpha())
    assert not wanted - shown


def _fonts(page: object) -> list[str]:
    resources = page["/Resources"]["/Font"]  # type: ignore[index]
    return [font.get_object()["/BaseFont"] for font in resources.values()]


def test_the_pdf_names_symbols_that_no_font_has_and_refuses_letters() -> None:
    data = export([answer(passage("old bullet \uf0a7 here"))], "pdf", day=DAY)
    assert "old bullet ▪ here" in text_of(data, "pdf")
    with pytest.raises(InputError, match=r"U\+12F90.*\.docx or \.html"):
        export([answer(passage("Cypro-Minoan \U00012f90"))], "pdf", day=DAY)


def test_cells_are_never_formulas() -> None:
    starts = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "\x00=1"]
    cited = answer(*(passage(start, report=f"r{i}") for i, start in enumerate(starts)))
    rows = csv.DictReader(
        io.StringIO(export([cited], "csv").decode("utf-8-sig"), newline=""), strict=True
    )
    quotes = [row["quote"] for row in rows]
    assert len(quotes) == len(starts)
    assert all(quote.startswith("'") for quote in quotes)


def test_rows_say_where_a_quote_stands() -> None:
    first, *_ = PLAIN.citations
    known = replace(PLAIN, citations=(replace(first, span=(12, 90)), first))
    rows = list(csv.DictReader(io.StringIO(export([known], "csv").decode("utf-8-sig"))))
    assert [(row["start"], row["end"]) for row in rows] == [("12", "90"), ("", "")]


def test_references_have_one_entry_per_report_with_all_it_is_cited_for() -> None:
    twice = [PLAIN, answer(passage("Once more."), question="A second question?")]
    ris = rispy.loads(export(twice, "ris").decode())
    library = bibtexparser.parse_string(export(twice, "bib").decode())
    assert [entry["id"] for entry in ris] == ["one_report", "two", "three"]
    assert [entry.key for entry in library.entries] == ["one-report", "two", "three"]
    assert ris[0]["type_of_reference"] == "RPRT"
    assert ris[0]["authors"] == ["Côte d’Ivoire", "Perú"]
    assert "[1] “Once more.” (Énoncé du défi)" in ris[0]["notes"]
    items = json.loads(export(twice, "csl.json"))
    assert [item["id"] for item in items] == ["one-report", "two", "three"]
    assert items[0]["author"] == [{"literal": "Côte d’Ivoire"}, {"literal": "Perú"}]
    assert items[0]["issued"] == {"date-parts": [[2023]]}
    assert library.entries[0]["year"] == "2023"
    assert "A second question?" in library.entries[0]["annote"]


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


def test_a_refusal_shows_the_nearest_passages() -> None:
    refusal = replace(PLAIN, text="The reports don't say.", refused=True, citations=())
    words = export([refusal], "md", day=DAY).decode()
    assert "### Nearest passages" in words
    assert "### Sources" not in words
    assert "Read 12 passages from 9 reports; 32 more" in words
    cited = export([replace(PLAIN, refused=True)], "md", day=DAY).decode()
    assert "### Nearest passages" in cited
    assert "Status" not in cited


def test_a_complete_list_is_complete() -> None:
    coverage = Coverage("list", ("one_report", "not_among_the_passages"), ("Perú",), 2)
    bare = replace(PLAIN, coverage=coverage, citations=(), mode="catalogue")
    words = export([bare], "md", day=DAY).decode()
    assert "### Reports (2)" in words
    assert "- Côte d’Ivoire, Perú, 2023: A title (one\\_report)" in words
    assert "- not\\_among\\_the\\_passages" in words
    assert "The complete list, counted: 2 reports of 1 lab." in words
    assert "Counted from the reports' tags" in words


def test_a_list_of_more_than_a_thousand_reports_is_soon_written() -> None:
    cited = answer(*(passage(f"[[method:m{i}]]", report=f"r{i}") for i in range(1200)))
    ids = tuple(citation.passage.report.id for citation in cited.citations)
    whole = replace(cited, coverage=Coverage("list", ids, ("Perú",), 1200))
    for ending in ("md", "html", "docx", "pdf"):
        words = squeezed(text_of(export([whole], ending, day=DAY), ending))
        assert "Sentence1200[1200]." in words
        assert "[[method:m1199]]" in words
        assert "Furtherreports" not in words
        assert "Formquestion" not in words


@pytest.mark.parametrize("ending", ["md", "html", "docx", "pdf"])
def test_a_number_with_two_quotes_is_one_source(ending: str) -> None:
    again = replace(PLAIN.citations[0], quote="A second quote.", status="supported")
    both = replace(PLAIN, citations=(PLAIN.citations[0], again), mode="openai:small")
    words = squeezed(text_of(export([both], ending, day=DAY), ending))
    assert words.count("[1]C") == 1
    assert squeezed(PLAIN.citations[0].quote) in words
    assert "Asecondquote." in words
    assert words.count("Status:Thequotesupportsthesentence") == 2


def test_unknown_endings_and_nothing_to_export_are_said() -> None:
    with pytest.raises(InputError, match=r"'xls'.*docx, pdf, .*, bib, ris, csl\.json"):
        export([PLAIN], "xls")
    with pytest.raises(InputError, match="Ask a question first"):
        export([], "md")
    assert export([PLAIN], ".MD", day=DAY) == export([PLAIN], "md", day=DAY)
    assert export([PLAIN], "csl") == export([PLAIN], "csl.json")


def test_the_ending_of_a_name_says_the_format() -> None:
    names = ("a.md", "A.PDF", "b.csl.json", "b.json", "x.csl", "archive.tar.gz", "none", ".bib")
    wanted = ["md", "pdf", "csl.json", "json", "csl", "gz", "", "bib"]
    assert [ending_of(name) for name in names] == wanted


def test_a_million_characters_and_a_million_spaces_are_soon_written() -> None:
    long = answer(passage("word " * 100_000), text="x" + " " * 1_000_000 + "[1]" + "*" * 100_000)
    for ending in ("md", "html", "docx", "csv", "bib", "ris", "json"):
        assert len(export([long], ending, day=DAY)) > 2_000


@settings(max_examples=25, deadline=None)
@given(answers())
def test_any_answer_can_be_exported(one: Answer) -> None:
    for ending in ("md", "html", "docx", "csv", "ris"):
        assert text_of(export([one], ending, one.question, day=DAY), ending) is not None
    library = bibtexparser.parse_string(export([one], "bib").decode())
    assert len(library.entries) == len({c.passage.report.id for c in one.citations})
