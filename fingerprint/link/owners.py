"""Who used a device and when: accounts that moved on, and phones that changed hands."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from rackprint.fingerprint.link.columns import Bools, runs
from rackprint.fingerprint.link.resolution import Move, Resolution

_MICROSECONDS = 1_000_000
SUPPORT = 2  # observations that make a stay


def moves(found: Resolution) -> list[Move]:
    """The accounts that moved for good, ordered by account and time. An account that goes back and forth is shared,
    not moved, and gives none."""
    links = found.links
    order = np.lexsort((links.device, links.last, links.first, links.account))
    account = links.account[order]
    starts, ends = runs(account)
    several = ends - starts > 1
    told: list[Move] = []
    for start, end in zip(starts[several].tolist(), ends[several].tolist(), strict=True):
        stays = order[start:end]
        if (links.first[stays][1:] <= np.maximum.accumulate(links.last[stays])[:-1]).any():
            continue
        if (links.count[stays] < SUPPORT).any():
            continue  # one sighting does not make a stay
        for old, new in zip(stays[:-1].tolist(), stays[1:].tolist(), strict=True):
            told.append(
                Move(
                    int(links.account[old]), int(links.device[old]), int(links.device[new]), int(links.last[old]),
                    int(links.first[new]),
                )
            )  # fmt: skip
    return told


def changed_hands(found: Resolution, device: int, resets: list[datetime]) -> str:
    """A sentence where no account that was on the device before one of its resets was there after it; else empty."""
    links = found.links
    start, end = np.searchsorted(links.device, [device, device + 1])
    first, last = links.first[start:end], links.last[start:end]
    for moment in reversed(resets):
        at = int(moment.timestamp() * _MICROSECONDS)
        before, after = _count(last < at), _count(first >= at)
        if before and after and before + after == end - start:
            when = f"{moment:%Y-%m-%d %H:%M} UTC"
            return f"{before} account{'s' * (before != 1)} before the reset of {when} and {after} after it, none both"
    return ""


def _count(mask: Bools) -> int:
    return int(np.count_nonzero(mask))
