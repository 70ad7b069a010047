"""What linking found, as arrays over the rows of the columns: what batches write and farms are looked for in."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from rackprint.ext.unionfind import widest
from rackprint.fingerprint.link import weights
from rackprint.fingerprint.link.columns import Column, Columns, Floats, Ints, Longs
from rackprint.fingerprint.link.pairs import Pair
from rackprint.fingerprint.link.union import Contested, Union
from rackprint.fingerprint.signals import REGISTRY

_STRENGTH = {name: rank for rank, name in enumerate(REGISTRY)}  # the registry lists the surest first
_SHORT, _LONG = 12, 32  # hex digits of a device id, and of one whose short form is taken
Anchor = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Move:
    """An account that was used on one device, and after a moment only on another: codes of the account and the
    devices, and the last and first sights around the move (microseconds since 1970)."""

    account: int
    old: int
    new: int
    last: int
    first: int


@dataclass(frozen=True, slots=True)
class Farm:
    """Devices that are run together (indices). ``kind`` is what it looks like, ``notes`` say why, one sentence each;
    ``shared`` are (kind of context, value, devices, some rows that show it); ``targets`` are (target, accounts of the
    farm that acted on it), most first."""

    id: str
    kind: str
    probability: float
    members: tuple[int, ...]
    notes: tuple[str, ...]
    shared: tuple[tuple[str, str, int, tuple[int, ...]], ...]
    targets: tuple[tuple[str, int], ...]


@dataclass(slots=True)
class Links:
    """Accounts on devices, ordered by device and account: codes of the account column, devices, the bits and
    probability of each, when it was seen (microseconds since 1970) and in how many observations."""

    account: Ints
    device: Ints
    weight: Floats
    probability: Floats
    first: Longs
    last: Longs
    count: Ints


@dataclass(slots=True)
class Resolution:
    """``device[row]`` indexes ``ids`` and ``anchors``; ``width[row]`` is the weight in bits of the best way from the
    observation to the device's anchor."""

    columns: Columns
    union: Union
    pairs: list[Pair]
    device: Ints
    ids: list[str]
    anchors: list[Anchor]
    width: Floats
    links: Links
    first: Longs
    last: Longs
    count: Ints
    anchored: npt.NDArray[np.uint8]  # rows that carry the anchor of their device
    strength: Floats  # of each device's anchor, in bits
    weights: weights.Weights
    flags: dict[int, dict[str, str]] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)
    farms: list[Farm] = field(default_factory=list)

    @property
    def contested(self) -> list[Contested]:
        return self.union.contested

    def bits(self, column: Column) -> float:
        """The weight of a shared value of ``column``."""
        return self.weights.bits(column.signal, column.tier)

    def probability(self) -> Floats:
        """Of each observation belonging to its device's anchor."""
        return weights.probabilities(self.width, len(self.ids))

    def order(self, column: Column, code: int) -> tuple[float, int, str, str]:
        """Strongest first, rarest first."""
        return (-self.bits(column), len(column.carriers(code)), column.signal, column.key(code))


def resolution(columns: Columns, union: Union, pairs: list[Pair], labels: Ints) -> Resolution:
    """Names the devices that ``labels`` make, and weighs what hangs on them."""
    _, place = np.unique(labels, return_inverse=True)
    device: Ints = place.astype(np.int32)
    size = int(device.max(initial=-1)) + 1
    weigh = learned(union, size)
    anchors, anchored, strength = _anchors(columns, union, device, size, weigh)
    ids = _ids(anchors)
    width = np.minimum(_widths(union, pairs, anchored, weigh), strength[device]) if size else np.empty(0)
    first, last = _span(device, columns.times, size)
    count = np.bincount(device, minlength=size).astype(np.int32)
    links = _links(columns, device, width, size)
    return Resolution(
        columns, union, pairs, device, ids, anchors, width, links, first, last, count, anchored, strength, weigh
    )


def learned(union: Union, devices: int) -> weights.Weights:
    """The weights that the contested values call for."""
    return weights.Weights(Counter((c.column.signal, c.column.tier) for c in union.contested), devices)


