"""The Survey view: what its address means, its rows, what ten checked rows show."""

import csv
import json
from base64 import b64decode
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

from openai_server import Reply, ScriptedServer

from rag.catalog.tag_fields import Filters
from rag.engine import Engine
from rag.i18n.translations import translations_for
from rag.types import Answer, Coverage
from ui.web.answer import survey_key, survey_reports
from ui.web.handlers import Exchange, Visit, summarise
from ui.web.reading import render_who
from ui.web.survey import Address, Run, count_in_text, download, show

TOPIC = "topic=mobile+money"


def shown(engine: Engine, query: str, run: Run | None = None, **more: Any) -> tuple[str, Run]:
    """The last that the view shows at an address, and the visitor's survey."""
    sent = {"query": query, "step": more.pop("step", "")}
    *_, last = show(Visit(engine, sent=sent, surveyed=run, **more))
    return last["survey"], last["surveyed"]


def test_an_address_leads_to_itself_and_may_hold_anything() -> None:
    asked = Address("mobile money", ("cash", "a&b"), "silent", "x", "-year", "kind", 2, "7", ("0",))
    assert Address.read(asked.link().partition("?")[2]) == asked
    hostile = "topic=%ff&show=x&sort=--year&group=<b>&rows=-1&check=1e9&without=&without=a"
    assert Address.read(hostile) == Address("\ufffd", ("a",))
    assert Address.read(None) == Address()


def test_the_table_follows_its_address_and_a_survey_is_made_once(sample_engine: Engine) -> None:
    html, run = shown(sample_engine, TOPIC)
    assert html.count("<tr>") == len(run.survey.found) + 1
    assert f"<b>{len(run.survey.rows)}</b>" in html
    silent, same = shown(sample_engine, f"{TOPIC}&show=silent&group=year&sort=-title", run)
    assert same is run
    assert silent.count('class="verdict is-silent"') == run.survey.count("silent")
    years = {row.report.year for row in run.survey.rows if row.verdict == "silent"}
    assert silent.count('<tr class="group">') == len(years)
    assert "No row has these words." in shown(sample_engine, f"{TOPIC}&find=zzz", run)[0]
    html, other = shown(sample_engine, f"{TOPIC}&without=cash", run)
    assert other is not run
    assert '<del dir="auto">cash</del>' in html
    assert shown(sample_engine, TOPIC, other)[1] is run
    # A file has all its rows.
    file = download(Visit(sample_engine, sent={"ending": "csv"}, surveyed=run))
    assert file["name"] == "mobile-money.csv"
    assert len([*csv.reader(b64decode(file["data"]).decode("utf-8-sig").splitlines())]) > 32
    assert download(Visit(sample_engine, sent={"ending": "exe"}, surveyed=run)) == {}
    assert download(Visit(sample_engine, sent={"ending": "csv"})) == {}
    # What is no topic, or no report's, ends in a sentence.
    french = translations_for("fr")
    assert "ne nomme aucun sujet" in shown(sample_engine, "topic=hello", t=french)[0]
    assert "ne nomme aucun sujet" in render_who(sample_engine, "hello", "", french)
    assert "No report speaks of “zeppelins”" in shown(sample_engine, "topic=zeppelins")[0]
    assert shown(sample_engine, "")[1] is None


def test_rows_and_cells_of_columns_open_at_their_quotes(sample_engine: Engine) -> None:
    html, run = shown(sample_engine, f"{TOPIC}&columns=What+did+you+learn%3F&columns=Methods")
    assert [column.kind for column in run.survey.columns] == ["form", "tag"]
    row = run.survey.found[0]
    sent = {"report": row.report.id, "turn": -1}
    assert run.quotes(sent) == run.quotes(sent | {"n": ["?"]}) == {row.passage.id: [row.quote]}
    assert run.quotes(sent | {"turn": 1}) == run.quotes({}) == {}
    cells = ((row.report.id, row.cells["What did you learn?"]) for row in run.survey.found)
    report, cell = next((report, cell) for report, cell in cells if cell.passage)
    assert run.quotes({"report": report, "turn": -1, "n": 1}) == {cell.passage.id: [cell.quote]}
    assert html.count('class="cell"') == 2 * len(run.survey.found)
    fewer, same = shown(sample_engine, f"{TOPIC}&columns=Methods", run)
    assert same is run
    assert fewer.count('class="cell"') == len(run.survey.found)


