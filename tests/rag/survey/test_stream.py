"""Surveys over the sample collection: a verdict on every report, quotes, scope, bad input."""

from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from ferries import engine_of

from rag.catalog.tag_fields import Filters
from rag.citation.quotes import fold_text
from rag.engine import Engine
from rag.errors import InputError
from rag.retrieval.rerank import CrossEncoder
from rag.survey.classifier import (
    Chances,
    classifier,
    is_absent,
    standing_out,
    uncertain,
    waited_scores,
)
from rag.survey.features import FEATURES, LEAST_KNOWN, MOST_NEAR, Topic, is_met
from rag.survey.wording import word_by_word
from rag.types import Alike, Span

BEES = "# Bees\n\n[[country:Togo]]\n\n## Answer\n\nThe beekeepers sold more honey.\n"


def test_every_report_has_a_verdict_and_verbatim_words(sample_engine: Engine) -> None:
    question, stages = "What did the labs learn about mobile money?", set()
    stream = sample_engine.survey(question, progress=lambda stage, *_: stages.add(stage))
    rows = list(stream)
    survey = stream.survey
    assert survey.topic == "mobile money"
    assert sorted(row.report.id for row in rows) == sorted(sample_engine.catalog.reports)
    assert [row.score for row in rows] == sorted((row.score for row in rows), reverse=True)
    assert survey.found == tuple(rows[: len(survey.found)])
    quotes = {row.report.id: row.quote for row in survey.found}
    assert quotes["carteiras_m_veis_no_mercado_de_nampula"]
    unsaid = "charcoal_cold_box_for_the_fish_road"
    assert quotes[unsaid] == ""
    assert {row.report.id: row.quote for row in stream.nearest(len(quotes))}[unsaid]
    for row in survey.found:
        if row.quote:
            assert row.passage
            assert row.passage.report == row.report
            assert row.span
            assert_stands(sample_engine, row.report.id, row.quote, row.span)
        else:
            assert (row.verdict, row.passage) == ("mentions", None)
    findings = {row.report.id: row.finding for row in survey.rows if row.finding}
    assert "1__women_don_t_distrust_the_phone__they_distrust_the_moment_of_handing_over" in findings
    # Its hypothesis is what speaks of the topic.
    assert "fee_boards_at_the_market_gate" not in findings
    for name, said in findings.items():
        assert_stands(sample_engine, name, said.quote, said.span)
    assert survey.interval[0] <= len(survey.found) <= survey.interval[1]
    assert {"reading", "quoting"} <= stages
    drawn = stream.silent_sample(3)
    assert all(row.verdict == "silent" for row in drawn)
    assert any(row.quote for row in drawn)


def assert_stands(engine: Engine, report_id: str, quote: str, span: Span) -> None:
    assert fold_text(quote) == fold_text(engine.report(report_id).raw[slice(*span)])


