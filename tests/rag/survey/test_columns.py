"""Columns of surveys: what they ask for, and what stands in a cell where there is no answer."""

from dataclasses import replace
from pathlib import Path

import pytest
from ferries import engine_of

from rag.citation.quotes import fold_text
from rag.engine import Engine
from rag.errors import InputError
from rag.survey.columns import WHOLE, read_column, with_columns
from rag.survey.types import Survey


@pytest.fixture(scope="module")
def survey(sample_engine: Engine) -> Survey:
    return sample_engine.survey("mobile money").survey


def _column(engine: Engine, name: str) -> tuple[str, str]:
    column = read_column(name, engine.report_measure())
    return column.kind, " ".join(column.sources).lower()


def test_a_column_is_a_tag_a_question_of_forms_or_what_any_report_may_say(
    sample_engine: Engine,
) -> None:
    assert _column(sample_engine, "methods") == ("tag", "method")
    for name in ("barriers", "What were the obstacles?", "obstáculos"):
        kind, sources = _column(sample_engine, name)
        assert kind == "form"
        assert "obstacles" in sources or "barriers" in sources
        assert "learning question" not in sources
    for name in (
        "trust in banks",
        "What product is made?",
        "How many households were equipped?",
        "Combien de ménages ont été équipés ?",
    ):
        assert _column(sample_engine, name) == ("free", "")
    assert "monetary" in _column(sample_engine, "¿Cuánto costó?")[1]


LEARNED = "What did you learn?"


def of_one_report(folder: Path, form: str, *names: str) -> Survey:
    """A survey with these columns of a report that is about its topic."""
    engine = engine_of(folder, {"fish": f"# Fish\n\n[[country:Togo]]\n\n{form}\n"})
    survey = engine.survey("boats").survey
    (row,) = survey.rows
    survey = replace(survey, rows=(replace(row, verdict="about"),))
    return with_columns(survey, names, engine.report_measure())


def test_no_column_reads_a_contact(tmp_path: Path) -> None:
    contacts = ("Mobile Number", "E-mail", "What is the address and preferred way to contact you?")
    asked = "".join(f"## {question}\n\nAsk Amie, 3 Boat Road.\n\n" for question in contacts)
    form = f"## What is the sample size?\n\n40 boats.\n\n{asked}"
    made = of_one_report(tmp_path, form, "sample size", "mobile number", "contact", "40 boats")
    assert made.columns[0].sources == ("What is the sample size?",)
    assert [c.value for row in made.rows for c in row.cells.values()] == ["40 boats."] * 3 + [""]


def test_what_came_of_a_work_is_also_whether_its_hypothesis_held(tmp_path: Path) -> None:
    proven = "Was the original hypothesis (If.. then) proven or disproven?"
    who = "Como organización, ¿cuáles de estas categorías la define mejor?"
    form = f"## {proven}\n\nProven.\n\n## {who}\n\nONG\n\n## {LEARNED}\n\nBoats leak."
    made = of_one_report(tmp_path, form, "What was the result?", "What was found?", "Did it work?")
    assert [column.sources for column in made.columns] == [(proven, LEARNED), (LEARNED,), (proven,)]


def test_cells_have_verbatim_words_or_why_there_are_none(
    sample_engine: Engine, survey: Survey
) -> None:
    made = with_columns(
        survey, ["learnings", "What did it cost?", "fees"], sample_engine.report_measure()
    )
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
    plans = [row for row in made.found if row.report.kind == "plan"]
    assert plans
    assert {row.cells["learnings"].state for row in plans} == {"not_asked"}
    again = with_columns(made, ["methods", "fees"], sample_engine.report_measure())
    assert len(again.columns) == 4
    assert again.found[0].cells["fees"] == made.found[0].cells["fees"]


@pytest.mark.quality
def test_a_partner_has_its_name_where_the_file_has_it_apart(
    sample_engine: Engine, survey: Survey
) -> None:
    made = with_columns(survey, ["Who were the partners?"], sample_engine.report_measure())
    cells = (row.cells["Who were the partners?"] for row in made.found)
    assert any("Lorosae Wallet" in cell.value and "300 dollars" in cell.value for cell in cells)


def test_an_answer_that_is_cut_says_so(tmp_path: Path) -> None:
    form = f"## What did you learn?\n\n{('nets, boats, ' * 40).strip()}"
    cell = of_one_report(tmp_path, form, "learnings").rows[0].cells["learnings"]
    assert cell.value.endswith("boats, …")
    assert len(cell.value) <= WHOLE + 2
    assert "…" not in cell.quote


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("- 10-49", "10-49"),
        ("- 10-49\n- More than 1,000", "10-49; More than 1,000"),
        ("We counted:\n\n- nets.\n- -5 °C", "We counted: nets. -5 °C"),
    ],
)
def test_a_cell_has_no_dashes_of_a_list(tmp_path: Path, answer: str, shown: str) -> None:
    made = of_one_report(tmp_path, f"## What is the sample size?\n\n{answer}", "sample size")
    assert made.rows[0].cells["sample size"].value == shown


@pytest.mark.parametrize(
    ("names", "words"), [([" "], "is empty"), ([f"q{n}" for n in range(500)], "these are 500")]
)
def test_columns_that_can_not_be_are_told(
    sample_engine: Engine, survey: Survey, names: list[str], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        with_columns(survey, names, sample_engine.report_measure())
