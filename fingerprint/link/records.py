"""What linking found as records: for the store, the reports and whoever asks why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import numpy as np

from rackprint.fingerprint.link import resolution
from rackprint.fingerprint.link.columns import KINDS, Columns
from rackprint.fingerprint.link.paths import graph, path, widest
from rackprint.fingerprint.link.resolution import Resolution
from rackprint.fingerprint.link.result import AccountLink, Conflict, Device, Farm, Linkage, SharedContext, Tie, Transfer
from rackprint.fingerprint.model import SourceKind

Best = Mapping[str, tuple[float, Tie | None]]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ACQUISITION, _PLATFORM = KINDS.index(SourceKind.ACQUISITION), KINDS.index(SourceKind.PLATFORM)


def moment(microseconds: int) -> datetime:
    """A time from its microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)


def records(found: Resolution) -> Linkage:
    """The records of ``found``, every list in a fixed order."""
    ids: list[str] = found.columns.ids.to_pylist()
    ties = list(_ties(found, ids))
    members: list[list[int]] = [[] for _ in found.ids]
    for row, device in enumerate(found.device.tolist()):
        members[device].append(row)
    by_device: dict[str, list[Tie]] = defaultdict(list)
    for tie in ties:
        by_device[tie.device].append(tie)
    devices = [_device(found, n, [ids[row] for row in rows]) for n, rows in enumerate(members)]
    links = list(_Links(found, ids, members, by_device).all())
    return Linkage(
        devices=tuple(sorted(devices, key=lambda d: d.id)),
        links=tuple(sorted(links, key=lambda x: (x.account, x.device))),
        ties=tuple(ties),
        conflicts=tuple(conflicts(found)),
        observations=len(ids),
        unknown=tuple(found.columns.unknown.items()),
        transfers=tuple(transfers(found)),
        farms=tuple(_farm(found, farm, ids) for farm in found.farms),
    )


def transfers(found: Resolution) -> list[Transfer]:
    """The accounts that moved, by account and time."""
    name = found.columns.accounts.key
    told = [
        Transfer(name(m.account), found.ids[m.old], found.ids[m.new], moment(m.last), moment(m.first))
        for m in found.moves
    ]
    return sorted(told, key=lambda t: (t.account, t.last_seen))


def _farm(found: Resolution, farm: resolution.Farm, ids: list[str]) -> Farm:
    shared = tuple(
        SharedContext(kind, value, devices, tuple(ids[row] for row in rows))
        for kind, value, devices, rows in farm.shared
    )
    members = tuple(found.ids[d] for d in farm.members)
    return Farm(farm.id, farm.kind, farm.probability, members, farm.notes, shared, farm.targets)


def conflicts(found: Resolution) -> Iterator[Conflict]:
    """The contested values, surest first."""
    for contested in sorted(found.contested, key=lambda c: found.order(c.column, c.code)):
        column = contested.column
        rows = column.carriers(contested.code)
        devices = sorted({found.ids[d] for d in np.unique(found.device[rows]).tolist()})
        names = found.columns.ids.take(rows).to_pylist()
        yield Conflict(column.signal, column.key(contested.code), tuple(devices), tuple(names), contested.why)


def _ties(found: Resolution, ids: list[str]) -> Iterator[Tie]:
    """For each value a star around its first-hand or earliest carrier, so that no way is longer than it must be."""
    values = [
        (found.order(column, code), column.signal, column.key(code), found.bits(column), column.carriers(code))
        for column, tying in zip(found.union.columns, found.union.tying, strict=True)
        for code in np.flatnonzero(tying).tolist()
    ]
    for pair in found.pairs:
        order = (-pair.bits, 2, "boot_time", pair.key)
        values.append((order, "boot_time", pair.key, pair.bits, np.array(pair.rows, dtype=np.int32)))
    kinds, times = found.columns.kinds, found.columns.times
    for _, signal, key, bits, rows in sorted(values, key=lambda value: (*value[0], value[4].tolist())):
        center = min(rows.tolist(), key=lambda r: (kinds[r] != _ACQUISITION, times[r], r))
        device = found.ids[found.device[center]]
        for row in rows.tolist():
            if row != center:
                yield Tie(ids[center], ids[row], signal, key, bits, len(rows), device)


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

    def __init__(
        self, found: Resolution, ids: list[str], members: list[list[int]], ties: Mapping[str, list[Tie]]
    ) -> None:
        self._found, self._ids, self._members, self._ties = found, ids, members, ties
        self._columns: Columns = found.columns
        self._sources = self._columns.text("source")
        self._source = self._sources.dense(self._columns.n)

    def all(self) -> Iterator[AccountLink]:
        """The links, device by device."""
        links = self._found.links
        shown = self._shown()
        best: Best = {}
        before = -1
        for n in range(len(links.account)):
            device, account = int(links.device[n]), int(links.account[n])
            if device != before:
                best, before = self._best(device), device
            rows = shown[device, account]
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

    def _best(self, device: int) -> Best:
        """The best way to each observation of the device from those that carry its anchor."""
        found, rows = self._found, self._members[device]
        strength = float(found.strength[device])
        sources = {self._ids[row]: strength for row in rows if found.anchored[row]}
        return widest(graph(self._ties[found.ids[device]]), sources)

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


def short(key: str) -> str:
    """A value for a line of text, without its scope and not longer than a glance takes."""
    value = key.rpartition("|")[2]
    return value if len(value) <= 20 else f"{value[:8]}…{value[-4:]}"
