"""Records from rows: how evidence and the linkage of one run come back out of the store, whole or in parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, select
from sqlalchemy.orm import Session

from rackprint.daemon import entries
from rackprint.daemon.store.bulk import MANY
from rackprint.daemon.store.models import (
    ArtifactRow,
    ConflictRow,
    DeviceObservationRow,
    DeviceRow,
    FarmRow,
    LinkRow,
    ObservationAccountRow,
    ObservationRow,
    TransferRow,
)
from rackprint.daemon.store.records import Artifact
from rackprint.fingerprint.link.result import AccountLink, Conflict, Device, Farm, Star, Tie, Transfer
from rackprint.fingerprint.model import Observation


def at(table: Any, run: int) -> ColumnElement[bool]:
    """That a row of the linkage holds in ``run``."""
    return and_(table.since <= run, table.until > run)


def devices(session: Session, run: int, names: Iterable[str] | None = None) -> tuple[Device, ...]:
    """All devices by id, or those of these names."""
    rows = select(DeviceRow).where(at(DeviceRow, run)).order_by(DeviceRow.id)
    member = DeviceObservationRow
    pairs = select(member.device, ObservationRow.id).join(ObservationRow, ObservationRow.number == member.observation)
    pairs = pairs.where(at(member, run)).order_by(ObservationRow.id)
    members: dict[str, list[str]] = {}
    found: list[DeviceRow] = []
    for row_page, pair_page in _pages(rows, pairs, names):
        for device, observation in session.execute(pair_page):
            members.setdefault(device, []).append(observation)
        found += session.scalars(row_page)
    return tuple(_device(row, members.get(row.id, [])) for row in sorted(found, key=lambda r: r.id))


def _pages(rows: Any, pairs: Any, names: Iterable[str] | None) -> Iterator[tuple[Any, Any]]:
    if names is None:
        yield rows, pairs
        return
    wanted = list(dict.fromkeys(names))
    for start in range(0, len(wanted), MANY):
        page = wanted[start : start + MANY]
        yield rows.where(DeviceRow.id.in_(page)), pairs.where(DeviceObservationRow.device.in_(page))


def links(session: Session, run: int, account: str | None = None, device: str | None = None) -> tuple[AccountLink, ...]:
    """Links by account and device, all or those of one."""
    row, member, shown = LinkRow, DeviceObservationRow, ObservationAccountRow
    rows = select(row).where(at(row, run)).order_by(row.account, row.device)
    seen = (
        select(shown.account, member.device, ObservationRow.id)
        .join(member, member.observation == shown.observation)
        .join(ObservationRow, ObservationRow.number == shown.observation)
        .where(at(member, run))
        .order_by(ObservationRow.id)
    )
    if account is not None:
        rows, seen = rows.where(row.account == account), seen.where(shown.account == account)
    if device is not None:
        rows, seen = rows.where(row.device == device), seen.where(member.device == device)
    held: dict[tuple[str, str], list[str]] = {}
    for who, where, observation in session.execute(seen):
        held.setdefault((who, where), []).append(observation)
    return tuple(_link(r, held.get((r.account, r.device), [])) for r in session.scalars(rows))


def stars(session: Session, run: int, device: str | None = None) -> Iterator[tuple[str, Star]]:
    """(device, star) in the linker's order, of all devices or of one."""
    rows = select(DeviceRow.id, DeviceRow.evidence).where(at(DeviceRow, run)).order_by(DeviceRow.id)
    member = DeviceObservationRow
    names = select(ObservationRow.number, ObservationRow.id)
    if device is not None:
        rows = rows.where(DeviceRow.id == device)
        names = names.join(member, member.observation == ObservationRow.number)
        names = names.where(member.device == device, at(member, run))
    ids = dict(session.execute(names).all())
    decode = msgspec.msgpack.Decoder(list[tuple[str, str, float, list[int]]]).decode
    for name, evidence in session.execute(rows):
        for signal, key, bits, numbers in decode(evidence) if evidence else ():
            there = tuple(ids[n] for n in numbers if n in ids)
            if len(there) > 1:
                yield name, Star(signal, key, bits, there)


