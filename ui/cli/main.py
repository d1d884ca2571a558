"""The command line: `asklabs ingest | ask | batch | search | serve | eval | export | info`.

Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 done
with some files or questions skipped, 2 wrong usage or unusable index. Heavy modules are
imported where they are used, so that `--help` answers at once.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from rag.errors import AskLabsError, InputError
from rag.settings import load_settings
from ui.cli.ask import (
    ask,
    batch,
    export,
    search,
)
from ui.cli.evaluate import Drafts, make, stress
from ui.cli.index import info, ingest
from ui.cli.options import Index, Json, engine_of


class Judges(StrEnum):
    """Who judges whether passages support a sentence of an answer."""

    rules = "rules"
    model = "model"


HELP = """Ask questions across a collection of lab reports; every sentence comes with its source.

Start with: asklabs ingest FOLDER, then asklabs serve or asklabs ask "QUESTION"."""
app = typer.Typer(
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
eval_app = typer.Typer(
    help="Measure how well questions are answered: make cases, run them, compare two runs.",
    no_args_is_help=True,
)


app.add_typer(eval_app, name="eval")


def main() -> None:
    """Run the command line; errors meant for the user end with their sentence and code 2."""
    # Reports hold every script; a console or pipe of another encoding must not end the run.
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="replace")
    try:
        app(prog_name="asklabs")
    except AskLabsError as error:
        print(f"asklabs: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        # The reader of our output (head, less) has seen enough.
        sys.stderr.close()
        sys.exit(0)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(version("ask-the-labs"))
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Options that go before a command."""


for _command in (ingest, ask, batch, search):
    app.command()(_command)


@app.command()
def serve(
    index: Index = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on (127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (7860).")] = None,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the page in your browser.")
    ] = False,
    ingest: Annotated[
        bool | None,
        typer.Option("--ingest/--no-ingest", help="Let who reaches the page add reports (no)."),
    ] = None,
) -> None:
    """Open the web page."""
    settings = load_settings(index=index, host=host, port=port, page_ingest=ingest)
    from ui.server.start import start

    start(settings, open_browser)


@app.command()
def login(
    name: Annotated[str, typer.Argument(help="Who is to see the page.")],
    file: Annotated[
        Path | None, typer.Option(help="File of names and hashes (default: ASKLABS_LOGIN).")
    ] = None,
) -> None:
    """Let a name see the page, with a password that is asked for; without logins all may."""
    from ui.server.login import checked_name, set_login

    path = file or load_settings().login
    if path is None:
        raise InputError("Name the file of logins: set ASKLABS_LOGIN, or give --file.")
    password = typer.prompt(
        f"Password of {checked_name(name)}", hide_input=True, confirmation_prompt=True, err=True
    )
    done = "has a new password" if set_login(path, name, password) else "can log in"
    print(f"{name} {done}: {path}. A page that is open already learns of it when it is restarted.")


@eval_app.command("run")
def eval_run(
    cases: Annotated[Path, typer.Argument(help="Cases as JSON lines; see eval/sample/README.md.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for outcomes, table and report.")],
    index: Index = None,
    baseline: Annotated[
        bool,
        typer.Option("--baseline", help="Ask plain llama-index and BM25 alone the same cases too."),
    ] = False,
    judge: Annotated[
        Judges, typer.Option(help="Who judges what citations support: rules, or the chat model.")
    ] = Judges.rules,
    drafts: Drafts = False,
) -> None:
    """Ask all cases; writes outcomes, summary and report (HTML, Markdown), prints the table."""
    from eval.cases import load_cases
    from eval.metrics import make_support
    from eval.report.pages import write_report
    from eval.report.summary import keep_latest
    from eval.run import PAGE, run_cases
    from ui.cli.output import progress

    loaded = load_cases(cases, drafts)
    engine = engine_of(index)
    support = make_support(engine.settings, judge)
    with progress() as shown:
        run_cases(engine, loaded, out, shown, about={"judge": judge}, support=support)
        if baseline:
            # Imported here: they need what a plain run does without.
            from eval.baselines import run_baselines

            for folder in run_baselines(engine, loaded, out, shown, support):
                write_report(folder)
    print(write_report(out))
    print(f"The report: {out / PAGE}", file=sys.stderr)
    try:
        keep_latest(out, engine.settings.index)
    except InputError as error:
        print(f"asklabs: {error}", file=sys.stderr)


@eval_app.command("compare")
def eval_compare(
    before: Annotated[Path, typer.Argument(help="Folder of the first run.")],
    after: Annotated[Path, typer.Argument(help="Folder of the second run.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write it to as well: .html or .md.")
    ] = None,
    json: Json = False,
) -> None:
    """Compare two runs case by case: what changed, and whether it could be chance."""
    from eval.compare import compare
    from eval.report.pages import comparison_markdown, write_comparison
    from ui.cli.output import print_json

    comparison = compare(before, after)
    if out is not None:
        write_comparison(comparison, out)
    if json:
        print_json(comparison.to_dict())
    else:
        print(comparison_markdown(comparison, Path.cwd()), end="")


@eval_app.command("verify")
def eval_verify(
    cases: Annotated[Path, typer.Argument(help="Cases as JSON lines, with good answers.")],
    index: Index = None,
    rated: Annotated[
        Path | None, typer.Option("--rated", help="Answers rated by people, as JSON lines.")
    ] = None,
    quotes: Annotated[
        int, typer.Option(min=0, max=5000, help="How many sentences of reports to take as well.")
    ] = 300,
) -> None:
    """Measure how well wrong sentences are told from right ones, beside counting words."""
    from eval.cases import load_cases
    from eval.verifier import load_rated, make_pairs, table

    loaded, people = load_cases(cases), load_rated(rated) if rated else []
    pairs = make_pairs(engine_of(index), loaded, quotes)
    print(table(pairs, people))


@eval_app.command("feedback")
def eval_feedback(
    out: Annotated[Path, typer.Option("--out", help="File of cases to write, as JSON lines.")],
    index: Index = None,
    json: Json = False,
) -> None:
    """Make cases of the votes that readers of the page gave answers; down votes are drafts."""
    from eval.cases import write_cases
    from eval.drafts import case_of_vote
    from rag.feedback import load_feedback
    from ui.cli.output import print_json

    votes, damaged = load_feedback(load_settings(index=index).index)
    cases = [case_of_vote(vote) for vote in votes]
    write_cases(cases, out)
    up = sum(one.vote == "up" for one in votes)
    told = {"up": up, "down": len(votes) - up, "drafts": sum(case.draft for case in cases)}
    if json:
        print_json({"out": str(out), "cases": len(cases), **told, "damaged": damaged})
    else:
        print("{out}: {up} up, {down} down; {drafts} of them drafts".format(out=out, **told))
    if damaged:
        print(f"{damaged} damaged lines of feedback were left out", file=sys.stderr)
        raise typer.Exit(1)


eval_app.command("make")(make)


eval_app.command("stress")(stress)


app.command()(export)


app.command()(info)


if __name__ == "__main__":
    main()
