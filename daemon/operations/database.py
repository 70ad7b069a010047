"""A copy of a case's SQLite database while others write to it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from rackprint.daemon.errors import RackprintError

_PAGES = 1024  # a step; the copy may be interrupted, and the bar drawn, between two


def copy_database(source: Path, target: Path, stage: Callable[[int, int], None]) -> None:
    """Copies one state of ``source`` to ``target``, which is on the disk afterwards; ``stage`` is told the pages left
    and all pages.

    A read transaction holds that state: in WAL it keeps no writer waiting, and without it, each commit of another
    process would make the copy begin anew."""
    target.unlink(missing_ok=True)
    try:
        with closing(_open(source)) as old, closing(sqlite3.connect(target, isolation_level=None)) as new:
            old.execute("BEGIN")
            old.execute("SELECT count(*) FROM sqlite_master").fetchone()
            new.execute("PRAGMA synchronous=OFF")  # it is synced as a whole below
            new.execute("PRAGMA journal_mode=OFF")
            old.backup(new, pages=_PAGES, progress=lambda status, left, pages: stage(left, pages))
    except sqlite3.Error as error:
        reason = str(error).lower()
        place, remedy = source, "rackprint doctor says more; else restore it from a backup"
        if any(sign in reason for sign in ("full", "disk i/o")):
            place, remedy = target, "make room there, and run it again; what is copied stays"
        target.unlink(missing_ok=True)
        raise RackprintError(f"{place}: the database was not copied ({reason}); {remedy}") from None
    for leftover in ("-wal", "-shm", "-journal"):
        target.with_name(target.name + leftover).unlink(missing_ok=True)
    descriptor = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=30)
