"""The store of one case: the only way to its database, in records and never in SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType

import msgspec
from sqlalchemy import Engine, delete, func, insert, select, update
from sqlalchemy.orm import Session

from rackprint.daemon.store import reading, writing
from rackprint.daemon.store.engine import open_engine
from rackprint.daemon.store.models import (
    ArtifactRow,
    DeviceRow,
    LinkRow,
    ObservationRow,
    ProblemRow,
    StateRow,
)
from rackprint.daemon.store.records import Added, Artifact
from rackprint.fingerprint.link.result import AccountLink, Conflict, Device, Farm, Linkage, Tie, Transfer
from rackprint.fingerprint.model import Observation, Problem

_BATCH = 2000


class Store:
    """Use as a context manager. A method that writes returns when its commit is on the disk."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, case: Path, *, create: bool = False) -> Store:
        """The store of the case at ``case``; raises StoreError where there is none and ``create`` is not set."""
        return cls(open_engine(case, create=create))

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def add_artifact(self, artifact: Artifact) -> None:
        """Records an artifact; one that is recorded already stays as it is."""
        with self._engine.begin() as connection:
            known = select(ArtifactRow.sha256).where(ArtifactRow.sha256 == artifact.sha256)
            if connection.execute(known).first() is None:
                row = msgspec.structs.asdict(artifact)
                connection.execute(insert(ArtifactRow), [{**row, "name": writing.utf8(artifact.name)}])

    def finish_artifact(self, sha256: str, parser: str) -> None:
        """Marks an artifact as read to its end."""
        with self._engine.begin() as connection:
            done = update(ArtifactRow).where(ArtifactRow.sha256 == sha256).values(parser=parser, done=True)
            connection.execute(done)

    def artifact(self, sha256: str) -> Artifact | None:
        with Session(self._engine) as session:
            row = session.get(ArtifactRow, sha256)
            return reading.artifact(row) if row else None

    def artifact_known(self, sha256: str) -> bool:
        """Whether the artifact was read to its end; one whose reading was interrupted is to be read anew."""
        found = self.artifact(sha256)
        return found is not None and found.done

    def artifacts(self) -> Iterator[Artifact]:
        """All artifacts by name."""
        with Session(self._engine) as session:
            for row in session.scalars(select(ArtifactRow).order_by(ArtifactRow.name, ArtifactRow.sha256)):
                yield reading.artifact(row)

    def set_problems(self, problems: Sequence[Problem], artifact: str) -> None:
        """The problems of an artifact, in the place of those that an earlier reading left."""
        rows = [{"artifact": artifact, "body": writing.problem_body(problem)} for problem in problems]
        with self._engine.begin() as connection:
            connection.execute(delete(ProblemRow).where(ProblemRow.artifact == artifact))
            if rows:
                connection.execute(insert(ProblemRow), rows)

    def problems(self) -> Iterator[Problem]:
        decode = msgspec.json.Decoder(Problem).decode
        with self._engine.connect() as connection:
            for body in connection.execute(select(ProblemRow.body).order_by(ProblemRow.id)).scalars():
                yield decode(body)

    def add_observations(self, observations: Sequence[Observation]) -> Added:
        """Adds those with a new id in one commit; adding again is harmless. What cannot be kept (an id that says
        something else already, a number that is not finite, broken text) is told in ``conflicts``; the rest is added.
        """
        with self._engine.begin() as connection:
            return writing.add_observations(connection, observations)

    def observations(self) -> Iterator[Observation]:
        """All observations in the order of their ids, a batch at a time."""
        decode = msgspec.json.Decoder(Observation).decode
        last: str | None = None
        while True:
            page = select(ObservationRow.id, ObservationRow.body)
            page = page if last is None else page.where(ObservationRow.id > last)
            with self._engine.connect() as connection:
                rows = connection.execute(page.order_by(ObservationRow.id).limit(_BATCH)).all()
            if not rows:
                return
            for row in rows:
                yield decode(row.body)
            last = rows[-1].id

    def observation(self, name: str) -> Observation | None:
        with Session(self._engine) as session:
            row = session.get(ObservationRow, name)
            return msgspec.json.decode(row.body, type=Observation) if row else None

    def observations_by_ids(self, ids: Iterable[str]) -> dict[str, Observation]:
        """Those of ``ids`` that there are, by id."""
        with Session(self._engine) as session:
            return reading.observations(session, ids)

    def counts(self) -> dict[str, int]:
        """How many rows there are of what a person would count."""
        tables = {"artifacts": ArtifactRow, "observations": ObservationRow, "devices": DeviceRow, "links": LinkRow}
        with self._engine.connect() as connection:
            return {
                name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for name, table in tables.items()
            }

    def set_custody_head(self, head: str, count: int) -> None:
        with self._engine.begin() as connection:
            writing.set_state(connection, {"custody_head": head, "custody_count": str(count)})

    def custody_head(self) -> tuple[str, int] | None:
        """The custody log's head and count as last recorded; None before the first."""
        with Session(self._engine) as session:
            head, count = session.get(StateRow, "custody_head"), session.get(StateRow, "custody_count")
            return (head.value, int(count.value)) if head and count else None

    def replace_linkage(self, linkage: Linkage) -> None:
        """Puts ``linkage`` in the place of the one before, in one transaction."""
        with self._engine.begin() as connection:
            writing.replace_linkage(connection, linkage)

    def linkage(self) -> Linkage:
        """The linkage as it was put in."""
        with Session(self._engine) as session:
            linked = session.get(StateRow, writing.LINKED)
            return Linkage(
                reading.devices(session),
                reading.links(session),
                reading.ties(session),
                reading.conflicts(session),
                int(linked.value) if linked else 0,
                transfers=reading.transfers(session),
                farms=reading.farms(session),
            )

    def devices(self) -> tuple[Device, ...]:
        """All devices by id."""
        with Session(self._engine) as session:
            return reading.devices(session)

    def device(self, name: str) -> Device | None:
        with Session(self._engine) as session:
            return next(iter(reading.devices(session, name)), None)

    def links(self, *, account: str | None = None, device: str | None = None) -> tuple[AccountLink, ...]:
        """Links of accounts to devices by account, all or those of one account or device."""
        with Session(self._engine) as session:
            return reading.links(session, account, device)

    def ties(self, device: str | None = None) -> tuple[Tie, ...]:
        """Ties in the linker's order, all or those of one device."""
        with Session(self._engine) as session:
            return reading.ties(session, device)

    def conflicts(self) -> tuple[Conflict, ...]:
        with Session(self._engine) as session:
            return reading.conflicts(session)

    def transfers(self, account: str | None = None) -> tuple[Transfer, ...]:
        """Moves of accounts from device to device, all or those of one account."""
        with Session(self._engine) as session:
            return reading.transfers(session, account)

    def farms(self) -> tuple[Farm, ...]:
        """Farms, the largest first."""
        with Session(self._engine) as session:
            return reading.farms(session)

    def accounts(self, beginning: str = "") -> list[str]:
        """Accounts that were seen, linked or not, sorted; only those that begin so."""
        with Session(self._engine) as session:
            return list(reading.accounts(session, beginning))
