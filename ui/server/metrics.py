"""What the server counts, in the format of Prometheus; also its own memory and processor time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from rag.types import Answer

LOOPBACK = ("127.0.0.1", "::1")
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180)
QUESTIONS = Counter("asklabs_questions", "Questions by what came of them.", ["outcome"])
STAGES = Histogram("asklabs_stage_seconds", "Seconds of a stage.", ["stage"], buckets=_SECONDS)
FAULTS = Counter("asklabs_faults", "Answers that a model's server failed to write.")
REFUSALS = Counter("asklabs_refusals", "Requests that were refused, by their status.", ["status"])
WAITING = Gauge("asklabs_waiting", "Questions that wait for their turn.")


def count_answer(answer: Answer, outcome: str, *, failed: bool) -> None:
    """Count an answer, the time of its stages, and whether its model failed."""
    QUESTIONS.labels(outcome).inc()
    for stage, milliseconds in answer.timings.items():
        STAGES.labels(stage.removesuffix("_ms")).observe(milliseconds / 1000)
    FAULTS.inc(failed)


class Metrics:
    """Tells the counts to programs of this machine; others pass the `gate` first."""

    def __init__(self, gate: ASGIApp) -> None:
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        # What a proxy of this machine passes on has come from elsewhere.
        forwarded = any("forwarded" in name for name in request.headers)
        own = request.client and request.client.host in LOOPBACK and not forwarded
        await (tell if own else self._gate)(scope, receive, send)


async def tell(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the counts."""
    await Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)(scope, receive, send)
