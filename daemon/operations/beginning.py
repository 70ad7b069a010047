"""Whether a folder is a place for a case's backup, and that one process at a time writes there."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.custody import CustodyLog
from rackprint.daemon.operations.contents import contents

LOCK = ".backup.lock"  # holds the hash of the case's first custody entry, which no other case has


@contextmanager
def begun(case: Path, target: Path) -> Iterator[None]:
    """Makes ``target`` a place for this case's backup, and this process the only one that writes there."""
    log = case / CustodyLog.NAME
    first = contents(log, _first_line(log)).first if log.is_file() else ""
    if not first:
        raise RackprintError(f"{case}: is no case with evidence in it; name one with --case")
    here, there = case.resolve(), target.resolve()
    if here == there or here in there.parents or there in here.parents:
        raise RackprintError(f"{target}: is in the case, or the case in it; name a folder elsewhere")
    target.mkdir(parents=True, exist_ok=True)
    mine = (target / LOCK).exists()
    if not mine and any(target.iterdir()):
        raise RackprintError(f"{target}: is not empty and no backup of {case}; name an empty folder, or one to be made")
    with (target / LOCK).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RackprintError(f"{target}: another backup is writing there; try again when it is done") from None
        lock.seek(0)
        known = lock.read().strip()
        if known and known != first:
            raise RackprintError(f"{target}: is a backup of another case; name another folder")
        if not known:
            lock.write(first + "\n")
            lock.flush()
            os.fsync(lock.fileno())
        yield


def _first_line(log: Path) -> int:
    with log.open("rb") as file:
        return len(file.readline())
