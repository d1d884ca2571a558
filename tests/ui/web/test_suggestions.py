"""Suggested questions are made from the collection, and kept where they are answered."""

from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest
from fake_engine import FakeEngine, answer, passage, report
from passages import text_notice

from rag.answer.about import COUNT, SURVEY
from rag.catalog.catalog import Catalog
from rag.errors import ModelError
from rag.i18n.translations import ENGLISH, translations_for
from rag.settings import Settings
from rag.types import Answer, Citation
from ui.web.answer import follow_ups
from ui.web.suggestions import FILE, Suggestions

BY_TAGS = "Which labs used Prototyping?"


def written(question: str) -> Answer:
    """Lists for tags; two labs on a topic, three on what was learned about markets."""
    if question == BY_TAGS:
        return answer(question, mode="catalogue")
    labs = 3 if "learn about markets" in question else 2
    cited = tuple(Citation(n, passage(report(n)), "") for n in range(labs))
    return answer(question, citations=cited, refused="on markets" in question)


def suggestions(write: object = written, **changed: object) -> Suggestions:
    return Suggestions(FakeEngine(write, **changed))  # type: ignore[arg-type]


def test_a_question_is_kept_where_tags_answer_or_three_labs_are_cited() -> None:
    made = suggestions()
    assert made.first(ENGLISH)[0] == (COUNT, BY_TAGS)
    kept = ["What did the labs learn about markets?", "What is Peru working on?", BY_TAGS]
    assert made.answered(ENGLISH) == made.first(ENGLISH)
    assert [question for _, question in made.answered(ENGLISH)][:3] == kept
    assert made.answered(ENGLISH)[3] == (SURVEY, "food waste")
    assert "rototypage" in made.first(translations_for("fr"))[0][1]
    # Nothing is suggested of nothing, and a failure hides nothing.
    assert suggestions(catalog=Catalog([]), passages=[]).answered(ENGLISH) == []
    fail = Mock(side_effect=ModelError(text_notice("The server does not answer.")))
    assert suggestions(fail).answered(ENGLISH)[0] == (COUNT, BY_TAGS)


def test_what_was_answered_is_kept_with_the_index(tmp_path: Path) -> None:
    settings = Settings(index=tmp_path)
    asked = suggestions(settings=settings).answered(ENGLISH)
    again = suggestions(Mock(side_effect=AssertionError), settings=settings)
    assert again.first(ENGLISH) == again.answered(ENGLISH) == asked
    # When the index has changed they stand until they are tried again, but for what has gone.
    fewer = Catalog(report(n) for n in range(0, 12, 4))
    changed = suggestions(settings=settings, revision="f2" * 16, catalog=fewer)
    assert changed.first(ENGLISH) == [one for one in asked if one != (SURVEY, "food waste")]
    changed.try_all(lambda: True)
    later = suggestions(Mock(side_effect=AssertionError), settings=settings, revision="f2" * 16)
    assert (SURVEY, "markets") in later.answered(ENGLISH)
    assert later.answered(translations_for("fr"))
    (tmp_path / FILE).write_bytes(b"damaged")
    assert suggestions(settings=settings).first(ENGLISH)[0] == (COUNT, BY_TAGS)


@pytest.mark.parametrize("reports", [1, 2])
def test_few_reports_are_asked_about_themselves(reports: int) -> None:
    infos = [report(3 * n, facts={"total_cost": ("High",)}) for n in range(reports)]
    passages = [passage(infos[0]), passage(infos[0], prompt="Who helped?")]

    def write(question: str) -> Answer:
        return answer(question, mode="catalogue", refused="learn" in question)

    made = suggestions(write, catalog=Catalog(infos), passages=passages).answered(ENGLISH)
    about = f"What is “{infos[0].title}” about?"
    asked = ["Which methods were used?", "What did it cost?", about, "Who helped?"]
    assert [question for _, question in made] == asked


def test_questions_under_an_answer_go_on_from_what_it_cites_but_not_to_what_was_asked() -> None:
    catalog = FakeEngine().catalog
    made = map(str.lower, follow_ups(answer("What helps?"), catalog, ENGLISH))
    assert "what did the labs learn about food waste?" in made
    assert follow_ups(answer("What?", refused=True), catalog, ENGLISH) == []
    # What was asked in the reader's words is not asked again.
    used = report(1, methods=("Citizen Science",))
    cited = (Citation(1, passage(used), ""),)
    french, catalog = translations_for("fr"), Catalog([used])
    other = follow_ups(answer("Qui a mesuré l’air ?", citations=cited), catalog, french)
    assert "méthode «\u00a0science citoyenne\u00a0»" in " ".join(other)
    asked = answer("Quels laboratoires ont utilisé la science citoyenne ?", citations=cited)
    assert follow_ups(asked, catalog, french) == ["Sur quoi travaille Togo\u00a0?"]
    # A misspelt tag has the spelling of most reports.
    spelt = [
        report(n, methods=("harbour engagment" if n < 2 else "harbour engagement",))
        for n in range(6)
    ]
    cited = (Citation(1, passage(spelt[0]), ""),)
    made = follow_ups(answer("Who counted?", citations=cited), Catalog(spelt), ENGLISH)
    assert "Which labs used harbour engagement?" in made
    of_lab = replace(asked, coverage=replace(asked.coverage, intent="lab"))
    assert follow_ups(of_lab, catalog, french) == []
