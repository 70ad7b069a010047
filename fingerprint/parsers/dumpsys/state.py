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
_BASE = re.compile(r"^\s*mBaseDisplayInfo=DisplayInfo\{.*?\breal (\d+) x (\d+)\b")
# "0x00000001) BMI160 accelerometer | Bosch | ver: 1 | …"; until Android 5 without the handle in front.
_SENSOR = re.compile(r"^(?:0x[0-9a-f]+\) )?([^|\s][^|]{0,99})\|[^|]{1,99}\|")
_LISTS = re.compile(r"^(?:Sensor List|\d+ h/w sensors|Fusion States|Recent Sensor events)\b")
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
    """The screen as it is held by default. Android 4 and some makers' 5 do not print it by itself."""
    base: tuple[str, Line] | None = None
    for line in lines:
        found = _SIZE.match(line.text)
        if found:
            out.add("screen", f"{found[1]}x{found[2]}", line)
            return
        shown = _BASE.match(line.text)
        if shown and base is None:
            base = f"{shown[1]}x{shown[2]}", line
    if base:
        out.add("screen", *base)


def surface(lines: Iterable[Line], out: Findings) -> None:
    for line in lines:
        found = _GLES.match(line.text)
        if found:
            out.add("gl_renderer", found[1], line)
            return


def sensors(lines: Iterable[Line], out: Findings) -> None:
    """The names in the list of sensors, sorted: chips differ between batches of one model."""
    names: set[str] = set()
    start: Line | None = None
    for line in lines:
        if _LISTS.match(line.text):
            if start:
                break
            start = line if line.text.startswith("Sensor List") else None
        elif start and (found := _SENSOR.match(line.text)):
            names.add(" ".join(found[1].split()))
    if start and names:
        out.add("sensors", "; ".join(sorted(names)), start)
