"""Accounts and devices of which no observation is left: which they are, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import Connection, TextClause, delete, text

from rackprint.daemon.store.bulk import MANY
from rackprint.daemon.store.models import DeviceRow, EventRow, FarmDeviceRow, LinkRow, TransferRow

_ASKED = 50  # subqueries of one statement


def without(connection: Connection, column: Any, values: list[str]) -> Iterator[str]:
    """Those of ``values`` that no row of the column's table has. Always asked in the same words, however many there
    are: a statement that is made anew each time costs more than its answer."""
    asked = _asked(column.class_.__tablename__, column.key)
    for start in range(0, len(values), _ASKED):
        page = values[start : start + _ASKED]
        padded = page + page[-1:] * (_ASKED - len(page))
        left = connection.execute(asked, {f"v{n}": value for n, value in enumerate(padded)}).one()
        yield from (value for value, there in zip(page, left, strict=False) if not there)


@cache
def _asked(table: str, column: str) -> TextClause:
    ways = (f"EXISTS (SELECT 1 FROM {table} WHERE {column} = :v{n})" for n in range(_ASKED))
    return text(f"SELECT {', '.join(ways)}")


def accounts(connection: Connection, names: list[str]) -> None:
    """Removes what any run said of these accounts."""
    for table in (LinkRow, TransferRow, EventRow):
        for start in range(0, len(names), MANY):
            connection.execute(delete(table).where(table.account.in_(names[start : start + MANY])))


def devices(connection: Connection, names: list[str]) -> None:
    """Removes what any run said of these devices."""
    for start in range(0, len(names), MANY):
        page = names[start : start + MANY]
        connection.execute(delete(DeviceRow).where(DeviceRow.id.in_(page)))
        for table in (LinkRow, FarmDeviceRow, EventRow):
            connection.execute(delete(table).where(table.device.in_(page)))