def test_the_likeliest_rows_are_there_before_the_cross_encoder_looks(
    sample_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_first: list[set[str]] = []
    stream = sample_engine.survey("mobile money")

    def look(*_: object) -> list[float]:
        at_first.append({row.report.id for row in stream.first})
        raise TimeoutError

    monkeypatch.setattr(CrossEncoder, "scores", look)
    monkeypatch.setattr("rag.survey.classifier.PATIENCE", 0.1)
    measure, found = sample_engine.report_measure(), []
    for row in stream:
        assert stream in measure.surveys
        found.append(row)
    assert not measure.surveys
    assert at_first[0]
    assert {row.report.id for row in found if row.verdict != "silent"} >= at_first[0]
    assert all(row.quote for row in stream.first)
    absent = sample_engine.survey("zeppelins")
    assert (absent.survey.found, absent.first) == ((), [])


def test_places_and_years_narrow_the_scope_and_what_can_not_be_surveyed_is_told(
    sample_engine: Engine,
) -> None:
    rows = sample_engine.survey("mobile money in Fiji", filters=Filters(year=(2023,))).survey.rows
    assert rows
    assert {(row.report.lab, row.report.year) for row in rows} == {("Fiji", 2023)}
    for question, words in (
        ("hello", "names no topic"),
        ("How many reports are there?", "names no topic"),
        ("mobile money", "No report passes"),
    ):
        with pytest.raises(InputError, match=words):
            sample_engine.survey(question, filters=Filters(country=("Fiji",), year=(1999,)))
    # One that is stopped keeps its rows.
    stream = sample_engine.survey("seaweed")
    first = next(stream)
    stream.stop()
    assert (stream.survey.rows, stream.survey.complete) == ((first,), False)


def test_a_word_that_is_joined_shares_what_stands_before(sample_engine: Engine) -> None:
    topic = sample_engine.report_measure().topic
    for asked, parts in {
        "waste in inns, schools and jails": ("waste in inns", "waste in schools", "waste in jails"),
        "access to credit and youth jobs": ("access to credit", "youth jobs"),
        "floods and droughts": ("floods", "droughts"),
        # What is no topic alone is meant with the other.
        "women and water": ("women and water",),
    }.items():
        read = topic(asked, "en")
        assert (read.texts, len(read.parts)) == (parts, len(parts))


def test_capitals_change_no_verdict_and_a_topic_is_measured_once(sample_engine: Engine) -> None:
    first, *others = (
        {row.report.id: row.verdict for row in sample_engine.survey(written).survey.rows}
        for written in ("waste of cold stores", "Waste of cold stores", "Waste Of Cold Stores")
    )
    assert others == [first] * 2
    assert len(set(first.values())) > 1
    measure = sample_engine.report_measure()
    first, again = (measure.topic("mobile money", "en") for _ in range(2))
    assert measure.measure(first) is measure.measure(again)
    assert measure.measure(first, frozenset(measure.ids[:1])) is not measure.measure(first)
    assert measure.topic("mobile money", "en", ("wallet",)) is not first


def test_second_looks_are_at_the_least_certain_and_change_only_what_was_judged() -> None:
    says = np.array([0.01, 0.4, 0.99, 0.9])
    assert uncertain(says) == [1, 3]
    weights = classifier()
    before = weights.chances(np.zeros((4, len(FEATURES))))
    looks = np.array([[np.nan, np.nan], [5.0, 0.5], [np.nan, np.nan], [-11.0, 0.1]])
    after = weights.judged(before, looks)
    assert (after.says == before.says).tolist() == [True, False, True, False]
    assert after.says[1] > after.says[3]
    half = np.full(100, 0.5)
    low, high = weights.interval(half, "en")
    assert low < 50 < high <= weights.interval(half, "fr")[1]


def test_a_phrase_renders_a_topic_by_a_word_for_each_of_its_words() -> None:
    near = [{"knowledg": 0.8, "wisdom": 0.7}, {"ancestr": 0.9}]
    assert word_by_word("ancestral knowledge", near) == 0.8
    assert word_by_word("ancestral wisdom", near) == 0.7
    for other in ("knowledge", "ancestral village knowledge", "shared knowledge", "of knowledge"):
        assert word_by_word(other, near) == 0


def test_a_topic_that_no_passage_and_no_tag_meets_is_spoken_of_by_no_report() -> None:
    met = np.ones((3, len(FEATURES)))
    met[:, FEATURES.index("known")] = np.log(LEAST_KNOWN / 3)
    unmet = met.copy()
    unmet[:, FEATURES.index("weakest")] = 0.5
    assert [is_met(met), is_met(unmet)] == [True, False]
    assert [is_absent(met), is_absent(unmet)] == [False, True]
    said, unsaid = (
        np.array([[first, 0.5], [np.nan, np.nan], [-8.0, 0.5]]) for first in (3.0, -9.0)
    )
    assert is_absent(met, unsaid)
    assert not is_absent(met, unsaid, surest=0.9)
    assert not is_absent(unmet, said)
    # What was read tells nothing where the nearest report was not read.
    assert not is_absent(met, unsaid[[1, 0, 2]], is_found=True)
    assert Chances(np.ones(3), np.ones(3)).stated(True).says.sum() < 0.1


def test_a_report_that_stands_out_speaks_of_a_topic_that_few_others_do() -> None:
    features = np.ones((3, len(FEATURES)))
    features[1, FEATURES.index("meaning")] = 9
    assert standing_out(features, 500).tolist() == [False, True, False]
    assert not standing_out(features, 25_000).any()
    raised = Chances(np.full(3, 0.03), np.full(3, 0.02)).raised(standing_out(features, 500))
    assert raised.says[1] > 0.9
    assert raised.about[1] > 0.8
    assert raised.says[0] == raised.says[2] == 0.03
    sure = Chances(np.full(3, 0.6), np.full(3, 0.5))
    assert sure.raised(standing_out(features, 500)) is sure


@pytest.mark.quality
def test_a_topic_has_no_word_that_only_asks(quick_engine: Engine) -> None:
    for question, topic in {
        "How is crowdfunding used in the labs?": "crowdfunding",
        "How many reports and labs speak of plastic in rivers?": "plastic in rivers",
        "How has work on small traders changed over the years?": "small traders",
        "jobs for young people": "jobs for young people",
        "que font les labos contre les inondations ?": "inondations",
        "ما الحلول التي جُربت في مختلف الدول لمواجهة حرائق الغابات؟": "حرائق الغابات",
    }.items():
        assert quick_engine.survey(question).survey.topic.casefold() == topic, question


@pytest.mark.parametrize("others", [{}, {"bees": BEES, "hives": BEES}])
def test_a_report_of_tags_alone_has_no_quote(tmp_path: Path, others: dict[str, str]) -> None:
    texts = {"tags": BEES.partition("## Answer")[0]} | others
    stream = engine_of(tmp_path, texts).survey("beekeeping")
    assert {row.report.id: row.quote for row in stream.nearest(4)}["tags"] == ""


def test_a_survey_waits_for_a_busy_cross_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.survey.classifier.PAUSE", 0.0)
    busy = Mock(scores=Mock(side_effect=[TimeoutError, TimeoutError, [1.0]]))
    assert waited_scores(busy, "topic", ["a"], None) == [1.0]
    monkeypatch.setattr("rag.survey.classifier.PATIENCE", 0.0)
    assert waited_scores(busy, "topic", ["a"], None) is None


@pytest.mark.quality
def test_a_foreign_topic_has_names_from_the_collection(sample_engine: Engine) -> None:
    topic = sample_engine.report_measure().topic
    known = topic("dinero móvil", "es")
    assert (known.language, known.is_unknown) == ("en", False)
    assert "mobile money" in known.english
    assert not topic("dinero móvil", "es", known.english).english
    for text, language, english in (
        ("groupes de femmes", "fr", "women's group"),
        # A part alone ("buses") does not stand for the whole: that is told word by word.
        ("autobuses sin conductor", "es", "buses without drivers"),
        # What the glossary has for the whole goes before; what is near in part is no name.
        ("seguridad vial", "es", "road safety"),
        ("fogões solares", "pt", "stoves solar"),
    ):
        assert topic(text, language).english == (english,)
    assert topic("cría de renos", "es").is_unknown


def test_unknown_words_are_lacking_where_a_topic_has_a_name_and_few_stand_for_one(
    sample_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = sample_engine.report_measure().snapshot
    named = Topic.read("dinero xyzzy", "es", index, english=lambda *_: ("mobile money",))
    assert named.texts == ("mobile money",)
    assert [len(part) for part in named.parts] == [2, 2]
    assert [len(part) for part in Topic.read("dinero xyzzy", "es", index).parts] == [1]
    # Few words stand for one of a topic, and none that says nothing.
    near = {"avec": 0.9, "kenya": 0.9} | {f"word{n}": 0.8 - n / 999 for n in range(MOST_NEAR + 1)}
    alike = (Alike(frozenset({"basi"}), near),)
    monkeypatch.setattr("rag.survey.features.alike_words", lambda *_: alike)
    topic = Topic.read("basis", "en", index)
    assert list(topic.words[0]) == [*(f"word{n}" for n in range(MOST_NEAR)), "basi"]
