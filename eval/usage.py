"""What a run used of a chat model: tokens and dollars, from the records of its answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval.run import Outcome


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of prompts and completions over the answers that a model wrote (`written`).

    `cost_usd` is what they cost at list prices; None where no answer's price is known. `priced`
    counts the answers whose price is.
    """

    written: int = 0
    prompt: int = 0
    completion: int = 0
    cost_usd: float | None = None
    priced: int = 0


def usage(outcomes: Sequence[Outcome]) -> Usage:
    """What the answers of outcomes used; nothing where no model wrote."""
    answers = [o.answer for o in outcomes if o.answer and _run(o.answer).get("model")]
    costs = [_run(answer).get("cost_usd") for answer in answers]
    known = [float(cost) for cost in costs if cost is not None]
    return Usage(
        written=len(answers),
        prompt=sum(answer["tokens"]["prompt"] for answer in answers),
        completion=sum(answer["tokens"]["completion"] for answer in answers),
        cost_usd=sum(known) if known else None,
        priced=len(known),
    )


def usage_line(used: Usage) -> str:
    """The usage as a sentence; "" where no model wrote."""
    if not used.written:
        return ""
    tokens = f"{used.prompt:,} tokens of prompts and {used.completion:,} of completions"
    cost = "cost unknown"
    if used.cost_usd is not None:
        some = "" if used.priced == used.written else f" for {used.priced} of them"
        cost = f"${used.cost_usd:.4f} at list prices{some}"
    return f"{used.written} answers written by a model: {tokens}, {cost}"


def _run(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = answer.get("detail", {}).get("run") or {}
    return found
