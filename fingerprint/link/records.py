"""What linking found as records: for the store, the reports and whoever asks why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from rackprint.fingerprint.link.columns import KINDS, Columns
from rackprint.fingerprint.link.paths import graph, path, widest
from rackprint.fingerprint.link.resolution import Resolution
from rackprint.fingerprint.link.result import (
    AccountLink,
    Conflict,
    Device,
    Farm,
    Linkage,
    SharedContext,
    Sheet,
    Star,
    Tie,
    Transfer,
    short,
)
from rackprint.fingerprint.model import SourceKind

Best = Mapping[str, tuple[float, Tie | None]]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ACQUISITION, _PLATFORM = KINDS.index(SourceKind.ACQUISITION), KINDS.index(SourceKind.PLATFORM)


def moment(microseconds: int) -> datetime:
    """A time from its microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)


def records(found: Resolution) -> Linkage:
    """The records of ``found``, every list in a fixed order."""
    told = list(sheets(found))
    return Linkage(
        devices=tuple(sheet.device for sheet in told),
        links=tuple(sorted((x for sheet in told for x in sheet.links), key=lambda x: (x.account, x.device))),
        ties=tuple(tie for sheet in told for star in sheet.stars for tie in star.ties(sheet.device.id)),
        conflicts=tuple(conflicts(found)),
        observations=found.columns.n,
        unknown=tuple(found.columns.unknown.items()),
        transfers=tuple(transfers(found)),
        farms=tuple(farms(found)),
    )


def sheets(found: Resolution) -> Iterator[Sheet]:
    """The devices by id, each with its links and the values that tie it, so that no more than one is whole at once."""
    ids: list[str] = found.columns.ids.to_pylist()
    members: list[list[int]] = [[] for _ in found.ids]
    for row, device in enumerate(found.device.tolist()):
        members[device].append(row)
    stars = _stars(found)
    linked = _Links(found, ids, members)
    for n in sorted(range(len(found.ids)), key=found.ids.__getitem__):
        mine = tuple(Star(s, key, bits, tuple(ids[row] for row in rows)) for s, key, bits, rows in stars.pop(n, ()))
        links = sorted(linked.of(n, mine), key=lambda x: x.account)
        yield Sheet(_device(found, n, [ids[row] for row in members[n]]), tuple(links), mine)


def farms(found: Resolution) -> Iterator[Farm]:
    """The farms, the largest first."""
    ids = found.columns.ids
    for farm in found.farms:
        shared = tuple(
            SharedContext(kind, value, devices, tuple(ids.take(pa.array(rows, pa.int64())).to_pylist()))
            for kind, value, devices, rows in farm.shared
        )
        members = tuple(found.ids[d] for d in farm.members)
        yield Farm(farm.id, farm.kind, farm.probability, members, farm.notes, shared, farm.targets)


def transfers(found: Resolution) -> list[Transfer]:
    """The accounts that moved, by account and time."""
    name = found.columns.accounts.key
    told = [
        Transfer(name(m.account), found.ids[m.old], found.ids[m.new], moment(m.last), moment(m.first))
        for m in found.moves
    ]
    return sorted(told, key=lambda t: (t.account, t.last_seen))


def conflicts(found: Resolution) -> Iterator[Conflict]:
    """The contested values, surest first."""
    for contested in sorted(found.contested, key=lambda c: found.order(c.column, c.code)):
        column = contested.column
        rows = column.carriers(contested.code)
        devices = sorted({found.ids[d] for d in np.unique(found.device[rows]).tolist()})
        names = found.columns.ids.take(rows).to_pylist()
        yield Conflict(column.signal, column.key(contested.code), tuple(devices), tuple(names), contested.why)


