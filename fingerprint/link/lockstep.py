"""Lockstep: devices that serve the same targets in the same order within minutes, time and again.

Actions on one target that follow each other closely are a *burst*, if they are denser than the target's own popularity
explains. People meet in one burst by chance; the same devices in ORDERS bursts after each other do not.
"""

from __future__ import annotations

from itertools import combinations
from math import prod

import numpy as np

from rackprint.ext.unionfind import components
from rackprint.fingerprint.link.columns import Bools, Columns, Ints, Longs, runs

GAP = 180.0  # seconds between two actions of one burst
LONGEST = 1200.0  # seconds; a crowd that gathers takes longer, and so does a target's daily traffic
DEVICES = 4  # of one burst
DENSER = 5.0  # times the target's own rate
ORDERS = 3  # bursts on different targets in the same order
STEADY, BEYOND = 0.6, 5.0  # of the smallest burst come to all, or so many times more than by chance
AHEAD = 6  # bursts of a device that may lie between two of an order: no phone takes part in all
QUIET = frozenset(
    {"login", "logout", "signup", "register", "create", "open", "session"}
)  # actions that serve no target


def lockstep(columns: Columns, device: Ints, own: Bools) -> tuple[Ints, Ints]:
    """(devices, groups): each device that acts in lockstep with others, and a number that those others share. ``own``
    tells which rows are by accounts that no other device uses over the same time: a lab's script runs on all its
    phones, by a few accounts."""
    owner, burst, when, goals = _bursts(columns, device, own)
    if not len(owner):
        return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32)
    sizes, people = np.bincount(burst).tolist(), len(np.unique(owner))
    goal = dict(zip(burst.tolist(), goals.tolist(), strict=True))
    order = np.lexsort((burst, when, owner))
    owner, burst = owner[order], burst[order]
    starts, ends = runs(owner)
    orders: dict[tuple[int, ...], list[int]] = {}
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        run = burst[start:end].tolist()
        name = int(owner[start])
        for at, first in enumerate(run):
            for rest in combinations(run[at + 1 : at + 1 + AHEAD], ORDERS - 1):
                if len({goal[b] for b in (first, *rest)}) == ORDERS:
                    orders.setdefault((first, *rest), []).append(name)
    edges = [
        (names[0], other)
        for order_of, names in orders.items()
        if len(names) >= DEVICES and _concerted(len(names), [sizes[b] for b in order_of], people)
        for other in names[1:]
    ]
    if not edges:
        return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32)
    joined = np.array(edges, dtype=np.int32)
    labels = components(int(device.max()) + 1, np.ascontiguousarray(joined[:, 0]), np.ascontiguousarray(joined[:, 1]))
    members = np.unique(joined)
    return members, labels[members]


def _concerted(together: int, sizes: list[int], people: int) -> bool:
    """Whether so many devices in all of some bursts are more than those who happen to come to each."""
    chance = prod(sizes) / people ** (len(sizes) - 1)
    return together >= STEADY * min(sizes) or together >= BEYOND * chance


def _bursts(columns: Columns, device: Ints, own: Bools) -> tuple[Ints, Ints, Longs, Ints]:
    """(device, burst, time, target) of each device's first action in each burst."""
    target, action = columns.text("target").dense(columns.n), columns.text("action")
    quiet = np.array([key in QUIET for key in action.keys.to_pylist()] + [False])
    rows = np.flatnonzero((target >= 0) & own & ~quiet[action.dense(columns.n)])
    order = np.lexsort((device[rows], columns.times[rows], target[rows]))
    rows = rows[order]
    if not len(rows):
        nothing = np.empty(0, dtype=np.int32)
        return nothing, nothing, np.empty(0, dtype=np.int64), nothing
    time, goal = columns.times[rows] / 1e6, target[rows]
    fresh = np.ones(len(rows), dtype=bool)
    fresh[1:] = (np.diff(goal) != 0) | (np.diff(time) > GAP)
    run = np.cumsum(fresh) - 1
    first = np.flatnonzero(fresh)
    last = np.append(first[1:], len(rows)) - 1
    span = time[last] - time[first]
    # each device counts once in a burst
    pairs, at = np.unique(run.astype(np.int64) * (int(device.max()) + 1) + device[rows], return_index=True)
    of_run, owner = pairs // (int(device.max()) + 1), (pairs % (int(device.max()) + 1)).astype(np.int32)
    devices = np.bincount(of_run, minlength=len(first))
    total = np.bincount(goal, minlength=int(goal.max()) + 1)[goal[first]]
    # over the whole of the data: a target that is new for everybody draws people at once, and only an hour or so
    stretch = max(float(time.max() - time.min()), 1.0)
    usual = np.maximum(total - (last - first + 1), 0) / stretch
    dense = (last - first + 1) / (span + GAP) >= DENSER * usual
    good = (devices >= DEVICES) & (span <= LONGEST) & dense
    kept = good[of_run]
    return owner[kept], of_run[kept].astype(np.int32), columns.times[rows[at[kept]]], goal[at[kept]]
