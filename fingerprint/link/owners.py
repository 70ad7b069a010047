"""Who used a device and when: accounts that moved on, and phones that changed hands."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from rackprint.fingerprint.link.columns import Bools, runs
from rackprint.fingerprint.link.resolution import Links, Move, Resolution

_MICROSECONDS = 1_000_000
SUPPORT = 2  # observations that make a stay
LAB = 5  # devices of one account that make it a lab's, where it was on two of them over the same time


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


def shared(links: Links) -> Bools:
    """Which links are of an account that is used on another device over the same time: a household's, a lab's. Once
    is no use: a sighting whose device is not known stands by itself."""
    order = np.lexsort((links.first, links.account))
    order = order[links.count[order] >= SUPPORT]
    account, first, last = links.account[order], links.first[order], links.last[order]
    beside = (np.diff(account) == 0) & (first[1:] <= last[:-1])
    found = np.zeros(len(links.account), dtype=bool)
    found[order[1:][beside]] = True
    found[order[:-1][beside]] = True
    return found


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


def in_turns(found: Resolution) -> Bools:
    """Which entries of the account column are of an account that several devices use over the same time."""
    accounts, links = found.columns.accounts, found.links
    size = max(1, accounts.size)
    keys = links.device.astype(np.int64) * size + links.account  # ascending
    at = np.searchsorted(keys, found.device[accounts.rows].astype(np.int64) * size + accounts.codes)
    taken = shared(links)
    several = np.bincount(links.account, minlength=size) >= LAB
    several &= np.bincount(links.account[taken], minlength=size) > 0
    mask: Bools = taken[at] | several[accounts.codes]
    return mask
