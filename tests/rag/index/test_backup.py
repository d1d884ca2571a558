"""A copy of an index is an index, at another place too; an update keeps what it must."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import orjson
import pytest
from ferries import text

from ingest.sync import PARSER_VERSION, sync
from ingest.uploads import Upload, take_in
from rag.engine import open_engine
from rag.errors import IndexMismatch
from rag.feedback import keep_feedback, load_feedback
from rag.index.layout import current_database
from rag.settings import Settings
from tests.rag.test_feedback import VOTE

pytest_plugins = ("ferry_fixtures",)
QUESTION = "Who counts the boats in Peru?"


def test_a_copy_made_while_the_page_serves_is_an_index_at_another_place(
    reports: Path, settings: Settings, tmp_path: Path
) -> None:
    sync([reports], settings)
    keep_feedback(settings.index, VOTE)
    engine = open_engine(settings)
    copy = tmp_path / "copié vers" / "ici"
    shutil.copytree(settings.index, copy)
    link = tmp_path / "link"
    link.symlink_to(copy)
    told, revision = engine.ask(QUESTION).answer.text, engine.revision
    assert told
    shutil.rmtree(settings.index)
    moved = settings.model_copy(update={"index": link})
    restored = open_engine(moved)
    assert restored.revision == revision
    assert restored.ask(QUESTION).answer.text == told
    assert load_feedback(link) == ([VOTE], 0)
    (reports / "nepal.md").write_text(text("Nepal"), "utf-8")
    assert sync([reports], moved).added == ["nepal"]
    assert str(settings.index) not in "".join(
        path.read_text("utf-8", "replace") for path in copy.rglob("*.json")
    )


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere"
)
def test_an_index_on_a_read_only_disk_can_be_asked(reports: Path, settings: Settings) -> None:
    sync([reports], settings)
    open_engine(settings)
    for path in (settings.index, *settings.index.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert open_engine(settings).ask(QUESTION).answer.text
    finally:
        for path in (settings.index, *settings.index.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)


def test_an_index_of_an_older_version_answers_refuses_reports_and_is_made_anew(
    reports: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr("ingest.sync.PARSER_VERSION", "0")
        sync([reports], settings)
        sent = tmp_path / "sent.md"
        sent.write_text(text("Nepal"), "utf-8")
        take_in([Upload("nepal.md", sent)], settings, lambda *_: None)
    keep_feedback(settings.index, VOTE)
    (settings.index / "evaluation.json").write_text("{}", "utf-8")
    assert open_engine(settings).ask(QUESTION).answer.text
    with pytest.raises(IndexMismatch, match=r"parser '0', this is .* --rebuild"):
        sync([reports], settings)
    with pytest.raises(IndexMismatch, match=r"--rebuild"):
        take_in([Upload("other.md", _other(tmp_path))], settings, lambda *_: None)
    assert len(sync([reports], settings, rebuild=True).added) == 4
    assert set(open_engine(settings).catalog.reports) == {"fiji", "mali", "nepal", "peru"}
    assert load_feedback(settings.index) == ([VOTE], 0)
    assert (settings.index / "evaluation.json").read_text("utf-8") == "{}"
    database = current_database(settings.index)
    assert database is not None
    (of,) = database.glob("cache-*/of.json")
    assert orjson.loads(of.read_bytes())["made_by"]["parser"] == PARSER_VERSION


def _other(folder: Path) -> Path:
    path = folder / "other.md"
    path.write_text(text("Chad"), "utf-8")
    return path
