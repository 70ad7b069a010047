"""The store of one case: the only way to its database, in records and never in SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.orm import Session

from rackprint.daemon import entries
from rackprint.daemon.facts import facts
from rackprint.daemon.store import paging, reading, spans, writing
from rackprint.daemon.store.bulk import MANY
from rackprint.daemon.store.engine import open_engine, told, widen
from rackprint.daemon.store.engine import writing as for_writing
from rackprint.daemon.store.models import FOREVER, ArtifactRow, DeviceRow, LinkRow, ObservationRow, ProblemRow
from rackprint.daemon.store.purging import Purging
from rackprint.daemon.store.records import Added, Artifact, Run
from rackprint.daemon.store.scrubbing import scrub
from rackprint.daemon.store.sheets import from_linkage
from rackprint.daemon.store.transaction import Transaction
from rackprint.fingerprint.link.result import AccountLink, Conflict, Device, Farm, Linkage, Tie, Transfer
from rackprint.fingerprint.model import Observation, Problem

_BATCH = 2000


class Pages(NamedTuple):
    """What :mod:`paging` needs: a connection, and the run that is asked for (0 before the first)."""

    connection: Connection
    number: int
    run: Run | None


class Store:
    """Use as a context manager. A method that writes returns when its commit is on the disk."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = for_writing(engine)

    @classmethod
    def open(cls, case: Path, *, create: bool = False, url: str = "") -> Store:
        """The store of the case at ``case``; raises StoreError where there is none and ``create`` is not set. With
        ``url``, the PostgreSQL database that it names."""
        return cls(open_engine(case, create=create, url=url or facts(case).store))

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Everything done in it is committed at its end, or nothing."""
        with told(), self._writer.begin() as connection:
            yield Transaction(connection)

    def widen(self, mebibytes: int) -> None:
        """Gives each connection that is made from now on so much memory for pages; for who writes much."""
        widen(self._engine, mebibytes)

    def add_artifact(self, artifact: Artifact) -> int:
        """Records an artifact; one that is recorded already stays as it is. Its number."""
        with self.transaction() as transaction:
            return transaction.artifact(artifact)

    def finish_artifact(self, sha256: str, parser: str) -> None:
        """Marks an artifact as read to its end."""
        with self.transaction() as transaction:
            transaction.finish({sha256: parser})

    def artifact(self, sha256: str) -> Artifact | None:
        with told(), Session(self._engine) as session:
            row = session.scalar(select(ArtifactRow).where(ArtifactRow.sha256 == sha256))
            return reading.artifact(row) if row else None

    def known(self, hashes: Sequence[str]) -> dict[str, Artifact]:
        """Those of ``hashes`` that are recorded."""
        found: dict[str, Artifact] = {}
        with told(), Session(self._engine) as session:
            for start in range(0, len(hashes), MANY):
                wanted = select(ArtifactRow).where(ArtifactRow.sha256.in_(hashes[start : start + MANY]))
                found |= {row.sha256: reading.artifact(row) for row in session.scalars(wanted)}
        return found

    def artifacts(self) -> Iterator[Artifact]:
        """All artifacts by name."""
        with told(), Session(self._engine) as session:
            for row in session.scalars(select(ArtifactRow).order_by(ArtifactRow.name, ArtifactRow.sha256)):
                yield reading.artifact(row)

    def unfinished(self) -> list[Artifact]:
        """The artifacts whose reading was interrupted."""
        with told(), Session(self._engine) as session:
            rows = select(ArtifactRow).where(ArtifactRow.done.is_(False)).order_by(ArtifactRow.number)
            return [reading.artifact(row) for row in session.scalars(rows)]

    def set_problems(self, problems: Sequence[Problem], artifact: str) -> None:
        """The problems of an artifact, in the place of those that an earlier reading left."""
        with self.transaction() as transaction:
            transaction.clear_problems(artifact)
            transaction.problems(problems, artifact)

    def problems(self) -> Iterator[Problem]:
        import msgspec

        decode = msgspec.json.Decoder(Problem).decode
        with told(), self._engine.connect() as connection:
            for body in connection.execute(select(ProblemRow.body).order_by(ProblemRow.id)).scalars():
                yield decode(body)

    def add_observations(self, observations: Sequence[Observation]) -> Added:
        """Adds those with a new id in one commit; adding again is harmless. What cannot be kept (an id that says
        something else already, a number that is not finite, broken text) is told in ``conflicts``; the rest is added.
        """
        refused: list[Problem] = []
        sound: list[entries.Entry] = []
        for observation in observations:
            try:
                sound.append(entries.whole(observation))
            except ValueError as error:
                text = f"id {writing.utf8(observation.id)} {error}"
                refused.append(Problem(text, "mend the value at its source", observation.position))
        with self.transaction() as transaction:
            added = transaction.add(sound)
        return Added(added.new, added.duplicates, (*refused, *added.conflicts))

    def observations(self) -> Iterator[Observation]:
        """All observations in the order of their arrival, a batch at a time."""
        return (observation for _, observation in self.since(0))

    def since(self, number: int, limit: int | None = None) -> Iterator[tuple[int, Observation]]:
        """(number, observation) of those that came after ``number``, in order; at most ``limit`` of them."""
        left = limit
        while left is None or left > 0:
            page = reading.with_artifact().where(ObservationRow.number > number).order_by(ObservationRow.number)
            with told(), self._engine.connect() as connection:
                rows = connection.execute(page.limit(_BATCH if left is None else min(_BATCH, left))).all()
            if not rows:
                return
            yield from reading.read(rows)
            number = rows[-1].number
            left = None if left is None else left - len(rows)

    def bodies(self, number: int = 0) -> Iterator[list[tuple[int, str, int, bytes]]]:
        """Batches of (number, id, form, body) of those that came after ``number``, in order."""
        row = ObservationRow
        while True:
            page = select(row.number, row.id, row.form, row.body).where(row.number > number).order_by(row.number)
            with told(), self._engine.connect() as connection:
                rows = connection.execute(page.limit(_BATCH)).all()
            if not rows:
                return
            yield list(rows)
            number = rows[-1][0]

    def last_number(self) -> int:
        """The number of the newest observation; 0 where there is none."""
        with told(), self._engine.connect() as connection:
            return connection.execute(select(func.max(ObservationRow.number))).scalar() or 0

    def numbers(self) -> dict[str, int]:
        """The number of every observation by its id."""
        with told(), self._engine.connect() as connection:
            return dict(connection.execute(select(ObservationRow.id, ObservationRow.number)).all())

    def observation(self, name: str) -> Observation | None:
        return self.observations_by_ids([name]).get(name)

    def observations_by_ids(self, ids: Iterable[str]) -> dict[str, Observation]:
        """Those of ``ids`` that there are, by id."""
        with told(), Session(self._engine) as session:
            return reading.observations(session, ids)

    def counts(self) -> dict[str, int]:
        """How many there are of what a person would count."""
        every = select(func.count())
        tables = {
            "artifacts": every.select_from(ArtifactRow),
            "observations": every.select_from(ObservationRow),
            "devices": every.select_from(DeviceRow).where(DeviceRow.until == FOREVER),
            "links": every.select_from(LinkRow).where(LinkRow.until == FOREVER),
        }
        with told(), self._engine.connect() as connection:
            return {name: connection.execute(query).scalar_one() for name, query in tables.items()}

    def set_custody_head(self, head: str, count: int) -> None:
        with self.transaction() as transaction:
            transaction.custody_head(head, count)

    def custody_head(self) -> tuple[str, int] | None:
        """The custody log's head and count as last recorded; None before the first."""
        with told(), self._engine.connect() as connection:
            head, count = (writing.state(connection, key) for key in ("custody_head", "custody_count"))
            return (head, int(count)) if head and count else None

    @contextmanager
    def purging(self, before: datetime) -> Iterator[Purging]:
        """For who removes what arrived before that."""
        with told():
            yield Purging(self._writer, before)

    def scrub(self, *, whole: bool = False) -> bool:
        """Makes what was removed leave the database's files; whether it did."""
        with told():
            return scrub(self._engine, whole=whole)

    def read_through(self) -> int:
        """Up to which entry of the custody log all that it names was read; not further than the recorded head."""
        with told(), self._engine.connect() as connection:
            known = [writing.state(connection, key) for key in (writing.THROUGH, "custody_count")]
        return int(known[0] or known[1] or 0)

    def replace_linkage(self, linkage: Linkage) -> int:
        """Puts ``linkage`` in the place of the one before; the number of the run."""
        numbers = self.numbers()
        return self.write_linkage(from_linkage(linkage, numbers), datetime.now(UTC), 0.0)

    def write_linkage(
        self, linkage: spans.Told, at: datetime, seconds: float, *, pause: Callable[[], None] = lambda: None
    ) -> int:
        """As :meth:`replace_linkage`, from sheets that come one by one; ``pause`` is called between transactions."""
        with told():
            return spans.write(self._writer, linkage, at, seconds, pause=pause)

    def run(self, as_of: datetime | None = None) -> Run | None:
        """The run whose linkage held at ``as_of``, or holds now; None before the first."""
        with told(), self._engine.connect() as connection:
            return paging.run_at(connection, as_of)

    @contextmanager
    def pages(self, as_of: datetime | None = None) -> Iterator[Pages]:
        """Pages of the linkage that held at ``as_of``, or holds now."""
        with told(), self._engine.connect() as connection:
            run = paging.run_at(connection, as_of)
            yield Pages(connection, run.number if run else 0, run)

    def linkage(self) -> Linkage:
        """The linkage as it was put in."""
        with told(), Session(self._engine) as session:
            run = spans.current(session.connection())
            found = self.run()
            return Linkage(
                reading.devices(session, run),
                reading.links(session, run),
                reading.ties(session, run),
                reading.conflicts(session, run),
                found.observations if found else 0,
                transfers=reading.transfers(session, run),
                farms=reading.farms(session, run),
            )

    @contextmanager
    def _now(self) -> Iterator[tuple[Session, int]]:
        with told(), Session(self._engine) as session:
            yield session, spans.current(session.connection())

    def devices(self, names: Iterable[str] | None = None) -> tuple[Device, ...]:
        """The devices of these names, or all, by id."""
        with self._now() as (session, run):
            return reading.devices(session, run, names)

    def device(self, name: str) -> Device | None:
        return next(iter(self.devices([name])), None)

    def links(self, *, account: str | None = None, device: str | None = None) -> tuple[AccountLink, ...]:
        """Links of accounts to devices by account, all or those of one account or device."""
        with self._now() as (session, run):
            return reading.links(session, run, account, device)

    def ties(self, device: str | None = None) -> tuple[Tie, ...]:
        """Ties in the linker's order, all or those of one device."""
        with self._now() as (session, run):
            return reading.ties(session, run, device)

    def conflicts(self) -> tuple[Conflict, ...]:
        with self._now() as (session, run):
            return reading.conflicts(session, run)

    def transfers(self, account: str | None = None) -> tuple[Transfer, ...]:
        """Moves of accounts from device to device, all or those of one account."""
        with self._now() as (session, run):
            return reading.transfers(session, run, account)

    def farms(self) -> tuple[Farm, ...]:
        """Farms, the largest first."""
        with self._now() as (session, run):
            return reading.farms(session, run)

    def accounts(self, beginning: str = "") -> list[str]:
        """Accounts that were seen, linked or not, sorted; only those that begin so."""
        with told(), Session(self._engine) as session:
            return list(reading.accounts(session, beginning))
