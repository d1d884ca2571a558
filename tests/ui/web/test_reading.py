"""What readers open and keep: reports, links to answers, translated quotes, and briefs."""

import base64
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import docx
import pytest
from fake_engine import HOSTILE, QUOTE, FakeEngine, answer, passage, report, whole
from openai_server import Reply, ScriptedServer
from passages import text_notice
from readers import Outline, text_of

from rag.catalog.tag_fields import ReportInfo
from rag.engine import Engine
from rag.i18n.translations import ENGLISH, translations_for
from rag.index.interface import StoredReport
from rag.settings import Settings
from rag.types import Answer, Citation, Coverage, Notice, Struck
from ui.web import reading
from ui.web.brief import FEW, download, pinned_answer
from ui.web.handlers import Exchange, Visit, seal
from ui.web.history import exchange_from_json, exchange_to_json


def shared(folder: Path) -> Visit:
    """A visit that shares an answer."""
    engine: Any = FakeEngine(settings=Settings(index=folder, share=True))
    exchange = Exchange("What?", answer=engine.ask("What?").answer)
    sealed = replace(exchange, seal=seal(engine, exchange))
    return Visit(engine, sent={"turn": 1}, talk=(sealed,))


def test_an_answer_has_one_link_which_shows_it_and_checks_its_quotes(tmp_path: Path) -> None:
    asked = shared(tmp_path)
    made = reading.freeze(asked)
    assert reading.freeze(asked) == made
    opening = replace(asked, sent={"report": json.loads(made)["query"].removeprefix("report=")})
    page = reading.open_report(opening)
    assert "What?" in page
    assert "Checked now: 2 of 2 quotes stand" in page
    assert QUOTE in Outline(page).text
    (file,) = (tmp_path / reading.FOLDER).iterdir()
    file.write_text(file.read_text().replace(QUOTE, "Nobody wrote this."))
    assert "No longer stands in the report" in reading.open_report(opening)
    # What a browser has changed is not shared.
    own = exchange_to_json(asked.talk[0])
    forged, not_ours = own.replace("What?", "Who?"), json.dumps({"error": reading.NOT_OURS})
    for kept, told in ((own, made), (forged, not_ours)):
        assert reading.freeze(replace(asked, talk=(exchange_from_json(kept),))) == told


@pytest.mark.parametrize("name", ["answer:../x", "answer:" + "0" * 32, "answer:"])
def test_nothing_else_is_shown_and_nothing_kept_unasked(tmp_path: Path, name: str) -> None:
    asked = shared(tmp_path)
    assert "removed" in reading.open_report(replace(asked, sent={"report": name}))
    assert reading.freeze(replace(asked, sent={"turn": 2})) == ""
    asked.engine.settings = Settings(index=tmp_path / "gone", share=True)
    assert json.loads(reading.freeze(asked)) == {"error": reading.NOT_KEPT}
    asked.engine.settings = Settings(index=tmp_path)
    assert reading.freeze(asked) == ""
    assert not (tmp_path / reading.FOLDER).exists()


def test_partners_are_named_without_their_number_or_address() -> None:
    names = ("1. The Board\nIt pays.", "The Board https://b.example\nIt pays.", "No name")
    own = [passage(report(0), n, words, stage="partner") for n, words in enumerate(names)]
    engine: Any = FakeEngine(passages_of=lambda _: own)
    assert reading.partners_of(engine, [report(0)]) == [("The Board", 1)]


@pytest.mark.quality
def test_who_works_on_a_topic_is_told_by_the_latest_year(sample_engine: Engine) -> None:
    page = Outline(reading.render_who(sample_engine, "mobile money", "key", ENGLISH))
    assert page.all("button", "open-report")
    assert "Labs whose reports are about it" in page.text


def test_the_quotes_of_a_number_are_translated_and_marked(server: ScriptedServer) -> None:
    engine: Any = FakeEngine()
    talk = (Exchange("What?", answer=engine.ask("What?").answer),)
    asked = Visit(engine, sent={"turn": 1, "n": 1}, talk=talk)
    assert reading.translated(asked) == ""
    engine.settings = Settings(model="openai:small", openai_base_url=server.url)
    server.say(words := "Les vendeurs <b>gardent</b> les boîtes.")
    told = json.loads(reading.translated(replace(asked, t=translations_for("fr"))))
    assert told["text"] == words
    assert "small" in told["by"]
    sent = json.dumps(server.chats[-1].body, ensure_ascii=False)
    assert QUOTE in sent
    assert "French" in sent
    server.script(Reply(status=500))
    assert "error" in json.loads(reading.translated(asked))
    for event in ({"turn": 2, "n": 1}, {"turn": 1, "n": 99}, {"turn": 1, "n": "1"}, {}):
        assert reading.translated(Visit(engine, sent=event, talk=talk)) == ""


def pinned(*items: dict[str, Any], **more: str) -> dict[str, Any]:
    return {"format": 1, "title": "Markets", "author": "Ama", **more, "items": list(items)}


