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

import orjson
import typer

from rag.errors import AskLabsError, InputError
from rag.settings import Settings, load_settings
from rag.types import Answer, Filters

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

Index = Annotated[
    Path | None,
    typer.Option("--index", help="Folder of the index (default: ASKLABS_INDEX or asklabs-index)."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Texts = list[str] | None
Country = Annotated[Texts, typer.Option("--country", help="Only labs of this country; repeatable.")]
Year = Annotated[list[int] | None, typer.Option("--year", help="Only this year; repeatable.")]
Type = Annotated[
    Texts, typer.Option("--type", help="Only reports tagged so (learningplan, experiment ...).")
]
Kind = Annotated[
    Texts, typer.Option("--kind", help="Only plan, closing, experiment or solution; repeatable.")
]
Method = Annotated[Texts, typer.Option("--method", help="Only reports tagged with this method.")]
Source = Annotated[
    Texts, typer.Option("--datasource", help="Only reports tagged with this data source.")
]
Sdg = Annotated[
    Texts, typer.Option("--sdg", help="Only reports tagged with this goal, by number or name.")
]
Theme = Annotated[
    Texts, typer.Option("--theme", help="Only reports tagged with this thematic area.")
]
Question = Annotated[str, typer.Argument(help="Your question, in any of the reports' languages.")]


def main() -> None:
    """Run the command line; errors meant for the user end with their sentence and code 2."""
    # Reports hold every script; a console or pipe of another encoding must not end the run.
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="replace")
    try:
        app()
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
        _print_json(
            {
                "added": done.added,
                "updated": done.updated,
                "unchanged": done.unchanged,
                "deleted": done.deleted,
                "skipped": [{"path": s.path, "reason": s.reason} for s in done.skipped],
                "passages": done.passages,
                "index": done.revision,
                "dry_run": dry_run,
            }
        )
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
    filters = _filters(country, year, type_, kind, method, datasource, sdg, theme)
    stream = engine.ask(_asked(question), filters=filters)
    if json:
        from rag.answer_json import answer_to_dict

        _print_json(answer_to_dict(stream.answer))
        return
    for piece in stream:
        print(piece, end="", flush=True)
    print()
    _print_sources(stream.answer)


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

    filters = _filters(country, year, type_, kind, method, datasource, sdg, theme)
    hits = _engine(index).search(_asked(question), k=k, filters=filters)
    if json:
        _print_json(
            {
                "question": question,
                "passages": [passage_to_dict(n, hit) for n, hit in enumerate(hits, start=1)],
            }
        )
        return
    for rank, hit in enumerate(hits, start=1):
        passage = hit.passage
        info = passage.report
        print(f"{rank}. {info.lab} ({info.year or '?'}, {info.kind}) {info.title}")
        print(f"   {passage.section} > {passage.prompt}  [{info.id}, score {hit.score:.3f}]")
        print(f"   {' '.join(passage.text.split())[:300]}\n")
    if not hits:
        print("No passage was found. Try other words or fewer filters.", file=sys.stderr)


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
    title: Annotated[str, typer.Option(help="Title of the brief (default: the question).")] = "",
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
        _print_json(known)
        return
    for name, value in known.items():
        told = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        print(f"{name + ':':13s} {told}")


def _engine(index: Path | None) -> Any:
    from rag.engine import open_engine

    settings: Settings = load_settings(index=index)
    return open_engine(settings)


def _asked(question: str) -> str:
    if not question.strip():
        raise InputError("The question is empty. Put it in quotes after the command.")
    return question.strip()


def _filters(
    country: Texts,
    year: list[int] | None,
    type_: Texts,
    kind: Texts,
    method: Texts,
    datasource: Texts,
    sdg: Texts,
    theme: Texts,
) -> Filters:
    return Filters(
        country=tuple(country or ()),
        year=tuple(year or ()),
        type=tuple(type_ or ()),
        kind=tuple(kind or ()),
        method=tuple(method or ()),
        datasource=tuple(datasource or ()),
        sdg=tuple(sdg or ()),
        theme=tuple(theme or ()),
    )


def _print_json(value: Any) -> None:
    print(orjson.dumps(value).decode())


def _print_sources(answer: Answer) -> None:
    for citation in answer.citations:
        passage = citation.passage
        info = passage.report
        print(f"\n[{citation.n}] {info.lab} ({info.year or '?'}, {info.kind}) {info.title}")
        print(f"    {passage.section} > {passage.prompt}  [{info.id}]")
        print(f"    “{' '.join(citation.quote.split())}”")
    covered = answer.coverage
    print(
        f"\nRead {covered.read_passages} passages from {covered.read_reports} reports; "
        f"{covered.matched_reports} reports matched. Answered by: {answer.mode}.",
        file=sys.stderr,
    )
    if answer.notice:
        print(answer.notice, file=sys.stderr)


if __name__ == "__main__":
    main()
