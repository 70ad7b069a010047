"""Pairs of fragments that no id ties: candidates by shared boots, weighed by all that is seen of them, and taken from
the strongest down where nothing contradicts.

What contradicts: a boot that lies inside the uptime of another, and units that bear different values. Ids that one app
sees and that differ weigh against and do not veto: about one phone in thirty runs copies of an app.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import log2

import numpy as np

from rackprint.ext.blocking import pairs as block_pairs
from rackprint.fingerprint.link import boots, fields
from rackprint.fingerprint.link.columns import Columns, Ints, Longs, runs
from rackprint.fingerprint.link.tangle import Forest, Units, contradiction

NEEDED = 7.6  # bits beyond even odds: one false tie in two hundred
# Bits against, where one app saw different ids. Then one boot of two ids is not enough, however rare: two phones that a
# person restarts together show one such boot, but hardly a second, and three at the same second are a cloner's copies.
APP_PENALTY = 5.0
# Bits for an account that was used on both sides: alone it says little, since accounts move and are shared; from one
# place, model and boot it says that it was not carried over to the phone beside.
ACCOUNT = 5.0

Span = tuple[int, int]  # first and last sight


@dataclass(slots=True)
class Pair:
    """Two fragments that are likely one phone, an observation (row) of each, and the weight: ``excess`` is beyond even
    odds, ``bits`` as a tie weighs. ``key`` names the first boot that they share."""

    fragments: tuple[int, int]
    rows: tuple[int, int]
    key: str
    bits: float
    excess: float
    boots: int


def candidates(columns: Columns, labels: Ints) -> list[Pair]:
    """The pairs that weigh enough, strongest first. At most CROWD candidates a fragment and boot."""
    seen = boots.sightings(columns, labels)
    if not len(seen.row):
        return []
    found = boots.find(columns, seen)
    a, b, block = block_pairs(found.starts, found.members, boots.CROWD)
    held = found.bits[block] > 0
    a, b, block = a[held], b[held], block[held]
    if not len(a):
        return []
    keys, first, place = np.unique(a.astype(np.int64) << 32 | b, return_index=True, return_inverse=True)
    excess = np.asarray(np.bincount(place, weights=found.bits[block]), dtype=np.float64)
    shared: Ints = np.bincount(place).astype(np.int32)
    copies = np.zeros(len(keys), dtype=np.int32)
    np.maximum.at(copies, place, found.copies[block])
    a, b, block = a[first], b[first], block[first]
    wanted = np.unique(np.concatenate([a, b]))
    given = fields.table(columns, labels, wanted)
    left, right = (np.searchsorted(wanted, side).astype(np.int32) for side in (a, b))
    excess = excess + fields.weigh(given, left, right, excess)
    excess[_share(columns, labels, a, b, np.flatnonzero(excess >= NEEDED - ACCOUNT))] += ACCOUNT
    likely = np.flatnonzero(excess >= NEEDED)
    ids = _AppIds(columns, labels, np.unique(np.concatenate([a[likely], b[likely]])))
    base = log2(max(2, len(np.unique(labels))))  # so that the tie's probability is that of its excess
    kept: list[Pair] = []
    for at in likely.tolist():
        weight = float(excess[at])
        if ids.differ(int(a[at]), int(b[at])):
            weight = weight - APP_PENALTY if shared[at] > 1 or copies[at] >= boots.SEVERAL else 0.0
        if weight >= NEEDED:
            c = int(block[at])
            rows = (_row(found, c, int(a[at])), _row(found, c, int(b[at])))
            kept.append(
                Pair(
                    (int(a[at]), int(b[at])), rows, _key(columns, found, c), round(base + weight, 3), weight,
                    int(shared[at]),
                )
            )  # fmt: skip
    return sorted(kept, key=lambda pair: (-pair.bits, pair.rows))


def _share(columns: Columns, labels: Ints, a: Ints, b: Ints, close: Longs) -> Longs:
    """Which of the ``close`` pairs have an account in common."""
    wanted = np.zeros(columns.n, dtype=bool)
    wanted[a[close]] = wanted[b[close]] = True
    accounts = columns.accounts
    entries = wanted[labels[accounts.rows]]
    held: dict[int, set[int]] = {}
    for label, code in zip(labels[accounts.rows[entries]].tolist(), accounts.codes[entries].tolist(), strict=True):
        held.setdefault(label, set()).add(code)
    sides = zip(close.tolist(), a[close].tolist(), b[close].tolist(), strict=True)
    nobody: set[int] = set()
    return np.array([at for at, x, y in sides if held.get(x, nobody) & held.get(y, nobody)], dtype=np.int64)


def settle(columns: Columns, labels: Ints, given: list[Pair], units: dict[int, Units]) -> list[Pair]:
    """Those of ``given`` that stand, taken in their order: neither the boots nor the units of what the pairs before
    made of the two sides contradict."""
    named = np.unique(np.array([f for pair in given for f in pair.fragments], dtype=np.int64))
    uptimes = boots.uptimes(columns, labels, named)
    forest = Forest()
    kept: list[Pair] = []
    for pair in given:
        a, b = sorted(map(forest.root, pair.fragments))
        if a != b:
            both = sorted(uptimes[a] + uptimes[b])
            if boots.overlap(both) or contradiction(units, (a, b)):
                continue
            uptimes[a] = both
            merged = units.pop(b, {})
            for kind, values in merged.items():
                units.setdefault(a, {}).setdefault(kind, set()).update(values)
            forest.join((a, b))
        kept.append(pair)
    return kept


def _row(found: boots.Boots, boot: int, fragment: int) -> int:
    start, end = found.starts[boot], found.starts[boot + 1]
    return int(found.rows[start + np.searchsorted(found.members[start:end], fragment)])


def _key(columns: Columns, found: boots.Boots, boot: int) -> str:
    row = found.row[boot]
    place = []
    for signal in ("model", "ip"):
        column = columns.column(signal)
        place.append(column.key(int(column.codes[np.searchsorted(column.rows, row)])))
    return f"{place[0]} at {place[1]}|{found.at[boot]:.0f}"


class _AppIds:
    """The ids that apps saw on each fragment, and from when to when."""

    def __init__(self, columns: Columns, labels: Ints, wanted: Ints) -> None:
        self._seen: dict[int, dict[tuple[str, int], dict[int, Span]]] = {int(label): {} for label in wanted}
        held = np.zeros(columns.n, dtype=bool)
        held[wanted] = True
        for signal in ("drm_id", "android_id"):
            column = columns.column(signal)
            named = np.array([bool(name) for name in column.scope_names])
            at = np.flatnonzero(held[labels[column.rows]] & named[column.scopes[column.codes]])
            rows, codes = column.rows[at], column.codes[at]
            order = np.lexsort((columns.times[rows], codes, labels[rows]))
            label, code, time = labels[rows][order], codes[order], columns.times[rows][order]
            starts, ends = runs(label, code)
            told = (label[starts], code[starts], time[starts], time[ends - 1])
            entries = zip(*(side.tolist() for side in told), strict=True)
            for fragment, value, begun, ended in entries:
                scope = (signal, int(column.scopes[value]))
                self._seen[fragment].setdefault(scope, {})[value] = (begun, ended)

    def differ(self, a: int, b: int) -> bool:
        """Whether an app has ids of both and none in common; android_ids only if they lived at the same time."""
        for scope, ours in self._seen[a].items():
            theirs = self._seen[b].get(scope, {})
            if not theirs or ours.keys() & theirs.keys():
                continue
            if scope[0] == "drm_id" or _together(ours.values(), theirs.values()):
                return True
        return False


def _together(ours: Iterable[Span], theirs: Iterable[Span]) -> bool:
    (first, last), (begun, ended) = _hull(ours), _hull(theirs)
    return first <= ended and begun <= last


def _hull(spans: Iterable[Span]) -> Span:
    found = list(spans)
    return min(first for first, _ in found), max(last for _, last in found)
