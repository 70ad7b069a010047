"""What is installed: the apps that were added to the phone, and what those among them tell of how it is run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from rackprint.fingerprint.parsers.base import Findings
from rackprint.fingerprint.parsers.text import Line

_PACKAGE = re.compile(r"^\s*Package \[([\w.\-]+)\]")
_PATH = re.compile(r"^\s*codePath=(\S+)")
# pm list packages -f: since Android 11 the path may hold "=" (Base64), a package's name never does; -U adds the uid.
_LISTED = re.compile(r"^package:(/.*)=([\w.\-]+)(?: uid:[\d,]+)?\s*$")
_ADDED = ("/data/app", "/mnt/")

# Apps whose work is to touch, type, clone or root in a person's stead; by package or the start of it.
_AUTOMATION = (
    "com.android.adbkeyboard",
    "com.autotap.",
    "io.appium.",
    "com.github.uiautomator",
    "org.autojs.",
    "com.stardust.scriptdroid",
    "net.dinglisch.android.taskerm",
    "com.arlosoft.macrodroid",
    "jp.co.cyberagent.stf",
    "com.lbe.parallel",
    "com.excelliance.",
    "com.applisto.appcloner",
    "com.topjohnwu.magisk",
    "de.robv.android.xposed",
    "org.lsposed.",
    "eu.chainfire.supersu",
)
_ROOT = ("com.topjohnwu.magisk", "eu.chainfire.supersu")


def package(lines: Iterable[Line], out: Findings) -> None:
    """The apps that were added to the phone (as one set), those among them that automate, and signs of root."""
    added: dict[str, Line] = {}
    current: tuple[str, Line] | None = None
    for line in lines:
        found = _PACKAGE.match(line.text)
        if found:
            current = (found[1], line)
            continue
        path = _PATH.match(line.text)
        if path and current:
            if path[1].startswith(_ADDED):
                added.setdefault(*current)
            current = None
    _tell(added, out)


def listed(lines: Iterable[Line], out: Findings) -> None:
    """As :func:`package`, from ``pm list packages -f``."""
    added: dict[str, Line] = {}
    for line in lines:
        found = _LISTED.match(line.text)
        if found and found[1].startswith(_ADDED):
            added.setdefault(found[2], line)
    _tell(added, out)


def _tell(added: Mapping[str, Line], out: Findings) -> None:
    for name, line in added.items():
        if name.startswith(_AUTOMATION):
            out.add("automation_apps", name, line)
        if name.startswith(_ROOT):
            out.add("rooted", "yes", line)
    if added:
        out.add("app_set", " ".join(sorted(added)), next(iter(added.values())))
