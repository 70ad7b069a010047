"""Records from rows: how the linkage comes back out of the store, whole or by account and device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from rackprint.daemon.store.models import (
    ArtifactRow,
    ConflictRow,
    DeviceObservationRow,
    DeviceRow,
    FarmRow,
    LinkRow,
    ObservationAccountRow,
    ObservationRow,
    TieRow,
    TransferRow,
)
from rackprint.daemon.store.records import Artifact
from rackprint.fingerprint.link.result import AccountLink, Conflict, Device, Farm, Tie, Transfer
from rackprint.fingerprint.model import Observation

MANY = 500  # values in one IN list; SQLite takes 32,766 variables


def devices(session: Session, name: str | None = None) -> tuple[Device, ...]:
    """All devices by id, or the one called ``name``."""
    rows = select(DeviceRow).order_by(DeviceRow.id)
    pairs = select(DeviceObservationRow.device, DeviceObservationRow.observation)
    if name is not None:
        rows, pairs = rows.where(DeviceRow.id == name), pairs.where(DeviceObservationRow.device == name)
    members: dict[str, list[str]] = {}
    for row in session.execute(pairs.order_by(DeviceObservationRow.observation)):
        members.setdefault(row.device, []).append(row.observation)
    return tuple(_device(row, members.get(row.id, [])) for row in session.scalars(rows))


def links(session: Session, account: str | None = None, device: str | None = None) -> tuple[AccountLink, ...]:
    """Links by account and device, all or those of one."""
    rows = select(LinkRow).order_by(LinkRow.account, LinkRow.device)
    if account is not None:
        rows = rows.where(LinkRow.account == account)
    if device is not None:
        rows = rows.where(LinkRow.device == device)
    return tuple(map(_link, session.scalars(rows)))


def ties(session: Session, device: str | None = None) -> tuple[Tie, ...]:
    """Ties in the linker's order, all or those of one device."""
    rows = select(TieRow).order_by(TieRow.number)
    return tuple(map(_tie, session.scalars(rows if device is None else rows.where(TieRow.device == device))))


def conflicts(session: Session) -> tuple[Conflict, ...]:
    return tuple(map(_conflict, session.scalars(select(ConflictRow).order_by(ConflictRow.number))))


def transfers(session: Session, account: str | None = None) -> tuple[Transfer, ...]:
    """Moves of accounts, all or those of one."""
    rows = select(TransferRow).order_by(TransferRow.number)
    rows = rows if account is None else rows.where(TransferRow.account == account)
    return tuple(
        Transfer(r.account, r.from_device, r.to_device, r.last_seen, r.first_seen) for r in session.scalars(rows)
    )


def farms(session: Session) -> tuple[Farm, ...]:
    """Farms, the largest first."""
    decode = msgspec.json.Decoder(Farm).decode
    return tuple(decode(body) for body in session.scalars(select(FarmRow.body).order_by(FarmRow.number)))


def observations(session: Session, ids: Iterable[str]) -> dict[str, Observation]:
    """Those of ``ids`` that there are, by id."""
    decode = msgspec.json.Decoder(Observation).decode
    wanted = list(dict.fromkeys(ids))
    found: dict[str, Observation] = {}
    for start in range(0, len(wanted), MANY):
        page = select(ObservationRow.id, ObservationRow.body).where(ObservationRow.id.in_(wanted[start : start + MANY]))
        found.update((row.id, decode(row.body)) for row in session.execute(page))
    return found


def accounts(session: Session, beginning: str) -> Iterator[str]:
    """Accounts that were seen, linked or not, sorted; only those that begin so."""
    account = ObservationAccountRow.account
    rows = select(account).distinct().order_by(account)
    yield from session.scalars(rows.where(account.startswith(beginning, autoescape=True)) if beginning else rows)


def artifact(row: ArtifactRow) -> Artifact:
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
