"""What the command line shows while it works: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

PLAIN_EVERY = 5.0


class StageProgress:
    """Progress through named stages; a call with total 0 only says that work goes on."""

    def __init__(self, bars: Progress | None) -> None:
        self._bars = bars
        self._tasks: dict[str, int] = {}
        self._said = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Tell that `done` of `total` of a stage is done."""
        if self._bars is None:
            self._plain(stage, done, total)
            return
        if stage not in self._tasks:
            self._tasks[stage] = int(self._bars.add_task(stage, total=total or None))
        self._bars.update(self._tasks[stage], completed=done, total=total or None)  # type: ignore[arg-type]

    def _plain(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if total and (done == total or now - self._said >= PLAIN_EVERY):
            self._said = now
            print(f"{stage} {done} of {total}", file=sys.stderr, flush=True)


@contextmanager
def progress() -> Iterator[StageProgress]:
    """Progress on standard error."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield StageProgress(None)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        yield StageProgress(bars)
