"""What is odd about a device: each flag is a word, with a sentence that says what the data shows."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np

from rackprint.fingerprint.identifiers import imei
from rackprint.fingerprint.link.columns import Column, Ints, Longs
from rackprint.fingerprint.link.lives import lives, most_at_once, resets
from rackprint.fingerprint.link.owners import changed_hands
from rackprint.fingerprint.link.resolution import Resolution

CHURN = 4  # SIMs; a dual-SIM phone that changed operator once shows three at most
CADENCE = 3  # resets that make a habit
COPIES = 3  # ids of one app at once; a dual-apps user makes two
ENOUGH, MOST = 3, 0.75  # devices of a TAC, and the share of them that must agree before another is odd

_EMULATOR = {
    "model": re.compile(r"sdk_|Android SDK built for|Emulator|google_sdk|VirtualBox|BlueStacks", re.IGNORECASE),
    "gl_renderer": re.compile(r"Emulator|SwiftShader|llvmpipe|Bluestacks|VMware|VirtualBox", re.IGNORECASE),
    "cpu": re.compile(r"^(goldfish|ranchu|vbox86)", re.IGNORECASE),
    "build_fingerprint": re.compile(r"^generic|/sdk_|/vbox86", re.IGNORECASE),
}
Told = dict[int, dict[str, str]]


def of(found: Resolution) -> Told:
    """device -> flag -> sentence, each in a fixed order."""
    told: Told = defaultdict(dict)
    for device, flag, note in sorted(_cloned(found)):
        told[device][flag] = note
    for group in (
        _simulated(found),
        _resets(found),
        _churn(found),
        _copies(found),
        _emulators(found),
        _keys(found),
        _tacs(found),
    ):
        for device, flag, note in group:
            told[device].setdefault(flag, note)
    return dict(told)


Flag = tuple[int, str, str]


def _simulated(found: Resolution) -> Iterator[Flag]:
    column = found.columns.column("simulated")
    for code in range(column.size):
        for device in np.unique(found.device[column.carriers(code)]).tolist():
            yield device, "simulated", "it was emulated, to try acquisition on: no phone is behind it"


def _cloned(found: Resolution) -> Iterator[Flag]:
    for contested in found.contested:
        column = contested.column
        devices = np.unique(found.device[column.carriers(contested.code)]).tolist()
        others = len(devices) - 1
        value, where = column.key(contested.code).rpartition("|")[2], f"{others} other device{'s' * (others != 1)}"
        note = f"{column.signal} {value} also stands on {where}: {contested.why}"
        yield from ((device, f"cloned_{column.signal}", note) for device in devices)


def _resets(found: Resolution) -> Iterator[Flag]:
    column = found.columns.column("android_id")
    for device, ids in lives(column, found.device, found.columns.times, 2).items():
        moments = resets(ids)
        if moments:
            last = f"{moments[-1]:%Y-%m-%d %H:%M} UTC"
            yield device, "factory_reset", f"every app's android_id changed at once before {last}"
            note = changed_hands(found, device, moments)
            if note:
                yield device, "changed_hands", note
        if len(moments) >= CADENCE:
            days = (moments[-1] - moments[0]).total_seconds() / 86_400 / (len(moments) - 1)
            yield device, "reset_cadence", f"{len(moments)} resets, {days:.1f} days apart on average"


def _churn(found: Resolution) -> Iterator[Flag]:
    cards: dict[int, set[str]] = defaultdict(set)
    for signal in ("iccid", "iccid_past"):
        column = found.columns.column(signal)
        devices, codes = _distinct(found, column)
        for device, key in zip(devices.tolist(), column.keys.take(codes).to_pylist(), strict=True):
            cards[device].add(key)
    for device, held in cards.items():
        if len(held) >= CHURN:
            yield device, "sim_churn", f"{len(held)} different SIMs were in it"


def _copies(found: Resolution) -> Iterator[Flag]:
    """Apps that showed several drm_ids over the same time: one phone gives an app one."""
    column = found.columns.column("drm_id")
    for device, ids in lives(column, found.device, found.columns.times, COPIES).items():
        for scope, spans in sorted(ids.items()):
            together = most_at_once(spans)
            if together >= COPIES:
                app = scope.partition(":")[2]
                yield device, "app_copies", f"{together} copies of {app} were used side by side, told by their drm_id"


def _emulators(found: Resolution) -> Iterator[Flag]:
    for name, pattern in _EMULATOR.items():
        column = found.columns.column(name)
        odd = [code for code, key in enumerate(column.keys.to_pylist()) if pattern.search(key)]
        for code in sorted(odd, key=column.key):
            for device in np.unique(found.device[column.carriers(code)]).tolist():
                yield device, "emulator", f"its {name} is {column.key(code)}"


def _keys(found: Resolution) -> Iterator[Flag]:
    column = found.columns.column("adb_host_key")
    devices, codes = _distinct(found, column)
    trusted = np.bincount(codes, minlength=column.size)
    most: dict[int, int] = {}
    for device, others in zip(devices.tolist(), (trusted[codes] - 1).tolist(), strict=True):
        most[device] = max(most.get(device, 0), others)
    for device, others in most.items():
        if others:
            note = f"trusts a computer that {others} other device{'s' * (others != 1)} trust; the lab's may be one"
            yield device, "shared_adb_key", note


def _tacs(found: Resolution) -> Iterator[Flag]:
    """Devices whose TAC is usual with another model. A TAC names one model (GSMA TS.06); only observations that show
    both count, so that a value read elsewhere is not held against the phone."""
    numbers, models = found.columns.column("imei"), found.columns.column("model")
    if not numbers.size or not models.size:
        return
    model = models.dense(found.columns.n)[numbers.rows]
    tacs = [imei.tac(key) for key in numbers.keys.to_pylist()]
    seen = {
        (device, tacs[code], models.key(m))
        for device, code, m in zip(
            found.device[numbers.rows].tolist(), numbers.codes.tolist(), model.tolist(), strict=True
        )
        if m >= 0
    }
    usual: dict[str, Counter[str]] = defaultdict(Counter)
    for _, tac, name in seen:
        usual[tac][name] += 1
    for device, tac, name in sorted(seen):
        common, count = min(usual[tac].items(), key=lambda item: (-item[1], item[0]))
        total = usual[tac].total()
        if common != name and total > ENOUGH and count >= MOST * total:
            yield device, "tac_mismatch", f"its IMEI's TAC {tac} is seen with {common}, and this is a {name}"


def _distinct(found: Resolution, column: Column) -> tuple[Ints, Longs]:
    """Each value of each device once."""
    size = max(1, column.size)
    pairs = np.unique(found.device[column.rows].astype(np.int64) * size + column.codes)
    return (pairs // size).astype(np.int32), pairs % size
