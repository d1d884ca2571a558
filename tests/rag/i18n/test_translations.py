"""Every message is translated, and labs and kinds of report have names in the reader's language."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po
from fake_engine import FakeEngine, answer, passage, report

from rag.catalog.tag_fields import Filters
from rag.export.lines import answer_lines
from rag.i18n import labels, translations
from rag.i18n.labels import notice_words
from rag.i18n.translations import ENGLISH, LOCALE, format_seconds, languages, translations_for
from rag.types import Coverage, Notice
from tests.messages import calls, tables
from ui.web import answer as answer_html
from ui.web import filters, views

ROOT = Path(__file__).resolve().parents[3]
KEYWORDS = {**DEFAULT_KEYWORDS, "marked": None}
METHODS = [("**.py", calls), ("**/words.toml", tables), ("**.html", "jinja2")]
FRENCH = translations_for("fr")
TRANSLATED = tuple(code for code in languages() if code != "en")


@pytest.fixture(scope="module")
def in_code() -> set[object]:
    """The messages in the code, by their ids."""
    messages = Catalog()
    for package in ("rag", "ui", "eval"):
        for *_, message, _, _ in extract_from_dir(ROOT / package, METHODS, keywords=KEYWORDS):
            messages.add(message)
    return {message.id for message in messages if message.id}


def texts(text: Any) -> tuple[str, ...]:
    """A message's one text, or its singular and plural forms."""
    return (text,) if isinstance(text, str) else tuple(text)


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"\{(\w*)\}", text))


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_message_is_translated_and_keeps_its_placeholders(
    code: str, in_code: set[object]
) -> None:
    with (LOCALE / f"{code}.po").open("rb") as file:
        catalog = read_po(file, locale=code, abort_invalid=True)
    assert not catalog.obsolete
    known = {message.id: message for message in catalog if message.id}
    assert {"Sources", ("{n} report", "{n} reports"), "Lab"} <= in_code
    missing = [key for key in in_code if key not in known or not all(texts(known[key].string))]
    assert missing == [], "run `make words` and translate"
    assert [key for key in known if key not in in_code] == [], "run `make words`"
    assert [key for key, message in known.items() if message.fuzzy] == []
    for message in known.values():
        _, *many = texts(message.id)
        named = {name for text in texts(message.id) for name in placeholders(text)}
        for form in texts(message.string):
            # "A report" needs no number.
            assert named - placeholders(form) <= ({"n"} if many else set()), form
            assert placeholders(form) <= named, form


def test_plurals_regional_codes_and_notices() -> None:
    for code, counts in {
        "en": {0: "0 reports", 1: "1 report", 1204: "1,204 reports"},
        "fr": {0: "0 rapport", 1: "1 rapport", 1204: "1\u202f204 rapports"},
        "ar": {0: "لا تقارير", 1: "تقرير واحد", 2: "تقريران", 3: "3 تقارير", 11: "11 تقريرًا"},
    }.items():
        t = translations_for(code)
        assert {n: labels.format_count(n, "report", t) for n in counts} == counts
    # A dual has another ending after a preposition: a number stands after none.
    both = replace(answer(""), coverage=Coverage("list", reports=("a", "b"), labs=("Peru", "Togo")))
    complete = labels.coverage_sentence(both, translations_for("ar"))
    assert complete == "قائمة كاملة: تقريران (مختبران)."
    assert translations_for("fr-CA").gettext("Year") == "Année"
    assert translations.language_code(translations_for("pt_BR")) == "pt"
    for code in ("tlh", "", "../fr", "en-GB"):
        assert translations_for(code) is ENGLISH
    assert format_seconds(FRENCH, 0.1) == "0,1\u202fs"
    # Numbers in notices, too; what stands in a notice is no place for another value.
    full = Notice("no_passage_fits", {"window": 12000})
    hostile = Notice("no_reports_from", {"places": "{n} <b>"})
    assert "window of 12,000 tokens" in notice_words([full])
    assert "12\u202f000" in notice_words([full], FRENCH)
    assert notice_words([hostile]) == "The collection has no reports from {n} <b>."


def test_labs_and_values_are_named_in_the_reader_s_language_also_on_the_page() -> None:
    assert labels.country_label("Ivory Coast", FRENCH) == "Côte d’Ivoire"
    assert labels.country_label("Peru, Togo", translations_for("ar")) == "بيرو، توغو"
    for name in ("Atlantis", "<b>Peru</b>", ""):
        assert labels.country_label(name, FRENCH) == name
    # English is what the report says, whatever CLDR calls it.
    assert labels.country_label("Turkey", ENGLISH) == "Turkey"
    assert labels.lab_label(report(0, countries=()), FRENCH) == "Laboratoire inconnu"
    assert labels.kind_label(report(0, kind=""), ENGLISH) == "Action learning plan"
    for field, value, *shown in (
        ("kind", "closing", "bilan final", "closing"),
        ("type", "learningplan", "Plan d’apprentissage par l’action", "Action learning plan"),
        ("language", "fr", "français", "French"),
        ("theme", "Peru", "Peru", "Peru"),
        ("fact", "sample_size: 12", "Taille de l'échantillon\u00a0: 12", "Sample size: 12"),
    ):
        assert [labels.value_label(field, value, t) for t in (FRENCH, ENGLISH)] == shown
    # The page shows translated names and uses those of the index.
    catalog = FakeEngine().catalog
    chip = filters.render_chips(catalog, Filters(country=("Peru",)), FRENCH)
    view = views.render_explore(catalog, Filters(), FRENCH)
    for html, name, label in ((chip, "Peru", "Pérou"), (view, "Viet Nam", "Viêt Nam")):
        assert label in html
        assert f'data-value="{name}"' in html


def test_the_lab_before_a_sentence_is_recognised_in_each_language() -> None:
    """Beside an Arabic name, words of another script keep their own direction."""
    for name, is_turned, shown in (
        ("Pérou (2022, bilan final):", False, "Wet sand."),
        ("بيرو (2022, تقرير ختامي):", True, "\u2068Wet sand.\u2069"),
    ):
        html = answer_html.render_prose(f"{name} Wet sand [1].", 1, None, ENGLISH)
        assert f"<strong>{name}</strong>" in html
        assert ('class="turned"' in html) == is_turned
        (line,) = answer_lines(f"{name} Wet sand [1].", {1: 1})
        assert (line.runs[0].text, line.runs[0].bold) == (name, True)
        assert "".join(run.text for run in line.runs[1:]).strip() == shown


def test_what_an_innovator_wrote_is_not_a_lab_s() -> None:
    solution = report(0, kind="solution")
    assert labels.author_label(report(0), FRENCH) == "Pérou"
    assert labels.author_label(solution) == "An innovator in Peru"
    assert labels.author_label(report(0, kind="solution", countries=())) == "An innovator"
    assert labels.stage_label(passage(report(0)), ENGLISH) == "What the lab found"
    assert labels.stage_label(passage(solution), ENGLISH).startswith("Written by an innovator")
    assert labels.reports_and_labs(2, 0, ENGLISH)["labs"] == "innovators"
