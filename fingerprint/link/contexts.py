"""What devices share besides hardware: places, hubs, controllers, SIM cards, accounts, orders and habits.

Each kind of context is a list of (device, value) entries. Values that many ordinary people share (a carrier's address
translation, a café, a model) are no evidence by themselves: farms are looked for where two kinds meet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

import numpy as np

from rackprint.ext.blocking import group
from rackprint.fingerprint.link.columns import Bools, Column, Ints, Longs, runs
from rackprint.fingerprint.link.lockstep import lockstep
from rackprint.fingerprint.link.owners import in_turns
from rackprint.fingerprint.link.resolution import Resolution

KINDS = ("place", "hub", "controller", "SIM pool", "accounts", "lockstep", "habit")
MOST = 40  # values of a kind that are looked at for one device: those that most devices share
FEW, HOUSED = 5, 0.6  # devices that make a place a crowd's; the share of its sightings that a housed phone has there
FURTHER = 1.5  # sightings elsewhere that are reckoned with: few sightings at one place do not make it a phone's own
HABITS = ("sim_churn", "app_copies", "reset_cadence", "emulator")  # flags that ordinary phones hardly have


@dataclass(slots=True)
class Context:
    """Entries of one kind: ``devices[k]`` has ``values[k]``, each once, only values that two devices have. ``names``
    tells a value in words, ``rows`` an observation that shows the entry."""

    kind: str
    devices: Ints
    values: Ints
    names: list[str]
    rows: Ints


def contexts(found: Resolution, orders: Context, crowded: Bools) -> list[Context]:
    """The contexts that devices share, in the order of KINDS. ``orders`` is the lockstep context, ``crowded`` tells
    which devices hold many lasting accounts of one platform."""
    return [
        _housed(found, places(found)),
        _context("hub", found, found.columns.column("hub")),
        _context("controller", found, found.columns.column("adb_host_key")),
        _context("SIM pool", found, found.columns.column("iccid")),
        _context("accounts", found, found.columns.accounts),
        orders,
        _habits(found, crowded),
    ]


def carriers_own(address: str) -> bool:
    """Whether an address says nothing of a place: private, shared by a carrier's customers, or no address."""
    fields = address.split(".")
    if len(fields) == 4 and all(f.isascii() and f.isdigit() and len(f) < 4 for f in fields):
        return _nowhere(*map(int, fields))
    try:
        parsed = ip_address(address)
    except ValueError:
        return True
    mapped = getattr(parsed, "ipv4_mapped", None)
    if mapped is not None:
        return carriers_own(str(mapped))
    return parsed.is_multicast or not (parsed.is_global or parsed in _DOCUMENTATION)


def _nowhere(a: int, b: int, c: int, d: int) -> bool:
    """Of an IPv4 address, by IANA's special-purpose registry (RFC 6890) and RFC 6598 (a carrier's own side). Addresses
    for documentation and benchmarks (RFC 5737, RFC 2544) stand for public ones in made-up data."""
    if max(a, b, c, d) > 255 or a in {0, 10, 127} or a >= 224:
        return True
    return (
        (a == 100 and 64 <= b < 128)
        or (a == 169 and b == 254)
        or (a == 172 and 16 <= b < 32)
        or (a == 192 and (b == 168 or (b == 0 and c == 0)))
    )


_DOCUMENTATION = ip_network("2001:db8::/32")  # RFC 3849: stands for public addresses in made-up data


def places(found: Resolution) -> Context:
    """Every place that two devices share, whoever else comes there."""
    return _merged("place", [*_places(found)])


def _places(found: Resolution) -> Iterator[Context]:
    address = found.columns.column("ip")
    public = np.array([not carriers_own(key) for key in address.keys.to_pylist()], dtype=bool)
    yield _context("place", found, address, public)
    yield _context("place", found, found.columns.column("bssid"))


def _housed(found: Resolution, places: Context) -> Context:
    """Without the devices that are mostly seen where hardly anyone else is: a phone that has a home of its own, and
    now and then a carrier's address, is in no hall."""
    size = len(found.ids)
    people = np.bincount(places.values, minlength=len(places.names) or 1)
    crowded = {name for name, count in zip(places.names, people.tolist(), strict=False) if count >= FEW}
    there, total = np.zeros(size), np.zeros(size)
    for signal in ("ip", "bssid"):
        column = found.columns.column(signal)
        if column.size:
            keys = column.keys.to_pylist()
            shared = np.array([f"{signal} {key}" in crowded for key in keys])
            anywhere = np.array([signal == "bssid" or not carriers_own(key) for key in keys])
            owner = found.device[column.rows]
            there += np.bincount(owner, weights=shared[column.codes], minlength=size)
            total += np.bincount(owner, weights=anywhere[column.codes], minlength=size)
    home = there < HOUSED * (total + FURTHER)
    kept = ~home[places.devices]
    return Context(places.kind, places.devices[kept], places.values[kept], places.names, places.rows[kept])


