"""A whole report: its layout, quotes and tags, and what a browser may open; see test_feedback."""

import re
from typing import Any

from fake_engine import HOSTILE, QUOTE, FakeEngine, answer, report, whole
from readers import Outline

from rag.catalog.tag_fields import ReportInfo
from rag.i18n.translations import ENGLISH
from rag.index.interface import StoredReport
from rag.settings import Settings
from ui.web.handlers import Exchange, Visit
from ui.web.reading import open_report, render_report


def drawn(
    info: ReportInfo, said: str = "", *, at: str = "", key: str = "", url: str = "", **given: Any
) -> Outline:
    engine: Any = FakeEngine()
    engine.settings = Settings(report_url=url)
    engine.passages_of = lambda _: whole(info, said)
    stored = StoredReport(info, "", unanswered=given.get("unanswered", ()))
    return Outline(render_report(engine, stored, ENGLISH, given.get("quotes", {}), at, key))


def test_a_report_is_laid_out_by_section_and_form_question() -> None:
    info = report(0, sdgs=("13. Climate action",), facts={"focal_point": ("ana@example.org",)})
    quotes = {"report_0#1": [QUOTE]}
    html = drawn(info, quotes=quotes, at="report_0#4", unanswered=["Why?"])
    order = ["Challenge", "What is your challenge?", "A long beginning", "Its end.", "Learnings"]
    order += ["Who?", "French", "Le sable.", "What did you learn", QUOTE, "Tags of this report"]
    order += ["13. Climate action", "Sample size: 43", "Not answered: 1 form question"]
    places = [html.text.index(text) for text in order]
    assert places == sorted(places)
    assert html.text.count("What is your challenge?") == 1
    assert len(html.all("mark")) == 1
    assert "example.org" not in html.text
    blocks = html.all("blockquote")
    assert [block["lang"] for block in blocks] == ["en", "en", "fr", "en", "en", "en"]
    assert [block.get("class") for block in blocks].index("here") == 2
    assert not html.all("a")


def test_a_quote_that_is_lost_is_told_and_a_quoted_tag_is_marked() -> None:
    info = report(0, methods=("Prototyping", "Paper prototyping"))
    lost = drawn(info, quotes={"report_0#1": ["Never said"]})
    assert "The quoted words are no longer in this report" in lost.text
    assert not lost.all("mark")
    assert "Never said" not in lost.text
    tagged = drawn(info, quotes={"report_0#tags": ["[[methods:prototyping]]"]})
    assert len(tagged.all("mark")) == 1
    assert tagged.all("section", "tags here")


def test_only_a_report_of_the_index_is_opened() -> None:
    engine = FakeEngine()
    talk = (Exchange("Q?", answer=answer("Q?")),)

    def opened(**changed: object) -> Outline:
        event = {"report": "report_0", "turn": 1, "n": 1} | changed
        return Outline(open_report(Visit(engine, sent=event, talk=talk)))

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


def test_nothing_from_outside_becomes_markup() -> None:
    tags = dict.fromkeys(("countries", "methods", "sdgs", "thematic_areas"), (HOSTILE,))
    info = report(0, title=HOSTILE, kind=HOSTILE, language=HOSTILE, **tags)
    link = "https://x.example/{report}?a=1&b=2"
    quotes = {f"{info.id}#1": [HOSTILE], f"{info.id}#tags": [HOSTILE]}
    html = drawn(info, HOSTILE, quotes=quotes, unanswered=[HOSTILE], url=link, key=HOSTILE)
    html.is_inert()
    assert html.all("mark")
    assert HOSTILE in html.text
    assert html.all("a")[0]["href"] == link.format(report=info.id)


def test_a_lab_s_page_has_its_years_methods_and_reports() -> None:
    page = Outline(open_report(Visit(FakeEngine(), sent={"report": "lab:Peru"})))
    assert "Summarise this lab" in page.text
    assert "Prototyping" in page.text
    years = re.findall(r"20\d\d(?=Planned|Learned)", page.text)
    assert years == sorted(years, reverse=True) != []
    assert page.all("button", "open-report")
    gone = open_report(Visit(FakeEngine(), sent={"report": "lab:Atlantis"}))
    assert "removed" in gone
    # A report's page leads to it.
    page = Outline(open_report(Visit(FakeEngine(), sent={"report": "report_0"})))
    assert "The same line of work" in page.text
    assert page.all("button", "open-report")[0]["data-report"] == "lab:Peru"
