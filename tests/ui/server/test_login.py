"""Logins: the file, the command, and a page that is closed without one."""

import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from unittest.mock import Mock

import httpx
import pytest
from fake_engine import FakeEngine
from page_fixtures import free_port, serve

from rag.errors import InputError, SettingsError
from ui.cli import main
from ui.server import login

PASSWORD = "wet sand and lids"
QUICK = 2**14  # the smallest N of scrypt that a file may have
SALT = "A" * 43 + "="
GOOD = f"Bo:scrypt:65536:8:2:{SALT}:{SALT}"
CALL = {"data": [], "fn_index": 0, "session_hash": "guessed"}
UNUSABLE = {
    "": "no name in it",
    "\udcff": "not UTF-8",
    f"Ana:{PASSWORD}": "line 2: this is not NAME:scrypt",
    f"Ana:scrypt:65536:8:2:{SALT}:???": "line 2: this is not NAME:scrypt",
    f"Ana:scrypt:1099511627776:8:2:{SALT}:{SALT}": "line 2: this is not NAME:scrypt",
    f":scrypt:65536:8:2:{SALT}:{SALT}": "line 2: A name has",
    f"{GOOD}\n{GOOD}": "line 3: .* an earlier line",
}


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    make_secret = login.make_secret
    monkeypatch.setattr(login, "make_secret", lambda text, _=QUICK: make_secret(text, QUICK))


def test_a_new_password_replaces_the_old_one_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "logins"
    assert not login.set_login(path, "Ana", "first password")
    assert not login.set_login(path, "Bé", PASSWORD)
    assert login.set_login(path, "Ana", PASSWORD)
    ana, other = login.read_logins(path).values()
    # Equal passwords look different in the file.
    assert ana.hash != other.hash
    assert ana.fits(PASSWORD)
    assert other.fits(PASSWORD)
    for wrong in ("", "first password", PASSWORD + " ", "\ud800"):
        assert not ana.fits(wrong)
    assert path.read_text("utf-8").startswith("Ana:scrypt:")
    assert [file.name for file in path.parent.iterdir()] == ["logins"]
    assert path.stat().st_mode & 0o077 == 0


def test_names_and_passwords_have_limits(tmp_path: Path) -> None:
    path = tmp_path / "logins"
    for name in ("", " Ana", "a:b", "a\nb", "#a"):
        with pytest.raises(InputError, match="A name has"):
            login.set_login(path, name, PASSWORD)
    for password in ("short", "x" * 1025):
        with pytest.raises(InputError, match="8 to 1024"):
            login.set_login(path, "Ana", password)


@pytest.mark.parametrize("line", UNUSABLE)
def test_an_unusable_file_is_named_without_its_content(tmp_path: Path, line: str) -> None:
    path = tmp_path / "logins"
    content = f"# all\n{line}\n".encode(errors="surrogateescape")
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=UNUSABLE[line]) as caught:
        login.read_logins(path)
    assert str(path) in str(caught.value)
    assert PASSWORD not in str(caught.value)
    if line:
        with pytest.raises(SettingsError):
            login.set_login(path, "Cy", PASSWORD)
        assert path.read_bytes() == content


@pytest.mark.parametrize("is_terminal", [True, False])
def test_the_command_takes_the_password_and_does_not_print_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    is_terminal: bool,
) -> None:
    path, typed, asked = tmp_path / "logins", StringIO(f"{PASSWORD}\n"), Mock(return_value=PASSWORD)
    monkeypatch.setattr(typed, "isatty", lambda: is_terminal)
    monkeypatch.setattr("sys.stdin", typed)
    monkeypatch.setattr("typer.prompt", asked)
    main.login("Ana", path)
    assert asked.call_count == is_terminal
    assert not is_terminal or asked.call_args.kwargs["hide_input"]
    printed, warned = capfd.readouterr()
    assert printed == f"Ana can log in: {path}.\n"
    assert not warned
    assert PASSWORD not in path.read_text("utf-8")
    assert login.read_logins(path)["Ana"].fits(PASSWORD)


@pytest.fixture(scope="module")
def closed() -> Iterator[str]:
    """A page that Ana alone may see."""
    logins = {"Ana": login.make_secret(PASSWORD, QUICK)}
    with serve(FakeEngine(), logins=logins, page_ingest=True) as address:
        yield address


def test_nothing_is_reached_without_a_login(closed: str) -> None:
    for path in ("config", "gradio_api/info", "gradio_api/queue/data?session_hash=guessed"):
        assert httpx.get(f"{closed}/{path}").status_code == 401, path
    program = httpx.get(f"{closed}/api/v1/info")
    assert program.status_code == 401
    assert "no keys were given out" in program.text
    for path in ("queue/join", "run/predict"):
        assert httpx.post(f"{closed}/gradio_api/{path}", json=CALL).status_code == 401, path
    files = {"files": ("x.md", b"x" * 5000)}
    assert httpx.post(f"{closed}/gradio_api/upload", files=files).status_code == 401
    text = httpx.get(f"{closed}/").text
    assert 'name="password"' in text
    for content in ("Peru", "Food waste", "Filters", "asklabs-index"):
        assert content not in text


def test_only_the_right_password_of_a_known_name_opens(
    closed: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong = [("Ana", "a wrong guess"), ("Bo", PASSWORD), ("ana", PASSWORD)]
    with httpx.Client(base_url=closed) as visitor, caplog.at_level(logging.DEBUG):
        for name, password in (*wrong, ("Ana", PASSWORD)):
            assert visitor.get("/config").status_code == 401
            form = {"username": name, "password": password}
            status = 400 if (name, password) in wrong else 200
            assert visitor.post("/login", data=form).status_code == status
        assert visitor.get("/config").status_code == 200
    assert httpx.get(f"{closed}/config").status_code == 401
    written = caplog.text + "".join(capfd.readouterr())
    assert PASSWORD not in written
    assert "a wrong guess" not in written


def test_the_file_is_read_again_and_a_restart_ends_no_session(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, port = tmp_path / "logins", free_port()
    login.set_login(path, "Ana", PASSWORD)
    cookies: dict[str, dict[str, str]] = {}

    def enter(address: str, name: str) -> int:
        form = {"username": name, "password": PASSWORD}
        reply = httpx.post(f"{address}/login", data=form)
        cookies[name] = dict(reply.cookies)
        return reply.status_code

    def sees(address: str, name: str, page: str = "config") -> bool:
        return httpx.get(f"{address}/{page}", cookies=cookies[name]).status_code in (200, 302)

    with serve(FakeEngine(), logins=login.Logins(path), port=port, login=path) as address:
        assert enter(address, "Bo") == 400
        login.set_login(path, "Bo", PASSWORD)
        login.set_login(path, "Cy", PASSWORD)
        assert [enter(address, name) for name in ("Ana", "Bo", "Cy")] == [200] * 3
        assert sees(address, "Cy", "logout")
    (kept,) = tmp_path.glob("logins.*")
    assert kept.stat().st_mode & 0o077 == 0
    assert not [
        token for c in cookies.values() for token in c.values() if token in kept.read_text()
    ]
    with serve(FakeEngine(), logins=login.Logins(path), port=port, login=path) as address:
        assert [sees(address, name) for name in ("Ana", "Bo", "Cy")] == [True, True, False]
        login.set_login(path, "Ana", PASSWORD)  # a new one that reads the same
        assert [sees(address, name) for name in ("Ana", "Bo")] == [False, True]
        # Who deletes the last line shuts all out.
        path.write_text("# nobody\n")
        assert not sees(address, "Bo")
        assert enter(address, "Ana") == 400
    assert "there is no name in it" in caplog.text
