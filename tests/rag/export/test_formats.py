"""Each export format, opened with a reader that is not ours, and JSON as the contract has it."""

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
from contract import is_answer
from docx.document import Document
from hypothesis import given, settings
from pypdf import PdfReader
from readers import html_text, rendered, sheet_of, squeezed, text_of

from rag.errors import InputError
from rag.export.answer_json import answer_from_dict, answer_to_dict, answers_from_json
from rag.export.formats import FORMATS, export
from rag.export.lines import right_to_left
from rag.types import Answer

DAY = date(2025, 11, 25)
URL = "https://labs.example/{report}"
LINKS = [f"https://labs.example/{name}" for name in ("one_report", "two", "three")]


def document(*of: Answer) -> Document:
    return docx.Document(io.BytesIO(export(of, "docx", day=DAY, report_url=URL)))


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_holds_question_quotes_and_numbers_the_same_each_time(ending: str) -> None:
    solution = passage("Nets dry.", report="solution")
    of_innovator = answer(replace(solution, report=replace(solution.report, kind="solution")))
    data = export([PLAIN, RIGHT_TO_LEFT, of_innovator], ending, day=DAY)
    assert data == export([PLAIN, RIGHT_TO_LEFT, of_innovator], ending, day=DAY)
    words = squeezed(text_of(data, ending).replace("\\n", ""))
    assert squeezed(PLAIN.question) in words
    assert "innovator" in words.casefold()
    for citation in PLAIN.citations:
        assert squeezed(citation.quote) in words
        assert squeezed(citation.passage.report.title) in words
        if ending not in ("csv", "xlsx", "json"):
            assert f"[{citation.n}]" in words
    assert "labs.example" not in words
    # Text of reports is text.
    words = squeezed(text_of(export([EVIL], ending, HOSTILE, day=DAY), ending))
    assert squeezed("#import") in words
    if ending in ("md", "html", "docx", "pdf", "csv", "xlsx"):
        # The answer's Markdown is laid out, so the quote is where the words must be whole.
        for line in HOSTILE.split("\n"):
            assert squeezed(line) in words, line
    assert squeezed("<b onclick=x>bold</b>") in words.replace('\\"', '"')


@pytest.mark.parametrize("ending", ["md", "html"])
def test_nothing_of_a_report_becomes_markup(ending: str) -> None:
    data, plain = (export([one], ending, HOSTILE, day=DAY).decode() for one in (EVIL, PLAIN))
    page, ours = (rendered(made) if ending == "md" else made for made in (data, plain))
    _, tags = html_text(page)
    known = {name for name, _ in html_text(ours)[1]}
    assert {name for name, _ in tags} - known <= {"h4", "li", "ul", "ol", "p", "del"}
    for _, attrs in tags:
        assert (attrs.get("href") or "#").startswith("#")
        assert not [key for key in attrs if key.startswith("on") or key == "src"]
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
    # One numbering runs through the answers, and the contents lead to each of them.
    assert targets == {f"#source-{n}" for n in (1, 2, 3, 4)} | {"#part-1", "#part-2"}
    assert targets == {f"#{name}" for name in ids}
    assert ("blockquote", {"lang": "ar", "dir": "rtl"}) in tags
    # Where reports have addresses, each source leads to its own.
    for ending in ("md", "html"):
        page = export([PLAIN], ending, day=DAY, report_url=URL).decode()
        _, tags = html_text(rendered(page) if ending == "md" else page)
        links = [str(attrs["href"]) for name, attrs in tags if name == "a"]
        assert [link for link in links if not link.startswith("#")] == LINKS


def test_in_word_paragraphs_run_in_their_direction_and_notes_lead_to_sources() -> None:
    opened = document(replace(RIGHT_TO_LEFT, language="ar"), PLAIN)
    for paragraph in opened.paragraphs:
        turned = bool(paragraph._p.pPr.xpath("w:bidi"))
        # The product's own words do, and of others those that begin so.
        own = paragraph.style.name in ("Facts", "Heading 2", "Producer")
        assert turned or not (own or right_to_left(paragraph.text)), paragraph.text
    quote = next(p for p in opened.paragraphs if p.text == ARABIC)
    assert [run.text for run in quote.runs if not run.font.rtl] == ["mobile"]
    english = next(p for p in opened.paragraphs if "What did you learn?" in p.text)
    # What is in Latin letters keeps its question mark on its own end.
    assert english.runs[-1].text == "\u200eWhat did you learn?\u200e"
    assert opened.core_properties.language == "ar"
    # Notes lead to sources, and pages are numbered and dated.
    opened = document(PLAIN)
    anchors = opened.element.xpath("//w:hyperlink/@w:anchor")
    assert anchors
    assert set(anchors) <= set(opened.element.xpath("//w:bookmarkStart/@w:name"))
    relations = opened.part.rels.values()
    assert {r.target_ref for r in relations if r.is_external} == set(LINKS)
    footer = opened.sections[0].footer
    assert footer._element.xpath("//w:fldSimple/@w:instr") == ["PAGE", "NUMPAGES"]
    assert opened.core_properties.created.date() == DAY


