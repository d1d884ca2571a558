"""The index goes along with the files: what changed is embedded, the rest stays as it is."""

import shutil
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from ferries import NOTE, content, counts, files, opened, stored_reports, text
from made_up import zipped

from ingest.sync import sync
from rag.errors import IndexMismatch, InputError
from rag.settings import Settings


def elsewhere(settings: Settings) -> Settings:
    return settings.model_copy(update={"index": settings.index.with_name("other")})


def test_only_changes_are_embedded(reports: Path, settings: Settings, embedded: list[str]) -> None:
    first = sync([reports], settings)
    before = content(settings)
    assert first.added == ["fiji", "mali", "peru"]
    said = {"Nobody in Peru counts the boats.", "Peru waits for a ferry."}
    assert {p.text for p in before["peru"]} == said
    assert NOTE not in repr(before)
    assert len(embedded) == first.passages == len(opened(settings).passages) == 6
    embedded.clear()
    again = sync([reports], settings)
    assert (*counts(again), again.passages, again.revision) == (0, 0, 3, 0, 0, 0, first.revision)
    assert not embedded
    (reports / "peru.md").write_text(text("Peru", answer="Lima"), "utf-8")
    result = sync([reports], settings)
    assert (result.updated, len(result.unchanged), result.added) == (["peru"], 2, [])
    assert [one.splitlines()[-1] for one in embedded] == ["Lima waits for a ferry."]
    after = content(settings)
    assert [p.id for p in after["peru"]] == [p.id for p in before["peru"]]
    assert {i: after[i] for i in ("fiji", "mali")} == {i: before[i] for i in ("fiji", "mali")}
    assert result.revision != first.revision


def test_a_changed_report_is_embedded_by_a_process_that_has_loaded_the_model(
    reports: Path, filled: Settings, embedded: list[str]
) -> None:
    (reports / "peru.md").write_text(text("Peru", answer="Lima"), "utf-8")
    with patch("ingest.embed.is_loaded", lambda: False):
        assert sync([reports], filled).updated == ["peru"]
    assert not embedded
    other = elsewhere(filled)
    sync([reports], other)
    assert np.allclose(opened(filled).dense[:], opened(other).dense[:], atol=1e-5)


def test_prune_deletes_what_is_gone_not_unreadable_and_nothing_private_is_kept(
    reports: Path, settings: Settings
) -> None:
    archive = reports.parent / "more.zip"
    chad = "[[focal_point:ana@chad.example\n" + text("Chad")
    archive.write_bytes(zipped({"chad.md": chad.encode()}))
    sync([reports, archive], settings)
    assert "ana@" not in repr((stored_reports(settings), content(settings)))
    assert not [path for path, data in files(settings.index).items() if b"ana@" in data]
    (reports / "mali.md").unlink()
    (reports / "peru.md").write_bytes(b"\xff\x00 damaged")
    archive.write_bytes(b"damaged")
    assert counts(sync([reports, archive], settings)) == (0, 0, 1, 0, 2)
    assert set(content(settings)) == {"chad", "fiji", "mali", "peru"}
    assert sync([reports, archive], settings, prune=True).deleted == ["mali"]
    assert set(content(settings)) == {"chad", "fiji", "peru"}


def test_another_embedding_and_a_prune_of_most_are_refused_with_the_remedy(
    reports: Path, filled: Settings
) -> None:
    one = [reports / "mali.md"]
    before = content(filled)
    another = {"embedding": "openai:some-model", "openai_base_url": "http://127.0.0.1:9"}
    for dry_run in (False, True):
        with pytest.raises(IndexMismatch, match=r"some-model(.|\n)*--rebuild"):
            sync([reports], filled.model_copy(update=another), dry_run=dry_run)
    assert sync(one, filled, prune=True, dry_run=True).deleted == ["fiji", "peru"]
    with pytest.raises(InputError, match=r"2 of the 3 reports .* --yes"):
        sync(one, filled, prune=True)
    assert content(filled) == before
    assert sync(one, filled, prune=True, prune_most=True).deleted == ["fiji", "peru"]


def test_dry_run_writes_nothing(reports: Path, filled: Settings, embedded: list[str]) -> None:
    before = files(filled.index), content(filled)
    (reports / "peru.md").write_text(text("Peru", answer="Lima"), "utf-8")
    (reports / "mali.md").unlink()
    (reports / "chad.md").write_text(text("Chad"), "utf-8")
    planned = sync([reports], filled, prune=True, dry_run=True)
    assert (planned.added, planned.updated, planned.deleted) == (["chad"], ["peru"], ["mali"])
    assert (files(filled.index), content(filled)) == before
    assert not embedded
    assert counts(sync([reports], filled, prune=True)) == counts(planned)


def test_namesakes_are_two_reports_in_any_order(reports: Path, settings: Settings) -> None:
    one, two = reports.parent / "one", reports.parent / "two"
    for folder, country in ((one, "Peru"), (two, "Chad")):
        folder.mkdir()
        (folder / "plan.md").write_text(text(country), "utf-8")
    labs = {"plan": "Peru", "two__plan": "Chad"}
    for paths in ([one, two], [two, one]):
        sync(paths, settings, rebuild=True)
        assert {name: r.info.lab for name, r in stored_reports(settings).items()} == labs
    # One that comes later changes no id.
    later = elsewhere(settings)
    sync([two], later)
    assert sync([one], later).added == ["one__plan"]
    assert stored_reports(later)["plan"].info.lab == "Chad"
    assert counts(sync([one, two], later)) == (0, 0, 2, 0, 0)


def test_what_moved_is_not_embedded(reports: Path, filled: Settings, embedded: list[str]) -> None:
    before = content(filled)
    moved = shutil.move(reports, reports.with_name("moved"))
    result = sync([moved], filled)
    assert (result.moved, counts(result)) == (["fiji", "mali", "peru"], (0, 0, 0, 0, 0))
    (moved / "peru.md").rename(moved / "peru_2023.md")
    result = sync([moved], filled)
    assert (result.moved, counts(result)) == (["peru_2023"], (0, 0, 2, 0, 0))
    assert not embedded
    after = content(filled)
    assert set(after) == {"fiji", "mali", "peru_2023"}
    assert {p.text for p in after["peru_2023"]} == {p.text for p in before["peru"]}
    assert counts(sync([moved], filled, prune=True)) == (0, 0, 3, 0, 0)
