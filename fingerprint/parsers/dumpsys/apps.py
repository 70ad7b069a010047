"""What is installed and how it is set: packages, and the settings tables."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rackprint.fingerprint.parsers.base import Findings
from rackprint.fingerprint.parsers.text import Line

_PACKAGE = re.compile(r"^\s*Package \[([\w.\-]+)\]")
_PATH = re.compile(r"^\s*codePath=(\S+)")
_TABLE = re.compile(r"^(CONFIG|GLOBAL|SECURE|SYSTEM) SETTINGS \(user (\d+)\)")
_SETTING = re.compile(r"^_id:\d+ name:(\S+) (?:pkg:\S+ )?value:(.*?)(?: default:.*)?$")

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
_SETTINGS = {
    "adb_enabled": "adb_enabled",
    "development_settings_enabled": "developer_options",
    "boot_count": "boot_count",
    "device_name": "device_name",
    "bluetooth_address": "bt_mac",
    "screen_brightness": "brightness",
    "screen_off_timeout": "screen_off_timeout_ms",
    "enabled_accessibility_services": "accessibility_services",
    "default_input_method": "input_method",
    "http_proxy": "proxy",
    "mock_location": "mock_location",
}


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
            if path[1].startswith(("/data/app", "/mnt/")):
                added.setdefault(*current)
            current = None
    for name, line in added.items():
        if name.startswith(_AUTOMATION):
            out.add("automation_apps", name, line)
        if name.startswith(_ROOT):
            out.add("rooted", "yes", line)
    if added:
        out.add("app_set", " ".join(sorted(added)), next(iter(added.values())))


def settings(lines: Iterable[Line], out: Findings) -> None:
    """Settings of identity and operation. The android_id here is the one that its user's shell sees."""
    user = "0"
    for line in lines:
        table = _TABLE.match(line.text)
        if table:
            user = table[2]
            continue
        found = _SETTING.match(line.text)
        if not found:
            continue
        name, value = found[1], found[2].strip()
        if name == "android_id":
            out.add("android_id", value, line, scope=f"user:{user}")
        elif user != "0":
            continue
        elif name == "stay_on_while_plugged_in":
            out.add("stay_awake", "no" if value == "0" else "yes", line)
        elif name in _SETTINGS and value not in {":0", "null"}:
            out.add(_SETTINGS[name], value, line)
