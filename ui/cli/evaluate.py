"""The commands that make cases, run them and compare runs: `asklabs eval ...`."""

import sys
from dataclasses import asdict
from json import dumps
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from rag.errors import InputError
from rag.settings import load_settings
from ui.cli import Index, Json, engine_of, print_json, progress

Cases = Annotated[Path, Argument(help="Cases as JSON lines; see eval/sample/README.md.")]
app = typer.Typer(
    help="Measure how well questions are answered: ask cases, compare two runs.",
    no_args_is_help=True,
)


@app.command()
def run(
    cases: Cases,
    out: Annotated[Path, Option(help="Folder for outcomes, table and summary.")],
    index: Index = None,
    baseline: Annotated[
        bool, Option("--baseline", help="Have plain llama-index and BM25 answer as well.")
    ] = False,
    floors: Annotated[
        Path | None, Option(help="Least means of figures (JSON); ends with 1 if one is lower.")
    ] = None,
    renew: Annotated[bool, Option("--renew", help="Set the floors by this run.")] = False,
) -> None:
    """Ask all cases, keep what came of each, and print how often answers are right."""
    from eval.cases import load_cases
    from eval.report import below_floors, keep_latest, write_report
    from eval.run import run_cases

    loaded = load_cases(cases)
    engine = engine_of(index)
    with progress() as report:
        run_cases(engine, loaded, out, report)
        if baseline:
            from eval.baselines import run_baselines

            for folder in run_baselines(engine, loaded, out, report):
                write_report(folder)
    # All is done before the table is printed: who reads it (head, less) may stop before its end.
    table = write_report(out)
    below = below_floors(out, floors, renew=renew) if floors else []
    try:
        keep_latest(out, engine.settings.index)
        print("The page shows it: asklabs serve, Quality.", file=sys.stderr)
    except InputError as error:
        print(f"asklabs: {error}", file=sys.stderr)
    print(table)
    if below:
        print("\n".join(below), file=sys.stderr)
        raise typer.Exit(1)


@app.command()
def survey(
    graded: Annotated[Path, Argument(help="Graded topics as JSON lines; see eval/README.md.")],
    index: Index = None,
    json: Json = False,
) -> None:
    """Survey graded topics; prints what was found, how right it is, and the calibration."""
    from eval.survey import calibration_error, evaluate, load_topics, table_text

    topics = load_topics(graded)
    with progress() as report:
        table, bins = evaluate(engine_of(index), topics, report)
    if json:
        errors = {"ece": calibration_error(bins), "ece_from_0.1": calibration_error(bins, 0.1)}
        print_json({"topics": table, "bins": bins, **errors})
    else:
        print(table_text(table, bins))


@app.command()
def compare(
    before: Annotated[Path, Argument(help="Folder of the first run.")],
    after: Annotated[Path, Argument(help="Folder of the second run.")],
    json: Json = False,
) -> None:
    """Compare two runs case by case: what changed, and whether it could be chance."""
    from eval import report

    comparison = report.compare(before, after)
    if json:
        print_json({"headline": comparison.headline} | asdict(comparison))
    else:
        print(report.render("compare.md.jinja", comparison=comparison), end="")


@app.command()
def verify(
    replies: Annotated[Path, Option(help="Labelled replies as JSON lines; see eval/README.md.")],
    json: Json = False,
) -> None:
    """Measure how well the check tells wrong sentences of a model from right ones."""
    from eval.verifier import check_replies, load_replies, measures
    from rag.citation.checker import make_judge

    settings = load_settings()
    judge = make_judge(settings)
    found = measures(check_replies(load_replies(replies), judge))
    if json:
        plain = {name: asdict(value) for name, value in found.items()}
        print_json({"check": settings.check if judge else "facts", **plain})
    else:
        print("\n".join(f"{name}: {value} of {value.n}" for name, value in found.items()))


@app.command()
def feedback(
    out: Annotated[Path, Option(help="File of cases to write, as JSON lines.")],
    index: Index = None,
    json: Json = False,
) -> None:
    """Make cases of the votes of readers on answers; those of down votes are drafts."""
    from eval.cases import case_of_vote, case_to_dict, write_text
    from rag.feedback import load_feedback

    votes, damaged = load_feedback(load_settings(index=index).index)
    cases = [case_of_vote(vote) for vote in votes]
    lines = (dumps(case_to_dict(case), ensure_ascii=False) + "\n" for case in cases)
    write_text(out, "".join(lines))
    up = sum(vote.vote == "up" for vote in votes)
    counts = {"up": up, "down": len(votes) - up, "drafts": sum(case.draft for case in cases)}
    if json:
        print_json({"out": str(out), "cases": len(cases), **counts, "damaged": damaged})
    else:
        print("{out}: {up} up, {down} down; {drafts} of them drafts".format(out=out, **counts))
    if damaged:
        print(f"{damaged} damaged lines of feedback were left out", file=sys.stderr)
        raise typer.Exit(1)
