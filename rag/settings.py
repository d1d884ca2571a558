"""The product's settings: one frozen model, read once and passed on, never imported as a global."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from rag.errors import SettingsError
from rag.report_link import checked_template

PREFIX = "ASKLABS_"
FILE = "asklabs.toml"


class Settings(BaseModel):
    """Settings, from the environment (ASKLABS_NAME) over asklabs.toml over these defaults.

    OPENAI_API_KEY and OPENAI_BASE_URL are read under their usual names.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: Path = Field(Path("asklabs-index"), description="folder of the index")
    model: str = Field(
        "auto",
        description="who writes answers: extractive, openai:MODEL, or auto "
        "(openai:gpt-4.1-mini when a key or base URL is set, else extractive)",
    )
    embedding: str = Field("builtin", description="embedding model: builtin or openai:MODEL")
    passages: int = Field(20, ge=1, le=100, description="passages an answer may read")
    context_tokens: int = Field(
        6000, ge=500, le=1_000_000, description="tokens of passages that a model is given"
    )
    context_window: int = Field(
        0,
        ge=0,
        le=10_000_000,
        description="tokens of the model's window; 0: known of OpenAI's models, else 8192",
    )
    answer_tokens: int = Field(
        700, ge=50, le=16_000, description="tokens that a model may write in one answer"
    )
    planner: Literal["auto", "rules", "model"] = Field(
        "auto",
        description="who understands a question: rules, a model, or auto (a model makes follow-up "
        "questions stand alone, rules do the rest)",
    )
    reranker: str = Field(
        "builtin",
        description="who judges the passages that were found: builtin, the address of a rerank "
        "endpoint, or none",
    )
    reranker_model: str = Field("", description="model that the rerank endpoint is asked for")
    reranker_key: SecretStr | None = Field(None, description="key of the rerank endpoint")
    strict: bool = Field(
        True, description="leave out sentences of a model that no passage supports"
    )
    judge: bool = Field(
        False,
        description="ask the model, in one more call, about sentences that the rules find "
        "supported in part",
    )
    timeout: float = Field(
        60.0,
        gt=0,
        le=3600,
        description="seconds to wait for a model's server: for its answer to begin, then for each "
        "next word",
    )
    chroma: str = Field(
        "",
        description="address of a Chroma server that shares the index between machines, such as "
        "http://chroma:8000",
    )
    chroma_token: SecretStr | None = Field(
        None, description="token of the Chroma server, sent as Authorization: Bearer"
    )
    threads: int = Field(
        0, ge=0, le=256, description="texts embedded at a time in an ingest; 0: one a core"
    )
    host: str = Field("127.0.0.1", description="address that the page listens on")
    port: int = Field(7860, ge=1, le=65535, description="port of the page")
    page_ingest: bool = Field(
        False, description="let who reaches the page add reports to the index"
    )
    evaluation: Path | None = Field(
        None, description="folder of the evaluation run that the page shows; none: the latest"
    )
    login: Path | None = Field(
        None, description="file of the names and passwords that open the page; none: open to all"
    )
    root_path: str = Field(
        "",
        pattern=r"^(/[\w.~-]+)*$",
        description="path under which a proxy shows the page, such as /labs, and takes off",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least severity that the page's log tells"
    )
    log_questions: bool = Field(False, description="write questions into the page's log")
    mask_contacts: bool = Field(
        True,
        description="mask e-mail addresses and phone numbers in answers, quotes, reports and "
        "exports, and before a model reads them",
    )
    report_url: str = Field(
        "",
        description="public address of a report, with {report} where its id stands; "
        "exports lead there",
    )
    openai_api_key: SecretStr | None = Field(None, description="key of the model's server")
    openai_base_url: str | None = Field(None, description="address of an OpenAI-compatible server")

    _ = field_validator("report_url")(checked_template)

    @field_validator("openai_api_key", "reranker_key", "chroma_token")
    @classmethod
    def _sendable(cls, key: SecretStr | None) -> SecretStr | None:
        if key is None:
            return None
        # Files of secrets end in a line break, those of Windows in two signs.
        plain = key.get_secret_value().strip()
        if not plain.isascii() or not plain.isprintable():
            raise ValueError("it has signs that no key has, such as curly quotes")
        return SecretStr(plain) if plain else None

    @field_validator("openai_base_url", "reranker")
    @classmethod
    def _stripped(cls, address: str | None) -> str | None:
        return address.strip() if address else address

    @field_validator("chroma")
    @classmethod
    def _of_a_server(cls, address: str) -> str:
        plain = address.strip().rstrip("/")
        # Addresses are logged: no password may be in them.
        if plain and not re.fullmatch(r"https?://[\w.-]+(:\d+)?", plain):
            raise ValueError("should be like http://chroma:8000, without a path or a password")
        urlsplit(plain).port  # noqa: B018  (raises of a port that can't be)
        return plain

    @field_validator("index", "evaluation", "login")
    @classmethod
    def _at_home(cls, path: Path | None) -> Path | None:
        # A shell does that; compose files, unit files and asklabs.toml don't.
        return path.expanduser() if path else path

    @property
    def answer_model(self) -> str:
        """The model that writes answers, with "auto" resolved."""
        if self.model != "auto":
            return self.model
        return (
            "openai:gpt-4.1-mini" if self.openai_api_key or self.openai_base_url else "extractive"
        )

    @property
    def patience(self) -> float:
        """Seconds to wait for what betters an answer that there will be without it."""
        return min(self.timeout, 20.0)

    @property
    def embedding_threads(self) -> int:
        """How many threads embed at the same time in an ingest."""
        return self.threads or os.cpu_count() or 1


def _from_environment(environ: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The value of each setting that the environment has, with the variable's name.

    Empty ones are none: a compose file that passes on what isn't set passes on these.
    """
    found = {
        key[len(PREFIX) :].lower(): (value, key)
        for key, value in environ.items()
        if key.startswith(PREFIX) and value
    }
    for key in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        if environ.get(key):
            found[key.lower()] = environ[key], key
    return found


def _from_file(path: Path) -> dict[str, tuple[Any, str]]:
    if not path.exists():
        return {}
    try:
        # What some editors put before UTF-8 is no part of it.
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid TOML ({error}). Correct or remove it.") from error
    except OSError as error:
        raise SettingsError(
            f"{path}: it can't be read ({error.strerror}). See to its permissions, or remove it."
        ) from error
    return {name: (value, f"{name} in {path}") for name, value in values.items()}


def load_settings(
    environ: Mapping[str, str] | None = None, file: Path = Path(FILE), **given: Any
) -> Settings:
    """Settings from `given` (None values aside), then the environment, then `file`.

    Raises:
        SettingsError: a name is unknown or a value out of range; the message names it and its
            place.
    """
    found = _from_file(file) | _from_environment(os.environ if environ is None else environ)
    found |= {
        name: (value, f"--{name.replace('_', '-')}")
        for name, value in given.items()
        if value is not None
    }
    for name, (_, place) in found.items():
        if name not in Settings.model_fields:
            near = difflib.get_close_matches(name, Settings.model_fields, n=1)
            hint = f"Did you mean {near[0]}?" if near else "See README.md for the list."
            raise SettingsError(f"There is no setting {name!r} ({place}). {hint}")
    try:
        return Settings(**{name: value for name, (value, _) in found.items()})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        place = found[str(first["loc"][0])][1]
        raise SettingsError(
            f"The setting {name} is not usable: {first['msg']}. Correct {place}: it is the "
            f"{Settings.model_fields[str(first['loc'][0])].description}."
        ) from error