def quote(report_id: str, *quotes: str, passage: str = "") -> dict[str, Any]:
    return {"kind": "quote", "report": report_id, "passage": passage, "quotes": quotes}


def whole_answer(answer: Answer) -> dict[str, Any]:
    """An answer as it is pinned."""
    talk = (Exchange(answer.question, answer=answer),)
    return pinned_answer(Visit(FakeEngine(), sent={"turn": 1}, talk=talk))


def made(brief: object, ending: str) -> tuple[bytes, str]:
    """The file of a brief, and what the page says to it."""
    file = download(Visit(FakeEngine(), sent={"ending": ending, "brief": brief}))
    return base64.b64decode(file.get("data", "")), file.get("warning") or file.get("error", "")


def text(*items: dict[str, Any], ending: str = "md", **more: str) -> str:
    file, said = made(pinned(*items, **more), ending)
    return file.decode() + said


NOTE = {"kind": "note", "text": "My own view [1]."}
ADDRESS = "https://labs.example/"


def test_answers_quotes_notes_and_counts_become_one_brief() -> None:
    cited = report(0).id
    own = quote(cited, QUOTE, passage="gone")
    counts = {"kind": "table", "text": "Years", "rows": [("2021", "4")]}
    heading = {"kind": "heading", "text": "Next"}
    items = (NOTE, own, whole_answer(answer("What did labs learn?")), counts, heading)
    words = text(*items, address=ADDRESS)
    assert words.startswith("# Markets\n\nAsk the Labs · Ama · ")
    parts = ("[**1. What did labs learn?**](#part-1)", "[**2. Next**](#part-2)", "My own")
    parts += ('<a id="part-1"></a>1\\. What did', "2021: 4", '<a id="part-2"></a>2\\. Next\n')
    places = [words.index(part) for part in parts]
    assert places == sorted(places)
    assert f"{ADDRESS}?report={cited}" in words
    assert QUOTE in words
    assert "<svg" in text(own, ending="html", address=ADDRESS)
    # In Word the code stands beside what it leads to, as in a PDF.
    document = docx.Document(io.BytesIO(made(pinned(own, address=ADDRESS), "docx")[0]))
    origin, code = document.tables[0].rows[0].cells
    assert ADDRESS in "".join(words.text for words in origin.paragraphs)
    assert code._tc.xpath(".//pic:pic")


def test_a_quote_that_two_reports_have_is_kept_of_both_and_once_of_each() -> None:
    pins = [quote(report(n).id, QUOTE) for n in (0, 1, 0)]
    words = text(*pins)
    assert words.count(QUOTE) == 2
    for n in (1, 2):
        assert f"\\[{n}\\]" in words.split("## Annex")[0]
    item = whole_answer(answer(text=f"- Peru: {QUOTE} [1]."))
    assert text(item, *pins).split("## Annex")[0].count(QUOTE) == 2


def test_a_brief_of_notes_becomes_a_pdf() -> None:
    kinds = ("note", "heading", "table")
    pins = [{"kind": kind, "text": f"My {kind}", "rows": [("2021", "4")]} for kind in kinds]
    brief = pinned(*pins, quote("report_0", QUOTE), address=f"{ADDRESS}\x00")
    told = text_of(made(brief, "pdf")[0], "pdf")
    assert [kind for kind in kinds if f"My {kind}" not in told] == []


def test_a_brief_says_what_its_tables_tell_and_has_them_in_its_annex() -> None:
    reports = FakeEngine().catalog.reports
    names = tuple(reports)[: FEW + 1]
    listed = Coverage("list", names, ("Peru",), len(names))
    of_list = answer(text="1 lab, 6 reports:\n- Peru (6)", coverage=listed)
    sides = Coverage("compare", sides=("Peru", "Togo"))
    row = "### Found\n- Peru: Boxes [1].\n- Togo: nothing"
    compared = answer(text=f"Quotes:\n{row}", coverage=sides)
    counts = [(f"20{n}", "1") for n in range(20, 21 + FEW)]
    table = {"kind": "table", "text": "Years", "rows": counts}
    items = (whole_answer(of_list), whole_answer(compared), table)
    first, annex = text(*items).split("## Annex", 1)
    assert "1 lab, 6 reports" in first
    assert "2023: 1; 2024: 1. The whole" in first
    assert "2025: 1" not in first
    assert first.count("The whole table is in the annex.") == 3
    for cells in (reports[names[-1]].title, "| 2025 | 1 |", "Boxes \\[1\\]"):
        assert cells in annex
        assert cells not in first
    # A short list needs no annex: its table stands where the answer has it.
    short = Coverage("list", names[:FEW], ("Peru",), FEW)
    words = text(whole_answer(replace(of_list, coverage=short)))
    assert all(reports[name].title in words for name in names[:FEW])
    assert "annex" not in words.casefold()
    assert all(made(pinned(*items), ending)[0] for ending in ("docx", "pdf"))


