"""Tells what a report is (plan, closing, experiment, solution) and what stage an answer is of."""

from __future__ import annotations

import re

from rag.types import Block, Stage


def kind_of(type_: str, blocks: tuple[Block, ...]) -> str:
    """What the report is: "plan" or "closing" for a learning plan, else its type."""
    if type_ != "learningplan":
        return type_
    questions = (b.prompt for b in blocks if b.prompt != b.section)
    is_closing = any(q and stage_of("", q) == "finding" for q in questions)
    return "closing" if is_closing else "plan"


def _compiled(rules: tuple[tuple[Stage, str], ...]) -> tuple[tuple[Stage, re.Pattern[str]], ...]:
    return tuple((stage, re.compile(words, re.IGNORECASE)) for stage, words in rules)


# What a form question says of its answer. The first match wins. Written for words that any such
# form uses, not for whole questions.
_RULES = _compiled(
    (
        (
            "admin",
            r"^(?:title|name|age|note|tags?|text|sdgs?|images?|created by:?|collected by)$"
            r"|\bname for your|title of the|name of the (?:experiment|innovat)|prepared by"
            r"|on date|current status|end of action|saves automatically|portfolio does"
            r"|contact|e-?mail|reviewer|challenge type|quality check"
            r"|\b(?:please|kindly) (?:upload|paste|add|include|insert)\b",
        ),
        (
            "finding",
            r"\binsights?\b|know now|learning outcome|main learnings|what (?:did|have) you learn"
            r"|barriers?|bottleneck|obstacle|surpris|proven|advice|would you (?:change|have done)"
            r"|observations? about|did this|did these|did you experience|happened after|hand-?over"
            r"|actual monetary|how long did|planned to scale|follow up|benefit from the results"
            r"|be replicated|influenced|bonus question|in hindsight|result",
        ),
        ("partner", r"\bpartner|collaborat|who led|who lead|solution holder"),
        (
            "method",
            r"\bmethods?\b|types? of data|data gaps|control group|sample size|unit of analysis"
            r"|data collection|assigned to|test your hypothesis|innovation method|timeline",
        ),
        ("evidence", r"\bevidence|background|history of|description|what is the (?:solution|inno)"),
        (
            "intention",
            r"challenge|learning question|learning intent|hypothesis|value proposition"
            r"|early leads|tweet|estimated|planned|intend|stage\(s\)|purpose|goal",
        ),
    )
)
_SECTIONS = _compiled(
    (
        ("finding", r"result|learnings|enseignements|aprendizajes|lessons|^learning$|^end$|^fin$"),
        ("partner", r"partner|partenaire|socios|parceiros"),
        ("method", r"method|méthode|método|design"),
        ("admin", r"^(?:title|titre|título|overview|contact)"),
        ("intention", r"challenge|défi|desafío|desafio|question|pregunta|closing|goal"),
    )
)


def stage_of(section: str, prompt: str) -> Stage:
    """The stage of an answer, from its form question and, where that is silent, its section.

    A heading that stands for a question is a section's, not a form's.
    """
    if prompt != section:
        for stage, pattern in _RULES:
            if pattern.search(prompt):
                return stage
    for stage, pattern in _SECTIONS:
        if pattern.search(section):
            return stage
    return "evidence"
