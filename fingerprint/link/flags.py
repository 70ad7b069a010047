"""What is odd about a device: each flag is a word, with a sentence that says what the data shows."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from rackprint.fingerprint.link.census import Census, values
from rackprint.fingerprint.link.result import Conflict
from rackprint.fingerprint.model import Observation

CHURN = 4  # SIMs; a dual-SIM phone that changed operator once shows three at most
SUPPORT = 2  # observations of an app on each side of a reset
CADENCE = 3  # resets that make a habit
COPIES = 3  # ids of one app at once; a dual-apps user makes two

_EMULATOR = {
    "model": re.compile(r"sdk_|Android SDK built for|Emulator|google_sdk|VirtualBox|BlueStacks", re.IGNORECASE),
    "gl_renderer": re.compile(r"Emulator|SwiftShader|llvmpipe|Bluestacks|VMware|VirtualBox", re.IGNORECASE),
    "cpu": re.compile(r"^(goldfish|ranchu|vbox86)", re.IGNORECASE),
    "build_fingerprint": re.compile(r"^generic|/sdk_|/vbox86", re.IGNORECASE),
}

Span = tuple[datetime, datetime, int]  # first and last sight, and how many


def of(observations: Sequence[Observation], conflicts: Sequence[Conflict], census: Census) -> dict[str, str]:
    """flag -> sentence, in a fixed order."""
    found = dict(sorted(_cloned(conflicts)))
    found |= _resets(observations)
    sims = values(observations, "iccid") | values(observations, "iccid_past")
    if len(sims) >= CHURN:
        found["sim_churn"] = f"{len(sims)} different SIMs were in it"
    found |= _copies(observations)
    found |= _emulator(observations)
    keys = census.keys(observations)
    if keys:
        most = max(keys.values())
        found["shared_adb_key"] = (
            f"trusts a computer that {most} other device{'s' * (most != 1)} trust; the lab's may be one"
        )
    tac, model, usual = census.odd_tac(observations)
    if tac:
        found["tac_mismatch"] = f"its IMEI's TAC {tac} is seen with {usual}, and this is a {model}"
    return found


def _cloned(conflicts: Sequence[Conflict]) -> Iterator[tuple[str, str]]:
    for conflict in conflicts:
        others = len(conflict.devices) - 1
        value, where = conflict.key.rpartition("|")[2], f"{others} other device{'s' * (others != 1)}"
        yield f"cloned_{conflict.signal}", f"{conflict.signal} {value} also stands on {where}: {conflict.why}"


def _resets(observations: Sequence[Observation]) -> dict[str, str]:
    moments = resets(observations)
    if not moments:
        return {}
    found = {"factory_reset": f"every app's android_id changed at once before {moments[-1]:%Y-%m-%d %H:%M} UTC"}
    if len(moments) >= CADENCE:
        days = (moments[-1] - moments[0]).total_seconds() / 86_400 / (len(moments) - 1)
        found["reset_cadence"] = f"{len(moments)} resets, {days:.1f} days apart on average"
    return found


def resets(observations: Sequence[Observation]) -> list[datetime]:
    """The moments at which a new set of android_ids began after all earlier ones had ended, in order.

    A copy of an app made by a dual-apps user has an id of its own beside the first one, and lives at the same time: as
    long as any id is seen on both sides of a moment, that moment was no reset. An app must have been seen SUPPORT times
    before and after, and something SUPPORT times between two resets."""
    spans = sorted((*span, scope) for scope, ids in _spans(observations, "android_id").items() for span in ids.values())
    after: dict[str, int] = defaultdict(int)
    for _, _, count, scope in spans:
        after[scope] += count
    before: dict[str, int] = defaultdict(int)
    found: list[datetime] = []
    latest, since = None, 0
    for first, last, count, scope in spans:
        gap = latest is not None and first > latest and since >= SUPPORT
        if gap and any(before[s] >= SUPPORT and after[s] >= SUPPORT for s in before):
            found.append(first)
            since = 0
        before[scope] += count
        after[scope] -= count
        since += count
        latest = last if latest is None else max(latest, last)
    return found


def _copies(observations: Sequence[Observation]) -> dict[str, str]:
    """Apps that showed several drm_ids over the same time: one phone gives an app one."""
    for scope, ids in sorted(_spans(observations, "drm_id").items()):
        together = _most_at_once(list(ids.values()))
        if together >= COPIES:
            app = scope.partition(":")[2]
            return {"app_copies": f"{together} copies of {app} were used side by side, told by their drm_id"}
    return {}


def _most_at_once(spans: list[Span]) -> int:
    edges = sorted([(first, 0) for first, _, _ in spans] + [(last, 1) for _, last, _ in spans])
    most = now = 0
    for _, end in edges:
        now += -1 if end else 1
        most = max(most, now)
    return most


def _emulator(observations: Sequence[Observation]) -> dict[str, str]:
    for name, pattern in _EMULATOR.items():
        for value in sorted(values(observations, name)):
            if pattern.search(value):
                return {"emulator": f"its {name} is {value}"}
    return {}


def _spans(observations: Sequence[Observation], name: str) -> dict[str, dict[str, Span]]:
    """From when to when, and how often, each id of an app was seen, by the app's scope."""
    spans: dict[str, dict[str, Span]] = defaultdict(dict)
    for o in observations:
        for signal in o.signals:
            if signal.name == name and signal.valid and signal.scope_key.startswith("app:"):
                first, last, count = spans[signal.scope_key].get(signal.key, (o.time, o.time, 0))
                spans[signal.scope_key][signal.key] = (min(first, o.time), max(last, o.time), count + 1)
    return spans
