"""How a device is used: the signs by which a farm's phone differs from a person's, a shop's or a test lab's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rackprint.fingerprint.link.columns import Bools, Columns, Ints, Longs
from rackprint.fingerprint.link.contexts import HABITS, Context
from rackprint.fingerprint.link.owners import shared
from rackprint.fingerprint.link.resolution import Resolution

RESIDENT = 86_400_000_000  # microseconds; a visitor's account is gone sooner
BRIEF = 3 * RESIDENT  # data that covers less cannot tell residents from visitors
ACCOUNTS = 2  # of one platform on one phone; many people have two in all, few on one platform
CROWDED = 3  # of one platform on one phone; hardly a person's
SEVERAL = 2  # platforms with more than one account each; hardly a person's


@dataclass(slots=True)
class Practice:
    """By device: ``accounts`` is the most resident accounts of one platform at one time, ``platforms`` on how many
    platforms there were several, ``signups`` the accounts made on it; ``odd`` tells whether any sign is there."""

    accounts: Ints
    platforms: Ints
    signups: Ints
    lockstep: Bools
    habit: Bools
    odd: Bools

    @property
    def crowded(self) -> Bools:
        """The devices that hold more lasting accounts of one platform than a person has."""
        found: Bools = (self.accounts >= CROWDED) | (self.platforms >= SEVERAL) | (self.signups >= CROWDED)
        return found


def practice(found: Resolution, orders: Context) -> Practice:
    """How the devices of ``found`` are used; ``orders`` is the lockstep context."""
    size = len(found.ids)
    signups = _signups(found.columns, found.device, size)
    accounts, platforms = _residents(found, size)
    lockstep = np.zeros(size, dtype=bool)
    lockstep[orders.devices] = True
    habit = np.zeros(size, dtype=bool)
    habit[[d for d, told in found.flags.items() if any(flag in told for flag in HABITS)]] = True
    # a shop's phone on show is wiped every night too; but nobody's account outlives that
    wiped = [
        d for d, told in found.flags.items() if not any(flag in told for flag in HABITS if flag != "reset_cadence")
    ]
    habit[wiped] &= accounts[wiped] > 0
    used = Practice(accounts, platforms, signups, lockstep, habit, lockstep | habit)
    used.odd |= used.crowded
    return used


def _residents(found: Resolution, size: int) -> tuple[Ints, Ints]:
    """(the most accounts of one platform that stay on each device over the same time and on no other, on how many
    platforms it is several). Accounts that follow each other, as a second owner's do, are not at one time."""
    links, columns = found.links, found.columns
    names = columns.accounts.keys.to_pylist()
    most, several = np.zeros(size, dtype=np.int32), np.zeros(size, dtype=np.int32)
    if not names:
        return most, several
    platforms = {name: n for n, name in enumerate(sorted({name.partition(":")[0] for name in names}))}
    platform = np.array([platforms[name.partition(":")[0]] for name in names], dtype=np.int64)
    stays = links.last - links.first >= RESIDENT
    if columns.n and int(columns.times.max() - columns.times.min()) < BRIEF:
        stays[:] = True
    made = _made(columns, found.device)
    size_of = max(1, columns.accounts.size)
    stays |= np.isin(links.device.astype(np.int64) * size_of + links.account, made)
    stays &= ~shared(links)
    owner = links.device[stays].astype(np.int64) * len(platforms) + platform[links.account[stays]]
    pairs, at_once = _at_once(owner, links.first[stays], links.last[stays])
    np.maximum.at(most, pairs // len(platforms), at_once)
    np.add.at(several, pairs // len(platforms), (at_once >= ACCOUNTS).astype(np.int32))
    return most, several


def _at_once(owner: Longs, first: Longs, last: Longs) -> tuple[Longs, Ints]:
    """(owners, how many of each one's stretches of time run side by side at most)."""
    edge = np.concatenate([np.ones(len(owner), dtype=np.int32), np.full(len(owner), -1, dtype=np.int32)])
    who, when = np.concatenate([owner, owner]), np.concatenate([first, last])
    order = np.lexsort((-edge, when, who))
    who, running = who[order], np.cumsum(edge[order])  # each owner's edges add up to nothing
    owners, place = np.unique(who, return_inverse=True)
    most = np.zeros(len(owners), dtype=np.int32)
    np.maximum.at(most, place, running.astype(np.int32))
    return owners, most


def _made(columns: Columns, device: Ints) -> Ints:
    """(device, account) pairs, as device * accounts + account, of accounts that were signed up there."""
    action = columns.text("action")
    signup = np.array([key in {"signup", "register", "create"} for key in action.keys.to_pylist()] + [False])
    made = signup[action.dense(columns.n)]
    accounts = columns.accounts
    rows = made[accounts.rows]
    pairs = device[accounts.rows[rows]].astype(np.int64) * max(1, accounts.size) + accounts.codes[rows]
    return np.unique(pairs)


def _signups(columns: Columns, device: Ints, size: int) -> Ints:
    made = _made(columns, device)
    return np.bincount(made // max(1, columns.accounts.size), minlength=size).astype(np.int32)