def test_what_no_longer_stands_is_left_out_and_damaged_pins_are_refused() -> None:
    source = answer().citations[0].passage
    words = text(quote(source.report.id, "Nobody wrote this.", passage=source.id), NOTE)
    assert "Nobody wrote" not in words
    assert "1 quote no longer stands" in words
    doubted = (Struck("Nine tell of it.", text_notice("Eight do.")), Struck("Gone.", Notice("x")))
    lost = answer(citations=(Citation(1, source, "Nor this."),), text="Nine tell of it. So [1].")
    words = text(whole_answer(replace(lost, doubted=doubted)))
    assert "1 quote no longer stands" in words
    assert "Nine tell of it. \\[?\\] So" in words
    assert "#### \\[?\\] In doubt: 1 sentence\n" in words
    assert "- Nine tell of it. Reason: Eight do.\n" in words
    assert text({"kind": "note", "text": " "}).startswith("# Markets\n")
    assert "Nothing is pinned" in text()
    assert "no brief" in made({"format": 2}, "md")[1]
    assert "no brief" in text({"kind": "script"})
    assert pinned_answer(Visit(FakeEngine(), sent={"turn": 1})) == {}


def drawn(info: ReportInfo, quotes: dict[str, list[str]], at: str = "") -> Outline:
    engine: Any = FakeEngine(passages_of=lambda _: whole(info))
    stored = StoredReport(info, "", unanswered=("Why?",))
    return Outline(reading.render_report(engine, stored, ENGLISH, quotes, at, ""))


def test_a_report_is_laid_out_by_section_and_quotes_are_marked_or_told_as_lost() -> None:
    info = report(0, sdgs=("13. Climate action",), facts={"focal_point": ("ana@example.org",)})
    html = drawn(info, {"report_0#1": [QUOTE]}, at="report_0#4")
    order = ["Challenge", "What is your challenge?", "A long beginning", "Its end.", "Learnings"]
    order += ["Who?", "French", "Le sable.", "What did you learn", QUOTE, "Tags of this report"]
    order += ["13. Climate action", "Sample size: 43", "Not answered: 1 form question"]
    places = [html.text.index(text) for text in order]
    assert places == sorted(places)
    assert html.text.count("What is your challenge?") == 1
    assert len(html.all("mark")) == 1
    assert "example.org" not in html.text
    blocks = [(block["lang"], block.get("class") == "here") for block in html.all("blockquote")]
    assert blocks == [("en", False), ("en", False), ("fr", True), *[("en", False)] * 3]
    assert not html.all("a")
    # A quote that is lost is told, and a quoted tag is marked.
    info = report(0, methods=("Prototyping", "Paper prototyping"))
    lost = drawn(info, {"report_0#1": ["Never said"]})
    assert "The quoted words are no longer in this report" in lost.text
    assert not lost.all("mark")
    assert "Never said" not in lost.text
    tagged = drawn(info, {"report_0#tags": ["[[methods:prototyping]]"]})
    assert len(tagged.all("mark")) == 1
    assert tagged.all("section", "tags here")


def test_only_a_report_of_the_index_is_opened() -> None:
    engine = FakeEngine()
    talk = (Exchange("Q?", answer=answer("Q?")),)

    def opened(**changed: object) -> Outline:
        event = {"report": "report_0", "turn": 1, "n": 1} | changed
        return Outline(reading.open_report(Visit(engine, sent=event, talk=talk)))

    assert len(opened().all("mark")) == 1
    for turn, n in ((0, 1), (2, 1), ("1", 1), (1, 9), (1, "1"), (None, None)):
        assert not opened(turn=turn, n=n).all("mark")
    # A number of another report marks nothing in this one.
    assert not opened(report="report_5").all("mark")
    for wrong in ("report_99", "../../etc/passwd", None, 7, ["report_0"], HOSTILE):
        missing = opened(report=wrong)
        assert "has been removed" in missing.text
        assert not missing.all("blockquote")
        missing.is_inert()
    engine.settings = Settings(report_url="https://archive.example/{report}")
    (link,) = opened().all("a")
    assert link["href"] == "https://archive.example/report_0"


def test_a_lab_s_page_has_its_years_methods_and_reports() -> None:
    def opened(name: str) -> Outline:
        return Outline(reading.open_report(Visit(FakeEngine(), sent={"report": name})))

    page = opened("lab:Peru")
    assert "Summarise this lab" in page.text
    assert "Prototyping" in page.text
    years = re.findall(r"20\d\d(?=Planned|Learned)", page.text)
    assert years == sorted(years, reverse=True) != []
    assert page.all("button", "open-report")
    assert "removed" in opened("lab:Atlantis").text
    # A report's page leads to it.
    page = opened("report_0")
    assert "The same line of work" in page.text
    assert page.all("button", "open-report")[0]["data-report"] == "lab:Peru"
