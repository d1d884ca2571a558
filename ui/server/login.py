"""Who may see the page: a file of names, each with a salted scrypt hash of its password.

A line is `NAME:scrypt:N:8:2:SALT:HASH`, salt and hash in base64; empty lines and lines that begin
with # are ignored. A file of programs' keys is of the same form: a key is opaque to who has it, and
holds its name and a random secret, of which the file has the hash.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import re
import secrets
import time
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from rag.errors import InputError, SettingsError
from rag.files import replace_file

if TYPE_CHECKING:
    from starlette.requests import Request

# OWASP's recommendation of 2023 for scrypt; a check takes 64 MB.
COST, BLOCK, PARALLEL = 2**16, 8, 2
BYTES = 32  # of a salt and of a hash
# The least and the most that a file may demand, so that a typing error can't exhaust the machine.
COSTS = [2**n for n in range(14, 21)]
_BASE64 = "([A-Za-z0-9+/]{43}=)"
_SECRET = re.compile(rf"scrypt:([0-9]{{5,7}}):{BLOCK}:{PARALLEL}:{_BASE64}:{_BASE64}")
MAX_NAME, MIN_PASSWORD, MAX_PASSWORD = 64, 8, 1024  # characters
PREFIX = "asklabs-"  # of a key
# By the command that writes a file: what it holds, its setting, and what is open without it.
_FILES = {
    "login": ("logins", "ASKLABS_LOGIN", "the page to all who reach it"),
    "key": ("keys", "ASKLABS_API_KEYS", "/api/v1 and /mcp, where there are no logins, to all"),
}
Check = Callable[[str, str, str], Awaitable[bool]]
# Wrong passwords within so many seconds after which none is checked: of one name from one address,
# from one address, of one name. The last two don't hold where that address has logged in as that
# name before.
WINDOW = 300.0
MOST_WRONG = {"both": 5, "address": 50, "name": 100}
# Passwords that wait to be checked, 0.2 s each: all, and those of one name from one address.
WAITING, WAITING_OF_ONE = 8, 2
MOST_SESSIONS = 1000  # that are kept, the latest
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Secret:
    """A salted hash of a password."""

    salt: bytes
    hash: bytes
    cost: int = COST

    def fits(self, password: str) -> bool:
        """Whether this is the password; takes equally long for right and wrong ones."""
        return hmac.compare_digest(self.hashed(password), self.hash)

    def hashed(self, password: str) -> bytes:
        """The hash of a password with this salt."""
        how = {"n": self.cost, "r": BLOCK, "p": PARALLEL, "dklen": BYTES}
        memory = 256 * self.cost * BLOCK + 2**20
        typed = password.encode("utf-8", "surrogatepass")
        return hashlib.scrypt(typed, salt=self.salt, **how, maxmem=memory)

    def line(self, name: str) -> str:
        """The line of the file that holds it."""
        salt, hashed = (b64encode(raw).decode("ascii") for raw in (self.salt, self.hash))
        return f"{name}:scrypt:{self.cost}:{BLOCK}:{PARALLEL}:{salt}:{hashed}"


def make_secret(password: str, cost: int = COST) -> Secret:
    """A new secret of a password; `cost` is scrypt's N."""
    blank = Secret(secrets.token_bytes(BYTES), b"", cost)
    return replace(blank, hash=blank.hashed(password))


def read_logins(path: Path, command: str = "login") -> dict[str, Secret]:
    """The names of a file with the hashes of their passwords, or a SettingsError without these."""
    logins: dict[str, Secret] = {}
    for n, line in enumerate(_text(path, command).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        where = f"{path}, line {n}"
        name, _, rest = line.strip().partition(":")
        try:
            checked_name(name)
        except InputError as error:
            raise SettingsError(f"{where}: {error}") from error
        if name in logins:
            raise SettingsError(f"{where}: this name has an earlier line. Remove one of them.")
        found = _SECRET.fullmatch(rest)
        if not found or int(found[1]) not in COSTS:
            raise SettingsError(
                f"{where}: this is not NAME:scrypt:N:{BLOCK}:{PARALLEL}:SALT:HASH. Write the line "
                f"anew: asklabs {command} NAME"
            )
        logins[name] = Secret(b64decode(found[2]), b64decode(found[3]), int(found[1]))
    if not logins:
        raise SettingsError(f"{path}: there is no name in it. Add one: asklabs {command} NAME")
    return logins


def _text(path: Path, command: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        held, setting, opened = _FILES[command]
        raise SettingsError(
            f"{path}: the file of {held} can't be read: {reason}. Make one (asklabs {command} "
            f"NAME), or unset {setting} to open {opened}."
        ) from error


def checked_name(name: str) -> str:
    """The name itself, if a line of the file can hold it; else an `InputError`."""
    unfit = not name or len(name) > MAX_NAME or name.startswith("#") or name != name.strip()
    if unfit or ":" in name or not name.isprintable():
        raise InputError(
            f"A name has 1 to {MAX_NAME} characters without colon, line break or space at an end, "
            "and doesn't begin with #."
        )
    return name


def set_login(path: Path, name: str, password: str, command: str = "login") -> bool:
    """Write a name's password to a file of its owner's; whether it replaced an earlier one."""
    checked_name(name)
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise InputError(f"A password has {MIN_PASSWORD} to {MAX_PASSWORD} characters.")
    new = make_secret(password).line(name)
    lines = _text(path, command).splitlines() if path.exists() else []
    if any(line.strip() and not line.startswith("#") for line in lines):
        read_logins(path, command)
    names = [line.strip().partition(":")[0] for line in lines]
    at = names.index(name) if name in names else len(names)
    lines[at : at + 1] = [new]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, "".join(f"{line}\n" for line in lines).encode(), mode=0o600)
    except OSError as error:
        raise SettingsError(f"{path}: it can't be written: {error.strerror}.") from error
    return name in names


def make_key(path: Path, name: str) -> str:
    """A new key for a program; its hash goes to a file, and takes the place of an earlier one."""
    secret = secrets.token_urlsafe(32)
    set_login(path, name, secret, "key")
    return PREFIX + urlsafe_b64encode(f"{name}:{secret}".encode()).decode().rstrip("=")


class TooManyLogins(Exception):
    """No more passwords are checked just now; nothing was checked."""


class Logins(Mapping[str, Secret]):
    """The names of a file as it is now, none while it can't be used."""

    def __init__(self, path: Path, command: str = "login") -> None:
        self._path, self._command = path, command
        self._stamp, self._read = self._changed(), read_logins(path, command)

    def _now(self) -> dict[str, Secret]:
        if (stamp := self._changed()) != self._stamp:
            self._stamp, self._read = stamp, {}
            try:
                self._read = read_logins(self._path, self._command)
            except SettingsError as error:
                _log.error("%s", error)
        return self._read

    def _changed(self) -> tuple[int, ...]:
        try:
            stat = self._path.stat()
        except OSError:
            return ()
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def __getitem__(self, name: str) -> Secret:
        return self._now()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())


