"""Makes what was removed leave the files of an SQLite database. PostgreSQL's VACUUM does that by itself."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Engine

_TRIES = 20
_BLOCKED_MS = 50  # that a try may hold up who writes
_PAUSE = 0.25


def scrub(engine: Engine, *, whole: bool = False) -> bool:
    """Empties the log of changes, where removed rows still stand; with ``whole`` also writes the file anew, without
    their room. False when readers kept it from that: the next time will do."""
    if engine.dialect.name != "sqlite":
        return True
    held = engine.raw_connection()
    try:
        connection: Any = held.driver_connection
        held.detach()  # not for others: it waits less
        if whole:
            connection.execute("VACUUM")
        connection.execute(f"PRAGMA busy_timeout={_BLOCKED_MS}")
        for _ in range(_TRIES):
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if not connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                return True
            time.sleep(_PAUSE)
        return False
    finally:
        held.close()
