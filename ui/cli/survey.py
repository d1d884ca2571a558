"""The command that surveys the collection: `asklabs survey`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from rag.catalog.tag_fields import Filters
from rag.errors import InputError
from rag.i18n.labels import CELL_LABELS, OUTCOME_LABELS, RUNG_LABELS, format_count
from rag.i18n.notices import notice_words, survey_sentence
from ui.cli import Index, Json, engine_of, print_json, progress, report_line, write_file
from ui.cli.ask import with_filters

if TYPE_CHECKING:
    from rag.engine import Engine
    from rag.survey.types import Survey, SurveyRow
    from rag.types import Progress

_SHOWN = 20  # rows that are printed
_NEAREST = 3  # rows that are printed where no report speaks of the topic
_CHECKED = 10  # silent rows that --check draws
_QUOTE_LENGTH = 300
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
    print(survey_sentence(made))
    if made.notices:
        print(notice_words(made.notices))
    if made.near:
        print(f"Also looked for: {', '.join(made.near)}.")
    rows = made.found[:_SHOWN]
    _print_rows("", rows)
    if not rows:
        _print_rows("Nearest:", stream.nearest(_NEAREST))
    if len(made.found) > len(rows):
        print(f"\n{len(made.found) - len(rows)} more: --out FILE writes all.", file=sys.stderr)
    if rows:
        print(f"\nEvidence: {_counted(made.ladder, RUNG_LABELS)}.")
    if made.outcomes:
        print(f"Hypotheses: {_counted(made.outcomes, OUTCOME_LABELS)}. Few labs report a failure.")
    if claim:
        said = consensus(made, claim)
        # The share that tells nothing stands first.
        for stance in reversed(STANCES):
            count = len(said.rows[stance])
            print(f"{stance:9s} {said.shares[stance]:4.0%}  {format_count(count, 'report')}")
        for stance in STANCES[:-1]:
            _print_rows(f"{stance}:", said.rows[stance][:_NEAREST])
    if check:
        _print_rows("Silent reports, drawn at random:", stream.silent_sample(_CHECKED))


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


def _counted(counts: Mapping[Any, int], labels: Mapping[str, str]) -> str:
    return ", ".join(f"{labels[name].lower()} {counts[name]}" for name in labels if name in counts)


def _print_rows(head: str, rows: Sequence[SurveyRow]) -> None:
    if head and rows:
        print(f"\n{head}")
    for row in rows:
        print(f"\n{row.verdict} ({row.score:.2f})  {report_line(row.report)}  [{row.report.id}]")
        print(f"    “{' '.join(row.quote.split())[:_QUOTE_LENGTH]}”")
        for name, cell in row.cells.items():
            print(f"    {name}: {cell.value[:_QUOTE_LENGTH] or CELL_LABELS[cell.state]}")
