"""The container's files agree with the code and hold no secrets."""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml
from chroma_server import chroma_server
from fake_engine import FakeEngine
from free_port import free_port

from rag.settings import PREFIX, Settings
from ui.server.serve import HEALTH_PATH, launch
from ui.web.app import build_app

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICE = COMPOSE["services"]["ask"]
CHROMA = COMPOSE["services"]["chroma"]


# The Python of the health check, which the file holds without a shell.
(PROBE,) = re.findall(r'"-c", \\\n\s*"(.*)"\]', DOCKERFILE)


def test_the_files_name_existing_settings_and_volumes() -> None:
    names = {*re.findall(rf"{PREFIX}([A-Z_]+)", DOCKERFILE)}
    names |= {name.removeprefix(PREFIX) for name in SERVICE["environment"] if PREFIX in name}
    assert {"INDEX", "HOST", "PORT", "MODEL", "LOGIN"} <= names
    assert {name.lower() for name in names} <= set(Settings.model_fields)
    assert all(value == f"${{{name}:-}}" for name, value in SERVICE["environment"].items())
    services = COMPOSE["services"].values()
    volumes = {volume.split(":")[0] for service in services for volume in service["volumes"]}
    assert {name for name in volumes if not name.startswith(".")} == set(COMPOSE["volumes"])


def test_the_services_have_few_rights_and_listen_on_this_machine_alone() -> None:
    assert SERVICE["read_only"]
    assert SERVICE["cap_drop"] == ["ALL"]
    for service in (SERVICE, CHROMA):
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert DOCKERFILE.index("USER asklabs") < DOCKERFILE.index("ENTRYPOINT")
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {".env", "asklabs.toml", "logins.txt", "reports", ".git", ".venv"} <= set(ignored)


def test_the_chroma_server_is_optional_and_of_the_locked_version() -> None:
    assert CHROMA["profiles"] == ["shared"]
    locked = re.search(r"^chromadb==(\S+)", (ROOT / "requirements.lock").read_text("utf-8"), re.M)
    assert locked
    assert CHROMA["image"] == f"chromadb/chroma:{locked[1]}"
    assert "profiles" not in SERVICE
    assert "depends_on" not in SERVICE


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="no bash there")
def test_chroma_s_health_check_fails_when_the_server_is_down(tmp_path: Path) -> None:
    command, *arguments = CHROMA["healthcheck"]["test"]
    assert command == "CMD"

    def healthy(port: int) -> bool:
        probe = [argument.replace("/8000", f"/{port}") for argument in arguments]
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0

    with chroma_server(tmp_path / "chroma") as server:
        assert healthy(server.port)
    assert not healthy(server.port)


def test_the_page_s_health_check_fails_when_the_page_is_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert HEALTH_PATH in PROBE
    port = free_port()
    monkeypatch.setenv("ASKLABS_PORT", str(port))
    with pytest.raises(urllib.error.URLError):
        exec(PROBE.replace('\\"', '"'), {})
    page = build_app(FakeEngine())  # type: ignore[arg-type]
    launch(page, "127.0.0.1", port)
    try:
        exec(PROBE.replace('\\"', '"'), {})
    finally:
        page.close(verbose=False)
    assert "urllib.request" in sys.modules
