"""One question of a conversation, what was taken from it, and what the visitor took back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rag.feedback import Feedback
from rag.types import FILTER_FIELDS, Answer, Filters


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question of a conversation and what came of it.

    `asked` are the filters chosen on the page, `ignored` what the visitor took back of what the
    question names. Without an `answer`, `text` is what had been written when the visitor stopped,
    and `error` the sentence that says what went wrong. `passages` is how many the answer could
    read (0: as the settings say), `vote` what the visitor thinks of it.
    """

    question: str
    asked: Filters = field(default_factory=Filters)
    answer: Answer | None = None
    text: str = ""
    error: str = ""
    stopped: bool = False
    ignored: Filters = field(default_factory=Filters)
    passages: int = 0
    vote: Feedback | None = None

    @property
    def narrowed(self) -> Filters:
        """What the answer was narrowed to because the question names it."""
        if self.answer is None:
            return Filters()
        used = self.answer.coverage.filters
        same = [n for n in FILTER_FIELDS if getattr(used, n) == getattr(self.asked, n)]
        return replace(used, **dict.fromkeys(same, ()))

    @property
    def first(self) -> Filters:
        """What came first in the answer because the question names it."""
        return self.answer.coverage.first if self.answer else Filters()

    def changed(self, chip: Mapping[str, object]) -> Filters | None:
        """What is ignored once a chip was removed, or taken back (`back`).

        A chip has a `field` and a `value`, or "" for all values of the field. None stands for one
        that this question doesn't have: what a browser sends may be anything.
        """
        name, value = chip.get("field"), chip.get("value")
        if not isinstance(name, str) or name not in FILTER_FIELDS:
            return None
        back, ignored = bool(chip.get("back")), getattr(self.ignored, name)
        had = ignored if back else getattr(self.narrowed.merged(self.first), name)
        meant = tuple(one for one in had if value in ("", str(one)))
        if not meant:
            return None
        left: Any = tuple(one for one in ignored if one not in meant)
        return replace(self.ignored, **{name: left if back else (*left, *meant)})
