"""Topics that are described in everyday words are searched for by what reports call them."""

import tomllib

import numpy as np
import pytest

from rag.engine import Engine
from rag.query import gloss
from rag.query.gloss import concepts_of
from rag.types import Turn

pytestmark = pytest.mark.quality


def test_a_description_means_what_reports_have_a_name_for(sample_engine: Engine) -> None:
    # What a passage tells in the same words has no other name.
    said = next(p for p in sample_engine.passages if p.language == "en" and len(p.text) > 80)
    for topic, (language, concept) in {
        "jóvenes que se van del pueblo a la ciudad": ("es", "rural-urban migration"),
        "نفايات تطفو على سطح البحر وتصل إلى الشاطئ": ("ar", "marine litter"),
        # A term is no description, nor is what has words for no concept.
        "marine litter": ("en", ""),
        "a hat for a cat on a mat": ("en", ""),
        " ".join(said.text.split()[:8]): ("en", ""),
    }.items():
        assert concepts_of(topic, language, sample_engine.index)[0] == concept, topic


def test_a_question_in_everyday_words_is_put_in_those_of_reports(sample_engine: Engine) -> None:
    question = "what helps girls who marry before they are sixteen?"
    made = sample_engine.plan(question)
    assert made.concept == "child marriage"
    assert (made.standalone, made.english) == (question, f"{question} (child marriage)")
    assert [notice.code for notice in made.notices] == ["in_words_of_reports"]
    survey = sample_engine.survey(question).survey
    assert (survey.topic, survey.notices) == (made.concept, made.notices)
    asked = (Turn("user", question), Turn("assistant", "Nobody knows."))
    assert sample_engine.plan("What gets in the way?", history=asked).concept == made.concept
    for other in (
        f"{question} ({question} {question})",  # at length something particular is asked
        'what helps "girls who marry before they are sixteen"?',
        "what helps ‘girls who marry before they are sixteen’?",
        "what helps girls in Togo who marry before they are sixteen?",
    ):
        assert not sample_engine.plan(other).concept, other


def test_what_a_topic_may_mean_is_read_beside_it_and_counted_nowhere(
    sample_engine: Engine,
) -> None:
    question = "smog in winter, what do labs do"
    made = sample_engine.plan(question)
    assert (made.concept, made.hint) == ("", "air pollution")
    answer = sample_engine.ask(question).answer
    assert ("looked_for_too", {"names": made.hint}) in [(n.code, n.params) for n in answer.notices]
    assert made.english == f"{question} (air pollution)"
    assert sample_engine.survey(question).survey.topic == "smog in winter"
    # What has the name itself, or one word, means no other.
    for other in ("air pollution in winter, what do labs do", "smog, what do labs do"):
        assert not sample_engine.plan(other).hint, other
    # Solutions for a topic are those of labs, too.
    wide = sample_engine.plan("solutions for thrown away food")
    assert (wide.boosted.kind, wide.hint) == ((), "food waste")
    of_togo = sample_engine.plan("what solutions does Togo have for food?")
    assert of_togo.boosted.kind == ("solution",)


def test_the_vectors_are_those_of_the_phrases() -> None:
    said = tomllib.loads(gloss._CONCEPTS.read_text("utf-8"))
    phrases = [phrase for own in said.values() for phrase in own]
    assert len(phrases) == len(set(phrases))
    names, starts, vectors = gloss._concepts()
    assert names == sorted(said)
    first = gloss._encoded([("", name.split(" / ")[0]) for name in names])
    assert np.allclose(vectors[starts], first, atol=0.01)
