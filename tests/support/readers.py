"""Reads exported files with other programs' parsers."""

import csv
import io
import json
import re
import zipfile
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import bibtexparser
import docx
import rispy
from bibtexparser.middlewares import LatexDecodingMiddleware
from markdown_it import MarkdownIt
from pypdf import PdfReader


def squeezed(text: str) -> str:
    """Text without white space and without what no document may hold."""
    return "".join(re.sub("[\x00-\x08\ufffe\u202e]", "", text).split())


class Outline(HTMLParser):
    """The tags of some HTML, each closed in its order, with attributes; its text but for style."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(str(html))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in ("br", "hr", "img", "input", "link", "meta"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += "" if "style" in self.open else data

    def all(self, tag: str, cls: str = "") -> list[dict[str, str | None]]:
        return [a for t, a in self.tags if t == tag and cls in (a.get("class") or "")]

    def values(self, name: str) -> list[str]:
        return [attrs[name] or "" for _, attrs in self.tags if name in attrs]

    def is_inert(self) -> None:
        """Asserts that it is whole, fetches nothing and runs nothing."""
        assert self.open == []
        assert {tag for tag, _ in self.tags}.isdisjoint({"script", "img", "iframe", "object"})
        assert not [n for _, attrs in self.tags for n in attrs if n.startswith("on") or n == "src"]


def html_text(page: str) -> tuple[str, list[tuple[str, dict[str, str | None]]]]:
    """The text of a page, without its style, and its tags."""
    outline = Outline(page)
    return outline.text, outline.tags


def text_of(data: bytes, ending: str) -> str:
    """All the text that another program's reader finds in an exported file."""
    if ending == "docx":
        document = docx.Document(io.BytesIO(data))
        cells = [cell for table in document.tables for row in table.rows for cell in row.cells]
        held = [document, *cells]
        return "\n".join(paragraph.text for part in held for paragraph in part.paragraphs)
    if ending == "pdf":
        return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)
    if ending == "md":
        return html_text(rendered(data.decode()))[0]
    if ending == "html":
        return html_text(data.decode())[0]
    if ending == "xlsx":
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            # A text stands in a table of texts, a number in its sheet.
            places = ("xl/worksheets/sheet", "xl/sharedStrings")
            parts = [n for n in book.namelist() if n.startswith(places)]
            return "\n".join("\n".join(ET.fromstring(book.read(n)).itertext()) for n in parts)
    if ending == "csv":
        rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
        return "\n".join(cell for row in rows for cell in row)
    if ending == "bib":
        # The reader's table of TeX commands lacks these two.
        text = re.sub(r"\\textbrace(left|right)\{\}", "¦", data.decode())
        library = bibtexparser.parse_string(text, append_middleware=[LatexDecodingMiddleware()])
        assert not library.failed_blocks
        return "\n".join(str(f.value) for entry in library.entries for f in entry.fields)
    if ending == "ris":
        return json.dumps(rispy.loads(data.decode()), ensure_ascii=False)
    return json.dumps(json.loads(data), ensure_ascii=False)


def sheet_of(data: bytes) -> list[list[str | int]]:
    """The cells of a workbook's first sheet that are not empty, its numbers as numbers."""
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        sheet, shared = (
            ET.fromstring(book.read(f"xl/{name}.xml"))
            for name in ("worksheets/sheet1", "sharedStrings")
        )
    texts = ["".join(item.itertext()) for item in shared]
    return [
        [
            texts[int(value)] if cell.get("t") == "s" else int(value)
            for cell in row
            if (value := "".join(cell.itertext()))
        ]
        for row in sheet.findall(".//{*}row")
    ]


def rendered(markdown: str) -> str:
    return str(MarkdownIt("gfm-like", {"linkify": False}).render(markdown))
