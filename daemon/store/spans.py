"""Writes a linkage as the difference to the one before, a few devices a transaction, so that who takes evidence in
never waits long. What a run changes is seen by nobody until its last transaction names it the current run; what it
ended stays, for whoever asks what was said before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, delete, insert, select, update

from rackprint.daemon.entries import microseconds
from rackprint.daemon.store.bulk import MANY, insert_many
from rackprint.daemon.store.models import (
    FOREVER,
    Base,
    ConflictRow,
    DeviceObservationRow,
    DeviceRow,
    EventRow,
    FarmDeviceRow,
    FarmRow,
    LinkRow,
    RunRow,
    TransferRow,
)
from rackprint.daemon.store.records import Change, StoreError
from rackprint.daemon.store.writing import next_of, set_state, state, utf8
from rackprint.fingerprint.link.result import AccountLink, Conflict, Farm, Sheet, Transfer

RUN, WRITING = "run", "run_writing"
VERSIONED: tuple[type[Base], ...] = (
    DeviceRow, DeviceObservationRow, LinkRow, ConflictRow, TransferRow, FarmRow, FarmDeviceRow,
)  # fmt: skip
CHUNK = 2000  # rows that one transaction writes, about
_TOLD = 20  # devices that one event names
_pack = msgspec.msgpack.Encoder().encode


@dataclass(slots=True)
class Told:
    """All that a run of the linker says. ``ids`` are the devices there are now, ``numbers`` those of observations,
    and ``through`` the highest of them."""

    ids: Collection[str]
    sheets: Iterable[Sheet]
    numbers: Mapping[str, int]
    through: int
    observations: int
    conflicts: Sequence[Conflict] = ()
    transfers: Sequence[Transfer] = ()
    farms: Sequence[Farm] = ()


def current(connection: Connection) -> int:
    """The run whose linkage holds; 0 before the first."""
    return int(state(connection, RUN) or 0)


def undo(engine: Engine) -> None:
    """Takes back what a run wrote that never became the current one."""
    with engine.begin() as connection:
        if state(connection, WRITING) in {None, ""}:
            return
        run = current(connection)
        for table in VERSIONED:
            columns = table.__table__.c
            connection.execute(delete(table).where(columns.since > run))
            connection.execute(
                update(table).where(columns.until > run, columns.until < FOREVER).values(until=FOREVER)
            )  # fmt: skip
        connection.execute(update(DeviceRow).where(DeviceRow.until == FOREVER).values(digest=""))
        connection.execute(delete(EventRow).where(EventRow.run > run))
        set_state(connection, {WRITING: ""})


def write(engine: Engine, told: Told, at: datetime, seconds: float, *, pause: Callable[[], None] = lambda: None) -> int:
    """Puts a linkage in the place of the one before, and tells what changed as events; the number of the run."""
    undo(engine)
    with engine.begin() as connection:
        run = current(connection) + 1
        set_state(connection, {WRITING: str(run)})
        live = DeviceRow.until == FOREVER
        before = dict(connection.execute(select(DeviceRow.id, DeviceRow.digest).where(live)).all())
        last = connection.execute(select(RunRow.through).where(RunRow.number == run - 1)).scalar() or 0
        writer = _Writer(run, before, last, told, microseconds(at), next_of(connection, EventRow))
    for chunk in writer.chunks():
        with engine.begin() as connection:
            writer.devices(connection, chunk)
        pause()
    gone = sorted(before.keys() - set(told.ids))
    for start in range(0, len(gone), MANY):
        with engine.begin() as connection:
            _close_devices(connection, run, gone[start : start + MANY])
        pause()
    with engine.begin() as connection:
        _conflicts(connection, run, told.conflicts)
        _transfers(connection, run, told.transfers)
        writer.tell(connection, _farms(connection, run, told.farms))
        insert_many(
            connection, RunRow, ("number", "at", "through", "observations", "seconds"),
            [(run, writer.at, told.through, told.observations, seconds)],
        )  # fmt: skip
        set_state(connection, {RUN: str(run), WRITING: ""})
    return run


@dataclass(slots=True)
class _Writer:
    run: int
    before: dict[str, str]
    last: int
    told: Told
    at: int
    event: int
    changes: list[Change] = field(default_factory=list)

    def tell(self, connection: Connection, changes: Iterable[Change]) -> None:
        """Keeps changes as events, which are seen once their run is the current one."""
        rows = [
            (self.event + n, self.run, self.at, c.kind, c.device, c.account, msgspec.json.encode(c.details).decode())
            for n, c in enumerate(changes)
        ]
        self.event += len(rows)
        insert_many(connection, EventRow, ("number", "run", "at", "kind", "device", "account", "body"), rows)

    def chunks(self) -> Iterator[list[tuple[Sheet, str]]]:
        """The sheets that are not as they were, with their digests."""
        chunk: list[tuple[Sheet, str]] = []
        size = 0
        for sheet in self.told.sheets:
            digest = hashlib.blake2b(_pack(sheet), digest_size=16).hexdigest()
            if self.before.get(sheet.device.id) == digest:
                continue
            chunk.append((sheet, digest))
            size += len(sheet.device.observations) + len(sheet.links) + 1
            if size >= CHUNK:
                yield chunk
                chunk, size = [], 0
        if chunk:
            yield chunk

    def devices(self, connection: Connection, chunk: list[tuple[Sheet, str]]) -> None:
        known = [sheet.device.id for sheet, _ in chunk if sheet.device.id in self.before]
        rows = _live(connection, DeviceRow, DeviceRow.id, known)
        links = _live(connection, LinkRow, LinkRow.device, known)
        old_links: dict[str, dict[str, Any]] = {}
        for link in links:
            old_links.setdefault(link.device, {})[link.account] = link
        old_devices = {row.id: row for row in rows}
        self._members(connection, [sheet for sheet, _ in chunk])
        for sheet, digest in chunk:
            self._device(connection, sheet, digest, old_devices.get(sheet.device.id))
        new = [x for sheet, _ in chunk for x in self._links(connection, sheet, old_links.get(sheet.device.id, {}))]
        insert_many(connection, LinkRow, _LINK, [_link_row(self.run, x) for x in new])
        self.tell(connection, self.changes)
        self.changes = []

    def _members(self, connection: Connection, sheets: list[Sheet]) -> None:
        numbers = self.told.numbers
        try:
            wanted = {numbers[o]: sheet.device.id for sheet in sheets for o in sheet.device.observations}
        except KeyError as error:
            raise StoreError(f"observation {error} is not in the case; link it again") from None
        seen = sorted(n for n in wanted if n <= self.last)
        row = DeviceObservationRow
        old: dict[int, str] = {}
        for start in range(0, len(seen), MANY):
            page = seen[start : start + MANY]
            found = select(row.observation, row.device).where(row.observation.in_(page), row.until == FOREVER)
            old.update(connection.execute(found).all())
        moved = [n for n, device in old.items() if wanted[n] != device]
        for start in range(0, len(moved), MANY):
            page = moved[start : start + MANY]
            ended = update(row).where(row.observation.in_(page), row.until == FOREVER)
            connection.execute(ended.values(until=self.run))
        fresh = [(n, self.run, FOREVER, device) for n, device in wanted.items() if old.get(n) != device]
        insert_many(connection, row, ("observation", "since", "until", "device"), fresh)
        self._moves(old, wanted, moved)

    def _moves(self, old: dict[int, str], wanted: dict[int, str], moved: list[int]) -> None:
        ways: dict[tuple[str, str], int] = {}
        for n in moved:
            way = old[n], wanted[n]
            ways[way] = ways.get(way, 0) + 1
        there = self.told.ids if isinstance(self.told.ids, (set, frozenset)) else set(self.told.ids)
        for (source, target), count in sorted(ways.items()):
            kind = "merge" if source not in there else "split" if target not in self.before else "move"
            self.changes.append(
                Change(kind, target if kind != "split" else source, "", {
                    "from": source, "to": target, "observations": count,
                })
            )  # fmt: skip

    def _device(self, connection: Connection, sheet: Sheet, digest: str, old: Any) -> None:
        device = sheet.device
        numbers = self.told.numbers
        evidence = _pack([(s.signal, s.key, s.bits, [numbers[o] for o in s.observations]) for s in sheet.stars])
        flags, notes = _list(device.flags), _list(device.notes)
        values = {
            "digest": digest, "first_seen": device.first_seen, "last_seen": device.last_seen,
            "observations": len(device.observations), "accounts": len(sheet.links), "evidence": evidence,
            "anchor_signal": utf8(device.anchor[0]), "anchor_key": utf8(device.anchor[1]),
            "flags": flags, "notes": notes,
        }  # fmt: skip
        for flag in sorted(set(device.flags) - set(msgspec.json.decode(old.flags) if old else ())):
            note = dict(zip(device.flags, device.notes, strict=True))[flag]
            self.changes.append(Change("flag", device.id, "", {"flag": flag, "note": note}))
        same = old is not None and (old.flags, old.notes) == (flags, notes)
        if old is not None:
            mine = update(DeviceRow).where(DeviceRow.id == device.id, DeviceRow.until == FOREVER)
            connection.execute(mine.values(values if same else {"until": self.run, "evidence": b""}))
        if not same:
            row = {"id": device.id, "since": self.run, "until": FOREVER, **values}
            connection.execute(insert(DeviceRow), [row])

    def _links(self, connection: Connection, sheet: Sheet, old: dict[str, Any]) -> Iterator[AccountLink]:
        """Those to insert; the others are brought up to date or ended."""
        device = sheet.device.id
        there = {link.account for link in sheet.links}
        mine = update(LinkRow).where(LinkRow.device == device, LinkRow.until == FOREVER)
        for account in sorted(old.keys() - there):
            connection.execute(mine.where(LinkRow.account == account).values(until=self.run))
            self.changes.append(Change("unlink", device, account, {}))
        for link in sheet.links:
            before = old.get(link.account)
            if before is None:
                details = {"probability": round(link.probability, 6), "weight": round(link.weight, 3)}
                self.changes.append(Change("link", device, link.account, details))
                yield link
            elif abs(before.probability - link.probability) < 1e-3 and before.reasons == _list(link.reasons):
                connection.execute(
                    mine.where(LinkRow.account == link.account).values(
                        weight=link.weight, probability=link.probability, observations=len(link.observations),
                        first_seen=link.first_seen, last_seen=link.last_seen,
                    )
                )  # fmt: skip
            else:
                connection.execute(mine.where(LinkRow.account == link.account).values(until=self.run))
                yield link


_LINK = (
    "account", "device", "since", "until", "probability", "weight", "first_seen", "last_seen", "observations",
    "reasons",
)  # fmt: skip


def _link_row(run: int, link: AccountLink) -> tuple[Any, ...]:
    seen = microseconds(link.first_seen), microseconds(link.last_seen)
    shown = len(link.observations), _list(link.reasons)
    return link.account, link.device, run, FOREVER, link.probability, link.weight, *seen, *shown


def _live(connection: Connection, table: type[Base], column: Any, values: list[str]) -> Iterator[Any]:
    until = table.__table__.c.until
    for start in range(0, len(values), MANY):
        page = select(table.__table__).where(column.in_(values[start : start + MANY]), until == FOREVER)
        yield from connection.execute(page)


def _close_devices(connection: Connection, run: int, devices: list[str]) -> None:
    for table, column in ((DeviceRow, DeviceRow.id), (LinkRow, LinkRow.device)):
        ended = update(table).where(column.in_(devices), table.until == FOREVER, table.since < run)
        connection.execute(ended.values(until=run))
    connection.execute(update(DeviceRow).where(DeviceRow.id.in_(devices)).values(evidence=b""))
    row = DeviceObservationRow  # what is left are observations that were purged
    left = update(row).where(row.device.in_(devices), row.until == FOREVER, row.since < run)
    connection.execute(left.values(until=run))


def _conflicts(connection: Connection, run: int, found: Sequence[Conflict]) -> None:
    row = ConflictRow
    old = dict(connection.execute(select(row.number, row.body).where(row.until == FOREVER)).all())
    new = {n: msgspec.json.encode(conflict) for n, conflict in enumerate(found)}
    ended = [n for n, body in old.items() if new.get(n) != body]
    for start in range(0, len(ended), MANY):
        page = row.number.in_(ended[start : start + MANY])
        connection.execute(update(row).where(page, row.until == FOREVER).values(until=run))
    fresh = [(n, run, FOREVER, body) for n, body in new.items() if old.get(n) != body]
    insert_many(connection, row, ("number", "since", "until", "body"), fresh)


def _transfers(connection: Connection, run: int, found: Sequence[Transfer]) -> None:
    row = TransferRow
    live = select(row.account, row.from_device, row.to_device, row.last_seen, row.first_seen)
    old = {tuple(r) for r in connection.execute(live.where(row.until == FOREVER))}
    new = {(t.account, t.from_device, t.to_device, t.last_seen, t.first_seen) for t in found}
    for account, source, target, last, _ in sorted(old - new):
        mine = update(row).where(
            row.account == account, row.from_device == source, row.to_device == target, row.last_seen == last
        )
        connection.execute(mine.where(row.until == FOREVER).values(until=run))
    columns = ("account", "from_device", "to_device", "last_seen", "first_seen", "since", "until")
    rows = [(*t[:3], *map(microseconds, t[3:]), run, FOREVER) for t in sorted(new - old)]
    insert_many(connection, row, columns, rows)


def _farms(connection: Connection, run: int, found: Sequence[Farm]) -> Iterator[Change]:
    row, member = FarmRow, FarmDeviceRow
    live = select(row.id, row.number, row.body).where(row.until == FOREVER)
    old = {r.id: (r.number, r.body) for r in connection.execute(live)}
    new = {f.id: (n, msgspec.json.encode(f)) for n, f in enumerate(found)}
    ended = [name for name, value in old.items() if new.get(name) != value]
    for table, column in ((row, row.id), (member, member.farm)):
        for start in range(0, len(ended), MANY):
            page = column.in_(ended[start : start + MANY])
            connection.execute(update(table).where(page, table.until == FOREVER).values(until=run))
    fresh = [f for f in found if old.get(f.id) != new[f.id]]
    rows = [(f.id, run, FOREVER, new[f.id][0], f.kind, f.probability, new[f.id][1]) for f in fresh]
    insert_many(connection, row, ("id", "since", "until", "number", "kind", "probability", "body"), rows)
    members = [(d, f.id, run, FOREVER) for f in fresh for d in f.devices]
    insert_many(connection, member, ("device", "farm", "since", "until"), members)
    for farm in fresh:
        if farm.id not in old or msgspec.json.decode(old[farm.id][1], type=Farm).devices != farm.devices:
            kind = "farm" if farm.id not in old else "farm_changed"
            details = {"farm": farm.id, "kind": farm.kind, "devices": len(farm.devices), "some": farm.devices[:_TOLD]}
            yield Change(kind, "", "", details)
    for name in sorted(old.keys() - new.keys()):
        yield Change("farm_ended", "", "", {"farm": name})


def _list(values: Sequence[str]) -> str:
    return utf8(msgspec.json.encode(values).decode())