def ties(session: Session, run: int, device: str | None = None) -> tuple[Tie, ...]:
    """Ties in the linker's order, all or those of one device."""
    return tuple(tie for name, star in stars(session, run, device) for tie in star.ties(name))


def conflicts(session: Session, run: int) -> tuple[Conflict, ...]:
    rows = select(ConflictRow.body).where(at(ConflictRow, run)).order_by(ConflictRow.number)
    decode = msgspec.json.Decoder(Conflict).decode
    return tuple(decode(body) for body in session.scalars(rows))


def transfers(session: Session, run: int, account: str | None = None) -> tuple[Transfer, ...]:
    """Moves of accounts, all or those of one."""
    row = TransferRow
    rows = select(row).where(at(row, run)).order_by(row.account, row.last_seen)
    rows = rows if account is None else rows.where(row.account == account)
    return tuple(
        Transfer(r.account, r.from_device, r.to_device, r.last_seen, r.first_seen) for r in session.scalars(rows)
    )


def farms(session: Session, run: int) -> tuple[Farm, ...]:
    """Farms, the largest first."""
    decode = msgspec.json.Decoder(Farm).decode
    rows = select(FarmRow.body).where(at(FarmRow, run)).order_by(FarmRow.number)
    return tuple(decode(body) for body in session.scalars(rows))


OBSERVATION = (
    ObservationRow.number, ObservationRow.id, ObservationRow.form, ObservationRow.body, ObservationRow.line,
    ObservationRow.offset, ArtifactRow.sha256,
)  # fmt: skip


def with_artifact() -> Any:
    """Rows of observations with what they are made from."""
    return select(*OBSERVATION).outerjoin(ArtifactRow, ArtifactRow.number == ObservationRow.artifact)


def observations(session: Session, ids: Iterable[str]) -> dict[str, Observation]:
    """Those of ``ids`` that there are, by id."""
    wanted = list(dict.fromkeys(ids))
    found: dict[str, Observation] = {}
    for start in range(0, len(wanted), MANY):
        page = with_artifact().where(ObservationRow.id.in_(wanted[start : start + MANY]))
        found.update((o.id, o) for _, o in read(session.execute(page)))
    return found


def read(rows: Iterable[Any]) -> Iterator[tuple[int, Observation]]:
    """(number, observation) of rows of :func:`with_artifact`."""
    make = entries.reader()
    for row in rows:
        yield row.number, make(row.form, row.body, row.sha256 or "", row.line, row.offset)


def accounts(session: Session, beginning: str) -> Iterator[str]:
    """Accounts that were seen, linked or not, sorted; only those that begin so."""
    account = ObservationAccountRow.account
    rows = select(account).distinct().order_by(account)
    if beginning:
        rows = rows.where(account >= beginning, account < beginning + "\U0010ffff")
    yield from session.scalars(rows)


def artifact(row: ArtifactRow) -> Artifact:
    return Artifact(
        row.sha256, row.name, row.size, row.taken_at, row.added_at, row.exhibit, row.parser, row.done, row.pack,
        row.offset,
    )  # fmt: skip


def artifact_at(connection: Connection, sha256: str) -> Any:
    """The row of an artifact, or None."""
    return connection.execute(select(ArtifactRow.__table__).where(ArtifactRow.sha256 == sha256)).first()


def _device(row: DeviceRow, members: list[str]) -> Device:
    anchor = (row.anchor_signal, row.anchor_key)
    return Device(row.id, anchor, tuple(members), row.first_seen, row.last_seen, _tuple(row.flags), _tuple(row.notes))


def _link(row: LinkRow, shown: list[str]) -> AccountLink:
    return AccountLink(
        row.account,
        row.device,
        row.probability,
        row.weight,
        row.first_seen,
        row.last_seen,
        tuple(shown),
        _tuple(row.reasons),
    )


def _tuple(text: str) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...])
