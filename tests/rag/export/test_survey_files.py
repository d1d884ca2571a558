"""Surveys as files: tables that hold no formula, links, the head that stays, how it was made."""

import csv
import io
import zipfile
from dataclasses import replace
from datetime import date
from typing import Any

import docx
import pytest
from docx.shared import Cm
from passages import passage, report
from readers import squeezed, text_of

from rag.catalog.tag_fields import Filters
from rag.errors import InputError
from rag.export.answer_json import answers_from_json
from rag.export.brief import Quote
from rag.export.survey_files import ANSWER, SurveyFile, export_survey, survey_brief
from rag.survey.types import (
    Evidence,
    Finding,
    GapCell,
    GapMap,
    Survey,
    SurveyCell,
    SurveyColumn,
    SurveyRow,
)

DAY = date(2026, 11, 27)


@pytest.fixture
def made() -> SurveyFile:
    info = report("one", "Fiji", "FJ", title="=HYPERLINK(1)", kind="experiment")
    evidence = Evidence("compared", "control_group", "Yes", ("sample_size",), "partly", "In part.")
    cells = {"+cost": SurveyCell("@SUM(A1)"), "next": SurveyCell(state="not_asked")}
    words: dict[str, Any] = {"passage": passage("-2 nets", info), "quote": "-2 nets"}
    words["finding"] = Finding("-2 nets", (3, 10), "What did you learn?", "en")
    rows = (
        SurveyRow(info, "about", 0.9, 0.8, evidence=evidence, cells=cells, span=(3, 10), **words),
        SurveyRow(report("two", "Peru", "PE"), "silent", 0.1, 0.0),
    )
    columns = (SurveyColumn("+cost", "form", ("What did it cost?",)), SurveyColumn("next", "form"))
    survey = Survey("nets?", "nets", "en", Filters(year=(2023,)), rows, (1, 2), columns=columns)
    gaps = GapMap(("country", "year"), (), (), {})
    return SurveyFile(survey, gaps, DAY, "https://x.org/{report}")


def test_a_csv_has_every_row_and_no_formula(made: SurveyFile) -> None:
    data = export_survey(made, "csv")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert [row["verdict"] for row in rows] == ["about", "silent"]
    assert rows[0]["title"] == "'=HYPERLINK(1)"
    assert (rows[0]["'+cost"], rows[0]["next"]) == ("'@SUM(A1)", "(Not asked in this form)")
    assert (rows[0]["rung"], rows[0]["rung read from"]) == ("Test with comparison", "control_group")
    assert (rows[0]["quote"], rows[0]["start"], rows[0]["end"]) == ("'-2 nets", "3", "10")
    assert rows[1]["quote"] == rows[1]["start"] == ""
    with pytest.raises(InputError, match="Choose one of csv"):
        export_survey(made, "exe")


def test_a_workbook_has_texts_a_fixed_head_filters_and_links(made: SurveyFile) -> None:
    data = export_survey(made, "xlsx")
    assert data == export_survey(made, "xlsx")
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        sheet = file.read("xl/worksheets/sheet1.xml").decode()
        links = file.read("xl/worksheets/_rels/sheet1.xml.rels").decode()
    texts = text_of(data, "xlsx")
    assert "<f>" not in sheet
    assert "\n=HYPERLINK(1)\n" in texts
    assert 'state="frozen"' in sheet
    assert 'autoFilter ref="A1:' in sheet
    assert "https://x.org/one" in links
    asked = "Form question: What did it cost?"
    for words in ("nets?", "Year: 2023", "2026-11-27", asked, "eight in ten", "Made on"):
        assert words in texts
    french = replace(made, survey=replace(made.survey, language="fr", complete=False))
    for ending in ("xlsx", "docx", "pdf"):
        texts = squeezed(text_of(export_survey(french, ending), ending))
        for words in ("Fait le", "Année : 2023", "Non, arrêté", "Colonne", "huit lignes sur dix"):
            assert squeezed(words) in texts
        assert squeezed("Made on") not in texts


