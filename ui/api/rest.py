"""REST for programs: what the command line answers as JSON, under /api/v1.

Errors are problem+json with a remedy. Surveys are jobs: they go on when their asker hangs up.
"""

import logging
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from secrets import token_urlsafe
from typing import Annotated, Any

import orjson
from fastapi import Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse

from rag import errors
from rag.catalog.catalog import FACETS, facet
from rag.catalog.tag_fields import FILTER_FIELDS, CatalogQuery, Filters
from rag.engine import Engine
from rag.export import answer_json
from rag.export.answer_json import row_to_dict, survey_to_dict
from rag.export.formats import FORMATS, export
from rag.i18n.translations import ENGLISH
from rag.models.client import Stop
from rag.survey.stream import SurveyStream
from rag.types import Answer
from ui.api import models
from ui.api.models import Problem
from ui.rendering import render
from ui.server import log
from ui.server.room import GONE, RETRY, Full, Room

MOST_JOBS, MOST_RUNNING = 20, 2  # surveys that are kept, and that run at a time
POLL = 0.1  # seconds between two looks for new rows
_STATUS: dict[type[errors.AskLabsError], int] = {
    **{errors.UnknownField: 422, errors.InputError: 400, errors.UnknownReport: 404},
    **{errors.ModelError: 502, errors.IndexUnusable: 503, Full: 503},
}
_log = logging.getLogger(__name__)


def problem_of(error: Exception) -> Problem:
    """What an error is to a program."""
    match error:
        case RequestValidationError():
            first = error.errors()[0]
            text = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
            return Problem.of(422, f"{text}. See openapi.json beside this address.")
        case HTTPException():
            return Problem.of(error.status_code, f"{error.detail}")
        case errors.AskLabsError():
            known = (code for kind, code in _STATUS.items() if isinstance(error, kind))
            return Problem.of(next(known, 500), str(error))
    _log.error("A request of a program failed", exc_info=error)
    return Problem.of(500, "Something went wrong. Ask again; the log of the server tells more.")


async def problem_response(_: Request, error: Exception) -> JSONResponse:
    """An error as a response, which also says when to ask again or how to log in."""
    problem, wait = problem_of(error), {"Retry-After": RETRY}
    headers = {401: {"WWW-Authenticate": "Bearer"}, 429: wait, 503: wait}.get(problem.status)
    return JSONResponse(problem.model_dump(), problem.status, headers, "application/problem+json")


