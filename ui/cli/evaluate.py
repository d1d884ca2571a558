"""The commands that make cases, run them and compare runs: `asklabs eval ...`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer import Argument, Option

from rag.errors import InputError
from rag.settings import load_settings
from ui.cli import Index, Json, engine_of, print_json, progress

if TYPE_CHECKING:
    from rag.engine import Engine

Cases = Annotated[Path, Argument(help="Cases as JSON lines; see eval/sample/README.md.")]
Drafts = Annotated[bool, Option("--drafts", help="Also ask the drafts among the cases.")]
Seed = Annotated[int, Option(help="Another number makes another choice.")]
app = typer.Typer(
    help="Measure how well questions are answered: make cases, run them, compare two runs.",
    no_args_is_help=True,
)


@app.command()
def run(
    cases: Cases,
    out: Annotated[Path, Option(help="Folder for outcomes, table and report.")],
    index: Index = None,
    baseline: Annotated[bool, Option("--baseline", help="Ask the baselines as well.")] = False,
    judge: Annotated[Literal["rules", "model"], Option(help="Who judges citations.")] = "rules",
    drafts: Drafts = False,
) -> None:
    """Ask all cases; writes outcomes, summary and report (HTML, Markdown), prints the table."""
    from eval.cases import load_cases
    from eval.metrics import make_support
    from eval.report.pages import keep_latest, write_report
    from eval.run import PAGE, run_cases

    loaded = load_cases(cases, drafts)
    engine = engine_of(index)
    support = make_support(engine.settings, judge)
    with progress() as report:
        run_cases(engine, loaded, out, report, about={"judge": judge}, support=support)
        if baseline:
            from eval.baselines import run_baselines

            for folder in run_baselines(engine, loaded, out, report, support):
                write_report(folder)
    print(write_report(out))
    print(f"The report: {out / PAGE}", file=sys.stderr)
    try:
        keep_latest(out, engine.settings.index)
    except InputError as error:
        print(f"asklabs: {error}", file=sys.stderr)


@app.command()
def survey(
    graded: Annotated[Path, Argument(help="Graded topics as JSON lines; see eval/README.md.")],
    index: Index = None,
    json: Json = False,
) -> None:
    """Survey graded topics; prints what was found, how right it is, and the calibration."""
    from eval.survey import evaluate, load_topics, table_text, to_json

    topics = load_topics(graded)
    with progress() as report:
        table, calibration = evaluate(engine_of(index), topics, report)
    print((to_json if json else table_text)(table, calibration))


@app.command()
def compare(
    before: Annotated[Path, Argument(help="Folder of the first run.")],
    after: Annotated[Path, Argument(help="Folder of the second run.")],
    out: Annotated[Path | None, Option(help="File to write it to as well: .html or .md.")] = None,
    json: Json = False,
) -> None:
    """Compare two runs case by case: what changed, and whether it could be chance."""
    from eval.compare import compare as compare_runs
    from eval.report.pages import comparison_text, write_comparison

    comparison = compare_runs(before, after)
    if out is not None:
        write_comparison(comparison, out)
    if json:
        print_json(comparison.to_dict())
    else:
        print(comparison_text(comparison, Path.cwd()), end="")


@app.command()
def verify(
    replies: Annotated[Path, Option(help="Labelled replies as JSON lines; see eval/README.md.")],
    json: Json = False,
) -> None:
    """Measure how well the check tells wrong sentences of a model from right ones."""
    from eval.verifier import check_replies, groups, load_replies, table
    from rag.citation.checker import make_judge

    settings = load_settings()
    judge = make_judge(settings)
    results = groups(check_replies(load_replies(replies), judge))
    if json:
        plain = {name: {m: asdict(v) for m, v in found.items()} for name, found in results.items()}
        print_json({"check": settings.check if judge else "facts", **plain.pop("all"), **plain})
    else:
        print(table(results))


@app.command()
def feedback(
    out: Annotated[Path, Option(help="File of cases to write, as JSON lines.")],
    index: Index = None,
    json: Json = False,
) -> None:
    """Make cases of the votes that readers of the page gave answers; down votes are drafts."""
    from eval.cases import write_cases
    from eval.draft_cases import case_of_vote
    from rag.feedback import load_feedback

    votes, damaged = load_feedback(load_settings(index=index).index)
    cases = [case_of_vote(vote) for vote in votes]
    write_cases(cases, out)
    up = sum(vote.vote == "up" for vote in votes)
    counts = {"up": up, "down": len(votes) - up, "drafts": sum(case.draft for case in cases)}
    if json:
        print_json({"out": str(out), "cases": len(cases), **counts, "damaged": damaged})
    else:
        print("{out}: {up} up, {down} down; {drafts} of them drafts".format(out=out, **counts))
    if damaged:
        print(f"{damaged} damaged lines of feedback were left out", file=sys.stderr)
        raise typer.Exit(1)


@app.command()
def make(
    n: Annotated[int, Option(min=1, max=2000, help="How many cases.")] = 50,
    out: Annotated[Path, Option(help="File to write, as JSON lines.")] = Path("cases.jsonl"),
    index: Index = None,
    seed: Seed = 0,
    language: Annotated[list[str] | None, Option(help="The main one first; repeatable.")] = None,
    force: Annotated[bool, Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Draft cases from a collection, for a person to read and accept.

    Lists follow from the tags; questions for one report need a chat model.
    """
    from eval.cases import write_cases
    from eval.draft_cases import TOKENS, make_cases
    from rag.models.chat import make_chat
    from rag.text.language import LANGUAGES

    if out.exists() and not force:
        raise InputError(f"{out} is there already. Name another file, or overwrite it: --force.")
    engine = engine_of(index)
    llm = make_chat(engine.settings, max_tokens=TOKENS)
    with progress() as report:
        made = make_cases(
            engine, n, seed=seed, languages=tuple(language or LANGUAGES), llm=llm, progress=report
        )
    write_cases(made.cases, out)
    counts = Counter(case.type for case in made.cases)
    counted = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    print(f"{out}: {len(made.cases)} drafts ({counted}).")
    if llm is None:
        why = "There is no chat model (ASKLABS_MODEL), so only questions for lists were drafted."
        print(why, file=sys.stderr)
    for reason, count in made.refused.items():
        print(f"{count} replies of the model were left out: {reason}", file=sys.stderr)
    if len(made.cases) < n:
        print(f"The collection gives no more than these {len(made.cases)}.", file=sys.stderr)
    print(
        'Next: read them, correct them, and take "draft" out of those that you accept. '
        "Runs leave drafts out: asklabs eval run CASES --out DIR."
    )


