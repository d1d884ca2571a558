"""The headline of a run: how often it was right, refused and wrong, as counts of cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
        _count("found", good, _asks_one, lambda o: o.scores["rep@10"] == 1),
        _count("wrong", good, _answers, _wrong),
        Claim("facts", estimate(told)) if told else None,
        _count("quotes", good, _quotes, lambda o: o.scores["quote_ok"] == 1),
        _count("refused", good, lambda o: not o.case.gold, _refused),
        _count("refused_wrongly", good, lambda o: bool(o.case.gold), _refused),
        _count("lists", good, lambda o: "list_exact" in o.scores, _exact),
    ]
    return tuple(claim for claim in found if claim)


def _count(
    name: str,
    outcomes: Sequence[Outcome],
    asked: Callable[[Outcome], bool],
    hit: Callable[[Outcome], bool],
) -> Claim | None:
    of = [o for o in outcomes if asked(o)]
    hits = sum(hit(o) for o in of)
    return Claim(name, proportion(hits, len(of)), hits) if of else None


def _asks_one(outcome: Outcome) -> bool:
    return outcome.case.type in ONE_REPORT and "rep@10" in outcome.scores


def _refused(outcome: Outcome) -> bool:
    return outcome.scores.get("refused") == 1


def _quotes(outcome: Outcome) -> bool:
    return "quote_ok" in outcome.scores


def _exact(outcome: Outcome) -> bool:
    return outcome.scores["list_exact"] == 1


def _answers(outcome: Outcome) -> bool:
    """Whether it is an answer that can be wrong: no refusal, and no list, which has its own."""
    known = not outcome.case.gold or "cite_rec" in outcome.scores
    return outcome.scores.get("refused") == 0 and outcome.case.type != "listing" and known


def _wrong(outcome: Outcome) -> bool:
    return not outcome.case.gold or outcome.scores["cite_rec"] == 0
