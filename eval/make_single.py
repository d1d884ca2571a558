"""Drafts questions for one report by templates, and questions that carry on from them."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

from eval.cases import Case, Evidence
from eval.make_passages import Pool, Source, of_the_lab, shown_title
from eval.make_words import (
    BY_TITLE,
    BY_TOPIC,
    KINDS,
    NEXT,
    ONE,
    lab_name,
)
from rag.types import Turn

# What of a stage is worded alike.
_STAGES = {"intention": "intention", "finding": "finding"}
_PROMPT = 80
_NOTE = "worded by a template: say it in your own words, and add facts that a good answer holds"


def title_case(source: Source, language: str, rng: random.Random) -> Case:
    """A draft that asks what a report, named by its title, answers to a form question."""
    return draft_of(source, language, title_question(source, language, rng))


def topic_case(source: Source, language: str) -> Case:
    """A draft that asks what a lab says about the topic of a passage."""
    info = source.passage.report
    template = BY_TOPIC[language][_STAGES.get(source.passage.stage, "evidence")]
    asked = template.format(lab=lab_name(language, source.lab), topic=source.topic, year=info.year)
    return draft_of(source, language, asked)


def followup_case(first: Source, second: Source, language: str, rng: random.Random) -> Case:
    """A draft that asks a second form question of a report after the answer to a first."""
    asked = of_the_lab(second.asked) if language == "en" else second.asked
    turns = (
        Turn("user", title_question(first, language, rng)),
        Turn("assistant", first.quote),
    )
    return draft_of(
        second,
        language,
        NEXT[language].format(asked=asked),
        type="followup",
        history=turns,
        standalone=title_question(second, language, rng),
    )


def followup_pairs(pool: Pool) -> list[tuple[Source, Source]]:
    """Two passages of one report under two form questions, for a question and the next."""
    by_report: dict[str, list[Source]] = {}
    for source in pool.by_title:
        by_report.setdefault(source.passage.report.id, []).append(source)
    return [
        (first, second)
        for sources in by_report.values()
        for first, second in pairwise(sources)
        if first.passage.language == second.passage.language and first.asked != second.asked
    ]


def title_question(source: Source, language: str, rng: random.Random) -> str:
    """A question for what a report, named by its title, answers to a form question."""
    info = source.passage.report
    english = language == "en"
    return rng.choice(BY_TITLE[language]).format(
        lab=lab_name(language, source.lab),
        year=info.year,
        kind=KINDS.get(info.kind, ONE),
        title=shown_title(source.passage),
        asked=of_the_lab(source.asked) if english else source.asked,
    )


def draft_of(source: Source, language: str, question: str, **given: Any) -> Case:
    """A draft that a passage answers; `given` are fields that differ from those of a template."""
    passage, info = source.passage, source.passage.report
    quote = given.pop("quote", source.quote)
    evidence = Evidence(info.id, quote, f"## {passage.section}", passage.prompt[:_PROMPT])
    fields = {"type": "single", "answer": quote, "note": _NOTE} | given
    return Case(
        id="draft",
        lang=language,
        question=question,
        reports=(info.id,),
        alt_reports=source.same,
        evidence=(evidence,),
        country=source.lab,
        report_lang=passage.language,
        draft=True,
        **fields,
    )
