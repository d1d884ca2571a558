"""Logins: the file, the command, and a page that is closed without one."""

from __future__ import annotations

import asyncio
import json
import logging
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path

import pytest
from fake_engine import FakeEngine
from free_port import free_port
from typer.testing import CliRunner

from rag.errors import InputError, SettingsError
from ui.cli.main import app
from ui.server import login
from ui.server.serve import launch
from ui.web.app import build_app

PASSWORD = "wet sand and lids"
QUICK = 2**14  # the smallest N of scrypt that a file may have


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    make_secret = login.make_secret
    monkeypatch.setattr(login, "make_secret", lambda text, _=QUICK: make_secret(text, QUICK))


def a_line(name: str = "Ana") -> str:
    return login.make_secret(PASSWORD, QUICK).line(name)


def test_a_password_fits_and_no_other() -> None:
    secret = login.make_secret(PASSWORD, QUICK)
    assert secret.fits(PASSWORD)
    for wrong in ("", "wet sand", PASSWORD + " ", PASSWORD.upper(), "\ud800", "x" * 100_000):
        assert not secret.fits(wrong)
    # Equal passwords look different in the file.
    assert a_line() != a_line()
    assert PASSWORD not in a_line()


def test_a_new_password_replaces_the_old_one_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "logins"
    assert not login.set_login(path, "Ana", "first password")
    path.write_text("# who may look\n" + path.read_text("utf-8"), "utf-8")
    assert not login.set_login(path, "Bé", "second password")
    assert login.set_login(path, "Ana", PASSWORD)
    logins = login.read_logins(path)
    assert set(logins) == {"Ana", "Bé"}
    assert logins["Ana"].fits(PASSWORD)
    assert logins["Bé"].fits("second password")
    assert path.read_text("utf-8").startswith("# who may look\n")
    assert [file.name for file in path.parent.iterdir()] == ["logins"]
    assert path.stat().st_mode & 0o077 == 0


def test_names_and_passwords_have_limits(tmp_path: Path) -> None:
    for name in ("", " Ana", "a:b", "a\nb", "#a", "a" * 65, "a\x00"):
        with pytest.raises(InputError, match="A name has"):
            login.set_login(tmp_path / "logins", name, PASSWORD)
    for password in ("short", "x" * 1025):
        with pytest.raises(InputError, match="8 to 1024"):
            login.set_login(tmp_path / "logins", "Ana", password)
    assert not (tmp_path / "logins").exists()


SALTED = "A" * 43 + "="


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"Ana:{PASSWORD}", "not NAME:scrypt"),
        (f"Ana:bcrypt:65536:8:2:{SALTED}:{SALTED}", "not NAME:scrypt"),
        (f"Ana:scrypt:65536:8:2:{SALTED}:???", "damaged"),
        (f"Ana:scrypt:2:8:2:{SALTED}:{SALTED}", "out of range"),
        (f"Ana:scrypt:1099511627776:8:2:{SALTED}:{SALTED}", "out of range"),
        (f"Ana:scrypt:65536:8:2:{SALTED}:", "out of range"),
        (":" + a_line(""), "A name has"),
        (a_line("Bo"), "an earlier line"),
    ],
)
def test_an_unusable_line_is_named_without_its_content(
    tmp_path: Path, line: str, words: str
) -> None:
    path = tmp_path / "logins"
    path.write_text(f"# all\n{a_line('Bo')}\n{line}\n", "utf-8")
    with pytest.raises(SettingsError, match=words) as caught:
        login.read_logins(path)
    assert f"{path}, line 3: " in str(caught.value)
    assert PASSWORD not in str(caught.value)
    with pytest.raises(SettingsError):
        login.set_login(path, "Cy", PASSWORD)
    assert line in path.read_text("utf-8")


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    missing, empty, binary = (tmp_path / name for name in ("missing", "empty", "binary"))
    empty.write_text("# nobody yet\n\n", "utf-8")
    binary.write_bytes(b"\xff\xfe\x00")
    for path, words in (
        (missing, "asklabs login NAME"),
        (empty, "no name in it"),
        (binary, "not UTF-8"),
        (tmp_path, "can't be read"),
    ):
        with pytest.raises(SettingsError, match=words) as caught:
            login.read_logins(path)
        assert str(path) in str(caught.value)


