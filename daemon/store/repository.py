"""The store of one case: the only way to its database, in records and never in SQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

import msgspec
from sqlalchemy import Engine, delete, func, insert, select, update
from sqlalchemy.orm import Session

from rackprint.daemon.store import writing
from rackprint.daemon.store.engine import open_engine
from rackprint.daemon.store.models import (
    ArtifactRow,
    ConflictRow,
    DeviceObservationRow,
    DeviceRow,
    LinkRow,
    ObservationRow,
    ProblemRow,
    StateRow,
    TieRow,
)
from rackprint.daemon.store.records import Added, Artifact
from rackprint.fingerprint.link.result import AccountLink, Conflict, Device, Linkage, Tie
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
                connection.execute(insert(ArtifactRow), [msgspec.structs.asdict(artifact)])

    def finish_artifact(self, sha256: str, parser: str) -> None:
        """Marks an artifact as read to its end."""
        with self._engine.begin() as connection:
            done = update(ArtifactRow).where(ArtifactRow.sha256 == sha256).values(parser=parser, done=True)
            connection.execute(done)

    def artifact(self, sha256: str) -> Artifact | None:
        with Session(self._engine) as session:
            row = session.get(ArtifactRow, sha256)
            return _artifact(row) if row else None

    def artifacts(self) -> Iterator[Artifact]:
        """All artifacts by name."""
        with Session(self._engine) as session:
            for row in session.scalars(select(ArtifactRow).order_by(ArtifactRow.name, ArtifactRow.sha256)):
                yield _artifact(row)

    def set_problems(self, problems: Sequence[Problem], artifact: str) -> None:
        """The problems of an artifact, in the place of those that an earlier reading left."""
        rows = [{"artifact": artifact, "body": msgspec.json.encode(problem)} for problem in problems]
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
        """Adds those with a new id in one commit; adding again is harmless."""
        with self._engine.begin() as connection:
            return writing.add_observations(connection, observations)

    def observations(self) -> Iterator[Observation]:
        """All observations in the order of their ids, a batch at a time."""
        decode = msgspec.json.Decoder(Observation).decode
        last = ""
        while True:
            page = select(ObservationRow.id, ObservationRow.body).where(ObservationRow.id > last)
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

    def counts(self) -> dict[str, int]:
        """How many rows there are of what a person would count."""
        tables = {"artifacts": ArtifactRow, "observations": ObservationRow, "devices": DeviceRow, "links": LinkRow}
        with self._engine.connect() as connection:
            return {
                name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for name, table in tables.items()
            }

    def set_custody_head(self, head: str, count: int) -> None:
        self._set({"custody_head": head, "custody_count": str(count)})

    def custody_head(self) -> tuple[str, int] | None:
        """The custody log's head and count as last recorded; None before the first."""
        with Session(self._engine) as session:
            head, count = session.get(StateRow, "custody_head"), session.get(StateRow, "custody_count")
            return (head.value, int(count.value)) if head and count else None

    def replace_linkage(self, linkage: Linkage) -> None:
        """Puts ``linkage`` in the place of the one before, in one transaction."""
        with self._engine.begin() as connection:
            writing.replace_linkage(connection, linkage)
        self._set({"linked_observations": str(linkage.observations)})

    def linkage(self) -> Linkage:
        """The linkage as it was put in."""
        with Session(self._engine) as session:
            members: dict[str, list[str]] = {}
            for row in session.execute(
                select(DeviceObservationRow.device, DeviceObservationRow.observation).order_by(
                    DeviceObservationRow.observation
                )
            ):
                members.setdefault(row.device, []).append(row.observation)
            linked = session.get(StateRow, "linked_observations")
            return Linkage(
                tuple(_device(d, members[d.id]) for d in session.scalars(select(DeviceRow).order_by(DeviceRow.id))),
                tuple(map(_link, session.scalars(select(LinkRow).order_by(LinkRow.account, LinkRow.device)))),
                tuple(map(_tie, session.scalars(select(TieRow).order_by(TieRow.number)))),
                tuple(map(_conflict, session.scalars(select(ConflictRow).order_by(ConflictRow.number)))),
                int(linked.value) if linked else 0,
            )

    def _set(self, values: dict[str, str]) -> None:
        with Session(self._engine) as session:
            for key, value in values.items():
                session.merge(StateRow(key=key, value=value))
            session.commit()


def _artifact(row: ArtifactRow) -> Artifact:
    return Artifact(row.sha256, row.name, row.size, row.taken_at, row.added_at, row.exhibit, row.parser, row.done)


def _device(row: DeviceRow, members: list[str]) -> Device:
    anchor = (row.anchor_signal, row.anchor_key)
    return Device(row.id, anchor, tuple(members), row.first_seen, row.last_seen, _tuple(row.flags), _tuple(row.notes))


def _link(row: LinkRow) -> AccountLink:
    return AccountLink(
        row.account,
        row.device,
        row.probability,
        row.weight,
        row.first_seen,
        row.last_seen,
        _tuple(row.observations),
        _tuple(row.reasons),
    )


def _tie(row: TieRow) -> Tie:
    return Tie(row.a, row.b, row.signal, row.key, row.bits, row.observations, row.device)


def _conflict(row: ConflictRow) -> Conflict:
    return Conflict(row.signal, row.key, _tuple(row.devices), _tuple(row.observations), row.why)


def _tuple(text: str) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...])
