"""The README against the code: every command, setting, target and file in it exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from rag.settings import PREFIX, Settings
from ui.cli.main import app

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TEXTS = [README, *(page.read_text(encoding="utf-8") for page in PAGES)]
BLOCKS = re.findall(r"```(?:sh|console|bash)\n(.*?)```", "\n".join(TEXTS), re.DOTALL)
COMMANDS = [
    line.split(" #")[0].strip()
    for block in BLOCKS
    for line in block.splitlines()
    if re.match(r"\s*(?:\S*/)?asklabs\s", line)
]


def command_of(words: list[str]) -> tuple[typer.core.TyperCommand, list[str]]:
    """The command that words name, and the rest of them."""
    command = get_command(app)
    while hasattr(command, "commands"):
        command, words = command.commands[words[0]], words[1:]
    return command, words  # type: ignore[return-value]


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_and_option_exists(line: str) -> None:
    words = shlex.split(line)[1:]
    command, rest = command_of(words)
    options = {option for param in command.params for option in param.opts} | {"--help"}
    for word in rest:
        if word.startswith("-"):
            assert word.split("=")[0] in options, f"{word} in: {line}"


def test_each_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z][a-z-]*)", README))
    assert named
    assert named <= targets | {"sure"}
    assert {"demo", "test", "install", "lint", "bench", "lock", "help"} <= targets


def test_settings_are_those_of_the_code() -> None:
    named = {name.lower() for name in re.findall(rf"{PREFIX}([A-Z_]+)", README)}
    fields = {name for name in Settings.model_fields if not name.startswith("openai_")}
    assert named == fields


def test_defaults_in_the_table_are_those_of_the_code() -> None:
    rows = re.findall(rf"^\| `{PREFIX}([A-Z_]+)` \| `([^`]*)` \|", README, re.MULTILINE)
    assert rows
    for name, default in rows:
        assert str(getattr(Settings(), name.lower())).lower() == default, name


def test_each_file_it_points_to_exists() -> None:
    for target in re.findall(r"\]\((?!https?://|#)([^)]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_picture_is_small() -> None:
    assert (ROOT / "docs" / "page.png").stat().st_size < 300 * 1024


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_other_pages_name_settings_files_and_targets_that_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name in re.findall(rf"{PREFIX}([A-Z_]+)", text):
        assert name.lower() in Settings.model_fields, name
    for path in re.findall(r"`((?:rag|ingest|ui|eval|tests)/[\w/]+\.(?:py|json))`", text):
        assert (ROOT / path).exists(), path
    for target in re.findall(r"\bmake ([a-z][a-z-]*)", text):
        assert f"\n{target}:" in MAKEFILE, target
