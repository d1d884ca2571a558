"""Surveys over the sample collection: a verdict on every report, quotes, scope, bad input."""

from collections.abc import Sequence
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


def test_every_report_has_a_verdict_and_verbatim_words(sample_engine: Engine) -> None:
    stages: set[str] = set()
    stream = sample_engine.survey(
        "What did the labs learn about mobile money?", progress=lambda stage, *_: stages.add(stage)
    )
    rows = list(stream)
    survey = stream.survey
    assert survey.topic == "mobile money"
    assert sorted(row.report.id for row in rows) == sorted(sample_engine.catalog.reports)
    assert [row.score for row in rows] == sorted((row.score for row in rows), reverse=True)
    assert survey.found == tuple(rows[: len(survey.found)])
    quotes = {row.report.id: row.quote for row in survey.found}
    assert quotes["sending_money_home_without_the_bus"]
    assert quotes["carteiras_m_veis_no_mercado_de_nampula"]
    unsaid = "charcoal_cold_box_for_the_fish_road"
    assert quotes[unsaid] == ""
    assert {row.report.id: row.quote for row in stream.nearest(len(quotes))}[unsaid]
    for row in survey.found:
        if row.quote:
            assert row.passage
            assert row.span
            assert row.passage.report == row.report
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
    nowhere = Filters(country=("Fiji",), year=(1999,))
    for question, filters, words in (
        ("hello", Filters(), "names no topic"),
        ("How many reports are there?", Filters(), "names no topic"),
        ("mobile money", nowhere, "No report passes"),
    ):
        with pytest.raises(InputError, match=words):
            sample_engine.survey(question, filters=filters)
    # One that is stopped keeps its rows.
    stream = sample_engine.survey("seaweed")
    first = next(stream)
    stream.stop()
    assert (stream.survey.rows, stream.survey.complete) == ((first,), False)


def test_a_word_that_is_joined_shares_what_stands_before(sample_engine: Engine) -> None:
    topic = sample_engine.report_measure().topic
    in_all = ("waste in inns", "waste in schools", "waste in jails")
    assert topic("waste in inns, schools and jails", "en").texts == in_all
    others = ("access to credit", "youth jobs")
    assert topic("access to credit and youth jobs", "en").texts == others
    # What is no topic alone is meant with the other.
    for asked, parts in {"women and water": 1, "floods and droughts": 2}.items():
        read = Topic.read(asked, "en", sample_engine.report_measure().snapshot)
        assert (len(read.parts), len(read.texts)) == (parts, parts)


def test_capitals_that_a_word_begins_with_change_no_verdict(sample_engine: Engine) -> None:
    for topic in ("waste", "solar power for cold stores"):
        verdicts = [
            {row.report.id: row.verdict for row in sample_engine.survey(written).survey.rows}
            for written in (topic, topic.capitalize(), topic.title())
        ]
        assert verdicts[0] == verdicts[1] == verdicts[2]


def test_who_asks_on_about_a_topic_waits_for_no_second_measure_of_it(sample_engine: Engine) -> None:
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
    assert low < 50 < high
    assert weights.interval(half, "fr")[1] >= high


def test_a_phrase_renders_a_topic_by_a_word_for_each_of_its_words() -> None:
    near = [{"knowledg": 0.8, "wisdom": 0.7}, {"ancestr": 0.9}]
    assert word_by_word("ancestral knowledge", near) == 0.8
    assert word_by_word("ancestral wisdom", near) == 0.7
    for other in ("knowledge", "ancestral village knowledge", "shared knowledge", "of knowledge"):
        assert word_by_word(other, near) == 0


