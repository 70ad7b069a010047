"""What is odd about a device: each flag is a word, with a sentence that says what the data shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from rackprint.fingerprint.link.result import Conflict
from rackprint.fingerprint.model import Observation

CHURN = 4  # SIMs; a dual-SIM phone that changed operator once shows three at most
SUPPORT = 2  # observations of an app on each side of a reset

Span = tuple[datetime, datetime, int]  # first and last sight, and how many


def of(observations: Sequence[Observation], conflicts: Sequence[Conflict]) -> dict[str, str]:
    """flag -> sentence, in a fixed order."""
    found = dict(sorted(_cloned(conflicts)))
    reset = reset_before(observations)
    if reset:
        found["factory_reset"] = f"every app's android_id changed at once before {reset:%Y-%m-%d %H:%M} UTC"
    sims = {s.value for o in observations for s in o.signals if s.valid and s.name in {"iccid", "iccid_past"}}
    if len(sims) >= CHURN:
        found["sim_churn"] = f"{len(sims)} different SIMs were in it"
    return found


def _cloned(conflicts: Sequence[Conflict]) -> Iterator[tuple[str, str]]:
    for conflict in conflicts:
        others = len(conflict.devices) - 1
        value, where = conflict.key.rpartition("|")[2], f"{others} other device{'s' * (others != 1)}"
        yield f"cloned_{conflict.signal}", f"{conflict.signal} {value} also stands on {where}: {conflict.why}"


def reset_before(observations: Sequence[Observation]) -> datetime | None:
    """The first sight of the newest set of android_ids, when all of them began after all earlier ones had ended.

    A copy of an app made by a dual-apps user has an id of its own beside the first one, and lives at the same time: as
    long as any id is seen on both sides of a moment, that moment was no reset."""
    spans: dict[str, dict[str, Span]] = defaultdict(dict)
    for observation in observations:
        for signal in observation.signals:
            if signal.name == "android_id" and signal.valid and signal.scope_key.startswith("app:"):
                first, last, count = spans[signal.scope_key].get(signal.key, (observation.time, observation.time, 0))
                spans[signal.scope_key][signal.key] = (
                    min(first, observation.time),
                    max(last, observation.time),
                    count + 1,
                )
    every = [span for scope in spans.values() for span in scope.values()]
    for moment in sorted({first for first, _, _ in every}, reverse=True):
        if any(first < moment <= last for first, last, _ in every):
            continue
        if any(_changed(list(scope.values()), moment) for scope in spans.values()):
            return moment
    return None


def _changed(spans: list[Span], moment: datetime) -> bool:
    before = sum(count for _, last, count in spans if last < moment)
    after = sum(count for first, _, count in spans if first >= moment)
    return before >= SUPPORT and after >= SUPPORT
