"""The headline of a run: how often it was right, refused and wrong, as counts of cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eval.cases import ONE_REPORT
from eval.figures import answered
from eval.run import Outcome
from eval.stats import Estimate, estimate, proportion


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence of the headline: `hits` of n cases, or a mean over n where `hits` is None."""

    name: str
    share: Estimate
    hits: int | None = None


def claims(outcomes: Sequence[Outcome]) -> tuple[Claim, ...]:
    """What the cases that didn't fail show; a claim without a case is left out."""
    good = answered(outcomes)
    told = [o.scores["facts"] for o in good if "facts" in o.scores]
    found = [
        _count("found", _perfect("rep@10", [o for o in good if o.case.type in ONE_REPORT])),
        _count("wrong", [_wrong(o) for o in good if _answers(o)]),
        Claim("facts", estimate(told)) if told else None,
        _count("quotes", _perfect("quote_ok", good)),
        _count("refused", [o.scores.get("refused") == 1 for o in good if not o.case.gold]),
        _count("refused_wrongly", [o.scores.get("refused") == 1 for o in good if o.case.gold]),
        _count("lists", _perfect("list_exact", good)),
    ]
    return tuple(claim for claim in found if claim)


def _count(name: str, hits: Sequence[bool]) -> Claim | None:
    return Claim(name, proportion(sum(hits), len(hits)), sum(hits)) if hits else None


def _perfect(metric: str, outcomes: Sequence[Outcome]) -> list[bool]:
    return [o.scores[metric] == 1 for o in outcomes if metric in o.scores]


def _answers(outcome: Outcome) -> bool:
    """Whether it is an answer that can be wrong: no refusal, and no list, which has its own."""
    known = not outcome.case.gold or "cite_rec" in outcome.scores
    return outcome.scores.get("refused") == 0 and outcome.case.type != "listing" and known


def _wrong(outcome: Outcome) -> bool:
    return not outcome.case.gold or outcome.scores["cite_rec"] == 0
