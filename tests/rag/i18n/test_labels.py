"""Names of labs and kinds of report in the reader's language."""

from __future__ import annotations

import pytest
from fake_engine import FakeEngine, report

from rag.catalog.tag_fields import Filters
from rag.export.brief import answer_lines
from rag.i18n.labels import country_label, kind_label, lab_label, value_label
from rag.i18n.translations import ENGLISH, translations_for
from ui.web import answer as answer_html
from ui.web import explore, filters

FRENCH = translations_for("fr")


def test_labs_are_named_in_the_reader_s_language() -> None:
    assert country_label("Ivory Coast", FRENCH) == "Côte d’Ivoire"
    assert country_label("Peru, Togo", translations_for("ar")) == "بيرو، توغو"
    for name in ("Atlantis", "<b>Peru</b>", ""):
        assert country_label(name, FRENCH) == name
    # English is what the report says, whatever CLDR calls it.
    assert country_label("Turkey", ENGLISH) == "Turkey"
    assert lab_label(report(0, countries=()), FRENCH) == "Laboratoire inconnu"
    assert kind_label(report(0, kind="", type="learningplan"), ENGLISH) == "Action learning plan"


@pytest.mark.parametrize(
    ("field", "value", "french", "english"),
    [
        ("kind", "closing", "bilan final", "closing"),
        ("type", "learningplan", "Plan d’apprentissage par l’action", "Action learning plan"),
        ("language", "fr", "français", "French"),
        ("theme", "Peru", "Peru", "Peru"),
    ],
)
def test_values_have_labels(field: str, value: str, french: str, english: str) -> None:
    assert value_label(field, value, FRENCH) == french
    assert value_label(field, value, ENGLISH) == english


def test_the_page_shows_translated_names_and_uses_those_of_the_index() -> None:
    catalog = FakeEngine().catalog
    chip = filters.render_chips(catalog, Filters(country=("Peru",)), FRENCH)
    view = explore.render_explore(catalog, Filters(), FRENCH)
    for html, name, label in ((chip, "Peru", "Pérou"), (view, "Viet Nam", "Viêt Nam")):
        assert label in html
        assert f'data-value="{name}"' in html


SPEAKERS = {"Pérou (2022, bilan final):": False, "بيرو (2022, تقرير ختامي):": True}


@pytest.mark.parametrize("speaker", SPEAKERS)
def test_the_lab_before_a_sentence_is_recognised_in_each_language(speaker: str) -> None:
    """Beside an Arabic name, words of another script keep their own direction."""
    html = answer_html.render_prose(f"{speaker} Wet sand keeps 3 boxes cool [1].", 1, None, ENGLISH)
    assert f"<strong>{speaker}</strong>" in html
    assert ("<bdi>" in html) == SPEAKERS[speaker]
    (line,) = answer_lines(f"{speaker} Wet sand [1].", {1})
    assert (line.runs[0].text, line.runs[0].bold) == (speaker, True)
    text = "".join(run.text for run in line.runs[1:])
    assert text.strip() == ("\u2068Wet sand.\u2069" if SPEAKERS[speaker] else "Wet sand.")