def test_a_pdf_is_tagged_and_numbered_carries_its_fonts_and_leads_to_its_reports() -> None:
    reader = PdfReader(io.BytesIO(export([RIGHT_TO_LEFT], "pdf", "Souks", day=DAY)))
    assert reader.metadata.title == "Souks"
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert str(reader.trailer["/Root"]["/Lang"]).startswith("en")
    fonts = [f for page in reader.pages for f in page["/Resources"]["/Font"].values()]
    assert fonts
    assert all("FiraGO" in str(font.get_object()["/BaseFont"]) for font in fonts)
    # Readers give Arabic back by line and word in an order of their own.
    shown = Counter("".join(page.extract_text() for page in reader.pages))
    wanted = Counter(ch for ch in ARABIC + RIGHT_TO_LEFT.question if ch.isalpha())
    assert not wanted - shown
    data = export([PLAIN] * 3, "pdf", day=DAY, report_url=URL)
    pages = PdfReader(io.BytesIO(data)).pages
    ends = [page.extract_text().rstrip().splitlines()[-1] for page in pages]
    assert all(f"{n} / {len(ends)}" in end for n, end in enumerate(ends, 1))
    notes = [note.get_object().get("/A", {}) for p in pages for note in p.get("/Annots", ())]
    # Each report once, however many answers cite it.
    assert [note["/URI"] for note in notes if "/URI" in note] == LINKS
    # It names symbols that no font has, and refuses letters.
    data = export([answer(passage("old bullet \uf0a7 here"))], "pdf", day=DAY)
    assert "old bullet ▪ here" in text_of(data, "pdf")
    with pytest.raises(InputError, match=r"U\+12F90.*\.docx or \.html"):
        export([answer(passage("Cypro-Minoan \U00012f90"))], "pdf", day=DAY)


def test_rows_are_never_formulas_and_say_where_a_quote_stands() -> None:
    starts = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "\x00=1"]
    cited = answer(*(passage(start, report=f"r{i}") for i, start in enumerate(starts)))
    first, *others = cited.citations
    known = replace(cited, citations=(replace(first, span=(12, 90)), *others))
    data = export([known], "csv", report_url=URL).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(data, newline=""), strict=True))
    assert len(rows) == len(starts)
    assert all(row["quote"].startswith("'") for row in rows)
    places = [(row["start"], row["end"], row["link"]) for row in rows[:2]]
    assert places == [("12", "90", URL.format(report="r0")), ("", "", URL.format(report="r1"))]


def test_a_workbook_has_titles_and_values_as_they_are_and_numbers_to_sum() -> None:
    titles = ["Phase 2 300 households: 1,000 nets", "2023", "1.500"]
    known = [passage("Nets dry.", report=title, title=title) for title in titles]
    found = answer(*known)
    listed = replace(found.coverage, intent="list", reports=tuple(titles))
    head, *rows = sheet_of(export([replace(found, coverage=listed)], "xlsx"))
    assert head == ["Country", "Year", "Kind", "Report"]
    assert [row[1] for row in rows] == [2023] * 3
    assert [row[3] for row in rows] == titles
    counted = (("More than 1,000", 1234), ("1.500 USD", 3), ("2023", 2))
    table = replace(listed, table=counted, grouped_by="budget")
    _, *rows = sheet_of(export([replace(found, coverage=table)], "xlsx"))
    assert rows == [list(row) for row in counted]


