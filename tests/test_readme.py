"""The pages for people: what they name exists, and their examples run over the sample."""

import re
import shlex
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from rag.engine import Engine
from rag.llama import ReportQueryEngine, ReportRetriever
from rag.settings import PREFIX, Settings
from ui.cli.main import app

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "eval" / "README.md"]
PAGES += sorted((ROOT / "docs").glob("*.md"))
TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", "\n".join(TEXTS.values()), re.DOTALL)
COMMANDS = re.findall(r"^(?:\S*/)?asklabs (.*?)(?: +#.*)?$", "\n".join(BLOCKS), re.MULTILINE)


def test_each_command_and_option_exists() -> None:
    assert len(COMMANDS) >= 20
    for line in COMMANDS:
        command, words = get_command(app), shlex.split(line)
        while isinstance(command, typer.core.TyperGroup):
            command, words = command.commands[words[0]], words[1:]
        options = {option for parameter in command.params for option in parameter.opts}
        flags = {word.split("=")[0] for word in words if word.startswith("-")}
        assert flags <= options | {"--help"}, line


def test_configuration_has_every_setting() -> None:
    named = re.findall(rf"^\| `{PREFIX}([A-Z_]+)`", TEXTS[ROOT / "docs/configuration.md"], re.M)
    fields = {name for name in Settings.model_fields if not name.startswith("openai_")}
    assert {name.lower() for name in named} == fields


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_settings_defaults_files_and_targets_that_exist(page: Path) -> None:
    text = TEXTS[page]
    for name in re.findall(rf"{PREFIX}([A-Z_]+)", text):
        assert name.lower() in Settings.model_fields, name
    for name, default in re.findall(rf"^\| `{PREFIX}([A-Z_]+)` \| `([^`]*)` \|", text, re.M):
        assert str(getattr(Settings(), name.lower())).lower() == default, name
    for path in re.findall(r"`((?:rag|ingest|ui|eval|tests)/[\w/.-]*)`", text):
        assert (ROOT / path).exists(), path
    for name, path in re.findall(r"`(\w+)` in `([\w/]+\.py)`", text):
        assert re.search(rf"\b{name}\b", (ROOT / path).read_text(encoding="utf-8")), name
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", text):
        assert (page.parent / target).exists(), target
    for target in re.findall(r"(?:`|^)make ([a-z][a-z-]*)", text, re.M):
        assert f"\n{target}:" in MAKEFILE, target


@pytest.mark.parametrize("page", ["README.md", "docs/using.md"])
def test_the_python_of_pages_runs(
    page: str, sample_index: Any, tmp_path: Path, capsys: Any
) -> None:
    (tmp_path / "my-index").symlink_to(sample_index)
    text = (ROOT / page).read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(?!# not run here)(.*?)```", text, re.DOTALL)
    assert examples
    with chdir(tmp_path):
        exec("\n".join(examples), {})
    assert "Lesotho" in capsys.readouterr().out
    assert page == "README.md" or (tmp_path / "brief.docx").stat().st_size > 5000


def test_nodes_of_llama_index_are_the_hits(quick_engine: Engine) -> None:
    hits = quick_engine.search("mobile money", k=5)
    nodes = ReportRetriever(quick_engine, 5).retrieve("mobile money")
    assert [(n.node.node_id, n.score) for n in nodes] == [(h.passage.id, h.score) for h in hits]
    assert nodes[0].metadata["report"] == nodes[0].node.ref_doc_id == hits[0].passage.report.id
    for kind in (ReportRetriever, ReportQueryEngine):
        with pytest.raises(TypeError, match=r"Filters\(country=.*, no dict"):
            kind(quick_engine, filters={"country": ["Peru"]})  # type: ignore[arg-type]
