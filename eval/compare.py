"""Two runs compared case by case: what changed, by how much, and whether it could be chance.

A run is also held to floors: the least mean of figures, by "group metric". A floor is one case
below the lower end of the metric's 95 % bootstrap interval, so that chance alone fails no build.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from eval import figures
from eval.cases import CASE_TYPES, read_text, write_text
from eval.figures import ALL, LEVEL, Estimate, aggregate, values_of
from eval.metrics import METRICS
from eval.report import render
from eval.run import Outcome, load_outcomes, load_record
from rag.errors import InputError, first_problem

# Whether a refusal or one more lab is good depends on the case.
COMPARED = [name for name in METRICS if name not in ("refused", "labs")]
# That every quote is verbatim is promised: this floor is never renewed.
PROMISED = "all quote_ok"
Pair = tuple[Outcome, Outcome]
Verdict = Literal["better", "worse", "no difference", "unclear", "too few"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A metric over the n cases of a type that both runs answered, and its change from A to B.

    `p` is of this test alone, `p_holm` corrected for all tests made beside it. The verdict is one
    where the interval leaves out 0 and `p_holm` is below 0.05; "unclear" where only `p` is, "too
    few" where neither is.
    """

    group: str
    metric: str
    before: float
    after: float
    change: Estimate
    p: float
    p_holm: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Moved:
    """A case whose scores changed: each in A and in B, and their sum's change."""

    id: str
    group: str
    question: str
    scores: Mapping[str, tuple[float, float]]
    change: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What B does better and worse than A, over the cases that both answered."""

    a: str  # which runs these are
    b: str
    paired: int
    same: int  # how many of the paired cases have the same scores in both
    only_a: int
    only_b: int
    changed: int
    failed: int
    overall: tuple[Difference, ...]
    by_type: tuple[Difference, ...]
    moved: tuple[Moved, ...]

    def metrics(self, verdict: Verdict) -> list[str]:
        """The metrics that have this verdict over all cases."""
        return [d.metric for d in self.overall if d.verdict == verdict]

    @property
    def verdict(self) -> str:
        """ "no difference", "better", "worse" or "mixed", for B over all cases."""
        better, worse = self.metrics("better"), self.metrics("worse")
        if better and worse:
            return "mixed"
        return "better" if better else "worse" if worse else "no difference"

    @property
    def headline(self) -> str:
        """The verdict over all cases in one sentence."""
        if self.same == self.paired:
            return f"No difference: every score is the same in all {self.paired} cases."
        if self.verdict == "no difference":
            return (
                "No difference between A and B that these cases can show; every score is the same "
                f"in {self.same} of {self.paired}."
            )
        sides = (("better", self.metrics("better")), ("worse", self.metrics("worse")))
        changes = [f"{word} in {len(names)} ({', '.join(names)})" for word, names in sides if names]
        return f"Of {len(self.overall)} figures, B is {' and '.join(changes)}."

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain data, with its verdict."""
        return {"verdict": self.verdict, "headline": self.headline} | asdict(self)


def compare(dir_a: Path, dir_b: Path) -> Comparison:
    """Compare two runs; cases are paired by id and content, with an InputError where none are."""
    a = {o.case.id: o for o in load_outcomes(dir_a)}
    b = {o.case.id: o for o in load_outcomes(dir_b)}
    both = [(a[key], b[key]) for key in a if key in b and a[key].case == b[key].case]
    shared = len(a.keys() & b.keys())
    pairs = [(x, y) for x, y in both if not x.error and not y.error]
    if not pairs:
        raise InputError(
            f"{dir_a} and {dir_b} have no answered case in common. Compare two runs of one file "
            "of cases."
        )
    groups = [g for g in (*CASE_TYPES, "crosslingual") if any(x.case.group == g for x, _ in pairs)]
    moved = sorted(filter(None, map(_moved, pairs)), key=lambda case: -abs(case.change))
    return Comparison(
        a=_side(dir_a, list(a.values())),
        b=_side(dir_b, list(b.values())),
        paired=len(pairs),
        # An older run may have measured less.
        same=sum(
            all(a.scores[name] == b.scores[name] for name in a.scores.keys() & b.scores.keys())
            for a, b in pairs
        ),
        only_a=len(a) - shared,
        only_b=len(b) - shared,
        changed=shared - len(both),
        failed=len(both) - len(pairs),
        overall=differences(pairs),
        by_type=differences(pairs, groups),
        moved=tuple(moved),
    )


