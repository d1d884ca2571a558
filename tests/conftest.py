"""Fixtures: an index of the sample collection, an engine over it, no network but loopback.

Tests use stand-ins for the embedding and the cross-encoder, which need no weights. Those marked
`quality` use the real ones: `pytest -m quality` runs them, any other run leaves them out.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from filelock import FileLock
from openai_server import ScriptedServer, running
from pytest_socket import socket_allow_hosts

from eval.cases import Case, load_cases
from ingest.sync import sync
from rag.engine import Engine, open_engine
from rag.query import intents
from rag.retrieval import rerank
from rag.retrieval.rerank import CrossEncoder
from rag.settings import Settings
from ui.cli import main as cli

pytest_plugins = ("ferries",)
ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "eval" / "sample" / "reports"
CASES = ROOT / "eval" / "sample" / "cases.jsonl"
FAKE_MODELS = ROOT / "tests" / "support" / "fake_models"

hypothesis.settings.register_profile("tests", max_examples=50, deadline=None)
hypothesis.settings.load_profile("tests")


def _wants_quality(config: pytest.Config) -> bool:
    expression = str(config.getoption("markexpr"))
    return "quality" in expression and "not quality" not in expression


def pytest_configure(config: pytest.Config) -> None:
    """Put the stand-in for the embedding first, also for the programs that tests start."""
    path = [str(ROOT)]
    if not _wants_quality(config):
        path.insert(0, str(FAKE_MODELS))
        sys.path.insert(0, str(FAKE_MODELS))
        _train_stand_in(config.cache.mkdir("stand-in") / "intents.npz")
    os.environ["PYTHONPATH"] = os.pathsep.join([*path, os.environ.get("PYTHONPATH", "")])
    if "PYTEST_XDIST_WORKER" in os.environ:
        rerank.THREADS = 1  # processes that share the tests out share the cores, too


def _train_stand_in(weights: Path) -> None:
    """Train the weights of intents for the stand-in once, not in each process that asks."""
    os.environ["STAND_IN_INTENTS"], intents._WEIGHTS = str(weights), weights
    with FileLock(weights.with_suffix(".lock")):
        if not (weights.exists() and intents.saved()):
            intents.save()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of quality where the stand-ins are used."""
    if not _wants_quality(config):
        left_out = [item for item in items if item.get_closest_marker("quality")]
        items[:] = [item for item in items if not item.get_closest_marker("quality")]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(autouse=True)
def _cross_encoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge passages by the words they share with the question; in tests of quality, read them."""
    read = CrossEncoder._logits

    def shared_words(_: CrossEncoder, question: str, texts: Sequence[str]) -> list[float]:
        words = set(question.casefold().split())
        return [float(len(words & set(text.casefold().split()))) for text in texts]

    def read_once(model: CrossEncoder, question: str, texts: Sequence[str]) -> list[float]:
        call = model._weights, question, tuple(texts)
        if call not in _LOGITS:
            _LOGITS[call] = read(model, question, texts)
        return _LOGITS[call]

    if request.node.get_closest_marker("quality"):
        monkeypatch.setattr(CrossEncoder, "_logits", read_once)
    else:
        monkeypatch.setattr(CrossEncoder, "scores", shared_words)


# What the cross-encoder, most of the work of these tests, has read. A logit depends a little on
# what is read in the same call, so calls are kept whole.
_LOGITS: dict[tuple[Path, str, tuple[str, ...]], list[float]] = {}


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may reach beyond this machine, and no key or setting of the user takes part."""
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)
    for name in list(os.environ):
        if name.startswith(("ASKLABS_", "OPENAI_")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def sample_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Processes that share the tests out share the folder above their own.
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    folder = shared / "sample-index"
    with FileLock(shared / "sample-index.lock"):
        if not folder.exists():
            result = sync([SAMPLE], Settings(index=folder))
            assert result.added
            assert not result.skipped
    return folder


@pytest.fixture(scope="session")
def sample_engine(sample_index: Path) -> Engine:
    return open_engine(Settings(index=sample_index))


@pytest.fixture(scope="session")
def quick_engine(sample_index: Path) -> Engine:
    return open_engine(Settings(index=sample_index, reranker="none"))


@pytest.fixture(scope="session")
def sample_cases() -> tuple[Case, ...]:
    return load_cases(CASES)


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with running() as one:
        yield one


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Runs the command line in this process, as its entry point does."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str | Path) -> Done:
        monkeypatch.setattr(sys, "argv", ["asklabs", *map(str, arguments)])
        capsys.readouterr()
        code: object = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = ended.code or 0
        out, err = capsys.readouterr()
        assert isinstance(code, int)
        assert "Traceback" not in out + err
        return Done(code, out, err)

    return call


@pytest.fixture
def run_sample(run: Any, sample_index: Path) -> Callable[..., Done]:
    return lambda *arguments: run(*arguments, "--index", sample_index)
