"""The commands: `asklabs ingest | serve | login | key | mcp | export | diff | watch | info`.

Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 done
with some files or questions skipped, 2 wrong usage or unusable index. Heavy modules are
imported where they are used, so that `--help` answers at once.
"""

import atexit
import gc
import platform
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from typer import Argument, Option

from rag.catalog.tag_fields import TAGS, Filters
from rag.errors import AskLabsError, IndexUnusable, InputError
from rag.i18n.labels import format_count
from rag.settings import Settings, load_settings, versions
from ui.cli import Index, Json, engine_of, print_json, progress, show, write_file
from ui.cli.ask import Question, ask, batch, search, survey, with_filters
from ui.cli.evaluate import app as evaluations

if TYPE_CHECKING:
    from rag.watch import Watch

_CHANGES = ("added", "updated", "unchanged", "moved", "deleted")
HELP = """Ask questions across a collection of lab reports; every sentence comes with its source.

Start with: asklabs ingest FOLDER, then asklabs serve or asklabs ask "QUESTION"."""
app = typer.Typer(
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
watches = typer.Typer(
    no_args_is_help=True, help="Ask standing questions, and tell what has changed."
)


def main() -> None:
    """Run the command line; errors meant for the user end with their sentence and code 2."""
    # Reports hold every script; a console or pipe of another encoding must not end the run.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
    # Nearly all that a command loads stays: to look among it for what is not used takes longer
    # than it gives, while it works as at its end.
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)
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
    _: Annotated[bool, Option("--version", callback=_print_version, is_eager=True)] = False,
) -> None:
    """Options that go before a command."""


def ingest(
    paths: Annotated[list[Path], Argument(help="Folders, files, .zip or .tar.gz.")],
    index: Index = None,
    prune: Annotated[
        bool, Option("--prune", help="Delete every report from the index that is not at PATHS.")
    ] = False,
    yes: Annotated[bool, Option("--yes", help="Let --prune delete most of the index.")] = False,
    rebuild: Annotated[bool, Option("--rebuild", help="Make the index anew.")] = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Only tell what would be done.")] = False,
    json: Json = False,
) -> None:
    """Bring the index in line with report files; only what changed is embedded."""
    from ingest.sync import sync
    from ui.web.suggestions import try_first

    settings = load_settings(index=index)
    with progress() as report:
        kept = {"prune": prune, "prune_most": yes, "rebuild": rebuild, "dry_run": dry_run}
        done = sync(paths, settings, **kept, progress=report)
        if not dry_run:
            try_first(settings, report)
    for file in done.skipped:
        print(f"skipped {file.path}: {file.reason}", file=sys.stderr)
    if done.elsewhere and not prune:
        reports = format_count(len(done.elsewhere), "report")
        told = f"Not at these paths, but kept in the index: {reports}."
        print(f"{told} Delete them with --prune.", file=sys.stderr)
    changes = {name: getattr(done, name) for name in _CHANGES}
    if json:
        skips = [{"path": s.path, "reason": s.reason} for s in done.skipped]
        facts = {"passages": done.passages, "index": done.revision, "dry_run": dry_run}
        print_json({**changes, "skipped": skips, **facts})
    else:
        would = "would be " if dry_run else ""
        lists = {**changes, "skipped": done.skipped}
        counts = ", ".join(f"{len(reports)} {name}" for name, reports in lists.items())
        print(f"{settings.index}: {would}{counts}; {done.passages} passages {would}written")
    if done.skipped:
        raise typer.Exit(1)


