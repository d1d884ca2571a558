"""The container's files agree with the code and give few rights."""

import re
import urllib.error
from pathlib import Path

import pytest
import yaml
from fake_engine import FakeEngine
from machine import free_port
from page_fixtures import serve

from rag.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]


def test_the_services_name_existing_settings_have_few_rights_and_listen_here_alone() -> None:
    assert SERVICES["ask"]["read_only"]
    assert SERVICES["ask"]["cap_drop"] == ["ALL"]
    for service in SERVICES.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        assert service["security_opt"] == ["no-new-privileges:true"]
    # The database is reached by the page alone, and only where it is wanted.
    assert SERVICES["database"]["profiles"] == ["database"]
    assert "PGPASSWORD" in SERVICES["ask"]["environment"]
    assert DOCKERFILE.index("USER 10001") < DOCKERFILE.index("ENTRYPOINT")
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    secret = {".env", "asklabs.toml", "logins.txt", "keys.txt"}
    assert {*secret, "reports", ".git", ".venv"} <= set(ignored)
    # They name settings that exist.
    names = re.findall(rf"{PREFIX}([A-Z_]+)", DOCKERFILE + " ".join(SERVICES["ask"]["environment"]))
    assert {"INDEX", "HOST", "PORT", "MODEL", "LOGIN"} <= set(names)
    assert {name.lower() for name in names} <= set(Settings.model_fields)


def test_the_health_check_fails_when_the_page_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    # The Python of the health check, which the file holds without a shell.
    (probe,) = re.findall(r'"-c", \\\n\s*"(.*)"\]', DOCKERFILE)
    probe, port = probe.replace('\\"', '"'), free_port()
    monkeypatch.setenv("ASKLABS_PORT", str(port))
    with pytest.raises(urllib.error.URLError):
        exec(probe, {})
    with serve(FakeEngine(), port=port):
        exec(probe, {})
