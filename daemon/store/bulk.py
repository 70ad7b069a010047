"""Many rows at once: the driver's own executemany, without a dict a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from rackprint.daemon.store.models import Base

MANY = 500  # values in one IN list; SQLite takes 32,766 variables


def insert_many(
    connection: Connection, table: type[Base], columns: Sequence[str], rows: Sequence[tuple[Any, ...]], *,
    ignore: bool = False,
) -> int:  # fmt: skip
    """Inserts ``rows``; how many went in. With ``ignore``, those whose key is there already are left out."""
    if not rows:
        return 0
    postgresql = connection.dialect.name == "postgresql"
    names = ", ".join(f'"{name}"' for name in columns)
    places = ", ".join(["%s" if postgresql else "?"] * len(columns))
    head = "INSERT OR IGNORE" if ignore and not postgresql else "INSERT"
    tail = " ON CONFLICT DO NOTHING" if ignore and postgresql else ""
    statement = f"{head} INTO {table.__tablename__} ({names}) VALUES ({places}){tail}"
    return connection.exec_driver_sql(statement, list(rows)).rowcount
