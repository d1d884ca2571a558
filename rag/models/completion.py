"""What is known of how an answer was written: while a model writes it, and afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field

from rag.models.cancellation import Stop
from rag.types import Notice, RunRecord

# Dollars per million tokens of prompt and completion, as OpenAI listed them in PRICES_OF.
# Models that think first are left out: what they think is charged and never seen.
PRICES_OF = "2025-08"
_PRICES = {
    "gpt-4.1": (2.0, 8.0),
    "gpt-4.1-mini": (0.4, 1.6),
    "gpt-4.1-nano": (0.1, 0.4),
    "gpt-4o": (2.5, 10.0),
    "gpt-4o-mini": (0.15, 0.6),
}


@dataclass(slots=True)
class Writing:
    """What becomes known of an answer while a model writes it, besides its text.

    `priced` is whether the model is asked where its list price holds. `read` is how many of the
    passages, from the first, it was given, and `kept` how many characters of its text the answer
    keeps; None is all. `finish` is why it stopped, as its server says. `stop` is set by whoever
    no longer wants it.
    """

    model: str = ""
    priced: bool = False
    read: int | None = None
    kept: int | None = None
    prompt: int = 0
    finish: str = ""
    notices: list[Notice] = field(default_factory=list)
    stop: Stop = field(default_factory=Stop)

    def record(self, prompt_version: str, completion: int) -> RunRecord:
        """The record of an answer for which so many tokens were written."""
        if not self.model:
            return RunRecord()
        cost = cost_usd(self.model, self.prompt, completion) if self.priced else None
        return RunRecord(self.model, prompt_version, cost, PRICES_OF if cost is not None else "")


def cost_usd(model: str, prompt: int, completion: int) -> float | None:
    """What so many tokens cost at the list price of a model; None where it isn't known."""
    prices = _PRICES.get(model)
    if prices is None:
        return None
    return (prompt * prices[0] + completion * prices[1]) / 1_000_000
