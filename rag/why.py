"""Why a passage ranks where it does: the votes of the rankings and what was made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vote:
    """What one ranking gave a passage: its rank there (from 1), its score there, its points."""

    ranking: str
    rank: int
    score: float
    points: float


@dataclass(frozen=True, slots=True)
class Why:
    """Why a hit has its score: the votes' points, times the factors, plus what its company gave.

    `factors` are by what they are for; `company` is for the other passages of its report. The
    points of a `reranker` are added last; they make the score that of the place it gives.
    """

    votes: tuple[Vote, ...]
    factors: Mapping[str, float]
    company: float
    reranker: Vote | None = None
