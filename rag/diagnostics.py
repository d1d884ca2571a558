"""What somebody who helps asks first: versions, the machine, settings, the index on disk.

It also works if the index is missing or broken, and holds no secrets.
"""

import platform
import re
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from pydantic import SecretStr

from rag.errors import IndexUnusable
from rag.files import free_bytes, size_of
from rag.i18n.translations import languages
from rag.index.local import POINTER, current_version
from rag.settings import Settings


def versions() -> dict[str, str]:
    """The versions of asklabs and of its main libraries."""
    names = ("ask-the-labs", "llama-index-core", "chromadb", "gradio", "openai", "tiktoken")
    return {name: version(name) for name in names}


def diagnostics(settings: Settings) -> dict[str, Any]:
    """Facts about this installation and the folder of its index.

    `made` is when the index was written, in UTC, and `made_with` by what; both are empty if that is
    unknown. Sizes are in bytes. `keys` tells which keys are set, `settings` holds those that differ
    from their defaults.
    """
    folder = settings.index
    made, made_with = "", {}
    with suppress(OSError):
        written = (folder / POINTER).stat().st_mtime
        made = datetime.fromtimestamp(written, UTC).isoformat(timespec="seconds")
    with suppress(IndexUnusable):
        version = current_version(folder)
        made_with = {**version.made_by, "schema": str(version.schema)}
    return {
        "index": str(folder),
        "path": str(folder.resolve()),
        "made": made,
        "made_with": made_with,
        "size": size_of(folder),
        "disk_free": free_bytes(folder),
        "model": settings.answer_model,
        "keys": {"OPENAI_API_KEY": settings.openai_api_key is not None},
        "settings": changed_settings(settings),
        "page_languages": list(languages()),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": versions(),
    }


def changed_settings(settings: Settings) -> dict[str, str]:
    """The settings that differ from their defaults, without secrets."""
    values = {}
    for name, value in settings.model_dump(exclude_defaults=True).items():
        if not isinstance(value, SecretStr):
            # An address can hold a password or a key.
            plain = re.sub(r"^(\w+://)?.*@", r"\1***@", str(value)).partition("?")[0]
            values[name] = plain if name == "openai_base_url" else str(value)
    return values