def _anchors(
    columns: Columns, union: Union, device: Ints, size: int, weigh: weights.Weights
) -> tuple[list[Anchor], npt.NDArray[np.uint8], Floats]:
    """(the surest value that each device has to itself, which rows carry it, its bits); where a device has none, an
    observation's id, which weighs nothing."""
    anchors: list[Anchor | None] = [None] * size
    anchored = np.zeros(columns.n, dtype=np.uint8)
    strength = np.zeros(size)
    without = np.ones(size, dtype=bool)
    shut = {(id(c.column), c.code) for c in union.contested}
    for column in sorted(union.columns, key=lambda c: (_STRENGTH[c.signal], c.tier)):
        free = np.ones(column.size, dtype=bool)
        free[[code for place, code in shut if place == id(column)]] = False
        entries = np.flatnonzero(free[column.codes] & without[device[column.rows]])
        if not len(entries):
            continue
        held = device[column.rows[entries]]
        pairs = np.unique(held.astype(np.int64) * column.size + column.codes[entries])
        owners, codes = (pairs // column.size).astype(np.int32), (pairs % column.size).astype(np.int32)
        chosen = _smallest(column, owners, codes, anchors)
        code_of = np.full(size, -1, dtype=np.int32)
        code_of[list(chosen)] = list(chosen.values())
        anchored[column.rows[entries[column.codes[entries] == code_of[held]]]] = 1
        strength[owners] = weigh.bits(column.signal, column.tier)
        without[owners] = False
    rest = np.flatnonzero(without)
    if len(rest):
        first = np.full(size, -1, dtype=np.int64)
        first[device[::-1]] = np.arange(columns.n - 1, -1, -1)
        anchored[without[device]] = 1
        for name, row in zip(rest.tolist(), first[rest].tolist(), strict=True):
            anchors[name] = ("", str(columns.ids[row].as_py()))
    return [anchor or ("", "") for anchor in anchors], anchored, strength


def _smallest(column: Column, owners: Ints, codes: Ints, anchors: list[Anchor | None]) -> dict[int, int]:
    """Sets the smallest key of each owner as its anchor; owner -> code."""
    import pyarrow as pa

    chosen: dict[int, int] = {}
    keys = column.keys.take(pa.array(codes)).to_pylist()
    for owner, code, key in zip(owners.tolist(), codes.tolist(), keys, strict=True):
        known = anchors[owner]
        if known is None or known[0] != column.signal or key < known[1]:
            anchors[owner] = (column.signal, key)
            chosen[owner] = code
    return chosen


def _ids(anchors: list[Anchor]) -> list[str]:
    digests = [hashlib.sha256("\0".join(anchor).encode()).hexdigest() for anchor in anchors]
    taken = Counter(digest[:_SHORT] for digest in digests)
    return [f"d-{d[: _SHORT if taken[d[:_SHORT]] == 1 else _LONG]}" for d in digests]


def _widths(union: Union, pairs: list[Pair], anchored: npt.NDArray[np.uint8], weigh: weights.Weights) -> Floats:
    """For each row the bits of the weakest tie on the best way to an anchored row of its device."""
    edges: list[tuple[float, Ints, Ints]] = []
    for column, tying in zip(union.columns, union.tying, strict=True):
        entries = tying[column.codes]
        if entries.any():
            first = np.zeros(column.size, dtype=np.int32)
            first[column.codes[::-1]] = column.rows[::-1]
            rows, codes = column.rows[entries], column.codes[entries]
            edges.append((weigh.bits(column.signal, column.tier), rows, first[codes]))
    for pair in pairs:
        a, b = pair.rows
        edges.append((pair.bits, np.array([a], dtype=np.int32), np.array([b], dtype=np.int32)))
    edges.sort(key=lambda edge: -edge[0])
    if not edges:
        return np.where(anchored == 1, np.inf, -np.inf)
    left = np.concatenate([edge[1] for edge in edges])
    right = np.concatenate([edge[2] for edge in edges])
    strength = np.repeat([edge[0] for edge in edges], [len(edge[1]) for edge in edges])
    return widest(len(anchored), left, right, strength, anchored)


def _span(owner: Ints, times: Longs, size: int) -> tuple[Longs, Longs]:
    """First and last time of each owner."""
    first = np.full(size, np.iinfo(np.int64).max)
    last = np.full(size, np.iinfo(np.int64).min)
    np.minimum.at(first, owner, times)
    np.maximum.at(last, owner, times)
    return first, last


def _links(columns: Columns, device: Ints, width: Floats, devices: int) -> Links:
    accounts = columns.accounts
    rows = accounts.rows
    owner = device[rows].astype(np.int64) * max(1, accounts.size) + accounts.codes
    pairs, place = np.unique(owner, return_inverse=True)
    first, last = _span(place.astype(np.int32), columns.times[rows], len(pairs))
    best = np.full(len(pairs), -np.inf)
    np.maximum.at(best, place, width[rows])
    size = max(1, accounts.size)
    return Links(
        (pairs % size).astype(np.int32), (pairs // size).astype(np.int32), best,
        weights.probabilities(best, devices), first, last,
        np.bincount(place, minlength=len(pairs)).astype(np.int32),
    )  # fmt: skip
