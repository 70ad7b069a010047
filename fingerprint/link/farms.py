"""Farms: devices that are run together. A verdict of its own, beside which accounts share a device.

Devices are grouped where two independent kinds of context meet (a place and a hub, a controller and a SIM pool, orders
served in lockstep), or one kind and a near-identical profile, and where they are *used* as a farm's are: several
resident accounts of one platform on a phone, accounts made in bulk, orders in lockstep, habits such as weekly resets.
A family, an office, a café, a shop or a test lab shares places, models and even accounts; it is not used so.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from rackprint.fingerprint.link import portrait
from rackprint.fingerprint.link.columns import Bools, Ints, runs
from rackprint.fingerprint.link.contexts import Context, contexts, in_lockstep, meet, places
from rackprint.fingerprint.link.practice import Practice, practice
from rackprint.fingerprint.link.resolution import Farm, Resolution
from rackprint.fingerprint.link.tangle import Forest

LEAST = 5  # devices; households are smaller
MOSTLY = 0.6  # of the devices where two contexts meet are used as a farm's are: the others are taken along
# Of many phones at one place that are nearly all alike, fewer need to be used so: not all are seen often enough.
MANY, ALIKE, OFTEN = 20, 0.8, 0.3
PARTLY = 0.5  # else those that are used so, where at least so many are
_PUBLIC = frozenset({"place", "accounts"})


@dataclass(slots=True)
class _Case:
    """What all groups are judged with."""

    found: Resolution
    contexts: list[Context]
    practice: Practice


def farms(found: Resolution) -> list[Farm]:
    """The farms in ``found``, largest first; no device is in two."""
    if len(found.ids) < LEAST:
        return []
    orders = in_lockstep(found)
    used = practice(found, orders)
    case = _Case(found, contexts(found, orders, used.crowded), used)
    forest = Forest()
    for group in _groups(case):
        forest.join(group.tolist())
    for roots in _housed(case, forest):
        forest.join(roots)
    members: dict[int, list[int]] = defaultdict(list)
    for device in range(len(found.ids)):
        if device in forest:
            members[forest.root(device)].append(device)
    named = [farm for group in members.values() if (farm := _farm(case, np.array(group, dtype=np.int32)))]
    return sorted(named, key=lambda farm: (-len(farm.members), farm.id))


def _groups(case: _Case) -> Iterator[Ints]:
    """Groups of devices where two kinds of context meet, each cut to those that are used as a farm's are."""
    profile = portrait.profiles(case.found)
    pairs = [*combinations(case.contexts, 2), *((c, profile) for c in case.contexts if c.kind != "habit")]
    for a, b in pairs:
        people = np.bincount(a.values, minlength=len(a.names))
        for value, _, devices in meet(a, b, LEAST):
            # a habit says something of a place where it is the rule, not of the few among a carrier's many customers
            if b.kind != "habit" or a.kind not in _PUBLIC or len(devices) >= PARTLY * people[value]:
                alike = b.kind == "profile" and len(devices) >= max(MANY, ALIKE * people[value])
                yield from _used(case, devices, OFTEN if alike else MOSTLY)
    orders = next(c for c in case.contexts if c.kind == "lockstep")
    for _, _, devices in meet(orders, orders, LEAST):
        yield devices


def _housed(case: _Case, forest: Forest) -> Iterator[list[int]]:
    """Groups that share a place, a hub or a controller, a representative of each: halls hold phones of many models."""
    size = len(case.found.ids)
    root = np.array([forest.root(d) if d in forest else -1 for d in range(size)], dtype=np.int32)
    sizes = np.bincount(root[root >= 0], minlength=size)
    for context in (places(case.found), *(c for c in case.contexts if c.kind in {"hub", "controller"})):
        grouped = root[context.devices] >= 0
        pairs, counts = np.unique(
            context.values[grouped].astype(np.int64) * size + root[context.devices[grouped]], return_counts=True
        )
        most = counts >= MOSTLY * sizes[pairs % size]
        values, roots = pairs[most] // size, (pairs[most] % size).tolist()
        yield from (roots[a:b] for a, b in zip(*map(np.ndarray.tolist, runs(values)), strict=True))


def _used(case: _Case, devices: Ints, enough: float) -> Iterator[Ints]:
    odd = case.practice.odd[devices]
    share = float(odd.mean())
    if share >= enough:
        yield devices
    elif share >= PARTLY and int(odd.sum()) >= LEAST:
        yield devices[odd]


def _farm(case: _Case, devices: Ints) -> Farm | None:
    """The verdict over a group; None where it does not look like a farm after all."""
    if len(devices) < LEAST:
        return None
    found, used = case.found, case.practice
    held = np.zeros(len(found.ids), dtype=bool)
    held[devices] = True
    kinds = {c.kind: share for c in case.contexts if (share := _share(c, held, len(devices))) >= PARTLY}
    signs = _signs(used, devices)
    if not signs or not kinds:
        return None
    kind = portrait.kind(found, case.contexts, devices, kinds, used)
    shared = tuple(_shown(case, held, len(devices)))
    bits = sum(2.0 * share for share in kinds.values()) + sum(signs.values()) + min(3.0, len(devices) / 10)
    odds = min(10.0, bits - 3.0)
    name = hashlib.sha256("\0".join(sorted(found.ids[d] for d in devices.tolist())).encode()).hexdigest()[:12]
    return Farm(
        id=f"f-{name}",
        kind=kind,
        probability=round(1 / (1 + 2**-odds), 4),
        members=tuple(sorted(devices.tolist(), key=lambda d: found.ids[d])),
        notes=tuple(portrait.notes(found, devices, kinds, used, kind)),
        shared=shared,
        targets=tuple(portrait.targets(found, held)),
    )


def _signs(used: Practice, devices: Ints) -> dict[str, float]:
    """Signs of operation that most of the devices show, in bits."""
    shares = {
        "accounts": float(used.crowded[devices].mean()),
        "lockstep": float(used.lockstep[devices].mean()),
        "habit": float(used.habit[devices].mean()),
    }
    return {name: 3.0 * share for name, share in shares.items() if share >= OFTEN}


def _share(context: Context, held: Bools, size: int) -> float:
    """The share of the group's devices that have a value of the context with another of them."""
    inside = held[context.devices]
    values, devices = context.values[inside], context.devices[inside]
    counts = np.bincount(values, minlength=len(context.names) or 1)
    return len(np.unique(devices[counts[values] > 1])) / size


def _shown(case: _Case, held: Bools, size: int) -> Iterator[tuple[str, str, int, tuple[int, ...]]]:
    """The values that the farm's devices share, three a kind at most, those of most devices first."""
    for context in case.contexts:
        inside = np.flatnonzero(held[context.devices])
        counts = np.bincount(context.values[inside], minlength=len(context.names) or 1)
        order = [v for v in np.lexsort((np.arange(len(counts)), -counts)).tolist() if counts[v] > 1][:3]
        for value in order:
            rows = context.rows[inside[context.values[inside] == value]][:3]
            yield context.kind, context.names[value], int(counts[value]), tuple(rows.tolist())
