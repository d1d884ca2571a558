"""Names of labs, kinds of report and notices in the reader's language."""

from __future__ import annotations

import pytest
from fake_engine import FakeEngine, answer, report

from rag.catalog.fields import Filters
from rag.export.brief import answer_lines, filter_sentence
from rag.i18n.labels import (
    country_label,
    kind_label,
    lab_label,
    value_label,
)
from rag.i18n.translations import ENGLISH, languages, translations_for
from ui.web import answer as render
from ui.web import explore
from ui.web import filters as chips
from ui.web import filters as facets
from ui.web import filters as picked
from ui.web import sources as cite
from ui.web.conversation import Exchange

OTHERS = [code for code in languages() if code != "en"]
FRENCH = translations_for("fr")


def test_labs_are_named_in_the_reader_s_language() -> None:
    assert country_label("Peru", FRENCH) == "Pérou"
    assert country_label("Ivory Coast", translations_for("es")) == "Côte d’Ivoire"
    assert country_label("Korea, Republic of", translations_for("pt")) == "Coreia do Sul"
    assert country_label("Peru, Togo", translations_for("ar")) == "بيرو، توغو"
    for name in ("Atlantis", "<b>Peru</b>", "", ", "):
        assert country_label(name, FRENCH) == name
    # English is what the report says, whatever CLDR calls it.
    assert country_label("Turkey", ENGLISH) == "Turkey"
    assert lab_label(report(0), FRENCH) == "Pérou"
    assert lab_label(report(0, countries=()), FRENCH) == "Laboratoire inconnu"


def test_values_have_labels() -> None:
    assert value_label("kind", "closing", FRENCH) == "bilan final"
    assert value_label("kind", "closing", ENGLISH) == "closing"
    assert value_label("type", "learningplan", FRENCH) == "Plan d’apprentissage par l’action"
    assert value_label("type", "learningplan", ENGLISH) == "Action learning plan"
    assert value_label("language", "fr", translations_for("es")) == "francés"
    assert value_label("theme", "Peru", FRENCH) == "Peru"
    assert kind_label(report(0, kind="", type="learningplan"), ENGLISH) == "Action learning plan"
    wanted = Filters(country=("Peru",), kind=("plan",))
    text = filter_sentence(wanted, translations_for("es"))
    assert "Perú" in text
    assert text.endswith("plan")


def test_the_page_shows_translated_names_and_uses_those_of_the_index() -> None:
    engine = FakeEngine()
    chosen = Filters(country=("Peru",), type=("learningplan",))
    rows = facets.facet_data(engine.catalog, Filters(), FRENCH)
    assert '["Peru", "Pérou", 4, 0, 0]' in rows
    chip = picked.render_chips(engine.catalog, chosen, FRENCH)
    assert "Pérou" in chip
    assert 'data-value="Peru"' in chip
    one = Exchange("Q", filters=chosen, answer=answer())
    assert "Pérou" in chips.render_scope(one, 1, FRENCH, {})
    shown = render.render_exchange(one, 1, engine.catalog.reports, True, FRENCH)
    assert "Pérou, 2021" in shown
    assert "Pérou" in cite.render_cite(1, 1, answer().citations[:1], FRENCH)
    view = explore.render_explore(engine.catalog, Filters(), FRENCH)
    assert 'data-value="Viet Nam"' in view
    assert "Viêt Nam" in view
    assert 'aria-label="Pérou: 4 rapports"' in view


@pytest.mark.parametrize(
    "speaker",
    [
        "Peru (2022, plan): ",
        "Pérou (2022, bilan final): ",
        "Perú (2022, informe de cierre): ",
        "بيرو (2022, تقرير ختامي): ",
    ],
)
def test_the_lab_before_a_sentence_is_recognised_in_each_language(speaker: str) -> None:
    html = render.render_prose(f"{speaker}Wet sand keeps 3 boxes cool [1].", 1, None, ENGLISH)
    name, turned = speaker.strip(), "<bdi>" in html
    assert f"<strong>{name}</strong>" in html
    # Beside an Arabic name, words of another script keep their own direction.
    assert turned == name.startswith("بيرو")
    (line,) = answer_lines(f"{speaker}Wet sand [1].", {1})
    assert (line.runs[0].text, line.runs[0].bold) == (name, True)
    written = "".join(run.text for run in line.runs[1:])
    assert written.strip() == ("\u2068Wet sand.\u2069" if turned else "Wet sand.")


def test_an_arabic_line_of_an_arabic_lab_is_not_isolated() -> None:
    assert "<bdi>" not in render.render_prose(
        "مصر (2022, خطة): الرمل المبلل [1].", 1, None, ENGLISH
    )
