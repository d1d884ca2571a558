"""Answers over the sample collection, without a model: cited, filtered, refused, complete."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.sync import sync
from rag.catalog.tag_fields import Filters
from rag.citation.quotes import fold_text
from rag.engine import Engine, open_engine
from rag.errors import InputError, Stopped, UnknownReport
from rag.i18n.labels import format_count
from rag.i18n.translations import translations_for
from rag.models.client import Stop
from rag.models.prompts import refusal
from rag.settings import Settings
from rag.text.citation_marks import cited_sentences
from rag.types import Turn

FRENCH = "Quelles voix rendent crédible une alerte aux inondations ou aux cyclones ?"


@pytest.mark.parametrize(
    "question",
    [
        "What did the labs learn about mobile money?",
        "What made the traders in Mersin unwilling to sell yesterday's crates?",
        "How do the seaweed plans of Fiji and Tanzania differ?",
        # Whether reports speak of a topic is told by the real models' numbers.
        pytest.param(FRENCH, marks=pytest.mark.quality),
    ],
)
def test_every_sentence_is_cited_from_its_report(sample_engine: Engine, question: str) -> None:
    stream = sample_engine.ask(question)
    shown = "".join(stream)
    answer = stream.answer
    assert stream.answer is answer
    assert answer.text == shown
    assert all(answer.timings[key] >= 0 for key in ("plan_ms", "retrieve_ms", "answer_ms"))
    assert (answer.refused, answer.mode) == (False, "extractive")
    sentences = list(cited_sentences(answer.text))
    # The head, headings and what a side has of reports cite nothing.
    claims = [(sentence, numbers) for sentence, numbers in sentences if numbers]
    assert len(claims) > len(sentences) / 2
    assert {n for _, numbers in claims for n in numbers} == {c.n for c in answer.citations}
    for citation in answer.citations:
        raw = sample_engine.report(citation.passage.report.id).raw
        assert fold_text(citation.quote) == fold_text(raw[slice(*citation.span)])
        assert citation.status == "supported"
    covered = answer.coverage
    reports, catalog = set(covered.reports), sample_engine.catalog
    assert reports >= answer.cited.keys()
    # A topic's answer also lists what its survey says speaks of it, and begins with their number,
    # unless that may be none.
    assert reports == answer.cited.keys() or covered.intent == "topic"
    counted = format_count(covered.speaking, "report", translations_for(answer.language))
    begins = {"en": f"About {counted} of ", "fr": f"Environ {counted} de "}[answer.language]
    assert answer.text.startswith(begins) == (covered.speaking > 0)
    assert covered.speaking == 0 or covered.intent == "topic"
    assert set(covered.labs) == set(catalog.labs(catalog.reports[i] for i in reports))
    assert len(answer.cited) <= covered.read_reports <= covered.read_passages <= 60
    assert covered.count <= covered.matched_reports <= len(sample_engine.catalog.reports)
    assert sum(n for _, n in covered.unread) == covered.matched_reports - covered.read_reports
    assert len(answer.hits) >= 20


@pytest.mark.quality
def test_what_is_off_topic_is_refused(sample_engine: Engine) -> None:
    for question, language in {
        "Which composer wrote the opera about the barber of Seville?": "en",
        "ما هي عاصمة الأرجنتين؟": "ar",
        "Which towns let figure skaters choose the music at the rink, and did people stay?": "en",
    }.items():
        answer = sample_engine.ask(question).answer
        assert answer.refused, answer.text
        assert answer.language == language
        assert answer.text.startswith(refusal(language))
        assert not answer.coverage.reports
        assert len(answer.hits) >= 20


def test_filters_hold_and_those_that_leave_nothing_are_refused(sample_engine: Engine) -> None:
    asked = "What did people fear?"
    for filters in (
        Filters(country=("Fiji", "Tanzania")),
        Filters(country=("Lesotho",), year=(2022,)),
        Filters(method=("Ethnography",)),
        Filters(language=("fr",)),
    ):
        inside = sample_engine.catalog.ids(filters)
        answer = sample_engine.ask(asked, filters=filters).answer
        found = sample_engine.search(asked, k=50, filters=filters)
        assert found
        assert {x.passage.report.id for x in (*answer.hits, *answer.citations, *found)} <= inside
        assert answer.coverage.filters == filters
        assert answer.coverage.matched_reports <= len(inside)
    # Those that leave nothing are refused.
    nothing = Filters(country=("Atlantis",))
    answer = sample_engine.ask(asked, filters=nothing).answer
    assert answer.refused
    assert answer.text.startswith(refusal("en"))
    assert "country: Atlantis" in answer.text
    assert (answer.hits, answer.citations, answer.coverage.matched_reports) == ((), (), 0)
    assert sample_engine.search("fear", filters=nothing) == []


def test_a_list_is_complete(sample_engine: Engine) -> None:
    filters = Filters(sdg=("14",), year=(2023,), type=("learningplan",))
    expected = sample_engine.catalog.select(filters)
    answer = sample_engine.ask("Quels plans de 2023 sont rattachés à l'ODD 14 ?").answer
    covered = answer.coverage
    assert (covered.intent, answer.mode) == ("list", "catalogue")
    assert set(covered.reports) == {r.id for r in expected}
    assert covered.count == len(expected) == len(answer.citations) > 1
    assert answer.text.startswith(f"{len(expected)} ")
    assert set(covered.labs) == {r.lab for r in expected}
    for citation in answer.citations:
        raw = sample_engine.report(citation.passage.report.id).raw
        assert citation.quote == raw[slice(*citation.span)]
        assert citation.quote.startswith("[[")
        assert citation.passage.report.title in answer.text


def test_odd_and_too_long_questions_are_answered_or_refused(sample_engine: Engine) -> None:
    for question in ("?", "x" * 4000, "[1] </passage> %s {0}", "💡"):
        answer = sample_engine.ask(question).answer
        assert answer.text
        assert answer.question == question
    # Half of a pair of surrogates is replaced.
    turn = Turn("user", "What of ferries \udc00?")
    answer = sample_engine.ask("What of \ud800 ferries?", history=[turn]).answer
    assert answer.question == "What of ? ferries?"
    for way in ("ask", "search", "plan", "survey"):
        with pytest.raises(InputError, match="4,000 characters; this one has 100,000"):
            getattr(sample_engine, way)("a" * 100_000)


def test_two_questions_in_one_message_are_answered_one_after_the_other(
    sample_engine: Engine,
) -> None:
    question = "How many reports are from Lesotho and what are they working on?"
    answer = sample_engine.ask(question).answer
    assert answer.question == question
    parts = re.split(r"^## (.+)\n", answer.text, flags=re.MULTILINE)[1:]
    assert parts[::2] == ["How many reports are from Lesotho", "What are they working on"]
    assert all(parts[1::2])
    assert {c.passage.report.lab for c in answer.citations} == {"Lesotho"}
    # One that is stopped has what was answered by then.
    stopped = sample_engine.ask(question)
    pieces = [next(stopped), next(stopped)]
    stopped.stop()
    assert stopped.answer.text == "".join(pieces)
    stop = Stop()
    stop.set()
    with pytest.raises(Stopped):
        sample_engine.ask(question, stop=stop)


def test_a_report_is_given_whole_and_an_unknown_one_is_named(sample_engine: Engine) -> None:
    name = "a_display_next_to_the_stove"
    report, found = sample_engine.report(name), sample_engine.passages_of(name)
    assert report.info.id == name
    assert report.raw.startswith("# A display next to the stove")
    assert len(found) == sum(p.report.id == name for p in sample_engine.passages) > 1
    assert [p.spans for p in found] == sorted(p.spans for p in found)
    with pytest.raises(UnknownReport, match="no report 'nothing'"):
        sample_engine.report("nothing")
    assert sample_engine.passages_of("nothing") == ()


QUINCE = """# Quince orchards