def test_a_topic_that_no_passage_and_no_tag_meets_is_spoken_of_by_no_report() -> None:
    rows = {name: np.full(3, 1.0) for name in FEATURES}
    rows["known"] = np.full(3, np.log(LEAST_KNOWN / 3))
    met = np.column_stack([rows[name] for name in FEATURES])
    unmet = np.column_stack([(rows | {"weakest": np.full(3, 0.5)})[name] for name in FEATURES])
    assert is_met(met)
    assert not is_met(unmet)
    assert is_absent(unmet)
    assert not is_absent(met)
    unsaid = np.array([[-9.0, 0.5], [np.nan, np.nan], [-8.0, 0.5]])
    assert is_absent(met, unsaid)
    assert not is_absent(met, unsaid, surest=0.9)
    said = np.array([[3.0, 0.5], [np.nan, np.nan], [-8.0, 0.5]])
    assert not is_absent(unmet, said)
    # What was read tells nothing where the nearest report was not read.
    assert not is_absent(met, unsaid[[1, 0, 2]], is_found=True)
    assert Chances(np.ones(3), np.ones(3)).stated(True).says.sum() < 0.1


def test_a_report_that_stands_out_speaks_of_a_topic_that_few_others_do() -> None:
    features = np.ones((3, len(FEATURES)))
    features[1, FEATURES.index("meaning")] = 9
    assert standing_out(features, 500).tolist() == [False, True, False]
    assert not standing_out(features, 25_000).any()
    low = Chances(np.full(3, 0.03), np.full(3, 0.02))
    raised = low.raised(standing_out(features, 500))
    assert raised.says[1] > 0.9
    assert raised.about[1] > 0.8
    assert raised.says[0] == raised.says[2] == 0.03
    sure = Chances(np.full(3, 0.6), np.full(3, 0.5))
    assert sure.raised(standing_out(features, 500)) is sure


@pytest.mark.quality
def test_a_topic_has_no_word_that_only_asks(quick_engine: Engine) -> None:
    for question, topic in {
        "How is crowdfunding used in the labs?": "crowdfunding",
        "what have labs done about air pollution": "air pollution",
        "How many reports and labs speak of plastic in rivers?": "plastic in rivers",
        "How has work on small traders changed over the years?": "small traders",
        "Street vendors - what was tried?": "street vendors",
        "jobs for young people": "jobs for young people",
        "que font les labos contre les inondations ?": "inondations",
        "savoirs ancestraux": "savoirs ancestraux",
        "ما الحلول التي جُربت في مختلف الدول لمواجهة حرائق الغابات؟": "حرائق الغابات",
    }.items():
        assert quick_engine.survey(question).survey.topic.casefold() == topic, question


@pytest.mark.parametrize("names", [("bees", "hives", "honey", "tags"), ("tags",)])
def test_a_report_of_tags_alone_has_no_quote(tmp_path: Path, names: Sequence[str]) -> None:
    answer = "## Answer\n\nThe beekeepers sold more honey than the year before.\n"
    texts = {name: f"# {name}\n\n[[country:Togo]]\n\n{answer}" for name in names}
    texts["tags"] = texts["tags"].removesuffix(answer)
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
    measure = sample_engine.report_measure()
    for text, language in (("dinero móvil", "es"), ("argent mobile", "fr")):
        topic = measure.topic(text, language)
        assert topic.language == "en"
        assert "mobile money" in topic.english
        assert not measure.topic(text, language, topic.english).english
    assert measure.topic("groupes de femmes", "fr").english == ("women's group",)
    # A part alone ("buses") does not stand for the whole: that is told word by word.
    assert measure.topic("autobuses sin conductor", "es").english == ("buses without drivers",)
    # What the glossary has for the whole goes before; what is near in part is no name.
    assert measure.topic("seguridad vial", "es").english == ("road safety",)
    assert measure.topic("fogões solares", "pt").english == ("stoves solar",)
    assert measure.topic("cría de renos", "es").is_unknown
    assert not measure.topic("dinero móvil", "es").is_unknown


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
    topic = Topic.read("basis", "en", sample_engine.report_measure().snapshot)
    assert list(topic.words[0]) == [*(f"word{n}" for n in range(MOST_NEAR)), "basi"]