class Sessions:
    """Who has logged in, by the tokens of their cookies; each session ends with its password.

    Hashes of the tokens are kept in a file, where there is a path, so that a restart ends none.
    """

    def __init__(self, logins: Mapping[str, Secret], path: Path | None, cookie: str) -> None:
        """`cookie` is the name of the cookie."""
        self._logins, self._path, self.cookie = logins, path, cookie
        self._kept: dict[str, list[str]] = {}
        with suppress(OSError, ValueError):
            self._kept = orjson.loads(path.read_bytes()) if path else {}

    def visitor(self, request: Request) -> str | None:
        """The name that has logged in with the cookie of a request; None for nobody."""
        name, salt = self._kept.get(_hashed(request.cookies.get(self.cookie, "")), ("", ""))
        login = self._logins.get(name)
        return name if login and login.salt.hex() == salt else None

    def begin(self, name: str) -> str:
        """The token of a new session."""
        token = secrets.token_urlsafe(32)
        self._kept[_hashed(token)] = [name, self._logins[name].salt.hex()]
        while len(self._kept) > MOST_SESSIONS:
            del self._kept[next(iter(self._kept))]
        self._save()
        return token

    def end(self, name: str) -> None:
        """End all sessions of a name."""
        self._kept = {key: own for key, own in self._kept.items() if own[0] != name}
        self._save()

    def _save(self) -> None:
        try:
            if self._path:
                replace_file(self._path, orjson.dumps(self._kept), mode=0o600)
        except OSError as error:
            _log.warning("A restart will log everybody out: %s", error)


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def checker(logins: Mapping[str, Secret]) -> Check:
    """A function that checks a name and a password that came from an address.

    It checks one at a time, in a thread of its own: many guesses delay each other and not the page.
    An unknown name takes as long as a wrong password. Wrong ones count for `WINDOW` seconds, unless
    the address has logged in as the name before; too many (`MOST_WRONG`) raise `TooManyLogins`.
    """
    unknown = make_secret(secrets.token_urlsafe(), max(secret.cost for secret in logins.values()))
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="login")
    wrong: dict[tuple[str, str], deque[float]] = {}
    let_in: set[tuple[str, str]] = set()
    waiting: list[tuple[str, str]] = []

    async def check(name: str, password: str, address: str = "") -> bool:
        pair = (name, address)
        keys = {pair: "both", ("", address): "address", (name, ""): "name"}
        is_known, since = pair in let_in, time.monotonic() - WINDOW
        for key in [key for key, times in wrong.items() if times[-1] < since]:
            del wrong[key]
        limits = {k: MOST_WRONG[by] for k, by in keys.items() if by == "both" or not is_known}
        full = any(len(wrong.get(key, ())) >= most for key, most in limits.items())
        if full or len(waiting) >= WAITING or waiting.count(pair) >= WAITING_OF_ONE:
            raise TooManyLogins
        waiting.append(pair)
        try:
            fits = await asyncio.get_running_loop().run_in_executor(
                executor, logins.get(name, unknown).fits, password[: MAX_PASSWORD + 1]
            )
        finally:
            waiting.remove(pair)
        if fits and name in logins:
            let_in.add(pair)
            wrong.pop(pair, None)
            return True
        for key, by in keys.items():
            wrong.setdefault(key, deque(maxlen=MOST_WRONG[by])).append(time.monotonic())
        return False

    return check
