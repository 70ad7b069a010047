"""When the phone was started, and which start it was."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rackprint.fingerprint.parsers.base import Findings
from rackprint.fingerprint.parsers.text import Line

_UPTIME = re.compile(r"^(\d{1,10}(?:\.\d+)?) \d+(?:\.\d+)?\s*$")
_EPOCH = re.compile(r"^(\d{1,12})\s*$")
_BOOT = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OFF = 30.0  # seconds by which a phone's clock is often off; by more, it was never set


def uptime(lines: Iterable[Line], out: Findings) -> None:
    """``cat /proc/uptime; date +%s``: seconds since the start, which count on in sleep, and the phone's clock.

    The start is reckoned by the phone's clock, as bugreports and apps do; where that is off from this host's by more
    than ``OFF``, or is not told, by this host's at the end of the answer. Which one it was is said."""
    running: tuple[float, Line] | None = None
    clock: float | None = None
    for line in lines:
        found = _UPTIME.match(line.text)
        if found and running is None:
            running = float(found[1]), line
        elif running is not None and clock is None and (told := _EPOCH.match(line.text)):
            clock = float(told[1])
    if running is None:
        return
    host = out.info.taken_at.timestamp()
    seconds, line = running
    if clock is not None and abs(clock - host) <= OFF:
        out.add("boot_time", round(clock - seconds), line)
        return
    out.add("boot_time", round(host - seconds), line)
    state = "not told" if clock is None else f"off by {clock - host:+.0f} s"
    out.problem(f"the phone's clock is {state}", "boot_time was reckoned by this host's; look at both clocks", line)


def boot_id(lines: Iterable[Line], out: Findings) -> None:
    """``/proc/sys/kernel/random/boot_id``: a UUID that the kernel makes at its start (random(4))."""
    for line in lines:
        found = _BOOT.fullmatch(line.text.strip())
        if found:
            out.add("boot_id", found[0], line)
            return
