"""`asklabs info`: what whoever helps asks first, also of an index that is missing or broken."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path
from typing import Any

import pytest

from rag.diagnostics import changed, support
from rag.index.layout import POINTER
from rag.settings import Settings

pytest_plugins = ("command_line",)


def test_settings_that_differ_are_told_without_secrets() -> None:
    told = changed(
        Settings(
            port=7000,
            openai_api_key="sk-secret",  # type: ignore[arg-type]
            openai_base_url="https://me:sk-secret@models.example/v1?key=sk-secret",
            reranker="https://rank.example/rerank?key=sk-secret",
        )
    )
    assert told == {
        "port": "7000",
        "openai_base_url": "https://***@models.example/v1",
        "reranker": "https://rank.example/rerank",
    }
    assert changed(Settings()) == {}


def test_info_tells_of_the_machine_and_the_folder(
    run: Any, sample_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    done = run("info", "--index", sample_index, "--json")
    known = done.json
    assert (known["python"], known["platform"]) == (platform.python_version(), platform.platform())
    assert known["keys"] == {
        "OPENAI_API_KEY": True,
        "ASKLABS_RERANKER_KEY": False,
        "ASKLABS_CHROMA_TOKEN": False,
    }
    assert known["model"] == "openai:gpt-4.1-mini"
    assert known["settings"] == {"index": str(sample_index)}
    assert known["path"] == str(sample_index.resolve())
    assert known["size"] > 100_000
    assert known["disk_free"] > 0
    assert known["made"].endswith("+00:00")
    assert set(known["made_with"]) == {"schema", "parser", "chunker", "embedding"}
    assert set(known["page_languages"]) >= {"en", "fr", "es", "pt", "ar"}
    assert known["problem"] == ""
    plain = run("info", "--index", sample_index)
    assert "OPENAI_API_KEY yes, ASKLABS_RERANKER_KEY no" in plain.out
    assert " MB\n" in plain.out
    assert "sk-secret" not in done.out + plain.out


@pytest.mark.parametrize("broken", [True, False])
def test_info_of_an_index_that_can_not_be_used_tells_the_rest(
    run: Any, sample_index: Path, tmp_path: Path, broken: bool
) -> None:
    index = tmp_path / "index"
    if broken:
        shutil.copytree(sample_index, index)
        (index / POINTER).write_text("nonsense", encoding="utf-8")
    done = run("info", "--index", index, "--json")
    assert done.code == 2
    assert str(index) in done.err
    assert done.json["problem"] in done.err
    assert "asklabs ingest PATH" in done.err
    assert done.json["made_with"] == {}
    assert "reports" not in done.json
    assert done.json["versions"]["gradio"]
    assert (done.json["size"] > 0) is broken


def test_info_of_a_model_that_can_not_be_made_tells_the_rest(
    run: Any, sample_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKLABS_MODEL", "openai:mine")
    done = run("info", "--index", sample_index, "--json")
    assert done.code == 2
    assert "No key found" in done.json["problem"]
    assert done.json["model"] == "openai:mine"


def test_a_file_in_the_place_of_an_index_has_no_facts(tmp_path: Path) -> None:
    file = tmp_path / "index"
    file.write_text("", encoding="utf-8")
    known = support(Settings(index=file))
    assert (known["made"], known["made_with"], known["size"]) == ("", {}, 0)