def _stars(found: Resolution) -> dict[int, list[tuple[str, str, float, list[int]]]]:
    """For each device the values that tie it, surest first: each a star around its first-hand or earliest carrier, so
    that no way is longer than it must be."""
    values = [
        (found.order(column, code), column.signal, column.key(code), found.bits(column), column.carriers(code))
        for column, tying in zip(found.union.columns, found.union.tying, strict=True)
        for code in np.flatnonzero(tying).tolist()
    ]
    for pair in found.pairs:
        order = (-pair.bits, 2, "boot_time", pair.key)
        values.append((order, "boot_time", pair.key, pair.bits, np.array(pair.rows, dtype=np.int32)))
    kinds, times = found.columns.kinds, found.columns.times
    stars: dict[int, list[tuple[str, str, float, list[int]]]] = defaultdict(list)
    for _, signal, key, bits, carriers in sorted(values, key=lambda value: (*value[0], value[4].tolist())):
        rows = carriers.tolist()
        if len(rows) < 2:
            continue
        center = min(rows, key=lambda r: (kinds[r] != _ACQUISITION, times[r], r))
        rows.remove(center)
        stars[int(found.device[center])].append((signal, key, bits, [center, *rows]))
    return stars


def _device(found: Resolution, n: int, observations: list[str]) -> Device:
    told = found.flags.get(n, {})
    return Device(
        id=found.ids[n],
        anchor=found.anchors[n],
        observations=tuple(observations),
        first_seen=moment(int(found.first[n])),
        last_seen=moment(int(found.last[n])),
        flags=tuple(told),
        notes=tuple(told.values()),
    )


class _Links:
    """Links with the reasons behind them."""

    def __init__(self, found: Resolution, ids: list[str], members: list[list[int]]) -> None:
        self._found, self._ids, self._members = found, ids, members
        self._columns: Columns = found.columns
        self._sources = self._columns.text("source")
        self._source = self._sources.dense(self._columns.n)
        self._rows = self._shown()
        self._places: dict[int, list[int]] = defaultdict(list)
        for place, device in enumerate(found.links.device.tolist()):
            self._places[device].append(place)

    def of(self, device: int, stars: tuple[Star, ...]) -> Iterator[AccountLink]:
        """The links of one device, which ``stars`` tie."""
        links = self._found.links
        best: Best = {}
        for n in self._places.pop(device, ()):
            best = best or self._best(device, stars)
            account = int(links.account[n])
            rows = self._rows[device, account]
            yield AccountLink(
                account=self._columns.accounts.key(account),
                device=self._found.ids[device],
                probability=float(links.probability[n]),
                weight=float(links.weight[n]),
                first_seen=moment(int(links.first[n])),
                last_seen=moment(int(links.last[n])),
                observations=tuple(self._ids[row] for row in rows),
                reasons=tuple(dict.fromkeys(self._reasons(device, rows, best))),
            )

    def _shown(self) -> dict[tuple[int, int], list[int]]:
        accounts = self._columns.accounts
        shown: dict[tuple[int, int], list[int]] = defaultdict(list)
        devices = self._found.device[accounts.rows].tolist()
        for row, device, account in zip(accounts.rows.tolist(), devices, accounts.codes.tolist(), strict=True):
            shown[device, account].append(row)
        return shown

    def _best(self, device: int, stars: tuple[Star, ...]) -> Best:
        """The best way to each observation of the device from those that carry its anchor."""
        found, rows = self._found, self._members[device]
        strength = float(found.strength[device])
        sources = {self._ids[row]: strength for row in rows if found.anchored[row]}
        return widest(graph(t for star in stars for t in star.ties(found.ids[device])), sources)

    def _reasons(self, device: int, rows: list[int], best: Best) -> Iterator[str]:
        """Why the account is on the device: its strongest observation, then the strongest of what platforms saw."""
        kinds, ids = self._columns.kinds, self._ids
        signal, key = self._found.anchors[device]
        start = max(rows, key=lambda r: (best[ids[r]][0], kinds[r] == _ACQUISITION, ids[r]))
        if kinds[start] == _ACQUISITION:
            yield f"listed on the phone ({self._sources.key(int(self._source[start])).partition(':')[2]})"
        steps = path(best, ids[start])
        yield from map(_shared, steps)
        if not steps and signal:
            yield f"{signal} {short(key)}"
        if not signal:
            yield "nothing in it tells the phone"
        events = [row for row in rows if kinds[row] == _PLATFORM]
        if events:
            yield from map(_shared, path(best, ids[max(events, key=lambda r: (best[ids[r]][0], ids[r]))]))


def _shared(tie: Tie) -> str:
    return f"{tie.signal} {short(tie.key)} in {tie.observations} observations ({tie.bits:.0f} bits)"
