"""Columns of surveys: what they ask for, and what stands in a cell where there is no answer."""

from dataclasses import replace
from pathlib import Path

import pytest
from ferries import engine_of

from rag.citation.quotes import fold_text
from rag.engine import Engine
from rag.errors import InputError
from rag.survey.columns import WHOLE, read_column, with_columns
from rag.survey.features import ReportMeasure
from rag.survey.types import Survey

SIZE, LEARNED = "What is the sample size?", "What did you learn?"


@pytest.fixture(scope="module")
def measure(sample_engine: Engine) -> ReportMeasure:
    return sample_engine.report_measure()


@pytest.fixture(scope="module")
def survey(sample_engine: Engine) -> Survey:
    return sample_engine.survey("mobile money").survey


def test_a_column_is_a_tag_a_question_of_forms_or_free(measure: ReportMeasure) -> None:
    def column(name: str) -> tuple[str, str]:
        read = read_column(name, measure)
        return read.kind, " ".join(read.sources).lower()

    assert column("methods") == ("tag", "method")
    for name in ("barriers", "What were the obstacles?", "obstáculos"):
        kind, sources = column(name)
        assert kind == "form"
        assert "obstacles" in sources or "barriers" in sources
        assert "learning question" not in sources
    for name in ("trust in banks", "What product is made?", "Combien de ménages ont été équipés ?"):
        assert column(name) == ("free", "")
    assert "monetary" in column("¿Cuánto costó?")[1]


def of_one_report(folder: Path, form: dict[str, str], *names: str) -> Survey:
    """A survey with these columns of a report that is about its topic."""
    asked = "\n\n".join(f"## {question}\n\n{answer}" for question, answer in form.items())
    engine = engine_of(folder, {"fish": f"# Fish\n\n[[country:Togo]]\n\n{asked}\n"})
    survey = engine.survey("boats").survey
    about = tuple(replace(row, verdict="about") for row in survey.rows)
    return with_columns(replace(survey, rows=about), names, engine.report_measure())


def test_no_column_reads_a_contact(tmp_path: Path) -> None:
    contacts = ("Mobile Number", "E-mail", "What is the address and preferred way to contact you?")
    form = {SIZE: "40 boats."} | dict.fromkeys(contacts, "Ask Amie, 3 Boat Road.")
    made = of_one_report(tmp_path, form, "sample size", "mobile number", "contact", "40 boats")
    assert made.columns[0].sources == (SIZE,)
    assert [c.value for row in made.rows for c in row.cells.values()] == ["40 boats."] * 3 + [""]


def test_what_came_of_a_work_is_also_whether_its_hypothesis_held(tmp_path: Path) -> None:
    proven = "Was the original hypothesis (If.. then) proven or disproven?"
    who = "Como organización, ¿cuáles de estas categorías la define mejor?"
    form = {proven: "Proven.", who: "ONG", LEARNED: "Boats leak."}
    made = of_one_report(tmp_path, form, "What was the result?", "What was found?", "Did it work?")
    assert [column.sources for column in made.columns] == [(proven, LEARNED), (LEARNED,), (proven,)]


def test_cells_have_verbatim_words_or_why_there_are_none(
    sample_engine: Engine, measure: ReportMeasure, survey: Survey
) -> None:
    made = with_columns(survey, ["learnings", "What did it cost?", "fees"], measure)
    assert [column.name for column in made.columns] == ["learnings", "What did it cost?", "fees"]
    states = set()
    for row in made.found:
        raw = sample_engine.report(row.report.id).raw
        for cell in row.cells.values():
            states.add(cell.state)
            assert bool(cell.value) == (cell.state == "answered")
            if cell.span:
                assert fold_text(cell.quote) == fold_text(raw[slice(*cell.span)])
    assert {"answered", "not_asked", "nothing"} <= states
    plans = [row.cells["learnings"].state for row in made.found if row.report.kind == "plan"]
    assert set(plans) == {"not_asked"}
    again = with_columns(made, ["methods", "fees"], measure)
    assert len(again.columns) == 4
    assert again.found[0].cells["fees"] == made.found[0].cells["fees"]
    for names, words in (([" "], "is empty"), ([f"q{n}" for n in range(500)], "these are 500")):
        with pytest.raises(InputError, match=words):
            with_columns(survey, names, measure)


@pytest.mark.quality
def test_a_partner_has_its_name_that_stands_apart(measure: ReportMeasure, survey: Survey) -> None:
    made = with_columns(survey, ["Who were the partners?"], measure)
    cells = (row.cells["Who were the partners?"] for row in made.found)
    assert any("Lorosae Wallet" in cell.value and "300 dollars" in cell.value for cell in cells)


def test_a_cell_has_no_dashes_of_a_list_and_says_that_it_is_cut(tmp_path: Path) -> None:
    cost, learned = "We counted:\n\n- nets.\n- -5 °C", ("nets, boats, " * 40).strip()
    form = {SIZE: "- 10-49\n- More than 1,000", "What did it cost?": cost, LEARNED: learned}
    (row,) = of_one_report(tmp_path, form, "sample size", "cost", "learnings").rows
    *lists, cut = row.cells.values()
    assert [cell.value for cell in lists] == ["10-49; More than 1,000", "We counted: nets. -5 °C"]
    assert cut.value.endswith("boats, …")
    assert len(cut.value) <= WHOLE + 2
    assert "…" not in cut.quote
