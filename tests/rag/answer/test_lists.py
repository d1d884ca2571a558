"""Complete lists: what they count, what they only mention, and what to do where none is left."""

from __future__ import annotations

from datetime import date

import pytest
from fake_engine import report

from rag.answer.lists import list_draft, mentions
from rag.catalog.catalog import Catalog
from rag.catalog.fields import Filters
from rag.citation.quotes import fold_text
from rag.engine import Engine
from rag.export.brief import make_brief
from rag.export.formats import to_markdown
from rag.i18n.translations import ENGLISH, translations_for
from rag.models.prompts import REFUSALS, is_refusal
from rag.query.entities import stems_of
from rag.types import Answer, Plan
from ui.web.answer import render_mentions

FACTS = {"cost": ("High",), "sample_size": ("Small",)}
CATALOG = Catalog([*(report(i) for i in range(12)), report(12, year=2031, facts=FACTS)])


def refused_text(language: str = "en", **filters: object) -> str:
    plan = Plan("?", "?", language, "list", Filters(**filters))  # type: ignore[arg-type]
    draft = list_draft(plan, CATALOG, lambda _: {}, ())
    assert draft.refused
    assert is_refusal(draft.text)
    assert "\n" not in draft.text
    return draft.text


@pytest.mark.parametrize(
    ("filters", "ending"),
    [
        (
            {"country": ("Togo",), "year": (2031,)},
            "No report passes these filters: country = Togo; year = 2031. "
            "Without year = 2031: 4 reports; without country = Togo: 1 report.",
        ),
        # One filter alone has no way out, and giving up one of three is not enough.
        ({"year": (1990, 1991)}, "filters: year = 1990 / 1991."),
        ({"country": ("Fiji",), "year": (1990,), "theme": ("Markets",)}, "theme = Markets."),
        (
            {"fact": ("cost: High", "sample_size: Huge")},
            " Without fact = sample_size: Huge: 1 report.",
        ),
    ],
)
def test_the_filter_to_give_up_is_named_with_what_is_left(
    filters: dict[str, object], ending: str
) -> None:
    assert refused_text(**filters).endswith(ending)


@pytest.mark.parametrize("language", REFUSALS)
def test_every_language_names_the_filter_to_give_up(language: str) -> None:
    text = refused_text(language, country=("Togo",), year=(2031,))
    t = translations_for(language)
    year = "year" if language == "en" else t.gettext("Year").lower()
    assert f"{year} = 2031" in text.split(".")[-2]
    assert " 4 " in text


@pytest.fixture(scope="module")
def answer(sample_engine: Engine) -> Answer:
    return sample_engine.ask("Which labs used interviews as a data source?").answer


def test_a_mention_stands_in_the_text_and_in_no_tag(sample_engine: Engine) -> None:
    snapshot = sample_engine._current()[0]
    count = 0
    for field in ("method", "datasource", "theme"):
        for name, _ in snapshot.catalog.counts(field):
            filters = Filters(**{field: (name,)})  # type: ignore[arg-type]
            hits = mentions(snapshot, filters)
            reports = [hit.passage.report.id for hit in hits]
            assert not snapshot.catalog.ids(filters) & set(reports)
            assert len(reports) == len(set(reports))
            spellings = snapshot.catalog.expanded(filters)
            phrases = [stems_of(value) for value in getattr(spellings, field)]
            for hit in hits:
                assert any(phrase in stems_of(hit.passage.text) for phrase in phrases)
            count += len(hits)
    assert count > 10


def test_other_filters_narrow_mentions_too(sample_engine: Engine) -> None:
    snapshot = sample_engine._current()[0]

    def reports(**filters: object) -> set[str]:
        found = mentions(snapshot, Filters(**filters))  # type: ignore[arg-type]
        return {hit.passage.report.id for hit in found}

    of_2023 = snapshot.catalog.ids(Filters(year=(2023,)))
    everywhere = reports(datasource=("interviews",))
    assert reports(datasource=("interviews",), year=(2023,)) == everywhere & of_2023
    assert not reports(country=("Fiji",))


def test_mentions_are_shown_apart_from_the_count(answer: Answer) -> None:
    mentioned = answer.coverage.mentioned
    assert mentioned
    assert not set(mentioned) & set(answer.coverage.reports)
    last = answer.text.split("\n")[-1]
    assert last.startswith(f"Not counted: {len(mentioned)} more reports")
    assert [hit.passage.report.id for hit in answer.mentions] == [*mentioned]
    page = render_mentions(answer, 1, ENGLISH)
    assert f"{len(mentioned)} more report" in page
    assert page.count('<details class="source"') == len(answer.mentions)
    brief = to_markdown(make_brief([answer], "", date(2026, 1, 1))).decode()
    assert last.split(":")[0] in brief


def test_named_mentions_are_cited_by_their_words(sample_engine: Engine, answer: Answer) -> None:
    cited = answer.citations[answer.coverage.count :]
    assert [c.passage.report.id for c in cited] == [*answer.coverage.mentioned[:10]]
    for citation in cited:
        assert f"[{citation.n}]" in answer.text.split("\n")[-1]
        assert citation.span
        raw = sample_engine.report(citation.passage.report.id).raw
        assert fold_text(raw[slice(*citation.span)]) == fold_text(citation.quote)