def test_a_brief_has_counts_evidence_the_map_findings_and_rows(made: SurveyFile) -> None:
    cell = GapCell(("one",), {"about": 1}, "compared")
    gaps = GapMap(("country", "year"), ("Fiji",), ("2023",), {("Fiji", "2023"): cell})
    made = replace(made, gaps=gaps)
    document = docx.Document(io.BytesIO(export_survey(made, "docx")))
    text = "\n".join(paragraph.text for paragraph in document.paragraphs)
    typeset = squeezed(text_of(export_survey(made, "pdf"), "pdf"))
    for words in ("Test with comparison: 1", "Partly proven 1", "Strongest findings", "-2 nets"):
        assert words in text
        assert squeezed(words) in typeset
    assert squeezed("=HYPERLINK(1): “-2 nets”") in typeset
    assert document.inline_shapes[0].width == Cm(16)
    (row,) = document.tables[0].rows[1:]
    assert row.cells[3].text == "=HYPERLINK(1): “-2 nets” +cost: @SUM(A1)"


def test_a_brief_has_the_answers_to_each_column_beside_each_report(made: SurveyFile) -> None:
    first = made.survey.rows[0]
    said = {
        "coûts": SurveyCell("9 francs " * 40, quote="9 francs"),
        "judged": SurveyCell("Nine", quote="9 francs", writer="gpt"),
    }
    survey = replace(made.survey, rows=(replace(first, cells=said),), language="fr")
    annex = survey_brief(replace(made, survey=survey), "png").parts[1].table
    assert annex
    *_, name, answer, _, judged = annex.rows[0][3].runs
    assert (name.text, name.bold) == (" coûts\N{NO-BREAK SPACE}: ", True)
    assert judged.text == "Nine (“9 francs”)"
    assert answer.text.startswith("“9 francs 9")
    assert answer.text.endswith(" …”")
    assert len(answer.text) <= ANSWER + 4


def test_the_strongest_findings_are_of_what_is_about_it_first(made: SurveyFile) -> None:
    first = made.survey.rows[0]
    evidence = Evidence("scaled", "scaling", "Scaled in numbers")
    rows = (
        replace(first, report=report("two", "Mali", "ML"), verdict="mentions", evidence=evidence),
        replace(first, report=report("three", "Togo", "TG"), finding=None, evidence=evidence),
        replace(first, evidence=replace(first.evidence, value="Yes, a different group entirely")),
    )
    survey = replace(made.survey, rows=rows, language="fr")
    ((head, sources),) = survey_brief(replace(made, survey=survey), "png").parts[0].source_lists
    assert head == "Constats les plus solides"
    assert [source.who for source in sources] == ["Fidji, 2023", "Mali, 2023"]
    told = "Test avec comparaison : Groupes de contrôle : avec un groupe de contrôle"
    assert ("Preuves", told) in sources[0].facts
    none = replace(survey, rows=rows[1:2])
    assert survey_brief(replace(made, survey=none), "png").parts[0].source_lists == ()


def test_what_a_model_chose_is_quoted_and_what_tells_of_its_hypothesis(made: SurveyFile) -> None:
    first, sure = made.survey.rows[0], Evidence("compared", outcome="blank")
    chosen = {"judge": "gpt", "quote": "Nets last.", "finding": None, "span": (3, 13)}
    rows = (
        replace(first, report=report("two", "Mali", "ML"), score=0.99, evidence=sure),
        replace(first, **chosen, passage=passage("Nets last.", first.report)),
        replace(first, **chosen, passage=passage("Nets last.", first.report, stage="intention")),
    )
    brief = survey_brief(replace(made, survey=replace(made.survey, rows=rows)), "png")
    ((_, sources),) = brief.parts[0].source_lists
    assert [source.who for source in sources] == ["Fiji, 2023", "Mali, 2023"]
    assert sources[0].quotes == (Quote(("Nets last.",)),)


def test_among_answers_a_survey_is_refused_with_the_way_to_export_it(made: SurveyFile) -> None:
    with pytest.raises(InputError, match=r"line 1 is a survey.* asklabs export SURVEY.json --to"):
        answers_from_json(export_survey(made, "json"), "mix.jsonl")
