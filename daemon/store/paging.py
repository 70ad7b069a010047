"""Pages of what was found, for who asks over a network: plain rows, a page at a time, as of any run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, and_, func, or_, select

from rackprint.daemon import entries
from rackprint.daemon.store import reading, spans
from rackprint.daemon.store.models import (
    ArtifactRow,
    DeviceObservationRow,
    DeviceRow,
    EventRow,
    FarmDeviceRow,
    FarmRow,
    LinkRow,
    ObservationAccountRow,
    ObservationRow,
    RunRow,
    TransferRow,
)
from rackprint.daemon.store.records import Event, Run

Row = dict[str, Any]
_LINK = (
    LinkRow.account, LinkRow.device, LinkRow.probability, LinkRow.weight, LinkRow.first_seen, LinkRow.last_seen,
    LinkRow.observations, LinkRow.reasons,
)  # fmt: skip
_DEVICE = (
    DeviceRow.id, DeviceRow.anchor_signal, DeviceRow.first_seen, DeviceRow.last_seen, DeviceRow.observations,
    DeviceRow.accounts, DeviceRow.flags, DeviceRow.notes,
)  # fmt: skip


def run_at(connection: Connection, as_of: datetime | None) -> Run | None:
    """The run whose linkage held at ``as_of``, or holds now; None before the first."""
    row = RunRow
    found = select(row.number, row.at, row.through, row.observations, row.seconds)
    now = spans.current(connection)
    if as_of is None:
        found = found.where(row.number == now)
    else:
        found = found.where(row.at <= as_of, row.number <= now).order_by(row.number.desc()).limit(1)
    first = connection.execute(found).first()
    return Run(*first) if first else None


def links(
    connection: Connection, run: int, limit: int, after: Sequence[str] = (), *, account: str = "", device: str = "",
    devices: Sequence[str] = (), beginning: str = "", least: float = 0.0,
) -> list[Row]:  # fmt: skip
    """Links by account and device, those behind ``after`` (account, device)."""
    row = LinkRow
    found = select(*_LINK).where(reading.at(row, run)).order_by(row.account, row.device).limit(limit)
    if after:
        name, where = after
        found = found.where(or_(row.account > name, and_(row.account == name, row.device > where)))
    if account:
        found = found.where(row.account == account)
    if device:
        found = found.where(row.device == device)
    if devices:
        found = found.where(row.device.in_(devices))
    if beginning:
        found = found.where(*_begins(row.account, beginning))
    if least:
        found = found.where(row.probability >= least)
    return [_told(r, "reasons") for r in connection.execute(found)]


def accounts(connection: Connection, run: int, limit: int, after: str = "", *, beginning: str = "") -> list[Row]:
    """Accounts by name: on how many devices each was, when, and in how many observations."""
    row = LinkRow
    columns = (
        row.account, func.count().label("devices"), func.min(row.first_seen).label("first_seen"),
        func.max(row.last_seen).label("last_seen"), func.sum(row.observations).label("observations"),
        func.max(row.probability).label("probability"),
    )  # fmt: skip
    found = select(*columns).where(reading.at(row, run)).group_by(row.account).order_by(row.account).limit(limit)
    if after:
        found = found.where(row.account > after)
    if beginning:
        found = found.where(*_begins(row.account, beginning))
    return [{**r._mapping, "observations": int(r.observations)} for r in connection.execute(found)]


def devices(
    connection: Connection, run: int, limit: int, after: str = "", *, names: Sequence[str] = (), flag: str = "",
    least: int = 0, farm: str = "",
) -> list[Row]:  # fmt: skip
    """Devices by id; with at least ``least`` accounts, with a flag, of a farm."""
    row = DeviceRow
    found = select(*_DEVICE).where(reading.at(row, run)).order_by(row.id).limit(limit)
    if after:
        found = found.where(row.id > after)
    if names:
        found = found.where(row.id.in_(names))
    if flag:
        found = found.where(row.flags.contains(f'"{flag}"', autoescape=True))
    if least:
        found = found.where(row.accounts >= least)
    if farm:
        member = FarmDeviceRow
        found = found.join(member, member.device == row.id).where(reading.at(member, run), member.farm == farm)
    return [_told(r, "flags", "notes", id="device", anchor_signal="anchor") for r in connection.execute(found)]


def farms(
    connection: Connection, run: int, limit: int, after: int = -1, *, kind: str = "", names: Sequence[str] = ()
) -> list[Row]:
    """Farms, the largest first; ``number`` is the place in the list."""
    row = FarmRow
    found = select(row.number, row.body).where(reading.at(row, run), row.number > after).order_by(row.number)
    if kind:
        found = found.where(row.kind == kind)
    if names:
        found = found.where(row.id.in_(names))
    return [{"number": r.number, **msgspec.json.decode(r.body)} for r in connection.execute(found.limit(limit))]


def farms_of(connection: Connection, run: int, names: Sequence[str]) -> dict[str, list[str]]:
    """device -> the farms that it is part of."""
    member = FarmDeviceRow
    found = select(member.device, member.farm).where(reading.at(member, run), member.device.in_(names))
    held: dict[str, list[str]] = {}
    for device, farm in connection.execute(found.order_by(member.device, member.farm)):
        held.setdefault(device, []).append(farm)
    return held


def transfers(
    connection: Connection, run: int, limit: int, after: Sequence[str] = (), *, account: str = ""
) -> list[Row]:
    """Moves of accounts by account and time; behind ``after`` (account, from, to)."""
    row = TransferRow
    columns = (row.account, row.from_device, row.to_device, row.last_seen, row.first_seen)
    order = (row.account, row.from_device, row.to_device)
    found = select(*columns).where(reading.at(row, run)).order_by(*order, row.last_seen).limit(limit)
    if after:
        a, b, c = after
        same = row.account == a
        behind = or_(row.from_device > b, and_(row.from_device == b, row.to_device > c))
        found = found.where(or_(row.account > a, and_(same, behind)))
    if account:
        found = found.where(row.account == account)
    return [dict(r._mapping) for r in connection.execute(found)]


def timeline(
    connection: Connection, run: int, limit: int, after: Sequence[int] = (), *, account: str = "", device: str = ""
) -> list[tuple[int, int, Any]]:
    """(time in microseconds, number, observation) of an account or of a device, behind ``after`` (time, number)."""
    row = ObservationRow
    found: Select[Any] = reading.with_artifact().order_by(row.time, row.number).limit(limit)
    if account:
        shown = ObservationAccountRow
        found = found.join(shown, shown.observation == row.number).where(shown.account == account)
    if device:
        member = DeviceObservationRow
        found = found.join(member, member.observation == row.number)
        found = found.where(member.device == device, reading.at(member, run))
    if after:
        moment = entries.moment(after[0])
        found = found.where(or_(row.time > moment, and_(row.time == moment, row.number > after[1])))
    rows = connection.execute(found).all()
    return [(entries.microseconds(o.time), number, o) for number, o in reading.read(rows)]


def placed(connection: Connection, run: int, ids: Sequence[str]) -> list[str]:
    """The devices that these observations are of, the most frequent first."""
    member = DeviceObservationRow
    count = func.count()
    found = select(member.device).join(ObservationRow, ObservationRow.number == member.observation)
    found = found.where(ObservationRow.id.in_(ids), reading.at(member, run)).group_by(member.device)
    return list(connection.execute(found.order_by(count.desc(), member.device)).scalars())


def events(connection: Connection, after: int, limit: int, *, kinds: Sequence[str] = ()) -> list[Event]:
    """What runs changed, behind number ``after``."""
    row = EventRow
    found = select(row).where(row.number > after, row.run <= spans.current(connection)).order_by(row.number)
    if kinds:
        found = found.where(row.kind.in_(kinds))
    decode = msgspec.json.decode
    return [
        Event(r.kind, r.device, r.account, decode(r.body), r.number, r.run, r.at)
        for r in connection.execute(found.with_only_columns(*row.__table__.c).limit(limit))
    ]


def last_event(connection: Connection) -> int:
    """The number of the newest event that may be seen."""
    found = select(func.max(EventRow.number)).where(EventRow.run <= spans.current(connection))
    return connection.execute(found).scalar() or 0


def artifacts(connection: Connection, limit: int, after: int = 0) -> list[Row]:
    """Artifacts in the order of their arrival; ``number`` is their place in it."""
    row = ArtifactRow
    columns = (
        row.number, row.sha256, row.name, row.size, row.taken_at, row.added_at, row.exhibit, row.parser, row.done,
    )  # fmt: skip
    found = select(*columns).where(row.number > after).order_by(row.number).limit(limit)
    return [dict(r._mapping) for r in connection.execute(found)]


def _begins(column: Any, beginning: str) -> tuple[Any, Any]:
    return column >= beginning, column < beginning + "\U0010ffff"


def _told(row: Any, *lists: str, **names: str) -> Row:
    """A row as a dict, its JSON lists as lists, some columns under other names."""
    return {names.get(k, k): msgspec.json.decode(v) if k in lists else v for k, v in row._mapping.items()}
