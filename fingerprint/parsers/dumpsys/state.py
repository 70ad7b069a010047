"""The phone's state and make: battery, screen, graphics."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rackprint.fingerprint.parsers.base import Findings
from rackprint.fingerprint.parsers.text import Line

_POWERED = re.compile(r"^\s*USB powered: (true|false)")
_LEVEL = re.compile(r"^\s*level: (\d+)")
_AWAKE = re.compile(r"^\s*mWakefulness=(\w+)")
_SIZE = re.compile(r"^\s*mStableDisplaySize=Point\((\d+), (\d+)\)")
_GLES = re.compile(r"^GLES: (.+)")


def battery(lines: Iterable[Line], out: Findings) -> None:
    for line in lines:
        for name, pattern in (("usb_charging", _POWERED), ("battery_level", _LEVEL)):
            found = pattern.match(line.text)
            if found:
                out.add(name, found[1], line)


def power(lines: Iterable[Line], out: Findings) -> None:
    for line in lines:
        found = _AWAKE.match(line.text)
        if found:
            out.add("screen_on", "yes" if found[1] == "Awake" else "no", line)
            return


def display(lines: Iterable[Line], out: Findings) -> None:
    for line in lines:
        found = _SIZE.match(line.text)
        if found:
            out.add("screen", f"{found[1]}x{found[2]}", line)
            return


def surface(lines: Iterable[Line], out: Findings) -> None:
    for line in lines:
        found = _GLES.match(line.text)
        if found:
            out.add("gl_renderer", found[1], line)
            return