@app.command()
def stress(
    cases: Cases,
    out: Annotated[Path, Option(help="Folder for the table and a run a variant.")],
    index: Index = None,
    only: Annotated[str, Option(help="Only these variants, with commas between them.")] = "",
    reports: Annotated[int, Option(min=1, help="How many reports temporary indexes hold.")] = 300,
    asked: Annotated[Path | None, Option(help="Run of the cases as they are.")] = None,
    seed: Seed = 0,
    drafts: Drafts = False,
) -> None:
    """Ask cases changed in ways that should not matter: typos, capitals, doubled reports ..."""
    from eval.cases import load_cases
    from eval.stress import TOKENS, StressTest
    from ingest.sync import sync
    from rag.engine import open_engine
    from rag.models.chat import make_chat

    loaded, engine = load_cases(cases, drafts), engine_of(index)
    with progress() as report:

        def build(folder: Path, lots: Sequence[Sequence[Path]]) -> Engine:
            # Temporary indexes hold planted reports and must not be published.
            settings = engine.settings.model_copy(update={"index": folder})
            for lot in lots:
                sync(lot, settings, progress=report)
            return open_engine(settings)

        test = StressTest(
            engine,
            loaded,
            out,
            build,
            most_reports=reports,
            seed=seed,
            llm=make_chat(engine.settings, max_tokens=TOKENS),
            progress=report,
            asked=asked,
        )
        table = test.run([name.strip() for name in only.split(",") if name.strip()])
    print(table, end="")
