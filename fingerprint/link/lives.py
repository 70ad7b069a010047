"""How long each id of an app lived on each device: what resets and copies are told by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from rackprint.fingerprint.link.columns import Column, Ints, Longs
from rackprint.fingerprint.link.records import moment

SUPPORT = 2  # observations of an app on each side of a reset

Span = tuple[int, int, int]  # first and last sight (microseconds since 1970), and how many
Lives = dict[str, list[Span]]  # by the app's scope


def lives(column: Column, device: Ints, times: Longs, least: int) -> dict[int, Lives]:
    """device -> the lives of the ids in ``column`` by app, for devices where an app shows ``least`` ids or more."""
    entries = np.flatnonzero(
        np.array([name.startswith("app:") for name in column.scope_names])[column.scopes][column.codes]
    )
    if not len(entries):
        return {}
    rows, codes = column.rows[entries], column.codes[entries]
    pairs, place = np.unique(device[rows].astype(np.int64) * column.size + codes, return_inverse=True)
    owner, code = pairs // column.size, pairs % column.size
    scope = column.scopes[code].astype(np.int64)
    names = len(column.scope_names)
    _, of_app, ids = np.unique(owner * names + scope, return_inverse=True, return_counts=True)
    wanted = np.isin(owner, np.unique(owner[ids[of_app] >= least]))
    if not wanted.any():
        return {}
    first = np.full(len(pairs), np.iinfo(np.int64).max)
    last = np.full(len(pairs), np.iinfo(np.int64).min)
    np.minimum.at(first, place, times[rows])
    np.maximum.at(last, place, times[rows])
    count = np.bincount(place, minlength=len(pairs))
    found: dict[int, Lives] = {}
    for at in np.flatnonzero(wanted).tolist():
        spans = found.setdefault(int(owner[at]), {}).setdefault(column.scope_names[int(scope[at])], [])
        spans.append((int(first[at]), int(last[at]), int(count[at])))
    return found


def resets(found: Lives) -> list[datetime]:
    """The moments at which a new set of android_ids began after all earlier ones had ended, in order.

    A copy of an app made by a dual-apps user has an id of its own beside the first one, and lives at the same time: as
    long as any id is seen on both sides of a moment, that moment was no reset. An app must have been seen SUPPORT times
    before and after, and something SUPPORT times between two resets."""
    spans = sorted((*span, scope) for scope, ids in found.items() for span in ids)
    after: dict[str, int] = {}
    for _, _, count, scope in spans:
        after[scope] = after.get(scope, 0) + count
    before = dict.fromkeys(after, 0)
    moments: list[datetime] = []
    latest, since = None, 0
    for first, last, count, scope in spans:
        gap = latest is not None and first > latest and since >= SUPPORT
        if gap and any(before[s] >= SUPPORT and after[s] >= SUPPORT for s in before):
            moments.append(moment(first))
            since = 0
        before[scope] += count
        after[scope] -= count
        since += count
        latest = last if latest is None else max(latest, last)
    return moments


def most_at_once(spans: Sequence[Span]) -> int:
    """The most lives that ran side by side."""
    edges = sorted([(first, 0) for first, _, _ in spans] + [(last, 1) for _, last, _ in spans])
    most = now = 0
    for _, end in edges:
        now += -1 if end else 1
        most = max(most, now)
    return most
