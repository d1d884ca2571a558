"""Opens an index where the settings say that it lies: in a folder, or in a database."""

from __future__ import annotations

from collections.abc import Mapping

from rag.index.interface import Index
from rag.index.layout import current_version
from rag.index.snapshot import Snapshot, current_snapshot
from rag.settings import Settings

# The libraries of databases take time to import, and most need none: hence the late imports.


def current_index(settings: Settings, made_by: Mapping[str, str], before: Index | None) -> Index:
    """The index as it is now, the one before if nothing has changed; raises IndexUnusable."""
    if settings.database:
        from rag.index.postgres import PostgresIndex

        opened = before if isinstance(before, PostgresIndex) else None
        return PostgresIndex.current(settings.database.get_secret_value(), made_by, opened)
    held = before if isinstance(before, Snapshot) else None
    if held and held.version == current_version(settings.index):
        return held
    return current_snapshot(settings.index, made_by, held)


def with_files(index: Index, settings: Settings) -> Snapshot:
    """An index with all of its files; those of a database are copied into the folder."""
    if isinstance(index, Snapshot):
        return index
    from rag.index.postgres_writer import copy_database

    assert settings.database
    return copy_database(settings.database.get_secret_value(), settings.index)
