"""The plain twin of ``texts``: the same answers and errors, for tests and for reading."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def moment(time_ns: int) -> str:
    """As :func:`rackprint.ext.texts.moment`."""
    if not -(1 << 63) <= time_ns < 1 << 63:
        raise OverflowError("more than 64 bits")
    if time_ns < 0:
        raise ValueError(f"{time_ns} ns is before 1970")
    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_ns // 1000)
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")
