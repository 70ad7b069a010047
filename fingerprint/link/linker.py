"""The linker: observations in, devices, links of accounts to them, ties and conflicts out."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from rackprint.fingerprint.link import flags, weights
from rackprint.fingerprint.link.census import Census
from rackprint.fingerprint.link.columns import Columns, build
from rackprint.fingerprint.link.paths import graph, path, widest
from rackprint.fingerprint.link.result import AccountLink, Conflict, Device, Linkage, Tie
from rackprint.fingerprint.link.union import Contested, Shared, Union, unite
from rackprint.fingerprint.model import Observation, Signal, SourceKind
from rackprint.fingerprint.signals import REGISTRY, spec, tier

_STRENGTH = {name: rank for rank, name in enumerate(REGISTRY)}  # the registry lists the surest first
Best = Mapping[str, tuple[float, Tie | None]]
_SHORT, _LONG = 12, 32  # hex digits of a device id, and of one whose short form is taken


def link(observations: Iterable[Observation]) -> Linkage:
    """Links ``observations``. Every one lands in exactly one device, and the same set in any order gives the same
    answer. Ids last as long as the device's surest value stays known."""
    columns, rows = build(observations)
    union = unite(columns, rows)
    contested = {(c.value.signal, c.value.key) for c in union.contested}
    members: dict[int, list[Observation]] = defaultdict(list)
    for row, label in enumerate(union.labels):
        members[label].append(rows[row])
    anchors = {label: _anchor(found, contested) for label, found in members.items()}
    ids = _ids(anchors)
    ties = _ties(union, columns, rows, ids)
    conflicts = tuple(_conflict(c, columns, union, ids) for c in union.contested)
    by_device: dict[str, list[Tie]] = defaultdict(list)
    for tie in ties:
        by_device[tie.device].append(tie)
    clashes: dict[str, list[Conflict]] = defaultdict(list)
    for conflict in conflicts:
        for name in conflict.devices:
            clashes[name].append(conflict)
    census = Census(members.values())
    devices: list[Device] = []
    links: list[AccountLink] = []
    for label, found in members.items():
        device = _device((ids[label], anchors[label]), found, clashes[ids[label]], census)
        devices.append(device)
        links += _links(device, found, by_device[device.id], len(rows))
    return Linkage(
        tuple(sorted(devices, key=lambda d: d.id)),
        tuple(sorted(links, key=lambda x: (x.account, x.device))),
        tuple(ties),
        conflicts,
        len(rows),
    )


def _anchor(found: list[Observation], contested: set[tuple[str, str]]) -> tuple[str, str]:
    """The surest value that the device has to itself: (signal, key); ("", id) of an observation where it has none."""
    values = {
        (_STRENGTH[s.name], s.key, s.name)
        for o in found
        for s in o.signals
        if s.valid and spec(s.name).ties and (s.name, s.key) not in contested
    }
    if not values:
        return ("", min(o.id for o in found))
    _, key, name = min(values)
    return (name, key)


def _ids(anchors: dict[int, tuple[str, str]]) -> dict[int, str]:
    digests = {label: hashlib.sha256("\0".join(anchor).encode()).hexdigest() for label, anchor in anchors.items()}
    taken = Counter(digest[:_SHORT] for digest in digests.values())
    return {label: f"d-{d[: _SHORT if taken[d[:_SHORT]] == 1 else _LONG]}" for label, d in digests.items()}


def _ties(union: Union, columns: Columns, rows: list[Observation], ids: dict[int, str]) -> list[Tie]:
    """For each value a star around its first-hand or earliest carrier, so that no way is longer than it must be."""
    ties: list[Tie] = []
    for value in union.ties:
        center = min(value.rows, key=lambda r: (rows[r].source_kind is not SourceKind.ACQUISITION, rows[r].time, r))
        weight = value.weight
        device = ids[union.labels[center]]
        a = columns.ids[center]
        ties += [
            Tie(a, columns.ids[row], value.signal, value.key, weight, len(value.rows), device)
            for row in value.rows
            if row != center
        ]
    return ties


def _conflict(contested: Contested, columns: Columns, union: Union, ids: dict[int, str]) -> Conflict:
    value: Shared = contested.value
    devices = tuple(sorted({ids[union.labels[row]] for row in value.rows}))
    return Conflict(value.signal, value.key, devices, tuple(columns.ids[row] for row in value.rows), contested.why)


def _device(
    known: tuple[str, tuple[str, str]], found: list[Observation], conflicts: list[Conflict], census: Census
) -> Device:
    name, anchor = known
    told = flags.of(found, conflicts, census)
    return Device(
        id=name,
        anchor=anchor,
        observations=tuple(o.id for o in found),
        first_seen=min(o.time for o in found),
        last_seen=max(o.time for o in found),
        flags=tuple(told),
        notes=tuple(told.values()),
    )


def _links(device: Device, found: list[Observation], ties: list[Tie], total: int) -> list[AccountLink]:
    shown: dict[str, list[Observation]] = defaultdict(list)
    for observation in found:
        for account in observation.accounts:
            shown[account].append(observation)
    if not shown:
        return []
    best = widest(graph(ties), _sources(device, found))
    links = []
    for account, seen in shown.items():
        start = max(seen, key=lambda o: (best[o.id][0], o.source_kind is SourceKind.ACQUISITION, o.id))
        weight = best[start.id][0]
        links.append(
            AccountLink(
                account=account,
                device=device.id,
                probability=weights.probability(weight, total),
                weight=weight,
                first_seen=min(o.time for o in seen),
                last_seen=max(o.time for o in seen),
                observations=tuple(o.id for o in seen),
                reasons=tuple(dict.fromkeys(_reasons(device, start, seen, best))),
            )
        )
    return links


def _sources(device: Device, found: list[Observation]) -> dict[str, float]:
    """The observations that carry the anchor, with its bits; a device without one starts at nothing."""
    signal, key = device.anchor
    if not signal:
        return {o.id: 0.0 for o in found}
    carried: dict[str, Signal] = {}
    for o in found:
        for s in o.signals:
            if s.name == signal and s.key == key and s.valid:
                carried[o.id] = s
    return {name: weights.bits(signal, tier(s)) for name, s in carried.items()}


def _reasons(device: Device, start: Observation, seen: list[Observation], best: Best) -> Iterator[str]:
    """Why the account is on the device: its strongest observation, then the strongest of what platforms saw."""
    signal, key = device.anchor
    if start.source_kind is SourceKind.ACQUISITION:
        yield f"listed on the phone ({start.source.partition(':')[2]})"
    steps = path(best, start.id)
    yield from map(_shared, steps)
    if not steps and signal:
        yield f"{signal} {short(key)}"
    if not signal:
        yield "nothing in it tells the phone"
    events = [o for o in seen if o.source_kind is SourceKind.PLATFORM]
    if events:
        yield from map(_shared, path(best, max(events, key=lambda o: (best[o.id][0], o.id)).id))


def _shared(tie: Tie) -> str:
    return f"{tie.signal} {short(tie.key)} in {tie.observations} observations ({tie.bits:.0f} bits)"


def short(key: str) -> str:
    """A value for a line of text, without its scope and not longer than a glance takes."""
    value = key.rpartition("|")[2]
    return value if len(value) <= 20 else f"{value[:8]}…{value[-4:]}"