def _context(kind: str, found: Resolution, column: Column, wanted: Ints | None = None) -> Context:
    entries = np.arange(len(column.rows)) if wanted is None else np.flatnonzero(wanted[column.codes])
    rows, codes = column.rows[entries], column.codes[entries]
    size = max(1, column.size)
    pairs, at = np.unique(found.device[rows].astype(np.int64) * size + codes, return_index=True)
    devices, values, shown = (pairs // size).astype(np.int32), (pairs % size).astype(np.int32), rows[at]
    counts = np.bincount(values, minlength=size)
    kept = (counts[values] > 1) & _foremost(devices, counts[values])
    used, renamed = np.unique(values[kept], return_inverse=True)
    names = column.keys.take(used).to_pylist() if len(used) else []
    told = [f"{column.signal} {name}" for name in names]
    return Context(kind, devices[kept], renamed.astype(np.int32), told, shown[kept])


def _foremost(devices: Ints, weight: Longs) -> Ints:
    """Which entries are among the MOST heaviest of their device."""
    order = np.lexsort((-weight, devices))
    starts, ends = runs(devices[order])
    rank = np.arange(len(devices)) - np.repeat(starts, ends - starts)
    kept = np.zeros(len(devices), dtype=bool)
    kept[order] = rank < MOST
    return kept


def _merged(kind: str, parts: list[Context]) -> Context:
    names: list[str] = []
    values: list[Ints] = []
    for part in parts:
        values.append(part.values + np.int32(len(names)))
        names += part.names
    return Context(
        kind, np.concatenate([p.devices for p in parts]), np.concatenate(values), names,
        np.concatenate([p.rows for p in parts]),
    )  # fmt: skip


def in_lockstep(found: Resolution) -> Context:
    """The lockstep context."""
    own = np.ones(found.columns.n, dtype=bool)
    own[found.columns.accounts.rows[in_turns(found)]] = False
    devices, groups = lockstep(found.columns, found.device, own)
    used, values = np.unique(groups, return_inverse=True)
    first = _first_rows(found)
    names = ["the same targets in the same order"] * len(used)
    return Context("lockstep", devices, values.astype(np.int32), names, first[devices])


def _habits(found: Resolution, crowded: Bools) -> Context:
    entries = [(d, HABITS.index(flag)) for d in sorted(found.flags) for flag in HABITS if flag in found.flags[d]]
    entries += [(d, len(HABITS)) for d in np.flatnonzero(crowded).tolist()]
    table = np.array(entries, dtype=np.int32).reshape(-1, 2)
    return Context(
        "habit", table[:, 0], table[:, 1], [*HABITS, "many accounts of one platform"], _first_rows(found)[table[:, 0]]
    )


def _first_rows(found: Resolution) -> Ints:
    first = np.zeros(len(found.ids), dtype=np.int32)
    first[found.device[::-1]] = np.arange(len(found.device) - 1, -1, -1, dtype=np.int32)
    return first


def meet(a: Context, b: Context, least: int) -> Iterator[tuple[int, int, Ints]]:
    """The pairs of values of two contexts that at least ``least`` devices have both of: (value of a, value of b,
    devices ascending)."""
    size = int(max(a.devices.max(initial=-1), b.devices.max(initial=-1))) + 1
    if not len(a.devices) or not len(b.devices):
        return
    starts, order = group(b.devices, size)
    counts = np.diff(starts)[a.devices]
    left = np.repeat(np.arange(len(a.devices)), counts)
    steps = np.arange(len(left)) - np.repeat(np.cumsum(counts) - counts, counts)
    right = order[np.repeat(starts[a.devices], counts) + steps]
    both = a.values[left].astype(np.int64) * max(1, len(b.names)) + b.values[right]
    devices = a.devices[left]
    by_both = np.lexsort((devices, both))
    both, devices = both[by_both], devices[by_both]
    begins, ends = runs(both)
    enough = ends - begins >= least
    for begin, end in zip(begins[enough].tolist(), ends[enough].tolist(), strict=True):
        yield int(both[begin]) // len(b.names), int(both[begin]) % len(b.names), devices[begin:end]
