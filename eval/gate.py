"""Holds a run of the sample's cases to its floors: `python -m eval.gate RUN`.

It prints what is below its floor and ends with 1 if anything is; with `--renew` it sets the floors
by that run. A floor is one case below the lower end of the metric's 95 % bootstrap interval, so
that chance alone fails no build. That every quote is verbatim is promised, and never renewed.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from eval.cases import write_text
from eval.figures import Estimate, Group, aggregate
from eval.run import load_outcomes
from rag.errors import AskLabsError

FLOORS = Path(__file__).with_name("sample") / "floors.json"
PROMISED = "all quote_ok"
# The least mean by "group metric".
Floors = Mapping[str, float]


def load_floors(path: Path = FLOORS) -> Floors:
    """The floors of a file."""
    return {name: float(floor) for name, floor in json.loads(path.read_bytes()).items()}


def failures(groups: Mapping[str, Group], floors: Floors) -> list[str]:
    """What is below its floor, or was not measured."""
    below = []
    for name, floor in floors.items():
        value = _measured(name, groups)
        if value is None:
            below.append(f"{name}: not measured")
        elif value.mean < floor:
            below.append(f"{name}: {value.mean:.3f} (n={value.n}) is below {floor}")
    return below


def renewed(groups: Mapping[str, Group], floors: Floors) -> Floors:
    """The floors by these figures; those of what was not measured stay."""
    found = {name: _measured(name, groups) for name in floors if name != PROMISED}
    return {**floors, **{name: _floor(value) for name, value in found.items() if value}}


def _floor(value: Estimate) -> float:
    return max(0.0, math.floor(100 * (value.low - 1 / value.n)) / 100)


def _measured(name: str, groups: Mapping[str, Group]) -> Estimate | None:
    group, _, metric = name.partition(" ")
    return groups[group].metrics.get(metric) if group in groups else None


def main(arguments: Sequence[str], path: Path = FLOORS) -> int:
    """Check the run whose folder is named first, or renew the floors by it; the exit code."""
    floors = load_floors(path)
    try:
        groups = aggregate(load_outcomes(Path(arguments[0])))
    except AskLabsError as error:
        print(error, file=sys.stderr)
        return 2
    if "--renew" in arguments:
        write_text(path, json.dumps(renewed(groups, floors), indent=1) + "\n")
        return 0
    below = failures(groups, floors)
    print("\n".join(below) or f"nothing is below its floor ({len(floors)} floors)")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
