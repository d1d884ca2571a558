"""Logins: the file, the command, and a page that is closed without one."""

import asyncio
import logging
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
from fake_engine import FakeEngine
from machine import free_port, run_apart
from page_fixtures import serve

from rag.errors import InputError, SettingsError
from ui.cli import main
from ui.server import login

PASSWORD = "wet sand and lids"
QUICK = 2**14  # the smallest N of scrypt that a file may have
SALT = "A" * 43 + "="
GOOD = f"Bo:scrypt:65536:8:2:{SALT}:{SALT}"
CALL = {"data": [], "fn_index": 0, "session_hash": "guessed"}
NO_SECRETS = (PASSWORD, f"scrypt:65536:8:2:{SALT}:???", f"scrypt:{2**40}:8:2:{SALT}:{SALT}")
UNUSABLE = {
    "": "no name in it",
    "\udcff": "not UTF-8",
    **{f"Ana:{secret}": "line 2: this is not NAME:scrypt" for secret in NO_SECRETS},
    GOOD.removeprefix("Bo"): "line 2: A name has",
    f"{GOOD}\n{GOOD}": "line 3: .* an earlier line",
}


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    make_secret = login.make_secret
    monkeypatch.setattr(login, "make_secret", lambda text, _=QUICK: make_secret(text, QUICK))


def test_a_new_password_replaces_the_old_one_in_the_file_within_limits(tmp_path: Path) -> None:
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


def test_a_file_that_is_missing_is_named_by_what_it_is_for(tmp_path: Path) -> None:
    for command, told in (
        ("login", r"file of logins .*asklabs login NAME.* unset ASKLABS_LOGIN to open the page"),
        ("key", r"file of keys .*asklabs key NAME.* unset ASKLABS_API_KEYS to open /api/v1 and"),
    ):
        with pytest.raises(SettingsError, match=told):
            login.read_logins(tmp_path / "none", command)