def differences(pairs: Sequence[Pair], groups: Sequence[str] = (ALL,)) -> tuple[Difference, ...]:
    """The change of each metric in each group, corrected for as many tests as these are."""
    tested = []
    for group in groups:
        members = [pair for pair in pairs if group in (ALL, pair[0].case.group)]
        tested += [
            _difference(group, metric, scored)
            for metric in COMPARED
            if (scored := [(x, y) for x, y in members if metric in x.scores and metric in y.scores])
        ]
    corrected = figures.holm([difference.p for difference in tested])
    return tuple(
        replace(difference, p_holm=p, verdict=_verdict(difference, p))
        for difference, p in zip(tested, corrected, strict=True)
    )


def _difference(group: str, metric: str, pairs: Sequence[Pair]) -> Difference:
    before = [a.scores[metric] for a, _ in pairs]
    after = [b.scores[metric] for _, b in pairs]
    changes = [y - x for x, y in zip(before, after, strict=True)]
    p = figures.randomisation_p(changes) if any(changes) else 1.0
    means = sum(before) / len(pairs), sum(after) / len(pairs)
    return Difference(group, metric, *means, figures.estimate(changes), p, p, "no difference")


def _verdict(difference: Difference, p_holm: float) -> Verdict:
    if difference.change.low <= 0 <= difference.change.high:
        return "no difference"
    if difference.p >= LEVEL:
        return "too few"
    if p_holm >= LEVEL:
        return "unclear"
    return "better" if difference.change.mean > 0 else "worse"


def _moved(pair: Pair) -> Moved | None:
    a, b = pair
    scores = {
        name: (a.scores[name], b.scores[name])
        for name in COMPARED
        if name in a.scores and name in b.scores and a.scores[name] != b.scores[name]
    }
    change = sum(y - x for x, y in scores.values())
    if not change:
        return None
    return Moved(a.case.id, a.case.group, a.case.question, scores, change)


def _side(out: Path, outcomes: Sequence[Outcome]) -> str:
    modes, indexes = (
        ", ".join(values_of(outcomes, name)) or "nothing" for name in ("mode", "index")
    )
    date = load_record(out)["date"]
    return f"{out} ({len(outcomes)} cases, {modes}, index {indexes}, {date})"


def comparison_text(comparison: Comparison) -> str:
    """The comparison as Markdown."""
    notable = [d for d in comparison.by_type if d.verdict not in ("no difference", "too few")]
    return render("compare.md.jinja", comparison=comparison, notable=notable)


def below_floors(out: Path, path: Path, *, renew: bool = False) -> list[str]:
    """The figures of a run below a file's floors, or not measured; to `renew` sets the floors."""
    try:
        text = read_text(path, "Name a file of floors.")
        floors = TypeAdapter(dict[str, float]).validate_json(text)
    except ValidationError as error:
        problem = first_problem(error)
        raise InputError(f'{path}: no floors, such as {{"all mrr": 0.5}} ({problem}).') from error
    groups = aggregate(load_outcomes(out))
    below = []
    for name, floor in floors.items():
        group, _, metric = name.partition(" ")
        value = groups[group].metrics.get(metric) if group in groups else None
        if renew and value and name != PROMISED:
            floors[name] = max(0.0, math.floor(100 * (value.low - 1 / value.n)) / 100)
        elif value is None:
            below.append(f"{name}: not measured")
        elif value.mean < floor:
            below.append(f"{name}: {value.mean:.3f} (n={value.n}) is below {floor}")
    if renew:
        write_text(path, json.dumps(floors, indent=1) + "\n")
    return [] if renew else below
