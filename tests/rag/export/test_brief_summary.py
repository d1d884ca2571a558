"""What stands over a brief's answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from fake_engine import answer

from rag.export.brief import Quote, make_brief, summary
from rag.i18n.translations import ENGLISH, translations_for
from rag.types import Answer

ONE = answer()
DAY = date(2025, 3, 1)


def told(*answers: Answer, language: str = "en") -> dict[str, str]:
    return dict(summary(answers, translations_for(language)))


def test_it_counts_reports_labs_years_and_languages() -> None:
    said = told(ONE, ONE)
    assert said["Rests on"] == "2 reports of 2 labs, 2021–2022"
    assert said["Passages by language"] == "English (2)"
    assert said["How it was made"].startswith("Answers quote sentences of the reports")


def test_it_names_each_way_of_answering_once() -> None:
    mixed = [ONE, replace(ONE, mode="openai:small"), replace(ONE, mode="catalogue"), ONE]
    made = told(*mixed)["How it was made"]
    assert made.count("quote sentences") == made.count("openai:small") == made.count("tags") == 1


def test_nothing_is_said_of_refusals() -> None:
    assert not list(summary([replace(ONE, refused=True)], ENGLISH))


def test_it_is_in_the_language_of_the_brief() -> None:
    assert told(ONE, language="fr")["Repose sur"].startswith("2 rapports de 2 laboratoires")


def test_a_sentence_that_is_the_quote_has_no_status() -> None:
    (_, sources), *_ = make_brief([ONE], "", DAY).parts[0].source_lists
    statuses = [quote.status for one in sources for quote in one.quotes]
    assert statuses == ["", "The quote supports the sentence in part"]
    assert isinstance(sources[0].quotes[0], Quote)