def test_the_rows_that_are_shown_are_summarised(sample_engine: Engine) -> None:
    _, run = shown(sample_engine, f"{TOPIC}&show=about")
    *_, last = summarise(Visit(sample_engine, surveyed=run))
    exchange = last["talk"][0]
    assert exchange.question.endswith("say of “mobile money”?")
    covered = exchange.answer.coverage
    about = {row.report.id for row in run.survey.rows if row.verdict == "about"}
    assert set(covered.reports) <= about != set()
    assert (covered.intent, covered.matched_reports) == ("topic", len(about))


def test_a_list_by_a_tag_says_how_many_speak_of_it(sample_engine: Engine) -> None:
    question = "Which reports are about mobile money?"

    def counted(answer: Answer) -> dict[str, str]:
        talk = (Exchange(question, answer=answer),)
        return json.loads(count_in_text(Visit(sample_engine, sent={"turn": 1}, talk=talk)))

    listed = sample_engine.ask(question).answer
    tagged = Filters(theme=("mobile money",))
    few = replace(listed, coverage=Coverage("list", filters=tagged, read_reports=1))
    assert counted(few)["key"] == survey_key(few)
    assert counted(few)["words"].startswith("Tagged: 0. Speaking of it in their text: about ")
    assert survey_reports(few, sample_engine.catalog, Filters()) == 32
    assert survey_key(replace(few, coverage=Coverage("list"))) == ""
    topic = replace(few, coverage=Coverage("topic"))
    in_peru = replace(few, coverage=Coverage("topic", filters=Filters(country=("Peru",))))
    assert survey_key(in_peru) != survey_key(topic)
    assert counted(topic)["words"].startswith("About ")


def test_the_ladder_and_the_gap_map_lead_to_their_rows(sample_engine: Engine) -> None:
    html, run = shown(sample_engine, f"{TOPIC}&tab=ladder")
    rungs = run.survey.ladder
    rung = max(rungs, key=rungs.__getitem__)
    link = Address("mobile money", only=("rung", rung)).link()
    assert f'href="{escape(link)}"' in html
    rows, _ = shown(sample_engine, link.partition("?")[2], run)
    assert rows.count('class="verdict ') == rungs[rung]
    html, _ = shown(sample_engine, f"{TOPIC}&tab=map", run)
    places = {(c, row.report.year) for row in run.survey.rows for c in row.report.countries}
    for country, year in places:
        cell = Address("mobile money", show="all", only=("country-year", country, str(year)))
        assert f'href="{escape(cell.link())}"' in html


def test_a_model_judges_once_its_cost_is_told(sample_index: Path, server: ScriptedServer) -> None:
    values = {"model": "openai:judge", "check": "off", "reranker": "none"}
    engine = server.engine(sample_index, **values)
    asked = f"{TOPIC}&tab=claim&claim=mobile+money+works"
    html, run = shown(engine, asked)
    assert "Without a model" in html
    assert "judge would judge" in shown(engine, asked, run, step="estimate")[0]
    assert not server.chats
    told = {"verdict": "about", "sentence": 1, "stance": "against"}
    entries = [{"report": n, **told} for n in range(1, 21)]
    server.script(*[Reply((json.dumps({"reports": entries}),))] * 3)
    html, _ = shown(engine, asked, run, step="judge")
    assert server.chats
    assert {row.stance for row in run.survey.found} == {"against"}
    assert "Without a model" not in html
    link = Address.read(asked).link(tab="", only=("stance", "against"))
    assert f'href="{escape(link)}"' in html
    rows, _ = shown(engine, link.partition("?")[2], run)
    assert rows.count('class="verdict ') == len(run.survey.found)
