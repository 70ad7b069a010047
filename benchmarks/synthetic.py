"""Inputs for the benchmarks, made by number: the same seed gives the same data."""

from __future__ import annotations

import random
from array import array
from datetime import UTC, datetime, timedelta

from rackprint.fingerprint.identifiers.digits import luhn_digit
from rackprint.fingerprint.model import Observation, Signal

START = datetime(2026, 3, 1, tzinfo=UTC)
APPS = ("photogram", "chirper", "clipclap")


def edges(n: int, m: int, seed: int = 1, span: int = 0) -> tuple[array[int], array[int]]:
    """``m`` edges on ``n`` nodes: random, or with ``span`` to a node at most so far on (clustered in memory)."""
    draw = random.Random(seed)
    a = array("i", (draw.randrange(n) for _ in range(m)))
    if span:
        return a, array("i", (min(n - 1, x + draw.randrange(span)) for x in a))
    return a, array("i", (draw.randrange(n) for _ in range(m)))


def observations(count: int, seed: int = 1, clones: float = 0.01) -> list[Observation]:
    """``count`` observations, 50 a phone: one acquisition, logins on three apps with an android_id and a drm_id each,
    a reset for every tenth phone; a share of ``clones`` of the phones carries one of few cloned IMEIs."""
    draw = random.Random(seed)
    found: list[Observation] = []
    for phone in range((count + 49) // 50):
        cloned = draw.random() < clones
        body = f"99000000{draw.randrange(3) if cloned else 100 + phone:06d}"
        resets = 2 if phone % 10 == 0 else 1
        drm = {app: f"{draw.getrandbits(256):064x}" for app in APPS}
        ids = {app: [f"{draw.getrandbits(64):016x}" for _ in range(resets)] for app in APPS}
        for n in range(min(50, count - len(found))):
            time = START + timedelta(minutes=draw.randrange(60) + 60 * n)
            if n == 0:
                signals = [("imei", body + luhn_digit(body), ""), ("serial", f"R58M{phone:07d}", "")]
                signals += [("android_id", ids[app][-1], f"app:{app}") for app in APPS]
                source, accounts = "acquisition:bugreport", ()
            else:
                app = draw.choice(APPS)
                signals = [("android_id", ids[app][n * resets // 50], f"app:{app}")]
                signals += [("drm_id", drm[app], f"app:{app}")] if draw.random() < 0.8 else []
                source, accounts = f"platform:{app}", (f"{app}:u{phone}-{draw.randrange(3)}",)
            signals.append(("ip", f"203.0.113.{phone % 250}", ""))
            found.append(
                Observation(
                    f"o{phone}-{n}",
                    time,
                    source,
                    accounts,
                    signals=tuple(Signal(name, value, value, scope_key=scope) for name, value, scope in signals),
                )
            )
    return found
