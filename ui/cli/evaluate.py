"""The commands that make cases and put answers to the test: `asklabs eval make | stress`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.errors import InputError
from rag.settings import Settings
from ui.cli.options import Index, engine_of

if TYPE_CHECKING:
    from eval.drafts import DraftSet
    from rag.engine import Engine
    from rag.types import Progress


Drafts = Annotated[bool, typer.Option("--drafts", help="Ask the drafts among the cases too.")]
Seed = Annotated[int, typer.Option("--seed", help="Another number gives another choice.")]


def make(
    n: Annotated[int, typer.Option("--n", min=1, max=2000, help="How many cases.")] = 50,
    out: Annotated[Path, typer.Option("--out", help="File to write, as JSON lines.")] = Path(
        "cases.jsonl"
    ),
    index: Index = None,
    seed: Seed = 0,
    language: Annotated[
        list[str] | None,
        typer.Option(
            "--language", help="Of the questions, the main one first (en fr es pt ar); repeatable."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Draft cases from a collection, for a person to read and accept.

    Lists follow from the tags; questions for one report need a chat model.
    """
    from eval.cases import write_cases
    from eval.drafts import TOKENS, make_cases
    from rag.models.chat import make_chat
    from rag.text.language import LANGUAGES
    from ui.cli.output import progress

    if out.exists() and not force:
        raise InputError(f"{out} is there already. Name another file, or overwrite it: --force.")
    engine = engine_of(index)
    llm = make_chat(engine.settings, max_tokens=TOKENS)
    with progress() as shown:
        made = make_cases(
            engine,
            n,
            seed=seed,
            languages=tuple(language or LANGUAGES),
            llm=llm,
            seconds=engine.settings.timeout,
            progress=shown,
        )
    write_cases(made.cases, out)
    if llm is None:
        print(
            "There is no chat model, so only questions for lists were drafted. Set ASKLABS_MODEL "
            "to draft questions for one report as well.",
            file=sys.stderr,
        )
    _print_drafts(made, n, out)


def stress(
    cases: Annotated[Path, typer.Argument(help="Cases as JSON lines; see eval/sample/README.md.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the table and a run a variant.")],
    index: Index = None,
    only: Annotated[
        str, typer.Option("--only", help="Only these variants, with commas between them.")
    ] = "",
    reports: Annotated[
        int, typer.Option("--reports", min=1, help="How many reports temporary indexes hold.")
    ] = 300,
    asked: Annotated[
        Path | None,
        typer.Option("--asked", help="Run of the same cases unchanged, not to ask them again."),
    ] = None,
    seed: Seed = 0,
    drafts: Drafts = False,
) -> None:
    """Ask cases changed in ways that should not matter: typos, capitals, doubled reports ..."""
    from eval.cases import load_cases
    from eval.perturbations import TOKENS
    from eval.stress import StressTest, write_stress
    from rag.models.chat import make_chat
    from ui.cli.output import progress

    loaded, engine = load_cases(cases, drafts), engine_of(index)
    with progress() as shown:
        test = StressTest(
            engine,
            loaded,
            out,
            partial(_build, engine.settings, shown),
            most_reports=reports,
            seed=seed,
            llm=make_chat(engine.settings, max_tokens=TOKENS),
            seconds=engine.settings.timeout,
            progress=shown,
            asked=asked,
        )
        found = test.run([name.strip() for name in only.split(",") if name.strip()])
    print(write_stress(found, out), end="")


def _build(
    tested: Settings, progress: Progress, folder: Path, lots: Sequence[Sequence[Path]]
) -> Engine:
    """An engine over an index made for a stress test, with the settings of what is tested."""
    from ingest.sync import sync
    from rag.engine import open_engine

    # What is planted in these indexes is not for others.
    settings = tested.model_copy(update={"index": folder, "chroma": ""})

    def told(stage: str, done: int, total: int) -> None:
        progress(f"{stage} ({folder.name})", done, total)

    for lot in lots:
        sync(lot, settings, progress=told)
    return open_engine(settings)


def _print_drafts(made: DraftSet, wanted: int, out: Path) -> None:
    by_type = Counter(case.type for case in made.cases)
    said = ", ".join(f"{count} {kind}" for kind, count in by_type.items())
    print(f"{out}: {len(made.cases)} drafts ({said}).")
    for kind, missing in made.short.items():
        print(f"{missing} fewer {kind} cases than planned could be made", file=sys.stderr)
    for reason, count in made.refused.items():
        print(f"{count} replies of the model were left out: {reason}", file=sys.stderr)
    if len(made.cases) < wanted:
        print(f"The collection gives no more than these {len(made.cases)}.", file=sys.stderr)
    print(
        'Next: read them, correct them, and take "draft" out of those that you accept. '
        "Runs leave drafts out: asklabs eval run CASES --out DIR."
    )
