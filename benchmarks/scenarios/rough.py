"""The same worlds on a rougher day: clocks that drift and jitter, homes whose address changes, halls with several
uplinks, phones that roam to a carrier's few addresses."""

from __future__ import annotations

import random
from typing import Any

from benchmarks.scenarios.world import Session, token

JITTER = 1.2  # seconds, standard deviation of a boot time that is told
DRIFT, MOST = 1e-5, 8.0  # seconds a second of uptime, and how far a clock goes before it is set
ROAMING, CARRIER = 0.3, 3  # the share of sessions on a carrier's addresses, and how many it has
UPLINKS = 3  # addresses of a hall or home at one time
LEASE = 3 * 86_400  # seconds that an address lasts


def roughen(session: Session, signals: dict[str, Any], draw: random.Random) -> None:
    """Changes ``ip`` and ``boot_time`` of one session in place."""
    phone, time = session.phone, session.time.timestamp()
    if signals.get("boot_time") is not None:
        booted = phone.boot(session.time).timestamp()
        slope = (int(token(phone.name, "drift", size=4), 16) / 0x7FFF - 1) * DRIFT
        drift = max(-MOST, min(MOST, slope * (time - booted)))
        signals["boot_time"] = int(booted + draw.gauss(0, JITTER) + drift)
    if signals.get("ip"):
        if draw.random() < ROAMING:
            signals["ip"] = f"198.18.7.{draw.randrange(CARRIER)}"
        else:
            lease = int(token(signals["ip"], time // LEASE, draw.randrange(UPLINKS), size=6), 16)
            signals["ip"] = f"198.19.{lease % 250}.{lease // 250 % 250}"