def test_the_command_prompts_for_the_password_and_does_not_print_it(tmp_path: Path) -> None:
    path = tmp_path / "logins"
    typed = f"{PASSWORD}\n{PASSWORD}\n"
    done = CliRunner().invoke(app, ["login", "Ana", "--file", str(path)], input=typed)
    assert done.exit_code == 0
    assert "Ana can log in" in done.output
    assert PASSWORD not in done.output + path.read_text("utf-8")
    assert login.read_logins(path)["Ana"].fits(PASSWORD)
    unnamed = CliRunner().invoke(app, ["login", "Ana"], input=typed)
    assert isinstance(unnamed.exception, InputError)
    assert "ASKLABS_LOGIN" in str(unnamed.exception)


def test_only_the_right_password_of_a_known_name_fits() -> None:
    check = login.checker({"Ana": login.make_secret(PASSWORD, QUICK)})

    async def results() -> list[bool]:
        pairs = [("Ana", PASSWORD), ("Ana", "wrong"), ("Bo", PASSWORD), ("ana", PASSWORD)]
        return [await check(*pair) for pair in pairs]

    assert asyncio.run(results()) == [True, False, False, False]


@pytest.fixture(scope="module")
def closed() -> Iterator[str]:
    """A page that Ana alone may see."""
    page = build_app(FakeEngine())  # type: ignore[arg-type]
    logins = {"Ana": login.make_secret(PASSWORD, QUICK)}
    yield launch(page, "127.0.0.1", free_port(), logins)
    page.close(verbose=False)


def visitor() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))


def status(opener: urllib.request.OpenerDirector, url: str, data: bytes | None = None) -> int:
    kind = {"Content-Type": "application/json"} if data and data[:1] == b"{" else {}
    try:
        with opener.open(urllib.request.Request(url, data, kind), timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def log_in(opener: urllib.request.OpenerDirector, site: str, name: str, password: str) -> int:
    form = urllib.parse.urlencode({"username": name, "password": password}).encode()
    return status(opener, f"{site}/login", form)


CALL = json.dumps({"data": [], "fn_index": 0, "session_hash": "guessed"}).encode()
CLOSED = (
    ("/config", None),
    ("/gradio_api/info", None),
    ("/gradio_api/openapi.json", None),
    ("/gradio_api/queue/join", CALL),
    ("/gradio_api/queue/data?session_hash=guessed", None),
    ("/gradio_api/run/predict", CALL),
    ("/gradio_api/call/ask", CALL),
    ("/gradio_api/upload", CALL),
    ("/gradio_api/component_server", CALL),
    ("/gradio_api/file=README.md", None),
    ("/monitoring", None),
)


def test_nothing_is_reached_without_a_login(closed: str) -> None:
    for path, data in CLOSED:
        assert status(visitor(), closed + path, data) == 401, path
    with visitor().open(f"{closed}/", timeout=30) as answer:
        text = answer.read().decode()
    assert "auth_required" in text
    for content in ("Peru", "Food waste", "Filters", "asklabs-index"):
        assert content not in text


def test_a_wrong_password_is_refused_and_the_right_one_opens(
    closed: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    one = visitor()
    with caplog.at_level(logging.DEBUG):
        assert log_in(one, closed, "Ana", "a wrong guess") == 400
        assert log_in(one, closed, "Bo", PASSWORD) == 400
        assert status(one, f"{closed}/config") == 401
        assert log_in(one, closed, "Ana", PASSWORD) == 200
    assert status(one, f"{closed}/config") == 200
    assert status(visitor(), f"{closed}/config") == 401
    written = caplog.text + "".join(capfd.readouterr())
    assert PASSWORD not in written
    assert "a wrong guess" not in written
