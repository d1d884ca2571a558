"""Fixtures: an index of the sample collection, an engine over it, no network but loopback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import judging  # noqa: F401  # before anything asks a question
import pytest
from openai_server import ScriptedServer, running
from pytest_socket import socket_allow_hosts

from eval.cases import Case, load_cases
from ingest.sync import sync
from rag.engine import Engine, open_engine
from rag.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "eval" / "sample" / "reports"
CASES = ROOT / "eval" / "sample" / "cases.jsonl"
# Real reports are not part of the project; tests that want them skip where they are absent.
REAL = ROOT.parent / "shared"


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may reach beyond this machine, and no key or setting of the user takes part."""
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)
    for name in list(os.environ):
        if name.startswith(("ASKLABS_", "OPENAI_")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def sample_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the sample collection."""
    folder = tmp_path_factory.mktemp("index") / "sample"
    result = sync([SAMPLE], Settings(index=folder))
    assert result.added
    assert not result.skipped
    return folder


@pytest.fixture(scope="session")
def sample_engine(sample_index: Path) -> Engine:
    """An extractive engine over the sample collection."""
    return open_engine(Settings(index=sample_index))


@pytest.fixture(scope="session")
def quick_engine(sample_index: Path) -> Engine:
    """The same without the cross-encoder, for tests that ask much and not how well it answers."""
    return open_engine(Settings(index=sample_index, reranker="none"))


@pytest.fixture(scope="session")
def sample_cases() -> tuple[Case, ...]:
    """The cases of the sample collection."""
    return load_cases(CASES)


@pytest.fixture(scope="session")
def real_reports() -> Path:
    """The folder of real reports, where the checkout has it beside it."""
    folder = REAL / "reports"
    if not folder.is_dir():
        pytest.skip("the real reports are not beside this checkout")
    return folder


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    """A scripted server of models; a test says what it does."""
    with running() as one:
        yield one
