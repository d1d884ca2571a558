"""Reports that name a tag's value in their text alone: beside the list, never in it."""

from __future__ import annotations

from datetime import date

import pytest

from rag.answer.lists import mentions
from rag.catalog.fields import Filters
from rag.citation.quotes import fold_text
from rag.engine import Engine
from rag.export.answer_json import answer_from_dict, answer_to_dict
from rag.export.brief import make_brief
from rag.export.formats import to_markdown
from rag.i18n.translations import ENGLISH
from rag.query.entities import stems_of
from rag.types import Answer
from ui.web.answer import also_mentioned


@pytest.fixture(scope="module")
def answer(sample_engine: Engine) -> Answer:
    return sample_engine.ask("Which labs used interviews as a data source?").answer


def test_what_is_mentioned_stands_in_the_text_and_in_no_tag(sample_engine: Engine) -> None:
    snapshot = sample_engine._current()[0]
    found = 0
    for field in ("method", "datasource", "theme"):
        for name, _ in snapshot.catalog.counts(field):
            filters = Filters(**{field: (name,)})  # type: ignore[arg-type]
            listed = snapshot.catalog.ids(filters)
            hits = mentions(snapshot, filters, listed)
            reports = [hit.passage.report.id for hit in hits]
            assert not listed & set(reports)
            assert len(reports) == len(set(reports))
            spellings = snapshot.catalog.expanded(filters)
            phrases = [stems_of(value) for value in getattr(spellings, field)]
            for hit in hits:
                assert any(phrase in stems_of(hit.passage.text) for phrase in phrases)
            found += len(hits)
    assert found > 10


def test_other_filters_narrow_them_too(sample_engine: Engine) -> None:
    snapshot = sample_engine._current()[0]
    wide = Filters(datasource=("interviews",))
    one_year = Filters(datasource=("interviews",), year=(2023,))
    broad = {h.passage.report.id for h in mentions(snapshot, wide, ())}
    narrow = {h.passage.report.id for h in mentions(snapshot, one_year, ())}
    assert narrow == broad & snapshot.catalog.ids(Filters(year=(2023,)))
    assert not mentions(snapshot, Filters(country=("Fiji",)), ())


def test_they_are_told_apart_from_the_count(answer: Answer) -> None:
    assert answer.coverage.mentioned
    assert not set(answer.coverage.mentioned) & set(answer.coverage.reports)
    last = answer.text.split("\n")[-1]
    assert last.startswith(f"Not counted: {len(answer.coverage.mentioned)} more reports")
    assert [hit.passage.report.id for hit in answer.mentions] == [*answer.coverage.mentioned]
    page = also_mentioned(answer, 1, ENGLISH)
    assert f"{len(answer.coverage.mentioned)} more report" in page
    assert page.count('<details class="source"') == len(answer.mentions)
    brief = to_markdown(make_brief([answer], "", date(2026, 1, 1))).decode()
    assert last.split(":")[0] in brief


def test_those_that_are_named_are_cited_by_their_words(
    sample_engine: Engine, answer: Answer
) -> None:
    cited = answer.citations[answer.coverage.count :]
    assert [c.passage.report.id for c in cited] == [*answer.coverage.mentioned[:10]]
    for citation in cited:
        assert f"[{citation.n}]" in answer.text.split("\n")[-1]
        assert citation.span
        raw = sample_engine.report(citation.passage.report.id).raw
        assert fold_text(raw[slice(*citation.span)]) == fold_text(citation.quote)


def test_they_survive_being_written_and_read(answer: Answer) -> None:
    again = answer_from_dict(answer_to_dict(answer))
    assert again.coverage == answer.coverage
    assert [h.passage for h in again.mentions] == [h.passage for h in answer.mentions]
