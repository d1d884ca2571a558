"""What of a collection means nearly the same as a word of a question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Alike:
    """A word of a question: its own `terms`, and terms of the collection by their similarity.

    Those in `near` tell that a sentence may speak of it; the closer ones in `searched` are
    searched for beside it.
    """

    terms: frozenset[str]
    near: Mapping[str, float]
    searched: Mapping[str, float]
