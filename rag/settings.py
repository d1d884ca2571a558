"""The product's settings: one frozen model, read once and passed on, never imported as a global.

pydantic-settings is not used: it ignores misspelt variables, can't say where a wrong value stands,
and makes every command start slower.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from rag.errors import SettingsError

PREFIX = "ASKLABS_"
FILE = "asklabs.toml"
_OPENAI = ("OPENAI_API_KEY", "OPENAI_BASE_URL")


def _stripped(secret: SecretStr | None) -> SecretStr | None:
    # Files of secrets end in a line break.
    plain = secret.get_secret_value().strip() if secret else ""
    return SecretStr(plain) if plain else None


def _check_key(key: SecretStr | None) -> SecretStr | None:
    plain = key.get_secret_value() if key else ""
    if not plain.isascii() or not plain.isprintable():
        raise ValueError("it has characters that no key has, such as curly quotes")
    return key


def _check_report_url(template: str) -> str:
    # A report's name must not choose the host, and no password may get into documents.
    host, sign = r"https?://(?:[\w.-]+|\[[\da-f:.]+\])(?::\d+)?", r"[!#-;=?-Z_a-z~\[\]]*"
    pattern = re.compile(rf"{host}[/?#]{sign}\{{report\}}{sign}", re.ASCII | re.IGNORECASE)
    if template and not pattern.fullmatch(template):
        raise ValueError(
            "should be an http or https address with {report} once, after its host, and without "
            "spaces, quotes, other braces or letters beyond ASCII"
        )
    return template


Secret = Annotated[SecretStr | None, AfterValidator(_stripped)]
Key = Annotated[Secret, AfterValidator(_check_key)]
Address = Annotated[str, AfterValidator(str.strip)]
# A shell expands "~"; compose files, unit files and asklabs.toml don't.
HomePath = Annotated[Path, AfterValidator(Path.expanduser)]


class Settings(BaseModel):
    """Settings, from the environment (ASKLABS_NAME) over asklabs.toml over these defaults.

    OPENAI_API_KEY and OPENAI_BASE_URL are read under their usual names.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: HomePath = Field(Path("asklabs-index"), description="folder of the index")
    database: Secret = Field(
        None, description="address of the PostgreSQL that holds the index, for several machines"
    )
    model: str = Field(
        "auto",
        description="who writes answers: extractive, openai:MODEL, or auto "
        "(openai:gpt-4.1-mini when a key or base URL is set, else extractive)",
    )
    embedding: str = Field("builtin", description="embedding model: builtin or openai:MODEL")
    passages: int = Field(20, ge=1, le=100, description="passages an answer may read")
    context_tokens: int = Field(6000, ge=500, le=1_000_000, description="tokens of passages")
    context_window: int = Field(
        0, ge=0, le=10_000_000, description="tokens of the model's window; 0: as known, else 8192"
    )
    answer_tokens: int = Field(1200, ge=50, le=16_000, description="tokens of one answer")
    planner: Literal["auto", "rules", "model"] = Field(
        "auto",
        description="who understands a question: rules, model, or auto (a model for follow-ups)",
    )
    reranker: Literal["builtin", "none"] = Field(
        "builtin", description="who judges the passages that were found: builtin or none"
    )
    check: Annotated[str, Field(pattern="^(model|facts|off|openai:.+)$")] = Field(
        "model", description="who checks a model's sentences: model, openai:MODEL, facts, or off"
    )
    timeout: float = Field(
        60.0, gt=0, le=3600, description="seconds to wait for a model's server, also between words"
    )
    deadline: float = Field(180.0, gt=0, le=3600, description="seconds that one answer may take")
    helper: bool = Field(
        True, description="whether two more processes of the page compute answers, on Linux"
    )
    host: str = Field("127.0.0.1", description="address that the page listens on")
    port: int = Field(7860, ge=1, le=65535, description="port of the page")
    hosts: Annotated[str, Field(pattern=r"^[\w.:,\[\] -]*$")] = Field(
        "", description="names under which visitors reach the page, with commas, without https://"
    )
    frames: Annotated[str, Field(pattern=r"^(https?://[\w.:*-]+ ?)*$")] = Field(
        "", description="addresses of pages that may show the page in a frame, with spaces"
    )
    share: bool = Field(False, description="let readers make links that keep an answer as it was")
    page_ingest: bool = Field(False, description="let who reaches the page add reports")
    login: HomePath | None = Field(
        None, description="file of the names and passwords that open the page; none: open to all"
    )
    api_keys: HomePath | None = Field(
        None, description="file of the names and keys of programs; none: they need none"
    )
    root_path: str = Field(
        "",
        pattern=r"^(/[\w.~-]+)*$",
        description="path under which a proxy shows the page, such as /ask",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least severity that the page's log tells"
    )
    log_questions: bool = Field(False, description="write questions into the page's log")
    mask_contacts: bool = Field(True, description="mask e-mail addresses and phone numbers")
    report_url: Annotated[str, AfterValidator(_check_report_url)] = Field(
        "", description="public address of a report, with {report} where its id stands"
    )
    openai_api_key: Key = Field(None, description="key of the model's server")
    openai_base_url: Address | None = Field(None, description="OpenAI-compatible server's address")

    @property
    def answer_model(self) -> str:
        """The model that writes answers, with "auto" resolved."""
        if self.model != "auto":
            return self.model
        has_server = self.openai_api_key or self.openai_base_url
        return "openai:gpt-4.1-mini" if has_server else "extractive"

    @property
    def patience(self) -> float:
        """Seconds to wait for an optional step, such as a plan, before going on without it."""
        return min(self.timeout, 20.0)

    @property
    def changed(self) -> dict[str, str]:
        """The settings that differ from their defaults, without secrets."""
        values = {}
        for name, value in self.model_dump(exclude_defaults=True).items():
            if name == "database":
                values[name] = "***"
            elif not isinstance(value, SecretStr):
                # An address can hold a password or a key.
                plain = re.sub(r"^(\w+://)?.*@", r"\1***@", str(value)).partition("?")[0]
                values[name] = plain if name == "openai_base_url" else str(value)
        return values

    @property
    def host_names(self) -> tuple[str, ...]:
        """The names in `hosts`."""
        return tuple(name.strip("[] ").lower() for name in self.hosts.split(",") if name.strip())


