"""The command line: `asklabs ingest | ask | batch | search | serve | eval | export | info`.

Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 done
with some files or questions skipped, 2 wrong usage or unusable index. Heavy modules are
imported where they are used, so that `--help` answers at once.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from rag.errors import AskLabsError, InputError
from rag.settings import Settings, load_settings
from ui.options import (
    Country,
    Index,
    Json,
    Kind,
    Method,
    Question,
    Sdg,
    Source,
    Theme,
    Type,
    Year,
    filters_of,
)
from ui.printing import print_hits, print_info, print_json, print_sources, sync_to_dict

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
    help="Measure how well questions are answered: run cases, compare two runs.",
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


@app.command()
def ingest(
    paths: Annotated[
        list[Path], typer.Argument(help="Folders (with all below), files, .zip or .tar.gz.")
    ],
    index: Index = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete reports that are no longer at PATHS.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would be done.")
    ] = False,
    json: Json = False,
) -> None:
    """Bring the index in line with report files; only what changed is embedded."""
    from ingest.sync import sync
    from ui.console import progress

    settings = load_settings(index=index)
    with progress() as shown:
        done = sync(paths, settings, prune=prune, dry_run=dry_run, progress=shown)
    for skipped in done.skipped:
        print(f"skipped {skipped.path}: {skipped.reason}", file=sys.stderr)
    if json:
        print_json(sync_to_dict(done, dry_run))
    else:
        would = "would be " if dry_run else ""
        counts = ("added", "updated", "unchanged", "deleted", "skipped")
        said = ", ".join(f"{len(getattr(done, name))} {name}" for name in counts)
        print(f"{settings.index}: {would}{said}; {done.passages} passages {would}embedded")
    if done.skipped:
        raise typer.Exit(1)


@app.command()
def ask(
    question: Question,
    index: Index = None,
    country: Country = None,
    year: Year = None,
    type_: Type = None,
    kind: Kind = None,
    method: Method = None,
    datasource: Source = None,
    sdg: Sdg = None,
    theme: Theme = None,
    json: Json = False,
) -> None:
    """Answer one question, with the sources of each sentence."""
    engine = _engine(index)
    filters = filters_of(country, year, type_, kind, method, datasource, sdg, theme)
    stream = engine.ask(_asked(question), filters=filters)
    if json:
        from rag.answer_json import answer_to_dict

        print_json(answer_to_dict(stream.answer))
        return
    for piece in stream:
        print(piece, end="", flush=True)
    print()
    print_sources(stream.answer)


@app.command()
def batch(
    questions: Annotated[Path, typer.Argument(help="JSON lines with id, question, history?")],
    out: Annotated[Path, typer.Option("--out", help="File of answers; a run goes on in it.")],
    index: Index = None,
) -> None:
    """Answer a file of questions, one JSON line each, written as they come; resumable."""
    from ui.batch import run_batch
    from ui.console import progress

    engine = _engine(index)
    with progress() as shown:
        done = run_batch(engine, questions, out, shown)
    for failure in done.failures:
        print(f"failed {failure}", file=sys.stderr)
    kept = f", {done.kept} were there already" if done.kept else ""
    print(f"{out}: {done.answered} answered{kept}, {len(done.failures)} failed", file=sys.stderr)
    if done.failures:
        raise typer.Exit(1)


@app.command()
def search(
    question: Question,
    k: Annotated[int, typer.Option("-k", min=1, max=200, help="How many passages.")] = 20,
    index: Index = None,
    country: Country = None,
    year: Year = None,
    type_: Type = None,
    kind: Kind = None,
    method: Method = None,
    datasource: Source = None,
    sdg: Sdg = None,
    theme: Theme = None,
    json: Json = False,
) -> None:
    """Find passages without writing an answer."""
    from rag.answer_json import passage_to_dict

    filters = filters_of(country, year, type_, kind, method, datasource, sdg, theme)
    hits = _engine(index).search(_asked(question), k=k, filters=filters)
    if json:
        print_json(
            {
                "question": question,
                "passages": [passage_to_dict(n, hit) for n, hit in enumerate(hits, start=1)],
            }
        )
        return
    print_hits(hits)


@app.command()
def serve(
    index: Index = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on (127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (7860).")] = None,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the page in your browser.")
    ] = False,
) -> None:
    """Open the web page."""
    settings = load_settings(index=index, host=host, port=port)
    print("Loading the index and the page ...", file=sys.stderr, flush=True)
    from rag.engine import open_engine
    from ui.app import serve as serve_page

    serve_page(open_engine(settings), settings.host, settings.port, open_browser)


@eval_app.command("run")
def eval_run(
    cases: Annotated[Path, typer.Argument(help="Cases as JSON lines; see eval/sample/README.md.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for outcomes, table and summary.")],
    index: Index = None,
) -> None:
    """Ask all cases; writes outcomes.jsonl, table.md and summary.json, prints the table."""
    from eval.cases import load_cases
    from eval.report import write_report
    from eval.run import run_cases
    from ui.console import progress

    loaded = load_cases(cases)
    engine = _engine(index)
    with progress() as shown:
        run_cases(engine, loaded, out, shown)
    print(write_report(out))


@eval_app.command("compare")
def eval_compare(
    before: Annotated[Path, typer.Argument(help="Folder of the first run.")],
    after: Annotated[Path, typer.Argument(help="Folder of the second run.")],
) -> None:
    """Compare two runs case by case: what changed, and whether it could be chance."""
    from eval.report import compare

    print(compare(before, after))


@app.command()
def export(
    answers: Annotated[Path, typer.Argument(help="Answers: what ask --json or batch wrote.")],
    to: Annotated[
        Path, typer.Option("--to", help="File to write: .md .docx .pdf .html .json .csv .bib .ris")
    ],
    title: Annotated[str, typer.Option(help="Title of the brief.")] = "",
) -> None:
    """Turn answers into a brief or a list of sources; the file's ending says which."""
    from rag.export import answers_from_json
    from rag.export import export as write

    try:
        data = answers.read_bytes()
    except OSError as error:
        raise InputError(f"{answers} can't be read ({error}).") from error
    made = write(answers_from_json(data), to.suffix.lstrip(".").lower(), title)
    try:
        to.write_bytes(made)
    except OSError as error:
        raise InputError(f"{to} can't be written ({error}). Name another file.") from error
    print(f"{to}: {len(made)} bytes", file=sys.stderr)


@app.command()
def info(index: Index = None, json: Json = False) -> None:
    """Tell what the index holds, which models are in use, and the versions."""
    known = _engine(index).info()
    if json:
        print_json(known)
        return
    print_info(known)


def _engine(index: Path | None) -> Any:
    from rag.engine import open_engine

    settings: Settings = load_settings(index=index)
    return open_engine(settings)


def _asked(question: str) -> str:
    if not question.strip():
        raise InputError("The question is empty. Put it in quotes after the command.")
    return question.strip()


if __name__ == "__main__":
    main()