@pytest.mark.parametrize("is_terminal", [True, False])
def test_the_command_takes_the_password_and_does_not_print_it(
    is_terminal: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    path, typed, asked = tmp_path / "logins", StringIO(f"{PASSWORD}\n"), Mock(return_value=PASSWORD)
    monkeypatch.setattr(typed, "isatty", lambda: is_terminal)
    monkeypatch.setattr("sys.stdin", typed)
    monkeypatch.setattr("typer.prompt", asked)
    main.login("Ana", path)
    assert [call.kwargs["hide_input"] for call in asked.call_args_list] == [True] * is_terminal
    assert capfd.readouterr() == (f"Ana can log in: {path}.\n", "")
    assert PASSWORD not in path.read_text("utf-8")
    assert login.read_logins(path)["Ana"].fits(PASSWORD)


@pytest.fixture(scope="module")
def closed() -> Iterator[str]:
    """A page that Ana and Bo alone may see."""
    logins = {name: login.make_secret(PASSWORD, QUICK) for name in ("Ana", "Bo")}
    with serve(FakeEngine(), logins=logins, page_ingest=True) as address:
        yield address


def test_nothing_is_reached_without_a_login(closed: str) -> None:
    pages = ("config", "gradio_api/info", "gradio_api/queue/data?session_hash=guessed")
    replies = [httpx.get(f"{closed}/{path}") for path in (*pages, "api/v1/info")]
    assert "no keys were given out" in replies[-1].text
    calls = (f"{closed}/gradio_api/{path}" for path in ("queue/join", "run/predict"))
    replies += [httpx.post(call, json=CALL) for call in calls]
    files = {"files": ("x.md", b"x" * 5000)}
    replies.append(httpx.post(f"{closed}/gradio_api/upload", files=files))
    assert {reply.status_code for reply in replies} == {401}
    text = httpx.get(f"{closed}/").text
    assert 'name="password"' in text
    for content in ("Peru", "Food waste", "Filters", "asklabs-index"):
        assert content not in text


def test_only_the_password_of_a_known_name_opens(closed: str, caplog: Any, capfd: Any) -> None:
    wrong = [("Ana", "a wrong guess"), ("Cy", PASSWORD), ("ana", PASSWORD)]
    with httpx.Client(base_url=closed) as visitor, caplog.at_level(logging.DEBUG):
        for name, password in (*wrong, ("Ana", PASSWORD)):
            assert visitor.get("/config").status_code == 401
            form = {"username": name, "password": password}
            status = 400 if (name, password) in wrong else 200
            assert visitor.post("/login", data=form).status_code == status
        assert visitor.get("/config").status_code == 200
    assert httpx.get(f"{closed}/config").status_code == 401
    written = caplog.text + "".join(capfd.readouterr())
    assert not [typed for typed in (PASSWORD, "a wrong guess") if typed in written]


def test_a_cookie_is_for_this_site_alone_and_its_own(closed: str) -> None:
    form = {"username": "Ana", "password": PASSWORD}
    for headers, secure in (({}, False), ({"X-Forwarded-Proto": "https"}, True)):
        reply = httpx.post(f"{closed}/login", data=form, headers=headers)
        (cookie,) = reply.headers.get_list("set-cookie")
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert ("Secure" in cookie) == secure
    # One that somebody else has set is not taken over.
    name = next(iter(reply.cookies))
    fixed = {name: "chosen-by-a-stranger"}
    with httpx.Client(base_url=closed, cookies=fixed) as client:
        assert client.post("/login", data=form).cookies[name] != fixed[name]
    assert httpx.get(f"{closed}/config", cookies=fixed).status_code == 401


def test_who_guesses_waits_and_others_do_not(closed: str, caplog: pytest.LogCaptureFixture) -> None:
    async def attack() -> tuple[int, float, list[int]]:
        async def log_in(name: str, password: str) -> int:
            form = {"username": name, "password": password}
            return (await client.post("/login", data=form)).status_code

        async with httpx.AsyncClient(base_url=closed, timeout=60) as client:
            guessing = asyncio.gather(*(log_in("Bo", f"guess {n}") for n in range(100)))
            await asyncio.sleep(0.05)
            begun = time.monotonic()
            right, seconds = await log_in("Ana", PASSWORD), time.monotonic() - begun
            wrong = await guessing
            # Later, one after the other.
            return right, seconds, wrong + [await log_in("Bo", "guess") for _ in range(6)]

    right, seconds, wrong = run_apart(attack())
    assert right == 200
    assert seconds < 10  # Two, but for machines that are busy; all wrong ones took a minute once.
    assert set(wrong) == {400, 429}
    assert wrong.count(400) == 5
    assert "login outcome=too_many address=127.0.0.1" in caplog.text
    assert "guess" not in caplog.text


def test_the_file_is_read_again_and_a_restart_ends_no_session(tmp_path: Path, caplog: Any) -> None:
    path, port = tmp_path / "logins", free_port()
    login.set_login(path, "Ana", PASSWORD)
    cookies: dict[str, dict[str, str]] = {}

    def enter(address: str, name: str) -> int:
        reply = httpx.post(f"{address}/login", data={"username": name, "password": PASSWORD})
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
    tokens = [token for own in cookies.values() for token in own.values()]
    assert not [token for token in tokens if token in kept.read_text()]
    with serve(FakeEngine(), logins=login.Logins(path), port=port, login=path) as address:
        assert [sees(address, name) for name in ("Ana", "Bo", "Cy")] == [True, True, False]
        login.set_login(path, "Ana", PASSWORD)  # a new one that reads the same
        assert [sees(address, name) for name in ("Ana", "Bo")] == [False, True]
        # Who deletes the last line shuts all out.
        path.write_text("# nobody\n")
        assert not sees(address, "Bo")
        assert enter(address, "Ana") == 400
    assert "there is no name in it" in caplog.text