def load_settings(
    environ: Mapping[str, str] | None = None, file: Path = Path(FILE), **options: Any
) -> Settings:
    """Settings from `options` that are not None, then the environment, then `file`.

    A SettingsError names what is unknown or out of range, and its place.
    """
    values = {name: (value, f"{name} in {file}") for name, value in _read(file).items()}
    for variable, value in (os.environ if environ is None else environ).items():
        # Empty variables are not set: compose files pass on variables that nobody set.
        if value and (variable.startswith(PREFIX) or variable in _OPENAI):
            name = variable.removeprefix(PREFIX)
            # These have their usual names alone: of two names the order would choose.
            known = variable if name in _OPENAI else name
            values[known.lower()] = value, variable
    typed = {name: value for name, value in options.items() if value is not None}
    values |= {name: (value, f"--{name.replace('_', '-')}") for name, value in typed.items()}
    fields = Settings.model_fields
    for name, (_, place) in values.items():
        if name not in fields:
            near = difflib.get_close_matches(name, fields, n=1)
            hint = f"Did you mean {near[0]}?" if near else "See docs/configuration.md for the list."
            raise SettingsError(f"There is no setting {name!r} ({place}). {hint}")
    try:
        return Settings(**{name: value for name, (value, _) in values.items()})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0])
        raise SettingsError(
            f"The setting {name} is not usable: {first['msg'].removeprefix('Value error, ')}. "
            f"Correct {values[name][1]}: {fields[name].description}."
        ) from error


def versions() -> dict[str, str]:
    """The versions of asklabs and of its main libraries."""
    names = ("ask-the-labs", "llama-index-core", "chromadb", "gradio", "openai", "tiktoken")
    return {name: version(name) for name in names}


def _read(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {}
    try:
        # Some editors put a byte order mark before UTF-8.
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: not valid TOML ({error}). Correct or remove it.") from error
    except OSError as error:
        raise SettingsError(
            f"{file}: it can't be read ({error.strerror}). See to its permissions, or remove it."
        ) from error
