"""The container's files: whole, in step with the code, and without what an image must not hold."""

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
from ui.server.serve import PATH, launch
from ui.web.app import build_app

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICE = COMPOSE["services"]["ask"]
CHROMA = COMPOSE["services"]["chroma"]


def _probe() -> str:
    """The Python of the health check, as the shell-less form of the file holds it."""
    found = re.search(r'"-c", \\\n\s*"(.*)"\]', DOCKERFILE)
    assert found
    return found[1].replace('\\"', '"')


def test_the_files_name_settings_that_there_are() -> None:
    names = {*re.findall(rf"{PREFIX}([A-Z_]+)", DOCKERFILE)}
    names |= {name.removeprefix(PREFIX) for name in SERVICE["environment"] if PREFIX in name}
    assert {"INDEX", "HOST", "PORT", "MODEL", "LOGIN"} <= names
    assert {name.lower() for name in names} <= set(Settings.model_fields)
    assert all(value == f"${{{name}:-}}" for name, value in SERVICE["environment"].items())


def test_the_service_writes_to_volumes_that_there_are_and_has_no_rights() -> None:
    services = COMPOSE["services"].values()
    volumes = {volume.split(":")[0] for one in services for volume in one["volumes"]}
    assert {name for name in volumes if not name.startswith(".")} == set(COMPOSE["volumes"])
    assert "index:/data" in SERVICE["volumes"]
    assert SERVICE["read_only"]
    assert SERVICE["cap_drop"] == ["ALL"]
    assert SERVICE["restart"] == "unless-stopped"
    assert all(port.startswith("127.0.0.1:") for port in SERVICE["ports"])
    assert DOCKERFILE.index("USER asklabs") < DOCKERFILE.index("ENTRYPOINT")


def test_a_chroma_server_is_there_for_who_wants_one_and_of_our_version() -> None:
    assert CHROMA["profiles"] == ["shared"]
    locked = re.search(r"^chromadb==(\S+)", (ROOT / "requirements.lock").read_text("utf-8"), re.M)
    assert locked
    assert CHROMA["image"] == f"chromadb/chroma:{locked[1]}"
    assert CHROMA["volumes"] == ["chroma:/data"]
    assert CHROMA["command"][-2:] == ["--path", "/data"]
    assert all(port.startswith("127.0.0.1:") for port in CHROMA["ports"])
    assert "profiles" not in SERVICE
    assert "depends_on" not in SERVICE


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="no bash there")
def test_chroma_s_health_check_tells_a_server_that_answers(tmp_path: Path) -> None:
    command, *arguments = CHROMA["healthcheck"]["test"]
    assert command == "CMD"

    def healthy(port: int) -> bool:
        probe = [one.replace("/8000", f"/{port}") for one in arguments]
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0

    with chroma_server(tmp_path / "chroma") as server:
        assert healthy(server.port)
    assert not healthy(server.port)


def test_the_image_holds_no_keys_logins_or_reports() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {".env", "asklabs.toml", "logins.txt", "reports", ".git", ".venv"} <= set(ignored)


def test_the_health_check_tells_a_page_that_answers_from_one_that_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert PATH in _probe()
    port = free_port()
    monkeypatch.setenv("ASKLABS_PORT", str(port))
    with pytest.raises(urllib.error.URLError):
        exec(_probe(), {})
    page = build_app(FakeEngine())  # type: ignore[arg-type]
    launch(page, "127.0.0.1", port)
    try:
        exec(_probe(), {})
    finally:
        page.close(verbose=False)
    assert "urllib.request" in sys.modules
