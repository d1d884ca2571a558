"""What of a collection means nearly the same as a word of a question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Alike:
    """A word of a question: its own `terms`, and by their similarity the terms `near` to it."""

    terms: frozenset[str]
    near: Mapping[str, float]
