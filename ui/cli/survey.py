"""The command that surveys the collection: `asklabs survey`."""

from __future__ import annotations

import signal
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from rag.catalog.tag_fields import Filters
from rag.errors import InputError
from rag.i18n.labels import format_count
from ui.cli import Index, Json, engine_of, print_json, progress, show, write_file
from ui.cli.ask import with_filters

if TYPE_CHECKING:
    from rag.engine import Engine
    from rag.survey.types import Survey
    from rag.types import Progress

_SHOWN = 20  # rows that are printed
_NEAREST = 3  # rows that are printed where no report speaks of the topic
_CHECKED = 10  # silent rows that --check draws
Topic = Annotated[str, Argument(help="A topic, or a question that has one.")]


@with_filters
def survey(
    question: Topic,
    index: Index = None,
    filters: Filters = Filters(),
    without: Annotated[
        list[str] | None, Option(help="A near word that is not to stand for the topic; repeatable.")
    ] = None,
    columns: Annotated[
        list[str] | None,
        Option(help="What else to read of each report: a question or a tag; repeatable."),
    ] = None,
    judge: Annotated[
        bool,
        Option("--judge", help="Let the language model judge likely rows, and fill the columns."),
    ] = False,
    claim: Annotated[
        str, Option(help="A claim, such as “nudges work”: what do the reports say to it?")
    ] = "",
    fast: Annotated[bool, Option("--fast", help="Leave the cross-encoder out.")] = False,
    check: Annotated[bool, Option("--check", help="Show ten silent reports to check.")] = False,
    out: Annotated[
        Path | None, Option(help="File to write all rows to: .csv, .xlsx, .docx or .json.")
    ] = None,
    json: Json = False,
) -> None:
    """Read every report for a topic: which are about it, which mention it, in what words."""
    from rag.export import survey_files
    from rag.export.answer_json import survey_to_dict
    from rag.survey.columns import checked_names
    from rag.survey.gaps import consensus, gap_map
    from rag.survey.types import STANCES
    from ui.cli.verify import read_survey, resumed

    ending = out.suffix.lower().removeprefix(".") if out else "json"
    if out and ending not in survey_files.FORMATS:
        raise InputError(f"{out.name} should end in .{', .'.join(survey_files.FORMATS)}.")
    wanted = checked_names(columns or ())
    if not question.strip():
        raise InputError("The topic is empty. Put it in quotes after the command.")
    engine = engine_of(index)
    with progress() as report:
        stream = engine.survey(
            question.strip(),
            filters=filters,
            without=without or (),
            judged=not fast,
            progress=report,
        )
        made = engine.survey_columns(stream.survey, wanted, progress=report)
        if judge:
            if out and ending == "json" and out.exists():
                before = read_survey(out.read_bytes())
                made = resumed(made, before, engine.report_measure().snapshot) if before else made
            made = _judged(engine, made, claim, report)
    if out is not None:
        url = engine.settings.report_url
        file = survey_files.SurveyFile(made, gap_map(made, engine.catalog), date.today(), url)
        write_file(out, survey_files.export_survey(file, ending))
        print(f"{out}: {len(made.rows)} rows", file=sys.stderr)
    if json:
        print_json(survey_to_dict(made))
        return
    rows = made.found[:_SHOWN]
    show(
        "survey.txt",
        survey=made,
        rows=rows,
        nearest=() if rows else stream.nearest(_NEAREST),
        said=consensus(made, claim) if claim else None,
        stances=STANCES,
        sample=stream.silent_sample(_CHECKED) if check else (),
    )
    if len(made.found) > len(rows):
        print(f"{len(made.found) - len(rows)} more: --out FILE writes all.", file=sys.stderr)


def _judged(engine: Engine, survey: Survey, claim: str, progress: Progress) -> Survey:
    """The survey judged by the model; what that takes is said before; Ctrl-C keeps what is done."""
    from rag.models.client import Stop

    stop = Stop()
    judge = engine.survey_judge(survey, claim=claim)
    needed = judge.estimate()
    cost = "" if needed.cost_usd is None else f", about {needed.cost_usd:.2f} USD at list prices"
    print(
        f"Judging {format_count(needed.reports, 'report')} in {needed.calls} calls: about "
        f"{needed.prompt + needed.completion:,} tokens{cost}. Ctrl-C stops; what is done is kept.",
        file=sys.stderr,
    )
    before = signal.signal(signal.SIGINT, lambda *_: stop.set())
    try:
        return judge.judge(progress, stop)
    finally:
        signal.signal(signal.SIGINT, before)
