"""Which report a file is: ids stay when files move, are copied, or have namesakes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from ferries import content, counts, stored_reports, text

from ingest.sync import sync
from rag.settings import Settings

pytest_plugins = ("ferry_fixtures",)


def namesakes(reports: Path) -> tuple[Path, Path]:
    one, two = reports.parent / "one", reports.parent / "two"
    for folder, country in ((one, "Peru"), (two, "Chad")):
        folder.mkdir()
        (folder / "plan.md").write_text(text(country), "utf-8")
    return one, two


def labs(settings: Settings) -> dict[str, str]:
    return {name: r.info.lab for name, r in stored_reports(settings).items()}


def test_namesakes_in_two_folders_are_two_reports_in_any_order(
    reports: Path, settings: Settings
) -> None:
    one, two = namesakes(reports)
    other = settings.model_copy(update={"index": settings.index.with_name("other")})
    sync([one, two], settings)
    sync([two, one], other)
    assert labs(settings) == labs(other) == {"plan": "Peru", "two__plan": "Chad"}


def test_a_namesake_that_comes_later_changes_no_id(reports: Path, settings: Settings) -> None:
    one, two = namesakes(reports)
    sync([two], settings)
    assert labs(settings) == {"plan": "Chad"}
    assert sync([one], settings).added == ["one__plan"]
    assert labs(settings) == {"plan": "Chad", "one__plan": "Peru"}
    assert counts(sync([one, two], settings)) == (0, 0, 2, 0, 0)


def test_a_folder_that_moved_keeps_its_ids(
    reports: Path, settings: Settings, embedded: list[str]
) -> None:
    first = sync([reports], settings)
    embedded.clear()
    moved = shutil.move(reports, reports.with_name("moved"))
    result = sync([moved], settings)
    assert (result.moved, counts(result)) == (["fiji", "mali", "peru"], (0, 0, 0, 0, 0))
    assert not embedded
    assert counts(sync([moved], settings)) == (0, 0, 3, 0, 0)
    (moved / "peru.md").write_text(text("Peru", answer="Lima"), "utf-8")
    result = sync([moved], settings, prune=True)
    assert (result.updated, result.deleted) == (["peru"], [])
    assert result.revision != first.revision


def test_a_folder_that_moved_and_was_edited_keeps_its_ids(
    reports: Path, settings: Settings
) -> None:
    sync([reports], settings)
    moved = shutil.move(reports, reports.with_name("moved"))
    (moved / "peru.md").write_text(text("Peru", answer="Lima"), "utf-8")
    result = sync([moved], settings)
    assert (result.moved, counts(result)) == (["fiji", "mali"], (0, 1, 0, 0, 0))


def test_a_renamed_file_takes_its_passages_with_it(
    reports: Path, settings: Settings, embedded: list[str]
) -> None:
    sync([reports], settings)
    before = content(settings)
    embedded.clear()
    (reports / "peru.md").rename(reports / "peru_2023.md")
    result = sync([reports], settings)
    assert (result.moved, counts(result)) == (["peru_2023"], (0, 0, 2, 0, 0))
    assert not embedded
    after = content(settings)
    assert set(after) == {"fiji", "mali", "peru_2023"}
    assert {p.text for p in after["peru_2023"]} == {p.text for p in before["peru"]}
    assert counts(sync([reports], settings, prune=True)) == (0, 0, 3, 0, 0)


def test_a_copy_elsewhere_is_the_same_report(reports: Path, settings: Settings) -> None:
    sync([reports], settings)
    copy = shutil.copytree(reports, reports.with_name("copy"))
    assert counts(sync([copy], settings)) == (0, 0, 3, 0, 0)


def test_a_path_given_twice_counts_once(reports: Path, settings: Settings) -> None:
    result = sync([reports, reports / "peru.md", reports / "." / "mali.md"], settings)
    assert counts(result) == (3, 0, 0, 0, 0)


@pytest.mark.skipif(os.name == "nt", reason="such names can't be made there")
def test_strange_names_become_reports(reports: Path, settings: Settings) -> None:
    (reports / "تقرير\nأ.md").write_text(text("Chad"), "utf-8")
    Path(os.fsdecode(os.fsencode(reports) + b"/\xe9.md")).write_text(text("Nepal"), "utf-8")
    assert sync([reports], settings).added == ["_", "fiji", "mali", "peru", "تقرير_أ"]
    assert counts(sync([reports], settings)) == (0, 0, 5, 0, 0)
