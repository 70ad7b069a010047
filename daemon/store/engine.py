"""Opens the case's database and brings it to the newest schema: SQLite in WAL, or PostgreSQL, every commit on the disk
before it is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, DataError, IntegrityError
from sqlalchemy.pool import ConnectionPoolEntry

from rackprint.daemon.store.records import DiskFullError, StoreError

FILE = "case.db"
REVISION = "0003"
_BUSY_MS = 30_000


def open_engine(case: Path, *, create: bool, url: str = "") -> Engine:
    """The engine of the case at ``case``, or of the PostgreSQL database at ``url``. Raises StoreError where there is no
    case, or none that can be used."""
    path = case / FILE
    if url:
        engine, place = _postgresql(url), make_url(url).render_as_string()
    else:
        if not path.is_file():
            if not create:
                raise StoreError(f"{case}: is no case; make one with rackprint ingest, or name it with --case")
            case.mkdir(parents=True, exist_ok=True)
        engine, place = create_engine(f"sqlite:///{path}"), str(path)
        event.listen(engine, "connect", _durable)
        event.listen(engine, "begin", _begin)
    try:
        _bring_up(engine, place)
    except DatabaseError as error:
        engine.dispose()
        remedy = "see that it runs and may be used" if url else "restore it from a backup"
        reason = " ".join(str(error.orig).split())
        raise StoreError(f"{place}: cannot be used as a database ({reason}); {remedy}") from error
    return engine


def _postgresql(url: str) -> Engine:
    try:
        return create_engine(url, pool_pre_ping=True, connect_args={"options": "-c synchronous_commit=on"})
    except (ArgumentError, ImportError) as error:
        remedy = "give postgresql+psycopg://…, and pip install 'rackprint[postgresql]'"
        raise StoreError(f"store.url: {error}; {remedy}") from error


def writing(engine: Engine) -> Engine:
    """The same engine for transactions that write: SQLite takes its lock at their start, or two that read first and
    write then would refuse each other."""
    return engine.execution_options(writes=True)


@contextmanager
def told() -> Iterator[None]:
    """Says what a database refuses in our words: DiskFullError where there is no room, ValueError where a value cannot
    be stored, StoreError where the storage itself fails."""
    try:
        yield
    except (DataError, IntegrityError) as error:
        raise ValueError(" ".join(str(error.orig).split())) from error
    except DatabaseError as error:
        reason = " ".join(str(error.orig).split())
        full = "disk is full" in reason or getattr(error.orig, "sqlstate", "") in _FULL
        raise (DiskFullError if full else StoreError)(f"the database says: {reason}") from error


_FULL = frozenset({"53000", "53100"})  # PostgreSQL: insufficient resources, disk full


def _durable(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # SQLAlchemy says BEGIN, see below
    connection.execute("PRAGMA secure_delete=ON")  # what is removed leaves the file
    for pragma in (
        "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_BUSY_MS}", "cache_size=-16384",
    ):  # fmt: skip
        connection.execute(f"PRAGMA {pragma}")


def widen(engine: Engine, mebibytes: int) -> None:
    """Gives the connections of SQLite so much memory for pages, from the next one on."""
    if engine.dialect.name == "sqlite":

        def roomy(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
            connection.execute(f"PRAGMA cache_size=-{mebibytes << 10}")

        event.listen(engine, "connect", roomy)
        engine.dispose()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _bring_up(engine: Engine, place: str) -> None:
    with engine.connect() as connection:
        tables = set(inspect(connection).get_table_names())
        if "alembic_version" in tables:
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            if found == REVISION:
                return
        elif tables:
            raise StoreError(f"{place}: is another program's database; name another folder with --case")
    upgrade(engine, place)


def upgrade(engine: Engine, path: Path | str, revision: str = "head") -> None:
    """Runs the migrations. Raises StoreError for a schema that a newer rackprint made."""
    from alembic import command
    from alembic.util import CommandError

    with engine.begin() as connection:
        try:
            command.upgrade(config(connection), revision)
        except CommandError as error:
            raise StoreError(f"{path}: was written by a newer rackprint ({error}); use that one") from error


def config(connection: Any) -> Any:
    """Alembic's configuration for the migrations that lie in this package."""
    from alembic.config import Config

    found = Config()
    found.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    found.attributes["connection"] = connection
    return found
