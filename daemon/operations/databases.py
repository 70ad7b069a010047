"""The database of a case, looked at without changing it: no migration, no checkpoint."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rackprint.daemon.operations.finding import ABSENT, FAIL, OK, WARN, Finding, size
from rackprint.daemon.store.engine import FILE, REVISION

_LARGE_WAL = 1 << 30


@dataclass(slots=True)
class Known:
    """What the database says of the case; ``head`` is the custody log's hash and count."""

    head: tuple[str, int] | None = None
    unread: int | None = None


def database(case: Path, url: str) -> tuple[Finding, Known]:
    known = Known()
    if url:
        return _postgresql(url, known), known
    path = case / FILE
    if not path.is_file():
        return Finding("database", ABSENT, f"{path}: is not there", "make a case with rackprint ingest"), known
    try:
        finding = _sqlite(path, known)
        if finding.state == FAIL:
            finding = _sqlite(path, known)  # perhaps a writer came in between; what is broken stays broken
    except sqlite3.Error as error:
        remedy = "restore it from a backup (docs/backup.md)"
        finding = Finding("database", FAIL, f"{path}: cannot be used as a database ({error})", remedy)
    return finding, known


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that leaves nothing behind: a database that nobody has open is read as the unchanging file it is."""
    wal = path.with_name(f"{path.name}-wal").exists()
    mode = "mode=ro" if wal else "mode=ro&immutable=1"
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=10)) as connection:
        yield connection


def _sqlite(path: Path, known: Known) -> Finding:
    with _reading(path) as connection:
        connection.execute("BEGIN")
        broken = [str(row[0]) for row in connection.execute("PRAGMA quick_check(5)")]
        revision = _one(connection, "SELECT version_num FROM alembic_version")
        if broken == ["ok"] and revision:
            known.unread = int(_one(connection, "SELECT count(*) FROM artifacts WHERE NOT done") or 0)
            head, count = (
                _one(connection, f"SELECT value FROM state WHERE key = '{key}'")
                for key in ("custody_head", "custody_count")
            )
            known.head = (head, int(count)) if head and count else None
    if broken != ["ok"]:
        remedy = "restore it from a backup (docs/backup.md)"
        return Finding("database", FAIL, f"{path}: {'; '.join(broken)}", remedy)
    wal = path.with_name(f"{path.name}-wal")
    waiting = wal.stat().st_size if wal.exists() else 0
    with path.open("rb") as file:
        journal = "WAL" if file.read(20)[18:] == b"\2\2" else "no WAL"
    told = f"{path}: SQLite {sqlite3.sqlite_version}, {size(path.stat().st_size)}, schema {revision}, {journal}"
    told += f", {size(waiting)} in the WAL"
    if not revision:
        return Finding("database", FAIL, f"{path}: has no schema of rackprint's", "name the right case, or restore it")
    return _judged(told, revision, waiting, journal)


def _judged(told: str, revision: str, waiting: int, journal: str) -> Finding:
    if revision > REVISION:
        return Finding("database", FAIL, told, f"written by a newer rackprint (this one has {REVISION}); use that one")
    if revision < REVISION:
        return Finding("database", WARN, told, f"is brought to schema {REVISION} at its next use; back it up before")
    if waiting > _LARGE_WAL:
        return Finding("database", WARN, told, "a reader holds an old state; end long queries, or restart the daemon")
    if journal != "WAL":
        return Finding("database", WARN, told, "another program changed it; the next use by rackprint sets it right")
    return Finding("database", OK, told)


def _one(connection: sqlite3.Connection, query: str) -> str | None:
    try:
        row = connection.execute(query).fetchone()
    except sqlite3.OperationalError as error:
        if "no such" in str(error):
            return None
        raise
    return None if row is None else str(row[0])


def _postgresql(url: str, known: Known) -> Finding:
    try:
        import psycopg
    except ImportError:
        return Finding("database", FAIL, "psycopg is not installed", "pip install 'rackprint[postgresql]'")
    from rackprint.daemon.config import without_password

    place = without_password(url)
    try:
        address = url.replace("postgresql+psycopg://", "postgresql://", 1)
        with psycopg.connect(address, connect_timeout=5, autocommit=True) as connection:
            connection.read_only = True

            def one(query: str) -> str | None:
                row = connection.execute(query.encode()).fetchone()
                return None if row is None else str(row[0])

            names = ("server_version", "fsync", "synchronous_commit", "full_page_writes")
            shown = {name: one(f"SHOW {name}") for name in names}
            revision = None
            if one("SELECT to_regclass('alembic_version')") not in {None, "None"}:
                revision = one("SELECT version_num FROM alembic_version")
                known.unread = int(one("SELECT count(*) FROM artifacts WHERE NOT done") or 0)
                head = one("SELECT value FROM state WHERE key = 'custody_head'")
                count = one("SELECT value FROM state WHERE key = 'custody_count'")
                known.head = (head, int(count)) if head and count else None
    except psycopg.Error as error:
        reason = without_password(" ".join(str(error).split()))  # libpq quotes an address that it cannot read
        return Finding("database", FAIL, f"{place}: {reason}", "see that it runs and may be used")
    told = f"{place}: PostgreSQL {shown['server_version']}, schema {revision or 'none yet'}"
    told += "".join(f", {name} {shown[name]}" for name in names[1:])
    off = [name for name in names[1:] if shown[name] == "off"]
    if "fsync" in off or "full_page_writes" in off:
        return Finding("database", FAIL, told, f"set {', '.join(off)} = on: what is acknowledged may be lost")
    if off:  # rackprint sets synchronous_commit for its own sessions
        return Finding("database", WARN, told, f"set {', '.join(off)} = on for other programs too")
    return _judged(told, revision or REVISION, 0, "WAL")
