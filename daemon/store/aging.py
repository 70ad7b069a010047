"""Removes what runs of the linker said before some time: ended spans, runs, events; and replies as old."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, bindparam, delete, func, literal, select, tuple_

from rackprint.daemon.store import spans
from rackprint.daemon.store.bulk import MANY
from rackprint.daemon.store.models import EventRow, ReplyRow, RunRow


def aged(engine: Engine, before: datetime) -> Iterator[None]:
    """Removes what was no longer said at ``before``, a few rows at a time."""
    yield from _delete(engine, ReplyRow, ReplyRow.at < before)
    with engine.connect().execution_options(writes=False) as connection:
        now = spans.current(connection)
        held = select(func.max(RunRow.number)).where(RunRow.at < before, RunRow.number <= now)
        run = connection.execute(held).scalar() or 0
    if not run:
        return
    for table in spans.VERSIONED:
        yield from _delete(engine, table, table.__table__.c.until <= run)
    yield from _delete(engine, EventRow, EventRow.run <= run)
    yield from _delete(engine, RunRow, RunRow.number < run)  # the last of them held at ``before``


def _delete(engine: Engine, table: Any, old: Any) -> Iterator[None]:
    """Looks for the keys without a lock, each row once, and removes them with one."""
    key = list(table.__table__.primary_key.columns)
    names = [f"key{n}" for n in range(len(key))]
    one = delete(table).where(*[column == bindparam(name) for column, name in zip(key, names, strict=True)])
    last: tuple[Any, ...] | None = None
    while True:
        page = select(*key).where(old).order_by(*key).limit(MANY)
        if last is not None:
            page = page.where(tuple_(*key) > tuple_(*[literal(v, c.type) for v, c in zip(last, key, strict=True)]))
        with engine.connect().execution_options(writes=False) as connection:
            rows = connection.execute(page).all()
        if not rows:
            return
        last = tuple(rows[-1])
        with engine.begin() as connection:
            connection.execute(one, [dict(zip(names, row, strict=True)) for row in rows])
        yield
