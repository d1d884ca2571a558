"""Who may see the page: a file of names, each with a salted scrypt hash of its password.

A line is `NAME:scrypt:N:R:P:SALT:HASH`, salt and hash in base64; empty lines and those that begin
with # are left out. `asklabs login NAME` writes it. Passwords are kept nowhere and never logged.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
import secrets
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rag.errors import InputError, SettingsError

# OWASP's recommendation of 2023 for scrypt, of which a check takes 64 MB and 0.2 seconds or so.
COST, BLOCK, PARALLEL = 2**16, 8, 2
SALT_BYTES = HASH_BYTES = 32
# What a file may ask of this machine at most, so that a slip of the pen can't use it up.
MOST_COST, MOST_BLOCK, MOST_PARALLEL = 2**20, 32, 16
LONGEST_NAME = 64
LONGEST_PASSWORD = 1024
SHORTEST_PASSWORD = 8
Check = Callable[[str, str], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Secret:
    """What is known of a password: enough to check one, not enough to tell it."""

    salt: bytes
    hash: bytes
    cost: int = COST
    block: int = BLOCK
    parallel: int = PARALLEL

    def fits(self, password: str) -> bool:
        """Whether this is the password; takes equally long for right and wrong ones."""
        return hmac.compare_digest(self._hash(password), self.hash)

    def _hash(self, password: str) -> bytes:
        return hashlib.scrypt(
            password.encode("utf-8", "surrogatepass"),
            salt=self.salt,
            n=self.cost,
            r=self.block,
            p=self.parallel,
            maxmem=256 * self.cost * self.block + 2**20,
            dklen=len(self.hash),
        )

    def line(self, name: str) -> str:
        """The line of the file that holds it."""
        salt, hashed = (base64.b64encode(one).decode("ascii") for one in (self.salt, self.hash))
        return f"{name}:scrypt:{self.cost}:{self.block}:{self.parallel}:{salt}:{hashed}"


def make_secret(password: str, cost: int = COST) -> Secret:
    """A new secret of a password; `cost` is scrypt's N."""
    blank = Secret(secrets.token_bytes(SALT_BYTES), bytes(HASH_BYTES), cost)
    return Secret(blank.salt, blank._hash(password), cost)


def read_logins(path: Path) -> dict[str, Secret]:
    """The names of a file with what is known of their passwords.

    Raises:
        SettingsError: it can't be read, has no name, or a line is not usable; the message names
            the file and the line, and nothing that stands in it.
    """
    logins: dict[str, Secret] = {}
    for n, line in enumerate(_text(path).splitlines(), 1):
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
        logins[name] = _secret(rest, where)
    if not logins:
        raise SettingsError(f"{path}: there is no name in it. Add one: asklabs login NAME")
    return logins


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SettingsError(
            f"{path}: there is no such file of logins. Make it: asklabs login NAME, or unset "
            "ASKLABS_LOGIN to open the page to all who reach it."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SettingsError(f"{path}: the file of logins can't be read: {reason}.") from error


def _secret(text: str, where: str) -> Secret:
    remedy = "Write the line anew: asklabs login NAME"
    kind, *parts = text.split(":")
    if kind != "scrypt" or len(parts) != 5:
        raise SettingsError(f"{where}: this is not NAME:scrypt:N:R:P:SALT:HASH. {remedy}")
    try:
        cost, block, parallel = (int(part) for part in parts[:3])
        salt, hashed = (base64.b64decode(part, validate=True) for part in parts[3:])
    except ValueError as error:
        raise SettingsError(f"{where}: the numbers or the base64 are damaged. {remedy}") from error
    fits = 2**14 <= cost <= MOST_COST and not cost & (cost - 1)
    fits &= 1 <= block <= MOST_BLOCK and 1 <= parallel <= MOST_PARALLEL
    if not fits or len(salt) < 16 or not 32 <= len(hashed) <= 64:
        raise SettingsError(f"{where}: a number, the salt or the hash is out of range. {remedy}")
    return Secret(salt, hashed, cost, block, parallel)


def checked_name(name: str) -> str:
    """The name, if it can stand in the file.

    Raises:
        InputError: it is empty, too long, or has signs that a line of the file can't hold.
    """
    unfit = not name or len(name) > LONGEST_NAME or name.startswith("#") or name != name.strip()
    if unfit or ":" in name or not name.isprintable():
        raise InputError(
            f"A name has 1 to {LONGEST_NAME} signs without colon, line break or space at an end, "
            "and doesn't begin with #."
        )
    return name


def set_login(path: Path, name: str, password: str) -> bool:
    """Write a name's password to the file, in place of an earlier one; whether there was one.

    The file is swapped as a whole and readable by its owner alone.

    Raises:
        InputError: the name or the password can't be used.
        SettingsError: the file can't be read or written, or a line of it is not usable.
    """
    checked_name(name)
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InputError(f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} signs.")
    line = make_secret(password).line(name)
    lines = _text(path).splitlines() if path.exists() else []
    if any(one.strip() and not one.startswith("#") for one in lines):
        read_logins(path)
    known = [n for n, one in enumerate(lines) if one.strip().partition(":")[0] == name]
    for n in known[:1]:
        lines[n] = line
    _swap(path, "\n".join(lines if known else [*lines, line]) + "\n")
    return bool(known)


def _swap(path: Path, text: str) -> None:
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Such files are made for their owner alone.
        handle, temporary = tempfile.mkstemp(prefix=path.name, dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise SettingsError(f"{path}: it can't be written: {error.strerror}.") from error


def checker(logins: Mapping[str, Secret]) -> Check:
    """What tells whether a name and a password belong together.

    One is checked at a time, off the loop that serves the page: who tries many passwords waits,
    and the others don't. An unknown name takes as long as a wrong password.
    """
    unknown = make_secret(secrets.token_urlsafe(), max(one.cost for one in logins.values()))
    one_at_a_time = ThreadPoolExecutor(max_workers=1, thread_name_prefix="login")

    async def check(name: str, password: str) -> bool:
        secret = logins.get(name)
        tried = password[: LONGEST_PASSWORD + 1]
        fits = await asyncio.get_running_loop().run_in_executor(
            one_at_a_time, (secret or unknown).fits, tried
        )
        return fits and secret is not None

    return check
