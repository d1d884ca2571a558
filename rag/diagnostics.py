"""What whoever helps asks first: versions, the machine, settings, the index as it lies there.

All of it can be told of an index that is missing or broken, and none of it is a secret.
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
from rag.i18n.translations import LOCALE
from rag.index.layout import POINTER, free_bytes, size_of
from rag.index.snapshot import index_made_by
from rag.settings import Settings

_PACKAGES = ("ask-the-labs", "llama-index-core", "chromadb", "gradio", "openai", "tiktoken")


def versions() -> dict[str, str]:
    """The versions of asklabs and of what it rests on."""
    return {name: version(name) for name in _PACKAGES}


def support(settings: Settings) -> dict[str, Any]:
    """Facts about this installation and the folder of its index.

    `made` and `made_with` are of the index, in UTC, and empty where that isn't known; sizes are
    bytes. `keys` tells which are set, `settings` those that differ from their defaults.
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
        "settings": changed(settings),
        "page_languages": ["en", *sorted(path.stem for path in LOCALE.glob("*.po"))],
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": versions(),
    }


def changed(settings: Settings) -> dict[str, str]:
    """The settings that differ from their defaults, without secrets."""
    told = {}
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        if value != field.default and not isinstance(value, SecretStr):
            # An address can hold a password or a key.
            hides = name in ("openai_base_url", "reranker")
            told[name] = _without_password(value) if hides else str(value)
    return told


def _without_password(address: str) -> str:
    before, at, host = address.rpartition("@")
    query = host.partition("?")[0]
    return f"{before.partition('://')[0]}://***@{query}" if at else query


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
