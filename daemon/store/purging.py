"""Removes what a platform's case may no longer keep: old observations, and all that only they say. In small
transactions, each of which records what is gone, so that a purge that was ended goes on where it stopped."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, bindparam, delete, select

from rackprint.daemon import entries
from rackprint.daemon.store import forgetting, spans, writing
from rackprint.daemon.store.aging import aged
from rackprint.daemon.store.bulk import MANY
from rackprint.daemon.store.models import (
    ArtifactRow,
    DeviceObservationRow,
    EventRow,
    ObservationAccountRow,
    ObservationRow,
    ProblemRow,
)

PURGING = "purging"  # the state of a purge that is not told in the custody log yet
MARGIN = timedelta(hours=1)  # what came with artifacts that are so much too young has nothing old among it
_AIM = 0.02  # seconds that a transaction should take, about


class Gone(msgspec.Struct):
    """What a purge removed so far. ``sha256`` is the last link of :func:`chained` over the observations."""

    before: datetime
    observations: int = 0
    artifacts: int = 0
    first: int = 0
    last: int = 0
    sha256: str = "0" * 64


def chained(before: str, number: int, name: str, body: bytes) -> str:
    """The next link: SHA-256 over the link before it, a line with the observation's number and its body's SHA-256, and
    its id."""
    line = f"{before}\n{number} {hashlib.sha256(body).hexdigest()} {name}\n"
    return hashlib.sha256(line.encode()).hexdigest()


class Purging:
    """One purge; an earlier one that was never told goes on in it."""

    def __init__(self, engine: Engine, before: datetime) -> None:
        self._engine = engine
        spans.undo(engine)
        with engine.begin() as connection:
            body = writing.state(connection, PURGING)
            for table in (ArtifactRow, EventRow):
                writing.hold_number(connection, table)
        self.gone = msgspec.json.decode(body, type=Gone) if body else Gone(before)
        self.begun = bool(body)
        self._before = before

    def begin(self, *, anew: bool) -> None:
        """Goes on with what was begun, or ``anew``."""
        if anew:
            self.told("", -1)
            self.gone = Gone(self._before)
        self.gone.before = max(self._before, self.gone.before)

    def observations(self) -> Iterator[None]:
        """Removes them a few at a time, in the order of their numbers."""
        before = self.gone.before
        after, size = 0, MANY // 4
        while rows := self._page(after, size):
            after = rows[-1].number
            old = [row for row in rows if row.added_at is None or row.added_at < before]
            if old:
                pairs = _accounts(old)
                began = time.monotonic()
                with self._engine.begin() as connection:
                    self._remove(connection, old, pairs)
                took = max(time.monotonic() - began, 0.001)
                size = max(20, min(MANY, int(size * min(2.0, _AIM / took))))
                yield
            elif all(row.added_at >= before + MARGIN for row in rows):
                return

    def _page(self, after: int, size: int) -> Sequence[Any]:
        row = ObservationRow
        page = select(row.number, row.id, row.form, row.body, row.line, row.offset, ArtifactRow.added_at)
        page = page.outerjoin(ArtifactRow, ArtifactRow.number == row.artifact).where(row.number > after)
        with self._engine.connect().execution_options(writes=False) as connection:
            return connection.execute(page.order_by(row.number).limit(size)).all()

    def _remove(self, connection: Connection, old: list[Any], pairs: list[tuple[str, int]]) -> None:
        writing.in_turn(connection)
        numbers = [row.number for row in old]
        member, seen = DeviceObservationRow, ObservationAccountRow
        named = select(member.device).where(member.observation.in_(numbers)).distinct()
        devices = list(connection.execute(named).scalars())
        connection.execute(delete(ObservationRow).where(ObservationRow.number.in_(numbers)))
        connection.execute(delete(member).where(member.observation.in_(numbers)))
        if pairs:
            one = delete(seen).where(seen.account == bindparam("a"), seen.observation == bindparam("o"))
            connection.execute(one, [{"a": account, "o": number} for account, number in pairs])
        forgetting.accounts(
            connection, list(forgetting.without(connection, seen.account, sorted({a for a, _ in pairs})))
        )
        forgetting.devices(connection, list(forgetting.without(connection, member.device, devices)))
        gone = self.gone
        for row in old:
            gone.sha256 = chained(gone.sha256, row.number, row.id, row.body)
        gone.observations += len(old)
        gone.first, gone.last = gone.first or numbers[0], max(gone.last, numbers[-1])
        last = max(gone.last, int(writing.state(connection, writing.LAST) or 0))
        self._save(connection, {writing.LAST: str(last)})

    def artifacts(self) -> Iterator[None]:
        """Removes the artifacts that those came with, and their problems."""
        row, after = ArtifactRow, 0
        while True:
            page = select(row.number, row.sha256).where(row.number > after, row.added_at < self.gone.before)
            with self._engine.begin() as connection:
                writing.in_turn(connection)
                found = connection.execute(page.order_by(row.number).limit(MANY)).all()
                if not found:
                    return
                after = found[-1].number
                connection.execute(delete(ProblemRow).where(ProblemRow.artifact.in_([f.sha256 for f in found])))
                connection.execute(delete(row).where(row.number.in_([f.number for f in found])))
                self.gone.artifacts += len(found)
                self._save(connection, {})
            yield

    def aged(self) -> Iterator[None]:
        """Removes what runs of the linker said before that time, and replies."""
        return aged(self._engine, self.gone.before)

    def told(self, head: str, count: int) -> None:
        """Ends the purge: it stands in the custody log, whose end is given."""
        with self._engine.begin() as connection:
            if count >= int(writing.state(connection, "custody_count") or 0):
                writing.set_state(connection, {"custody_head": head, "custody_count": str(count)})
            writing.set_state(connection, {PURGING: ""})

    def _save(self, connection: Connection, more: dict[str, str]) -> None:
        writing.set_state(connection, {**more, PURGING: msgspec.json.encode(self.gone).decode()})


def _accounts(rows: Iterable[Any]) -> list[tuple[str, int]]:
    read = entries.reader()
    return [(a, r.number) for r in rows for a in read(r.form, r.body, "", r.line, r.offset).accounts]