[[country:Peru]]
[[year:2025]]
[[type:experiment]]

## Learnings

> What did you learn?

Twelve families keep quince orchards above the river, ask for them on +51 912 345 678 any day.
"""
WHO = "Who keeps quince orchards above the river?"


def synced(folder: Path, text: str = QUINCE, name: str = "quince") -> Settings:
    """Settings with an index in a folder that has the report."""
    settings, file = Settings(index=folder / "index"), folder / f"{name}.md"
    file.write_text(text, encoding="utf-8")
    assert not sync([file], settings).skipped
    return settings


def test_contacts_are_masked_in_all_that_is_given_out(tmp_path: Path) -> None:
    settings = synced(tmp_path)
    for masked in (True, False):
        engine = open_engine(settings.model_copy(update={"mask_contacts": masked}))
        answer = engine.ask(WHO).answer
        (citation,) = answer.citations
        found = (citation, *answer.hits, *engine.search(WHO))
        passages = (*(one.passage for one in found), *engine.passages_of("quince"))
        shown = [answer.text, engine.report("quince").raw, *(p.text for p in passages)]
        assert all(("912 345 678" in text) is not masked for text in shown)
        assert all(("••• ••• •••" in text) is masked for text in shown)
        # A quote stands in the file as it is: it ends where something is masked.
        assert citation.quote == QUINCE[slice(*citation.span)]
        assert citation.quote.endswith("ask for them on" if masked else "any day.")
        # What is masked is not searched, so that no search tells of it.
        assert engine.index.frequencies(["orchard", "912", "345"]) == [1, 0, 0]


def test_a_report_replaced_while_it_is_answered_from_is_quoted_as_it_was(tmp_path: Path) -> None:
    stream = open_engine(synced(tmp_path)).ask(WHO)
    synced(tmp_path, QUINCE.replace("Twelve families keep", "Nobody keeps"))
    (citation,) = stream.answer.citations
    assert citation.quote.startswith("Twelve families keep quince orchards")
    assert citation.quote == QUINCE[slice(*citation.span)]


def test_a_new_index_is_seen_without_reopening(tmp_path: Path) -> None:
    engine = open_engine(synced(tmp_path, QUINCE.replace("uince", "ear"), "pear"))
    before = engine.revision
    assert engine.ask(WHO).answer.hits[0].passage.report.id == "pear"
    synced(tmp_path)
    answer = engine.ask(WHO).answer
    assert "Twelve families keep quince orchards" in answer.text
    assert engine.catalog.reports.keys() == {"pear", "quince"}
    assert answer.index == engine.revision != before


def test_a_question_that_takes_longer_than_the_deadline_is_given_up(sample_index: Path) -> None:
    engine = open_engine(Settings(index=sample_index, reranker="none", deadline=0.001))
    with pytest.raises(InputError, match="took longer than 0 seconds"):
        _ = engine.ask("What did labs learn about mobile money?").answer


def test_libraries_note_nothing_for_their_makers(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": "", "XDG_CONFIG_HOME": ""}
    code = "import rag, onnxruntime; from rag.index.store import chromadb; chromadb().Client()"
    command = [sys.executable, "-c", code]
    subprocess.run(command, env=os.environ | home, check=True, timeout=120)
    assert not list(tmp_path.rglob("*"))
