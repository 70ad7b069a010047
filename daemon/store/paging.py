"""Pages of what was found, for who asks over a network: plain rows, a page at a time, as of any run."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from rackprint.daemon.store import spans
from rackprint.daemon.store.models import RunRow
from rackprint.daemon.store.records import Run


def run_at(connection: Connection, as_of: datetime | None) -> Run | None:
    """The run whose linkage held at ``as_of``, or holds now; None before the first."""
    row = RunRow
    found = select(row.number, row.at, row.through, row.observations, row.seconds)
    if as_of is None:
        found = found.where(row.number == spans.current(connection))
    else:
        found = found.where(row.at <= as_of).order_by(row.number.desc()).limit(1)
    first = connection.execute(found).first()
    return Run(*first) if first else None
