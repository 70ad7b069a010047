"""Opens the case's database: SQLite in WAL with every commit on the disk, brought to the newest schema."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import ConnectionPoolEntry

from rackprint.daemon.store.records import StoreError

FILE = "case.db"
REVISION = "0002"
_BUSY_MS = 30_000


def open_engine(case: Path, *, create: bool) -> Engine:
    """The engine of the case at ``case``. Raises StoreError where there is no case, or none that can be used."""
    path = case / FILE
    if not path.is_file():
        if not create:
            raise StoreError(f"{case}: is no case; make one with rackprint ingest, or name it with --case")
        case.mkdir(parents=True, exist_ok=True)
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", _durable)
    try:
        _bring_up(engine, path)
    except DatabaseError as error:
        engine.dispose()
        raise StoreError(f"{path}: cannot be used as a database ({error.orig}); restore it from a backup") from error
    return engine


def _durable(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_BUSY_MS}"):
        connection.execute(f"PRAGMA {pragma}")


def _bring_up(engine: Engine, path: Path) -> None:
    with engine.connect() as connection:
        tables = set(inspect(connection).get_table_names())
        if "alembic_version" in tables:
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            if found == REVISION:
                return
        elif tables:
            raise StoreError(f"{path}: is another program's database; name another folder with --case")
    upgrade(engine, path)


def upgrade(engine: Engine, path: Path, revision: str = "head") -> None:
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
