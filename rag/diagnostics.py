"""What somebody who helps asks first: versions, the machine, settings, the index on disk.

It also works if the index is missing or broken, and holds no secrets.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from rag.errors import IndexUnusable
from rag.i18n.translations import languages
from rag.index.layout import POINTER, free_bytes, size_of
from rag.index.snapshot import index_made_by
from rag.settings import Settings

_PACKAGES = ("ask-the-labs", "llama-index-core", "chromadb", "gradio", "openai", "tiktoken")


def versions() -> dict[str, str]:
    """The versions of asklabs and of its main libraries."""
    return {name: version(name) for name in _PACKAGES}


def diagnostics(settings: Settings) -> dict[str, Any]:
    """Facts about this installation and the folder of its index.

    `made` is when the index was written, in UTC, and `made_with` by what; both are empty if that is
    unknown. Sizes are in bytes. `keys` tells which keys are set, `settings` holds those that differ
    from their defaults.
    """
    folder = settings.index
    return {
        "index": str(folder),
        "path": str(folder.resolve()),
        "made": _made(folder),
        "made_with": dict(_made_with(folder)),
        "size": size_of(folder),
        "disk_free": free_bytes(folder),
        "model": settings.answer_model,
        "keys": {
            "OPENAI_API_KEY": settings.openai_api_key is not None,
            "ASKLABS_RERANKER_KEY": settings.reranker_key is not None,
            "ASKLABS_CHROMA_TOKEN": settings.chroma_token is not None,
        },
        "settings": changed_settings(settings),
        "page_languages": list(languages()),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": versions(),
    }


def changed_settings(settings: Settings) -> dict[str, str]:
    """The settings that differ from their defaults, without secrets."""
    values = {}
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        if value != field.default and not isinstance(value, SecretStr):
            # An address can hold a password or a key.
            is_address = name in ("openai_base_url", "reranker")
            values[name] = _without_password(value) if is_address else str(value)
    return values


def _without_password(address: str) -> str:
    before, at, host = address.rpartition("@")
    host = host.partition("?")[0]
    return f"{before.partition('://')[0]}://***@{host}" if at else host


def _made(folder: Path) -> str:
    try:
        written = (folder / POINTER).stat().st_mtime
    except OSError:
        return ""
    return datetime.fromtimestamp(written, UTC).isoformat(timespec="seconds")


def _made_with(folder: Path) -> Mapping[str, str]:
    try:
        return index_made_by(folder)
    except IndexUnusable:
        return {}
