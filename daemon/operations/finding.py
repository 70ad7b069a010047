"""What the doctor says of one thing."""

from __future__ import annotations

from typing import NamedTuple

OK, WARN, FAIL, ABSENT = "ok", "warn", "fail", "not here"


class Finding(NamedTuple):
    """``state`` is ok, warn, fail or not here; the remedy is empty where nothing is to be done."""

    what: str
    state: str
    detail: str
    remedy: str = ""


def size(count: float) -> str:
    """Bytes as people read them."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
