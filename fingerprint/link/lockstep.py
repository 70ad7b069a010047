"""Lockstep: devices that serve the same targets in the same order within minutes, time and again.

Actions on one target that follow each other closely are a *burst*, if they are denser than the target's own popularity
explains. People meet in one burst by chance; the same devices in ORDERS bursts after each other do not.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from rackprint.ext.unionfind import components
from rackprint.fingerprint.link.columns import Columns, Ints, Longs, runs

GAP = 180.0  # seconds between two actions of one burst
LONGEST = 3600.0  # seconds; what goes on for longer is a target's daily traffic
DEVICES = 4  # of one burst
DENSER = 5.0  # times the target's own rate
ORDERS = 3  # bursts in the same order
AHEAD = 6  # bursts of a device that may lie between two of an order: no phone takes part in all
QUIET = frozenset({"login", "logout", "signup", "open", "session"})  # actions that serve no target


def lockstep(columns: Columns, device: Ints) -> tuple[Ints, Ints]:
    """(devices, groups): each device that acts in lockstep with others, and a number that those others share."""
    owner, burst, when = _bursts(columns, device)
    if not len(owner):
        return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32)
    order = np.lexsort((burst, when, owner))
    owner, burst = owner[order], burst[order]
    starts, ends = runs(owner)
    orders: dict[tuple[int, ...], list[int]] = {}
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        run = burst[start:end].tolist()
        name = int(owner[start])
        for at, first in enumerate(run):
            for rest in combinations(run[at + 1 : at + 1 + AHEAD], ORDERS - 1):
                orders.setdefault((first, *rest), []).append(name)
    edges = [(names[0], other) for names in orders.values() if len(names) >= DEVICES for other in names[1:]]
    if not edges:
        return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32)
    joined = np.array(edges, dtype=np.int32)
    labels = components(int(device.max()) + 1, np.ascontiguousarray(joined[:, 0]), np.ascontiguousarray(joined[:, 1]))
    members = np.unique(joined)
    return members, labels[members]


def _bursts(columns: Columns, device: Ints) -> tuple[Ints, Ints, Longs]:
    """(device, burst, time) of each device's first action in each burst."""
    target, action = columns.text("target").dense(columns.n), columns.text("action")
    quiet = np.array([key in QUIET for key in action.keys.to_pylist()] + [False])
    rows = np.flatnonzero((target >= 0) & ~quiet[action.dense(columns.n)])
    order = np.lexsort((device[rows], columns.times[rows], target[rows]))
    rows = rows[order]
    if not len(rows):
        nothing = np.empty(0, dtype=np.int32)
        return nothing, nothing, np.empty(0, dtype=np.int64)
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
    begun, ended = np.full(int(goal.max()) + 1, np.inf), np.full(int(goal.max()) + 1, -np.inf)
    np.minimum.at(begun, goal, time)
    np.maximum.at(ended, goal, time)
    # over the whole of the data: a target that is new for everybody draws people at once, and only an hour or so
    stretch = max(float(time.max() - time.min()), 1.0)
    usual = np.maximum(total - (last - first + 1), 0) / stretch
    dense = (last - first + 1) / (span + GAP) >= DENSER * usual
    good = (devices >= DEVICES) & (span <= LONGEST) & dense
    kept = good[of_run]
    return owner[kept], of_run[kept].astype(np.int32), columns.times[rows[at[kept]]]
