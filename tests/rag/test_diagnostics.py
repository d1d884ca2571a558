"""`asklabs info`: facts for somebody who helps, also of a missing or broken index."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from rag.diagnostics import changed_settings
from rag.index.layout import POINTER
from rag.settings import Settings

pytest_plugins = ("command_line",)


def test_changed_settings_hold_no_secrets() -> None:
    given = {
        "openai_api_key": "sk-secret",
        "openai_base_url": "https://me:sk-secret@models.example/v1?key=sk-secret",
        "reranker": "https://rank.example/rerank?key=sk-secret",
    }
    assert changed_settings(Settings(port=7000, **given)) == {  # type: ignore[arg-type]
        "port": "7000",
        "openai_base_url": "https://***@models.example/v1",
        "reranker": "https://rank.example/rerank",
    }
    assert changed_settings(Settings()) == {}


def test_info_shows_the_machine_and_the_index(
    run: Any, sample_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    plain = run("info", "--index", sample_index)
    done = run("info", "--index", sample_index, "--json")
    info = done.json
    assert (info["keys"]["OPENAI_API_KEY"], info["keys"]["ASKLABS_CHROMA_TOKEN"]) == (True, False)
    assert info["model"] == "openai:gpt-4.1-mini"
    assert info["settings"] == {"index": str(sample_index)}
    assert info["size"] > 100_000
    assert info["made"].endswith("+00:00")
    assert set(info["made_with"]) == {"schema", "parser", "chunker", "embedding"}
    assert info["problem"] == ""
    assert "OPENAI_API_KEY yes, ASKLABS_RERANKER_KEY no" in plain.out
    assert "sk-secret" not in done.out + plain.out


@pytest.mark.parametrize("broken", [True, False])
def test_info_of_an_unusable_index_shows_the_rest(
    run: Any, sample_index: Path, tmp_path: Path, broken: bool
) -> None:
    index = tmp_path / "index"
    if broken:
        shutil.copytree(sample_index, index)
        (index / POINTER).write_text("nonsense", encoding="utf-8")
    done = run("info", "--index", index, "--json")
    assert done.code == 2
    assert done.json["problem"] in done.err
    assert "asklabs ingest PATH" in done.err
    assert done.json["made_with"] == {}
    assert "reports" not in done.json
    assert done.json["versions"]["gradio"]
    assert (done.json["size"] > 0) is broken
