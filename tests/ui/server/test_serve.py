"""Starting and stopping the page, at rest and amid its work."""

import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from unittest.mock import Mock

import httpx
import pytest
from bench import served
from fake_engine import FakeEngine
from machine import free_port
from openai_server import Reply, ScriptedServer
from page_fixtures import serve

from rag.errors import IndexMissing, SettingsError
from ui.server.login import make_secret
from ui.server.serve import check_address


def test_health_needs_no_login_and_follows_the_index(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Mock(side_effect=IndexMissing("There is no index in /srv/secret/path."))
    with serve(FakeEngine(), {"Ana": make_secret("wet sand and lids", 2**14)}) as address:
        good = httpx.get(f"{address}/healthz")
        assert (good.status_code, good.text) == (200, "ok\n")
        assert httpx.head(f"{address}/healthz").status_code == 200
        monkeypatch.setattr(FakeEngine, "revision", property(missing), raising=False)
        bad = httpx.get(f"{address}/healthz")
        assert bad.status_code == 503
        assert "secret" not in bad.text


# "/api" is how another path begins.
@pytest.mark.parametrize("root", ["/a", "/api"])
def test_behind_a_proxy_addresses_begin_with_its_path(root: str) -> None:
    form, logins = {"username": "Ana", "password": "x"}, {"Ana": make_secret("x", 2**14)}
    with serve(FakeEngine(), logins, root_path=root) as address:
        # The proxy takes it off; some leave it.
        for path in ("", root):
            told = httpx.get(f"{address}{path}/api/v1/openapi.json")
            assert told.raise_for_status().json()["servers"] == [{"url": f"{root}/api/v1"}]
            assert httpx.get(f"{address}{path}/api/v1/info").status_code == 401
            assert 'type="password"' in httpx.get(f"{address}{path}/").text
            assert httpx.get(f"{address}{path}/config").status_code == 401
        assert httpx.get(f"{address}{root}x/config").status_code == 404
        cookies = httpx.post(f"{address}/login", data=form).cookies
        for path in ("", root):
            config = httpx.get(f"{address}{path}/config", cookies=cookies).json()
            assert config["root"] == f"{address}{root}"


def test_a_start_that_fails_says_why_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        with pytest.raises(SettingsError, match=r"another program uses the port.*--port"):
            check_address("127.0.0.1", port)
    with pytest.raises(SettingsError, match=r"no such address.*--host: 127\.0\.0\.1"):
        check_address("192.0.2.1", free_port())
    # It leaves nothing behind.
    with served(tmp_path / "none", TMPDIR=str(tmp_path)) as (_, process):
        assert process.returncode == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs signals of POSIX")
def test_a_service_logs_its_start_and_ends_amid_answer_and_survey(
    sample_index: Path, server: ScriptedServer, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    server.script(Reply(("The labs tell of it [1].",), mute=60))
    settings = {"OPENAI_API_KEY": "sk-not-for-logs", "OPENAI_BASE_URL": server.url}
    settings |= {"ASKLABS_MODEL": "openai:small", "ASKLABS_LOG_LEVEL": "info"}
    settings["TMPDIR"] = str(tmp_path)

    def ask(address: str) -> None:
        with suppress(httpx.TransportError):
            httpx.post(f"{address}/api/v1/ask", json={"question": "Ferries?"}, timeout=90)

    with ThreadPoolExecutor(1) as pool:
        with served(sample_index, "--host", "0.0.0.0", **settings) as (address, process):
            asking = pool.submit(ask, address)
            # What is sent lies in a folder of this page, which no other user can read.
            (own,) = tmp_path.iterdir()
            assert own.stat().st_mode & 0o077 == 0
            while not server.chats:
                time.sleep(0.05)
            begun = httpx.post(f"{address}/api/v1/survey", json={"question": "mobile money"})
            assert begun.status_code == 202
        asking.result(30)
    assert process.returncode == 0
    assert not own.exists()
    (out, err), port = capfd.readouterr(), address.rpartition(":")[2]
    assert f"Ask the Labs is at http://localhost:{port}" in out
    assert f"start outcome=ready version=0.1.0 address=http://localhost:{port}" in err
    assert "model=openai:small" in err
    assert "WARNING ui.server.serve: Everybody who reaches 0.0.0.0" in err
    assert "sk-not-for-logs" not in out + err
