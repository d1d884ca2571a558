"""The gate: floors that the cases of the sample must not fall below, kept in one file of data.

`python -m eval.gate RUN` prints what of a run is below its floor and ends with 1 if anything is;
with `--renew` it sets the floors anew from that run.

A floor is one case below the lower end of the metric's 95 % bootstrap interval, so that chance
alone does not fail a build: of n cases that all score 1 the interval has no width, and one of them
may still be lost. What the product promises ("promised") is held exactly and never renewed.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import orjson
from pydantic import TypeAdapter, ValidationError

from eval.cases import write_text
from eval.figures import Estimate, Group, aggregate
from eval.run import load_outcomes
from rag.errors import AskLabsError, InputError

FLOORS = Path(__file__).with_name("sample") / "floors.json"


@dataclass(frozen=True, slots=True)
class Floor:
    """The least mean of a metric over the cases of a group, and the run that it was set by.

    `mean`, `low` (the lower end of its interval) and `n` are those of that run.
    """

    group: str
    metric: str
    floor: float
    promised: bool = False
    mean: float = 0.0
    low: float = 0.0
    n: int = 0


_FLOORS = TypeAdapter(tuple[Floor, ...])


def load_floors(path: Path = FLOORS) -> tuple[Floor, ...]:
    """The floors of a file.

    Raises:
        InputError: it can't be read, or holds something else.
    """
    try:
        return _FLOORS.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise InputError(f"{path}: no readable floors ({error}).") from error


def failures(groups: Mapping[str, Group], floors: Sequence[Floor]) -> list[str]:
    """What is below its floor, or was not measured."""
    below = []
    for floor in floors:
        name, value = f"{floor.group} {floor.metric}", _measured(floor, groups)
        if value is None:
            below.append(f"{name}: not measured")
        elif value.mean < floor.floor:
            below.append(f"{name}: {value.mean:.3f} (n={value.n}) is below {floor.floor}")
    return below


def renewed(floor: Floor, groups: Mapping[str, Group]) -> Floor:
    """The same floor, unless it is promised set by these figures.

    Raises:
        InputError: its metric was not measured.
    """
    value = _measured(floor, groups)
    if floor.promised:
        return floor
    if value is None:
        name = f"{floor.group} {floor.metric}"
        raise InputError(f"{name} was not measured. Take it out of the floors.")
    least = max(0.0, math.floor(100 * (value.low - 1 / value.n)) / 100)
    mean, low = round(value.mean, 3), round(value.low, 3)
    return replace(floor, floor=least, mean=mean, low=low, n=value.n)


def _measured(floor: Floor, groups: Mapping[str, Group]) -> Estimate | None:
    return groups[floor.group].metrics.get(floor.metric) if floor.group in groups else None


def write_floors(floors: Sequence[Floor], path: Path) -> None:
    """Write floors, one a line."""
    lines = ",\n".join(f"  {orjson.dumps(asdict(floor)).decode()}" for floor in floors)
    write_text(path, f"[\n{lines}\n]\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Check a run against the floors, or renew them by it; the exit code."""
    parser = argparse.ArgumentParser(description="Hold a run of the sample cases to its floors.")
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("--renew", action="store_true", help="set the floors by this run")
    parser.add_argument("--floors", type=Path, default=FLOORS, help="the file of floors")
    options = parser.parse_args(arguments)
    try:
        floors = load_floors(options.floors)
        groups = aggregate(load_outcomes(options.run))
        if options.renew:
            write_floors([renewed(floor, groups) for floor in floors], options.floors)
            return 0
        below = failures(groups, floors)
    except AskLabsError as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(below) or f"nothing is below its floor ({len(floors)} floors)")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
