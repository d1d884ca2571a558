"""What the answers under a form question tell: the challenge, what was found, what comes next ...

Decided by example: `roles.toml` holds typical form questions of each role, and a form question has
the role of the nearest one. What stage its answers are of counts as well.
"""

from __future__ import annotations

import tomllib
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from rag.models.encoder import Vectors, encode, unit
from rag.types import FACTS, Passage, Stage

Role = Literal[
    "about", "challenge", "aim", "approach", "partners", "found", "barriers", "advice", "next",
    "extent", "other",
]  # fmt: skip
ROLES: tuple[Role, ...] = get_args(Role)
_PRIOR = 0.1  # cosine that the roles of a stage are ahead
_OF_STAGE: dict[Stage, tuple[Role, ...]] = {
    "intention": ("about", "challenge", "aim", "next"),
    "finding": ("found", "barriers", "advice", "next", "extent"),
    "partner": ("partners", "next"),
    "method": ("approach", "extent", "other"),
    "evidence": ("about", "challenge"),
    "admin": ("other",),
}
# What is asked of any work by questions without a topic, and from which cosine on it is.
_ASKABLE: tuple[Role, ...] = ("about", "challenge", "partners", "found", "barriers")
_ASKED = 0.55
# What questions for a kind of column (rag/survey/columns.toml) ask for.
ROLE_OF_KIND: dict[str, Role] = {
    "problem": "challenge", "partners": "partners", "learned": "found", "barriers": "barriers",
}  # fmt: skip
_MOST = 8192  # form questions that are remembered


def role_and_weight(passage: Passage) -> tuple[Role, float]:
    """The role of a passage, and how much its form question asks for that alone, 0 to 1."""
    if passage.section == FACTS or passage.stage == "admin":
        return "other", 0.0
    return _role(passage.prompt or passage.section, passage.stage)


def role_of_question(question: str) -> Role:
    """The role of the findings that a question asks for."""
    return _role(question, "finding")[0]


def role_asked(question: str) -> Role | None:
    """The role that a question without a topic asks for; None where it asks for no such thing."""
    examples, nearness = _nearness(question)
    best = int(np.argmax(nearness))
    role = examples[best][0]
    return role if nearness[best] >= _ASKED and role in _ASKABLE else None


@lru_cache(_MOST)
def _role(prompt: str, stage: Stage) -> tuple[Role, float]:
    examples, nearness = _nearness(prompt)
    likely = np.array([role in _OF_STAGE[stage] for role, _ in examples], np.float32)
    return examples[int(np.argmax(nearness + _PRIOR * likely))]


def _nearness(question: str) -> tuple[list[tuple[Role, float]], Vectors]:
    """The role and weight of each example, and its cosine to a question."""
    examples, vectors = _examples()
    return examples, vectors @ np.asarray(encode([question])[0], np.float32)


@cache
def _examples() -> tuple[list[tuple[Role, float]], Vectors]:
    data = tomllib.loads(Path(__file__).with_name("roles.toml").read_text("utf-8"))
    rows = [
        (role, 1 - n / len(data[role]), text) for role in ROLES for n, text in enumerate(data[role])
    ]
    return [(role, weight) for role, weight, _ in rows], unit(encode([text for *_, text in rows]))
