"""Each export format, opened with a reader that is not ours."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import date

import pytest
from answers import EVIL, HOSTILE, PLAIN, RIGHT_TO_LEFT, answer, answers, passage
from hypothesis import given, settings
from readers import html_text, rendered, squeezed, text_of

from rag.errors import InputError
from rag.export.formats import FORMATS, ending_of, export
from rag.types import Answer, Coverage

DAY = date(2025, 11, 25)
URL = "https://labs.example/{report}"
LINKS = [f"https://labs.example/{name}" for name in ("one_report", "two", "three")]


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_holds_question_quotes_and_numbers_the_same_each_time(ending: str) -> None:
    data = export([PLAIN, RIGHT_TO_LEFT], ending, day=DAY)
    assert data == export([PLAIN, RIGHT_TO_LEFT], ending, day=DAY)
    words = squeezed(text_of(data, ending).replace("\\n", ""))
    assert squeezed(PLAIN.question) in words
    for citation in PLAIN.citations:
        assert squeezed(citation.quote) in words
        assert squeezed(citation.passage.report.title) in words
        if ending not in ("csv", "json"):
            assert f"[{citation.n}]" in words
    assert "labs.example" not in words


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
    assert {name for name, _ in tags} - ours <= {"h4", "li", "ul", "ol", "p", "del"}
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


@pytest.mark.parametrize("ending", ["md", "html"])
def test_every_source_leads_to_its_report(ending: str) -> None:
    page = export([PLAIN], ending, day=DAY, report_url=URL).decode()
    _, tags = html_text(rendered(page) if ending == "md" else page)
    targets = [str(attrs["href"]) for name, attrs in tags if name == "a"]
    assert [target for target in targets if not target.startswith("#")] == LINKS


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


def test_endings_name_formats_and_unknown_ones_are_errors() -> None:
    with pytest.raises(InputError, match=r"'xls'.*docx, pdf, .*, bib, ris, csl\.json"):
        export([PLAIN], "xls")
    with pytest.raises(InputError, match="Ask a question first"):
        export([], "md")
    assert export([PLAIN], ".MD", day=DAY) == export([PLAIN], "md", day=DAY)
    names = ("A.PDF", "b.csl.json", "b.json", "archive.tar.gz", "none")
    assert [ending_of(name) for name in names] == ["pdf", "csl.json", "json", "gz", ""]


@pytest.mark.slow
def test_long_lists_and_long_texts_are_soon_written() -> None:
    cited = answer(*(passage(f"[[method:m{i}]]", report=f"r{i}") for i in range(1200)))
    ids = tuple(citation.passage.report.id for citation in cited.citations)
    whole = replace(cited, coverage=Coverage("list", ids, ("Perú",), 1200))
    for ending in ("md", "html", "docx", "pdf"):
        words = squeezed(text_of(export([whole], ending, day=DAY), ending))
        assert "Sentence1200[1200]." in words
        assert "[[method:m1199]]" in words
    long = answer(passage("word " * 100_000), text="x" + " " * 1_000_000 + "[1]" + "*" * 100_000)
    for ending in ("md", "html", "docx", "csv", "bib", "ris", "json"):
        assert len(export([long], ending, day=DAY)) > 2_000


@settings(max_examples=25)
@given(answers())
def test_any_answer_can_be_exported(any_answer: Answer) -> None:
    for ending in ("md", "html", "docx", "csv", "ris", "bib"):
        data = export([any_answer], ending, any_answer.question, day=DAY)
        assert text_of(data, ending) is not None