def test_references_have_one_entry_per_report_with_all_it_is_cited_for() -> None:
    more = passage("Once more."), passage("Of a like name.", report="two ")
    twice = [PLAIN, answer(*more, question="A second question?")]
    bib, ris = (export(twice, ending, report_url=URL).decode() for ending in ("bib", "ris"))
    *entries, _ = rispy.loads(ris)
    assert [entry["id"] for entry in entries] == ["one_report", "two", "three"]
    assert entries[0]["type_of_reference"] == "RPRT"
    assert entries[0]["authors"] == ["Côte d’Ivoire", "Perú"]
    assert "[1] “Once more.” (Énoncé du défi)" in entries[0]["notes"]
    assert [entry["urls"] for entry in entries] == [[link] for link in LINKS]
    first, *_ = cited = bibtexparser.parse_string(bib).entries
    assert [entry.key for entry in cited] == ["one-report", "two", "three", "two-2"]
    assert [first[key] for key in ("year", "langid")] == ["2023", "french"]
    assert "A second question?" in first["annote"]
    assert [entry["url"] for entry in cited[:3]] == LINKS
    # A report can't add entries.
    assert len(rispy.loads(export([EVIL], "ris").decode())) == 1
    text = export([EVIL], "bib").decode()
    assert len(bibtexparser.parse_string(text).entries) == 1
    assert text.count("{") == text.count("}")


@pytest.mark.slow
def test_long_lists_and_long_texts_are_soon_written() -> None:
    for ending, size in (("md", 1001), ("html", 1001), ("docx", 1001), ("pdf", 300)):
        cited = answer(*(passage(f"[[method:m{i}]]", report=f"r{i}") for i in range(size)))
        words = squeezed(text_of(export([cited], ending, day=DAY), ending))
        assert f"Sentence{size}[{size}]." in words
        assert f"[[method:m{size - 1}]]" in words
    long = answer(passage("word " * 100_000), text="x" + " " * 1_000_000 + "[1]" + "*" * 100_000)
    for ending in ("md", "html", "docx", "csv", "bib", "ris", "json"):
        assert len(export([long], ending, day=DAY)) > 2_000


@settings(max_examples=16)
@given(answers())
def test_any_answer_can_be_exported_and_read_back(any_answer: Answer) -> None:
    for ending in ("md", "html", "docx", "csv", "ris", "bib", "xlsx"):
        data = export([any_answer], ending, any_answer.question, day=DAY)
        assert text_of(data, ending) is not None
    written = json.dumps(answer_to_dict(any_answer, "x"))
    assert answer_from_dict(json.loads(written)) == any_answer
    assert answers_from_json(export([any_answer], "json")) == (any_answer,)


def test_json_has_the_keys_and_types_of_the_contract() -> None:
    data = answer_to_dict(PLAIN, "q1")
    is_answer(data)
    assert data["timings"] == {"plan_ms": 1, "retrieve_ms": 50, "answer_ms": 7}
    assert data["tokens"] == {"prompt": 3, "completion": 4}
    assert data["coverage"]["filters"] == {"year": [2023]}
    assert data["citations"][0]["country"] == "Côte d’Ivoire, Perú"
    assert data["id"] == "q1"
    # It is read back as an object and as lines.
    line = json.dumps(data).encode()
    assert answers_from_json(line) == (PLAIN,)
    assert answers_from_json(line + b"\n" + line) == (PLAIN, PLAIN)


def test_bad_answers_and_files_that_are_none_are_refused() -> None:
    for path, value, named in (
        (("question",), None, "question"),
        (("coverage", "filters"), {"colour": ["red"]}, r"filters\.colour"),
        (("detail", "ignored"), {"year": [True]}, r"ignored\.year\.0"),
        (("passages",), [], "zip"),
        (("detail", "passages", 0, "info"), 9, "out of range"),
        (("detail", "citations", 0), {"passage": 9}, "out of range"),
        (("detail",), [], "wrong kind"),
    ):
        data = inner = answer_to_dict(PLAIN)
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = value
        lines = "\n".join(map(json.dumps, (answer_to_dict(PLAIN), data))).encode()
        with pytest.raises(InputError, match=rf"a\.jsonl, line 2 .*{named}"):
            answers_from_json(lines, "a.jsonl")
    # Python's JSON reads numbers that no file can hold, and so does REST.
    for huge in (float("nan"), float("inf"), 10**400):
        wrong = {"detail": {"timings": {"plan_ms": huge}}, "coverage": {"matched_reports": huge}}
        for part, values in wrong.items():
            data = answer_to_dict(PLAIN)
            data[part] |= values
            with pytest.raises(InputError, match="not what asklabs wrote"):
                answer_from_dict(data)
    no_json = dict.fromkeys((b"{nope", b'{"id": NaN}'), "not JSON")
    for file, named in {b"\xff": "UTF-8", b"[3]": "asklabs wrote", **no_json}.items():
        with pytest.raises(InputError, match=named):
            answers_from_json(file)
