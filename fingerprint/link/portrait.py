"""What a farm looks like: its kind, the sentences that say so, the profile its phones share, the targets they serve."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from rackprint.fingerprint.commands.record import SOURCE
from rackprint.fingerprint.link.columns import Bools, Columns, Ints
from rackprint.fingerprint.link.contexts import Context
from rackprint.fingerprint.link.lockstep import QUIET
from rackprint.fingerprint.link.practice import Practice
from rackprint.fingerprint.link.resolution import Resolution

SERVED = 20  # targets that a farm's record lists
_CLASS = ("model", "device", "android_version", "screen", "gl_renderer", "locale", "timezone")
# What attaching a phone does to it: read from a live acquisition, it tells of the bench and not of the rack.
_SEIZURE = frozenset({"usb_charging", "screen_on", "adb_enabled"})
_OPERATION = ("usb_charging", "screen_on", "stay_awake", "adb_enabled", "mirroring", "orientation")


def profiles(found: Resolution) -> Context:
    """Devices by what they look like and how they are set up: the same class and the same operation signals. Needs a
    model, and two further fields, so that bare models are no profile."""
    columns, size = found.columns, len(found.ids)
    live = _live(columns)
    lanes = []
    for name in (*_CLASS, *_OPERATION):
        dense = columns.dense(name)
        if name in _SEIZURE:
            dense[live] = -1
        first = np.full(size, -1, dtype=np.int32)
        seen = np.flatnonzero(dense >= 0)[::-1]
        first[found.device[seen]] = dense[seen]
        lanes.append(first)
    table = np.stack(lanes, axis=1)
    known = (table[:, 0] >= 0) & ((table >= 0).sum(axis=1) >= 3)
    devices: Ints = np.flatnonzero(known).astype(np.int32)
    _, place = np.unique(table[devices], axis=0, return_inverse=True)
    values: Ints = place.reshape(-1).astype(np.int32)
    names = ["the same profile"] * (int(values.max(initial=-1)) + 1)
    rows = np.zeros(size, dtype=np.int32)
    rows[found.device[::-1]] = np.arange(columns.n - 1, -1, -1, dtype=np.int32)
    return Context("profile", devices, values, names, rows[devices])


def _live(columns: Columns) -> Bools:
    """Which rows are of a live acquisition."""
    source = columns.text("source")
    own = np.array([key == SOURCE for key in source.keys.to_pylist()] + [False])
    live: Bools = own[source.dense(columns.n)]
    return live


def kind(found: Resolution, contexts: list[Context], devices: Ints, kinds: Mapping[str, float], used: Practice) -> str:
    """What the farm looks like, by the surest sign."""
    flags = [found.flags.get(d, {}) for d in devices.tolist()]

    def share(flag: str) -> float:
        return sum(flag in told for told in flags) / len(flags)

    if share("emulator") >= 0.5:
        return "emulator host"
    if share("app_copies") >= 0.5:
        return "app cloner"
    if kinds.get("SIM pool", 0.0) >= 0.5 or share("sim_churn") >= 0.5:
        return "SIM-pool rotation"
    if _factory(found, devices, used):
        return "turnkey account factory"
    hardware = {"place", "hub", "controller", "SIM pool"} & kinds.keys()
    if not hardware and kinds.get("lockstep", 0.0) >= 0.5:
        return "home click workers"
    if "controller" in kinds or _scripted(found, devices):
        return "computer-driven rack"
    return "hand-driven rack"


def _factory(found: Resolution, devices: Ints, used: Practice) -> bool:
    """Accounts are made in bulk here, and most of those that are seen later are seen elsewhere."""
    if float((used.signups[devices] >= 2).mean()) < 0.5:
        return False
    inside = set(devices.tolist())
    left = sum(move.old in inside and move.new not in inside for move in found.moves)
    return left >= len(devices)


def _scripted(found: Resolution, devices: Ints) -> bool:
    """Half of the boots fall within a minute of several other devices' boots: nobody does that by hand."""
    held = np.zeros(len(found.ids), dtype=bool)
    held[devices] = True
    boots = found.columns.number("boot_time")
    rows = np.flatnonzero(held[found.device] & ~np.isnan(boots))
    if not len(rows):
        return False
    pairs = np.unique(np.stack([found.device[rows], np.round(boots[rows] / 10)], axis=1), axis=0)
    times = np.sort(pairs[:, 1]) * 10
    beside = np.searchsorted(times, times + 30, side="right") - np.searchsorted(times, times - 30)
    return bool((beside >= max(4, len(devices) // 4)).mean() >= 0.5)


def notes(found: Resolution, devices: Ints, kinds: Mapping[str, float], used: Practice, looks: str) -> Iterator[str]:
    """Sentences that say what the data shows."""
    size = len(devices)
    for name, share in kinds.items():
        yield f"{round(share * size)} of {size} devices share {_SHARED[name]}"
    many = int((used.accounts[devices] >= 2).sum())
    if many:
        most = int(used.accounts[devices].max())
        yield f"{many} of {size} devices hold two or more lasting accounts of one platform at once, up to {most}"
    made = int(used.signups[devices].sum())
    if made:
        yield f"{made} accounts were signed up on them"
    if looks == "home click workers":
        yield "no shared hardware: each works on a phone of their own"


_SHARED = {
    "place": "an address or an access point",
    "hub": "a USB hub",
    "controller": "a computer that they trust over ADB",
    "SIM pool": "SIM cards with each other",
    "accounts": "accounts with each other",
    "lockstep": "orders: the same targets in the same order within minutes",
    "habit": "a habit that ordinary phones hardly have",
}


def targets(found: Resolution, held: Bools) -> list[tuple[str, int]]:
    """(target, accounts of these devices that acted on it), most first. Who is served need not know of it."""
    columns = found.columns
    goals, action = columns.text("target"), columns.text("action")
    quiet = np.array([key in QUIET for key in action.keys.to_pylist()] + [False])
    goal = goals.dense(columns.n)
    served = (goal >= 0) & ~quiet[action.dense(columns.n)] & held[found.device]
    entries = served[columns.accounts.rows]
    size = max(1, columns.accounts.size)
    pairs = np.unique(goal[columns.accounts.rows[entries]].astype(np.int64) * size + columns.accounts.codes[entries])
    counts = np.bincount(pairs // size, minlength=goals.size)
    order = np.lexsort((np.arange(len(counts)), -counts))[:SERVED].tolist()
    return [(goals.key(code), int(counts[code])) for code in order if counts[code]]
