"""The Explore and Quality views: counts, the map, what a click may ask, figures in words."""

import re
from pathlib import Path

from fake_engine import HOSTILE, report
from ferries import engine_of
from runs import case, outcome, reported

from eval.report import load_summary
from eval.run import Outcome
from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import Filters
from rag.engine import Engine
from rag.i18n.translations import ENGLISH
from ui.web.handlers import Visit
from ui.web.views import find, find_words, question, render_explore, render_quality

CATALOG = Catalog(report(i) for i in range(12))
TITLE, SDG = "Cool boxes at the market, part 0", "13. Climate action"


def test_bars_tell_what_each_value_leaves_with_the_other_filters() -> None:
    drawn = render_explore(CATALOG, Filters(country=("Peru",), year=(2021,)), ENGLISH)
    assert "1 report of 1 lab" in drawn
    labs, years = (drawn[drawn.index(f'data-field="{field}"') :] for field in ("country", "year"))
    assert 'aria-pressed="true" aria-label="Peru: 1 report"' in labs
    assert 'aria-label="Togo: 1 report"' in labs
    bars = re.findall(r'data-value="(2\d+)" aria-pressed="(\w+)"', years)
    assert bars == [("2021", "true"), ("2022", "false"), ("2023", "false"), ("2024", "false")]
    # A chosen value stays, to be taken away, also where no report has it.
    none = render_explore(Catalog([]), Filters(theme=("Markets",)), ENGLISH)
    assert 'data-value="Markets" aria-pressed="true"' in none


def test_a_value_or_a_report_that_the_collection_has_is_asked_about() -> None:
    for choice, asked in (
        ({"field": "country", "value": "Peru"}, "What has been done in Peru?"),
        ({"field": "sdg", "value": SDG}, "What did the labs learn about climate action?"),
        ({"report": "report_0"}, f"What is “{TITLE}” about?"),
        ({"field": "theme", "value": "Gold"}, ""),
        ({"field": ["theme"], "value": {"$ne": ""}}, ""),
        ({"field": "year", "value": "2021; drop"}, ""),
        ({"report": HOSTILE}, ""),
    ):
        assert question(Catalog([report(0, sdgs=(SDG,))]), choice, ENGLISH) == asked


def test_figures_have_their_interval_n_and_words(tmp_path: Path) -> None:
    outcomes = [
        *(outcome(case(f"s{i}"), **{"rep@10": float(i > 0), "quote_ok": 1.0}) for i in range(4)),
        outcome(case("u", "unanswerable"), refusal_ok=0.0),
        Outcome(case("e"), error="ModelError: gone"),
    ]
    summary = load_summary(reported(tmp_path / "run", *outcomes) / "summary.json")
    html = render_quality(summary, "f1", ENGLISH)
    estimate = summary.groups["single"].metrics["rep@10"]
    for words in (
        "<b>3 of 4</b><div>questions about one report: the right report is among",
        "<span>75%, 95 % interval 30–95%</span>",
        f'<span class="interval">{estimate.low * 100:.0f}–{estimate.high * 100:.0f}% · n 4',
        "Not in the reports",
        "1 question failed and is in no figure.",
        "6 questions",
        "10 ms",
        "f1: the index that is being served",
        "<b>4 of 4</b><div>answers with quotes: every quote stands word for word",
    ):
        assert words in html, words
    served = render_quality(summary, "f2", ENGLISH)
    assert "f1: not the index that is being served now (f2)" in served
    failed = load_summary(reported(tmp_path / "failed", outcomes[-1]) / "summary.json")
    assert "No question was answered." in render_quality(failed, "f1", ENGLISH)


def test_every_report_with_a_phrase_is_found_and_its_words_marked(quick_engine: Engine) -> None:
    passage = max(quick_engine.passages, key=lambda p: len(p.text))
    phrase = " ".join(passage.text.split()[3:7])
    texts = ((p.report, f"{p.report.title} {p.text}".casefold()) for p in quick_engine.passages)
    having = {r.id for r, text in texts if phrase.casefold() in " ".join(text.split())}
    found = find_words(quick_engine.index, f'"{phrase}"', passage.language, Filters())
    assert {each.passage.report.id for each in found} >= having != set()
    own = next(each for each in found if each.passage.report.id == passage.report.id)
    assert any(marked for _, marked in own.pieces)
    assert "".join(text for text, _ in own.pieces).strip("… ") in own.passage.text
    assert find_words(quick_engine.index, f'"{phrase[::-1]}"', "en", Filters()) == []

    # Filters narrow it, and nothing is found of nothing.
    def drawn(words: object, filters: Filters = Filters()) -> str:
        return find(Visit(quick_engine, sent={"words": words}, chosen=filters))

    assert "open-report" in drawn("community")
    assert "open-report" not in drawn("community", Filters(year=(1990,)))
    assert drawn(" ") == drawn(None) == ""
    assert "0 reports" in drawn("zzzq <b>")


def test_a_contact_that_a_piece_cuts_is_masked(tmp_path: Path) -> None:
    text = f"## Answer\n\nOur ferry {'waits ' * 27}for somebody.else@example.org every day.\n"
    index = engine_of(tmp_path, {"ferry": f"# Ferry\n\n[[country:Togo]]\n\n{text}"}).index
    shown, plain = (
        "".join(piece for piece, _ in found.pieces)
        for mask in (True, False)
        for found in find_words(index, "ferry", "en", Filters(), mask=mask)
    )
    assert "somebody" in plain
    assert "somebody" not in shown
    # Nor does a search tell that it stands there.
    assert find_words(index, '"waits for" ferry', "en", Filters())
    for words in ("somebody", "example.org", 'ferry "for somebody"', 'ferry "some"'):
        assert find_words(index, words, "en", Filters()) == []
