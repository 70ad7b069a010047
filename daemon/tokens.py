"""The tokens of a case: who may speak to its daemon, and what each may do."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from rackprint.daemon.atomic import whole
from rackprint.daemon.errors import RackprintError

SCOPES = ("ingest", "read", "admin")
NAME = "tokens.json"
_LARGEST = 16 << 20
_BROKEN = (OSError, ValueError, RecursionError, msgspec.MsgspecError)

Time = Annotated[datetime, msgspec.Meta(tz=True)]


class Token(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One token without its secret."""

    name: str
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    scopes: tuple[Literal["ingest", "read", "admin"], ...]
    created: Time
    expires: Time | None = None
    revoked: Time | None = None

    def may(self, scope: str) -> bool:
        """Whether the token has ``scope``; admin implies the others."""
        return scope in self.scopes or "admin" in self.scopes

    def state(self, now: datetime | None = None) -> str:
        """``live``, ``expired`` or ``revoked``."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= (now or datetime.now(UTC)) else "live"


class _File(msgspec.Struct, forbid_unknown_fields=True):
    tokens: tuple[Token, ...] = ()


def digest(secret: str) -> str:
    """What is kept of a secret. It is 256 random bits, so there is nothing to guess and a plain hash is enough; and
    since it is looked up by its hash, the time a lookup takes says nothing about a kept secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def make(case: Path, name: str, scopes: Iterable[str], expires: datetime | None = None) -> str:
    """Adds a token and returns its secret, which is kept nowhere. A name is free again once revoked or expired."""
    wanted = set(scopes)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", name):
        raise RackprintError(f"token {name[:70]!r}: is no name; take up to 64 letters, digits, and . _ @ -")
    if not wanted or wanted - set(SCOPES):
        raise RackprintError(f"token {name}: scopes are one or more of {', '.join(SCOPES)}")
    now = datetime.now(UTC).replace(microsecond=0)
    if expires is not None and (expires.tzinfo is None or expires <= now):
        raise RackprintError(f"token {name}: would be expired from the start; take a later time, with its zone")
    secret = f"rp_{secrets.token_urlsafe(32)}"
    with _changing(case) as path:
        tokens = _read(path)
        if any(token.name == name and token.state() == "live" for token in tokens):
            raise RackprintError(f"token {name}: is there already; take another name, or revoke it first")
        ordered = tuple(scope for scope in SCOPES if scope in wanted)
        new = Token(name=name, sha256=digest(secret), scopes=ordered, created=now, expires=expires)  # type: ignore[arg-type]
        _write(path, (*tokens, new))
    return secret


def revoke(case: Path, name: str) -> None:
    """Ends a token for good; a daemon that runs notices within a second or so."""
    _must_be(case)
    with _changing(case) as path:
        tokens = _read(path)
        named = [token for token in tokens if token.name == name]
        if all(token.revoked for token in named):
            near = get_close_matches(name, [token.name for token in tokens if not token.revoked], 1)
            why = "is revoked already" if named else f"is not in {path}"
            raise RackprintError(f"token {name!r}: {why}; {f'did you mean {near[0]}?' if near else 'see token list'}")
        now = datetime.now(UTC).replace(microsecond=0)
        ended = (msgspec.structs.replace(t, revoked=now) if t.name == name and not t.revoked else t for t in tokens)
        _write(path, tuple(ended))


def listed(case: Path) -> list[Token]:
    """Every token ever made, in order, without secrets."""
    _must_be(case)
    return list(_read(case / NAME))


class Keys:
    """The tokens as a daemon asks for them: a change of the file is noticed, a broken file is not fatal."""

    def __init__(self, case: Path) -> None:
        self.problem: str | None = None  # why the file could not be read; the last good tokens hold meanwhile
        self._path = case / NAME
        self._tokens: dict[str, Token] = {}
        self._seen: tuple[int, ...] | None = None
        self._next = 0.0
        self._look()

    def find(self, secret: str) -> Token | None:
        """The live token with this secret."""
        if time.monotonic() >= self._next:
            self._look()
        token = self._tokens.get(digest(secret))
        return token if token is not None and token.state() == "live" else None

    def _look(self) -> None:
        """Reads the file if it changed. A file that is gone holds no tokens; a broken one leaves those there were."""
        self._next = time.monotonic() + 1.0
        try:
            seen = _identity(self._path.stat())
            if seen != self._seen:
                tokens, seen = _load(self._path)
                self._tokens = {token.sha256: token for token in tokens}
                self._seen = seen
            self.problem = None
        except FileNotFoundError:
            self._tokens, self._seen = {}, None
            self.problem = f"{self._path}: there are no tokens; rackprint token make makes one"
        except _BROKEN as error:
            self._seen = None  # look again next time
            self.problem = _told(self._path, error)


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_mtime_ns, status.st_ino, status.st_size


def _load(path: Path) -> tuple[tuple[Token, ...], tuple[int, ...]]:
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
            raise ValueError("is no file of tokens")
        if status.st_mode & stat.S_IWOTH:
            raise ValueError("anybody may write to it; chmod 600 it")
        return msgspec.json.decode(file.read(), type=_File).tokens, _identity(status)


def _read(path: Path) -> tuple[Token, ...]:
    try:
        return _load(path)[0]
    except FileNotFoundError:
        return ()
    except _BROKEN as error:
        raise RackprintError(_told(path, error)) from None


def _told(path: Path, error: Exception) -> str:
    why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
    return f"{path}: cannot be read as tokens ({why}); mend it, or remove it and make new tokens"


def _write(path: Path, tokens: tuple[Token, ...]) -> None:
    data = msgspec.json.format(msgspec.json.encode(_File(tokens)), indent=1) + b"\n"
    try:
        with whole(path) as temporary:
            temporary.unlink(missing_ok=True)  # of a maker that was killed
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                _give(path.parent, descriptor)
                file.write(data)
                file.flush()
                os.fsync(descriptor)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise RackprintError(f"{path}: {why}; nothing was changed, mend that and try again") from None


@contextmanager
def _changing(case: Path) -> Iterator[Path]:
    """The path of the tokens, while nobody else changes them."""
    case.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(case / ".tokens.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _give(case, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield case / NAME
    finally:
        os.close(descriptor)


def _give(case: Path, descriptor: int) -> None:
    """What root writes belongs to whom the case belongs to, or its daemon could not read it."""
    if os.geteuid() == 0:
        owner = case.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _must_be(case: Path) -> None:
    if not case.is_dir():
        raise RackprintError(f"{case}: no such case; name it with --case")
