"""Where a simulated rack says that it runs, so that ``acquire`` of the same user finds it without arguments.

It is a file in a folder of that user alone. Who wrote it holds a lock as long as it lives, ``kill -9`` included; a file
whose lock nobody holds is left over and is no rack.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rackprint.daemon.acquire.adb.server import Address
from rackprint.daemon.atomic import whole
from rackprint.daemon.errors import RackprintError

_FILE, _LOCK = "simulated-rack.json", "simulated-rack.lock"
_LOOK = 0.05
_PATIENCE = 1.0  # seconds: who looks whether a rack runs has the lock for a moment


@dataclass(frozen=True, slots=True)
class Rack:
    """A rack that runs: its process, its version, how many phones it has, and once it is ``ready`` the adb servers that
    list them."""

    pid: int
    version: str
    phones: int
    ready: bool = False
    servers: tuple[Address, ...] = ()

    def wait(self, seconds: float) -> Rack | None:
        """The rack once it is ready; None where it ends before, or is not within ``seconds``."""
        end = time.monotonic() + seconds
        found: Rack | None = self
        while found is not None and not found.ready:
            if time.monotonic() >= end:
                return None
            time.sleep(_LOOK)
            found = find()
        return found


def folder() -> Path:
    """This user's own, made where it is not there. Raises RackprintError where somebody else could write to it."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    base = Path(runtime) / "rackprint" if runtime else Path(tempfile.gettempdir()) / f"rackprint-{os.getuid()}"
    try:
        base.mkdir(mode=0o700, exist_ok=True)
        found = base.lstat()
    except OSError as error:
        raise RackprintError(f"{base}: {(error.strerror or str(error)).lower()}; set XDG_RUNTIME_DIR") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise RackprintError(f"{base}: is not a folder of this user alone; remove it")
    return base


def find() -> Rack | None:
    """The rack that this user runs; None where there is none. Raises nothing."""
    try:
        base = folder()
        with (base / _LOCK).open("rb") as lock:
            if _take(lock.fileno(), fcntl.LOCK_SH):
                return None
        return _read(json.loads((base / _FILE).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, RackprintError):
        return None


def _read(told: dict[str, object]) -> Rack:
    hosts = [str(server).rpartition(":") for server in told["servers"]]  # type: ignore[attr-defined]
    servers = tuple(Address(host, int(port)) for host, _, port in hosts)
    return Rack(int(str(told["pid"])), str(told["version"]), int(str(told["phones"])), told["ready"] is True, servers)


def _take(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Held:
    """The right to be this user's rack."""

    def __init__(self, base: Path, phones: int) -> None:
        self._base, self._phones = base, phones

    def say(self, servers: Sequence[Address] = (), *, ready: bool) -> None:
        """Writes what others are to find."""
        from importlib.metadata import version

        told = {
            "pid": os.getpid(), "version": version("rackprint"), "phones": self._phones, "ready": ready,
            "servers": [str(server) for server in servers],
        }  # fmt: skip
        with whole(self._base / _FILE) as path:
            path.write_text(json.dumps(told) + "\n")


@contextlib.contextmanager
def hold(phones: int) -> Iterator[Held]:
    """Says that a rack is starting, and at the end that there is none. Raises RackprintError where one runs."""
    base = folder()
    with (base / _LOCK).open("ab") as lock:
        end = time.monotonic() + _PATIENCE
        while not _take(lock.fileno(), fcntl.LOCK_EX):
            if time.monotonic() > end:
                other = find()
                who = f"process {other.pid}" if other else "another process"
                raise RackprintError(f"a simulated rack runs already ({who}); end it or use it: rackprint acquire")
            time.sleep(_LOOK)
        held = Held(base, phones)
        held.say(ready=False)
        try:
            yield held
        finally:
            (base / _FILE).unlink(missing_ok=True)