def read_file(path: Path) -> bytes:
    """The content of a file; an InputError if it can't be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} can't be read ({error}).") from error


def export(
    answers: Annotated[Path, Argument(help="Answers: what ask --json or batch wrote.")],
    to: Annotated[Path | None, Option(help="File to write, such as brief.docx.")] = None,
    title: Annotated[str, Option(help="Title of the brief.")] = "",
    verify: Annotated[bool, Option("--verify", help="Check quotes against the reports.")] = False,
    index: Index = None,
    json: Json = False,
) -> None:
    """Turn answers into a brief or a list of sources, or check that quotes still stand.

    What `survey --out FILE.json` wrote becomes a .csv, .xlsx, .docx, .pdf or .md without being
    judged again, and can be checked as well, each row with its tags.

    The ending of the file to write chooses the format. --json belongs to --verify, --index to that
    and to surveys.
    """
    if to is None and not verify:
        raise InputError("Name the file to write with --to, or check the answers with --verify.")
    if json and not verify:
        raise InputError("--json goes with --verify. To write answers as JSON: --to FILE.json")
    from rag.export import answer_json
    from rag.index.local import current_index
    from ui.cli.verify import answers_stand, read_survey, survey_stands, write_survey

    content, settings = read_file(answers), load_settings(index=index)
    if survey := read_survey(content):
        if to is not None:
            if title:
                raise InputError("A survey has its topic as title. Leave out --title.")
            catalog = current_index(settings, {}, None).catalog
            made = answer_json.survey_from_dict(orjson.loads(content), catalog.reports)
            write_survey(to, made, catalog, settings.report_url)
        if verify and not survey_stands(survey, settings, json=json):
            raise typer.Exit(1)
        return
    loaded = answer_json.answers_from_json(content, str(answers))
    if to is not None:
        from rag.export import formats

        ending = to.suffix.lower().removeprefix(".")
        data = formats.export(loaded, ending, title, report_url=settings.report_url)
        write_file(to, data)
        print(f"{to}: {len(data)} bytes", file=sys.stderr)
    if verify and not answers_stand(loaded, settings, json=json):
        raise typer.Exit(1)


def info(
    index: Index = None,
    tags: Annotated[bool, Option("--tags", help="List the tags' values instead.")] = False,
    json: Json = False,
) -> None:
    """Tell what the index holds, which models and settings are in use, and the versions.

    If the index can't be used, it tells the rest, with exit code 2.
    """
    if tags:
        catalog = engine_of(index).catalog
        values = {
            field: [
                {"name": value.name, "reports": reports, "variants": dict(value.variants)}
                for value, reports in catalog.variants(field)
            ]
            for field in ("country", *TAGS)
        }
        print_json(values) if json else show("tags.txt", tags=values)
    else:
        from ingest.uploads import older_index

        settings, problem, contents = load_settings(index=index), "", {}
        try:
            contents = engine_of(index).info()
        except AskLabsError as error:
            problem = str(error)
        # After opening the engine, which may write files in the index's folder.
        facts = {**contents, **_installed(settings), "problem": problem or older_index(settings)}
        print_json(facts) if json else show("info.txt", facts=facts)
        if problem:
            raise IndexUnusable(problem)


def _installed(settings: Settings) -> dict[str, Any]:
    """Facts about this installation and its index, which may be missing or broken; no secrets.

    `made` is when the index was written, in UTC, and `made_with` by what; both are empty if that is
    unknown. Sizes are in bytes. `keys` tells which keys are set, `settings` holds those that differ
    from their defaults.
    """
    from rag.files import free_bytes, size_of
    from rag.i18n.translations import languages
    from rag.index.local import POINTER, current_version

    folder = settings.index
    made, made_with = "", {}
    with suppress(OSError):
        written = (folder / POINTER).stat().st_mtime
        made = datetime.fromtimestamp(written, UTC).isoformat(timespec="seconds")
    with suppress(IndexUnusable):
        current = current_version(folder)
        made_with = {**current.made_by, "schema": str(current.schema)}
    return {
        "index": str(folder),
        "path": str(folder.resolve()),
        "made": made,
        "made_with": made_with,
        "size": size_of(folder),
        "disk_free": free_bytes(folder),
        "model": settings.answer_model,
        "keys": {"OPENAI_API_KEY": settings.openai_api_key is not None},
        "settings": settings.changed,
        "page_languages": list(languages()),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": versions(),
    }


def serve(
    index: Index = None,
    host: Annotated[str | None, Option(help="Address to listen on (127.0.0.1).")] = None,
    port: Annotated[int | None, Option(help="Port to listen on (7860).")] = None,
    ingest: Annotated[bool | None, Option(help="Let the page's visitors add reports (no).")] = None,
) -> None:
    """Serve the web page."""
    settings = load_settings(index=index, host=host, port=port, page_ingest=ingest)
    from ui.server.serve import start

    start(settings)


def login(
    name: Annotated[str, Argument(help="Who is to see the page.")],
    file: Annotated[Path | None, Option(help="File of logins (ASKLABS_LOGIN).")] = None,
) -> None:
    """Let a name see the page, with a password that is asked for, or piped in, on one line.

    Without logins all may see it.
    """
    from ui.server.login import checked_name, set_login

    path = file or load_settings().login
    if path is None:
        raise InputError("Name the file of logins: set ASKLABS_LOGIN, or give --file.")
    checked_name(name)
    if sys.stdin.isatty():
        password = typer.prompt(
            f"Password of {name}", hide_input=True, confirmation_prompt=True, err=True
        )
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    done = "has a new password" if set_login(path, name, password) else "can log in"
    print(f"{name} {done}: {path}.")


def key(
    name: Annotated[str, Argument(help="The program that is to ask.")],
    file: Annotated[Path | None, Option(help="File of keys (ASKLABS_API_KEYS).")] = None,
) -> None:
    """Make the key with which a program may ask /api/v1 and /mcp; it is shown once."""
    from ui.server.login import make_key

    path = file or load_settings().api_keys
    if path is None:
        raise InputError("Name the file of keys: set ASKLABS_API_KEYS, or give --file.")
    print(make_key(path, name))
    print(f"Its hash is in {path}.", file=sys.stderr)


def mcp(index: Index = None) -> None:
    """Offer the tools of the Model Context Protocol on standard input and output."""
    from ui.api.mcp import mcp_server
    from ui.server.room import Room

    engine = engine_of(index)
    mcp_server(engine, Room(engine)).run("stdio")


@watches.command()
@with_filters
def add(question: Question, index: Index = None, filters: Filters = Filters()) -> None:
    """Watch a question: its answer of now is what later ones are compared with."""
    from rag.watch import add_watch

    watch = add_watch(engine_of(index), question, filters)
    print(f"{watch.id} {watch.question}")


@watches.command()
def remove(watch: Annotated[str, Argument(help="Its id.")], index: Index = None) -> None:
    """Watch a question no more."""
    from rag.watch import remove_watch

    remove_watch(engine_of(index), watch)


@watches.command("list")
def list_watches(index: Index = None, json: Json = False) -> None:
    """List the standing questions, with their latest changes."""
    from rag.watch import load_watches

    _print(load_watches(engine_of(index).settings.index), json)


@watches.command()
def run(
    index: Index = None,
    atom: Annotated[Path | None, Option(help="Atom feed to write with all changes.")] = None,
    post: Annotated[str, Option(help="Address to send what is different to, as JSON.")] = "",
    json: Json = False,
) -> None:
    """Ask all standing questions again where the index has changed, and tell what is different."""
    from rag.watch import atom as feed
    from rag.watch import load_watches, run_watches

    engine = engine_of(index)

    def send(changed: "Sequence[Watch]") -> None:
        import httpx

        document = {"watches": list(map(_to_dict, changed))}
        try:
            httpx.post(post, json=document, timeout=engine.settings.patience).raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise InputError(f"Not sent: {error}. The next run tries again.") from error

    changed = run_watches(engine, send) if post else run_watches(engine)
    _print(changed, json)
    if atom is not None:
        write_file(atom, feed(load_watches(engine.settings.index)))


def diff(
    answers: Annotated[Path, Argument(help="Answers: what ask --json or batch wrote.")],
    index: Index = None,
    json: Json = False,
) -> None:
    """Ask the questions of earlier answers again, and tell what is different."""
    from rag.export.answer_json import answers_from_json
    from rag.watch import answer_again

    loaded = answers_from_json(read_file(answers), str(answers))
    engine = engine_of(index)
    found = [(answer.question, answer_again(engine, answer)) for answer in loaded]
    if json:
        print_json([{"question": q, "changes": list(map(asdict, cs))} for q, cs in found])
    else:
        show("changes.txt", told=found)


def _to_dict(watch: "Watch") -> dict[str, Any]:
    news = [asdict(one) for one in watch.news]
    return {
        "id": watch.id, "question": watch.question, "filters": watch.filters.as_dict(), "news": news
    }  # fmt: skip


def _print(watches: "Sequence[Watch]", json: bool) -> None:
    if json:
        print_json(list(map(_to_dict, watches)))
        return
    told = [(f"{w.id} {w.question}", w.news[0].changes if w.news else ()) for w in watches]
    show("changes.txt", told=told)


for _command in (ingest, ask, batch, search, survey, serve, login, key, mcp, export, diff, info):
    app.command()(_command)
app.add_typer(watches, name="watch")
app.add_typer(evaluations, name="eval")


if __name__ == "__main__":
    main()
