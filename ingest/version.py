"""Whether an index was made by this version: readers take older ones, ingests want them anew."""

from __future__ import annotations

from ingest.sync import made_by
from rag.settings import Settings
from rag.snapshot_cache import made_of
from rag.store import SCHEMA


def older_index(settings: Settings) -> str:
    """What to say of an index that can be asked and not added to; "" where there is nothing to say.

    Raises:
        IndexUnusable: it can't be read.
    """
    made = made_of(settings.index)
    wanted = {"schema": str(SCHEMA), **made_by(settings)}
    differ = [name for name in wanted if made and made.get(name, "") != wanted[name]]
    if not differ:
        return ""
    told = ", ".join(f"{name} {made.get(name, '')!r}, now {wanted[name]!r}" for name in differ)
    return (
        f"The index in {settings.index} was made by another version of asklabs ({told}). It "
        "answers as before; reports can be added once it is made anew: asklabs ingest PATH "
        f"--rebuild --index {settings.index}"
    )
