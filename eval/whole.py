"""Metrics of a whole run: what no single case has."""

from __future__ import annotations

from collections.abc import Sequence

from eval.run import Outcome
from eval.stats import Estimate, estimate

WHOLE = ("refusal_p", "refusal_r")


def whole_run(outcomes: Sequence[Outcome]) -> dict[str, Estimate]:
    """The metrics of `WHOLE` that apply to answered outcomes, by name.

    None where all are answerable, or all are not: then it says nothing who refuses what.
    """
    if len({o.case.type == "unanswerable" for o in outcomes}) < 2:
        return {}
    values = {"refusal_p": refusal_p(outcomes), "refusal_r": refusal_r(outcomes)}
    return {name: estimate(found) for name, found in values.items() if found}


def refusal_p(outcomes: Sequence[Outcome]) -> list[float]:
    """Refusal precision, of each refused case whether it is unanswerable; the mean is the share.

    Source: precision and recall (van Rijsbergen 1979) of telling the unanswerable, the task of
    SQuAD 2.0 (Rajpurkar et al. 2018). Nothing where none was refused.
    """
    return [float(o.case.type == "unanswerable") for o in outcomes if o.scores.get("refused")]


def refusal_r(outcomes: Sequence[Outcome]) -> list[float]:
    """Refusal recall, of each unanswerable case whether it was refused; the mean is the share."""
    asked = [o for o in outcomes if o.case.type == "unanswerable"]
    return [o.scores["refused"] for o in asked if "refused" in o.scores]
