"""Makes up report files for the tests of ingest: small ones, and text broken in every way."""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st

from ingest.form_text import Forms, learn, lesson_of, shipped_forms
from ingest.parser import chunk, parse
from ingest.scan import clean
from rag.types import Passage, Report

TAGS = "[[year:2023]]\n[[type:learningplan]]\n[[country:Peru]]\n"
NO_FORMS = Forms()


def report(body: str, title: str = "Ferry timetable", given: str = TAGS) -> str:
    return f"# {title}\n\n{given}{body}\n"


def parsed(body: str, forms: Forms = NO_FORMS, **kept: str) -> Report:
    return parse("made_up", report(body, **kept), forms)


def answers(report: Report) -> list[tuple[str, str]]:
    return [(block.prompt, block.text) for block in report.blocks]


def texts(report: Report) -> list[str]:
    return [block.text for block in report.blocks]


def learned(*files: str) -> Forms:
    """What files teach, each of its own lab by its country tag, beyond what ships."""
    forms = learn(map(lesson_of, files))
    return replace(forms, paragraphs=forms.paragraphs - shipped_forms().paragraphs)


def passages_of(raw: str, forms: Forms = NO_FORMS) -> list[Passage]:
    return chunk(parse("made_up", raw, forms))


def zipped(members: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return made.getvalue()


def read_back(raw: str, passage: Passage) -> str:
    return "\n".join(clean(raw[a:b]) for a, b in passage.spans)


# The same examples every time, on a slow machine too, and no files written.
steady = settings(deadline=None, derandomize=True, database=None)

_PIECES = [
    *("> ", ">", "> What did you learn?", "## ", "##", "## Results", "# ", "\n", "\n\n", " "),
    *("\u00a0", "\u200b", "\ufeff", "&amp;", "&amp;lt;div&amp;gt;", "&nbsp;", "&#0;", "&#55296;"),
    *('<div class="group">', "</div>", "[[year:2020]]", "[[a:", "]]", "[[", "]", "<br>", "<p a"),
    *("[[sample_size:40]]\n", "\n[[note:", "> Name of the partner:\n", "> Sector:\n", "\n>> so"),
    *("https://a.example/c", "![x](https://b.example/i.png)", "[label](https://c.example)"),
    *("**", "****", "- a", "|a|b|", "word", "Sentence one.", "e.g.", "1)", "(a)", "é", "ß", "İ"),
    *("\ud800", "\x00", "\r", "\x1b[2J", "\u2028", "\u202e", "مرحبا", "漢字", "👩‍👩‍👧", "x" * 50),
]
report_text = st.lists(st.sampled_from(_PIECES) | st.text(max_size=5), max_size=40).map("".join)