def rest_app(engine: Engine, room: Room) -> FastAPI:
    """The application below /api/v1; `room` bounds how much is computed at a time."""
    app = FastAPI(
        title="Ask the Labs",
        version=version("ask-the-labs"),
        docs_url=None,
        redoc_url=None,
        responses={"default": {"model": Problem, "description": "A problem"}},
    )
    for error in (errors.AskLabsError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(error, problem_response)
    jobs: dict[str, _Job] = {}
    lock = threading.Lock()

    def find(id: str, request: Request) -> _Job:  # noqa: A002
        job = jobs.get(id)
        # Each caller sees its own.
        if job is None or job.caller != request.state.caller:
            raise errors.UnknownReport("There is no such survey. Begin one: POST survey")
        return job

    found = Depends(find)

    @app.get("/", include_in_schema=False)
    def page() -> HTMLResponse:
        return HTMLResponse(render("api.html", ENGLISH))

    @app.post("/ask", response_model=models.AnswerJson)
    async def ask(asked: models.AskRequest, request: Request) -> Any:
        """Answer a question; with `Accept: text/event-stream` as it is written.

        Its events are `text` (a piece), then `answer` (the whole), or `problem`.
        """
        pieces = _pieces(engine, room, asked)
        if "text/event-stream" in request.headers.get("accept", ""):
            return StreamingResponse(_events(pieces), media_type="text/event-stream")
        async with aclosing(pieces):
            (answer,) = [piece async for piece in pieces if isinstance(piece, Answer)]
        return answer_json.answer_to_dict(answer)

    @app.post("/search", response_model=models.SearchJson)
    async def search(asked: models.SearchRequest) -> Any:
        """The passages that retrieval finds, best first."""
        async with room.place():
            hits = await run_in_threadpool(engine.search, **dict(asked))
        passages = [answer_json.found_to_dict(n, hit) for n, hit in enumerate(hits, 1)]
        notices = engine.catalog.unknown(asked.filters)
        return {"question": asked.question, "passages": passages, "notices": notices}

    @app.post("/survey", status_code=202, response_model=models.JobJson)
    def survey(asked: models.SurveyRequest, request: Request, response: Response) -> Any:
        """Begin to read every report for a topic; the rows come at `/survey/{id}/rows`."""
        begin = partial(engine.survey, asked.question, judged=not asked.fast)
        stream = begin(filters=asked.filters, without=asked.without)
        job = _Job(token_urlsafe(12), request.state.caller, asked.question, stream)
        with lock:
            running = [j for j in jobs.values() if j.state == "running"]
            if len(running) >= MOST_RUNNING:
                raise HTTPException(503, "Other surveys run. Ask again later.")
            over = [j.id for j in jobs.values() if j.state != "running"]
            for old in over[: max(0, len(jobs) + 1 - MOST_JOBS)]:
                del jobs[old]
            jobs[job.id] = job
        threading.Thread(target=job.run, daemon=True, name="survey").start()
        response.headers["Location"] = f"{request.scope['root_path']}/survey/{job.id}"
        return job

    @app.get("/survey/{id}", response_model=models.JobJson)
    def survey_status(job: Any = found) -> Any:
        """How far a survey is."""
        return job

    @app.delete("/survey/{id}", response_model=models.JobJson)
    def stop_survey(job: Any = found) -> Any:
        """Stop a survey; its rows so far stay."""
        job.stream.stop()
        return job

    @app.get("/survey/{id}/rows", response_model=models.RowJson)
    def survey_rows(job: Any = found) -> StreamingResponse:
        """The rows of a survey as JSON lines, as they are made, the likeliest first."""
        return StreamingResponse(job.lines(), media_type="application/x-ndjson")

    @app.post("/lists", response_model=models.ReportsJson)
    def lists(asked: models.ListRequest) -> Any:
        """The complete list of reports by their tags, or a table of a field's values."""
        query, catalog = CatalogQuery(**dict(asked)), engine.catalog
        rows = []
        if asked.group_by and catalog.group_field(asked.group_by):
            rows = catalog.table(query)[0][: asked.limit or None]
        reports = catalog.select(query)
        return {
            "count": len(reports),
            "reports": reports,
            "table": [{"value": value, "reports": n} for value, n in rows],
            "notices": catalog.unknown(asked.filters),
        }

    @app.get("/reports", response_model=models.ReportsJson)
    def reports(wanted: Annotated[models.ReportsQuery, Query()]) -> Any:
        """The reports that pass the filters, by lab, year and title."""
        filters = Filters.of(wanted.model_dump(include=set(FILTER_FIELDS)))
        passing, start = engine.catalog.select(filters), wanted.offset
        page = passing[start : start + wanted.limit]
        notices = engine.catalog.unknown(filters)
        return {"count": len(passing), "offset": start, "reports": page, "notices": notices}

    @app.get("/reports/{id}", response_model=models.OpenedReport)
    def report(id: str) -> Any:  # noqa: A002
        """One report: its tags, text and passages."""
        opened = engine.report(id)
        passages = engine.passages_of(id)
        return {**asdict(opened.info), "text": opened.raw, "passages": passages}

    @app.get("/facets", response_model=dict[str, list[models.TableRow]])
    def facets(wanted: Annotated[models.FilterQuery, Query()]) -> Any:
        """The values of each filter with the reports that the other filters leave."""
        chosen, catalog = Filters.of(wanted.model_dump()), engine.catalog
        return {
            name: [{"value": v.name, "reports": v.reports} for v in facet(catalog, chosen, name)]
            for name in FACETS
        }

    @app.get("/info")
    def info() -> dict[str, Any]:
        """What the index holds, and the versions and models in use."""
        return {name: value for name, value in engine.info().items() if name != "index"}

    @app.post("/export", response_class=Response)
    async def exported(asked: models.ExportRequest) -> Response:
        """A file made of answers."""
        answers = [answer_json.answer_from_dict(answer) for answer in asked.answers]
        url = engine.settings.report_url
        write = partial(export, answers, asked.format, asked.title, report_url=url)
        async with room.place():
            data = await run_in_threadpool(write)
        disposition = f'attachment; filename="answers.{asked.format}"'
        media = FORMATS[asked.format].media
        return Response(data, media_type=media, headers={"Content-Disposition": disposition})

    return app


async def _pieces(
    engine: Engine, room: Room, asked: models.AskRequest
) -> AsyncGenerator[str | Answer]:
    """An answer in pieces, then whole; who hangs up or stops to read stops it."""
    stop = GONE.get(Stop())
    try:
        async with room.place():
            with log.question(engine.settings, asked.question) as answered:
                stream = await run_in_threadpool(engine.ask, **dict(asked), stop=stop)
                async for piece in iterate_in_threadpool(stream):
                    yield piece
                answer = await run_in_threadpool(lambda: stream.answer)
                answered(answer)
            yield answer
    finally:
        stop.set()


async def _events(pieces: AsyncIterator[str | Answer]) -> AsyncIterator[bytes]:
    """The same as server-sent events; an error is one, too."""

    def event(name: str, data: object) -> bytes:
        return b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(data))

    try:
        async for piece in pieces:
            if isinstance(piece, Answer):
                yield event("answer", answer_json.answer_to_dict(piece))
            elif piece:
                yield event("text", piece)
    except Exception as error:
        yield event("problem", problem_of(error).model_dump())


@dataclass
class _Job:
    """A survey that one caller has asked for; a thread of its own makes its rows."""

    id: str
    caller: str
    question: str
    stream: SurveyStream
    state: str = "running"
    error: str = ""
    result: dict[str, Any] | None = None

    def run(self) -> None:
        try:
            result = survey_to_dict(self.stream.survey)
            del result["rows"]
            self.result, self.state = result, "done" if result["complete"] else "stopped"
        except Exception as error:
            _log.error("A survey failed", exc_info=error)
            self.error, self.state = problem_of(error).detail, "failed"

    def lines(self) -> Iterator[bytes]:
        """The rows as JSON lines, until there are no more."""
        n, is_over = 0, False
        while not is_over:
            is_over, rows = self.state != "running", self.stream.rows[n:]
            n += len(rows)
            yield b"".join(orjson.dumps(row_to_dict(row)) + b"\n" for row in rows)
            time.sleep(0 if is_over else POLL)

    @property
    def rows(self) -> int:
        """How many rows are there."""
        return len(self.stream.rows)
