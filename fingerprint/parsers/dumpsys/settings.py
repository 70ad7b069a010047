"""The settings tables, in each form in which phones print them; one mapping of names to signals for all."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rackprint.fingerprint.parsers.base import Findings
from rackprint.fingerprint.parsers.text import Line

_TABLE = re.compile(r"^(CONFIG|GLOBAL|SECURE|SYSTEM) SETTINGS \(user (\d+)\)")
_DUMPED = re.compile(r"^_id:\d+ name:(\S+) (?:pkg:\S+ )?value:(.*?)(?: default:.*)?$")
_LISTED = re.compile(r"^([A-Za-z][\w.\-/]*)=(.*)$")
_ROW = re.compile(r"^Row: \d+ (?:.*?\b)?name=([\w.\-/]+), value=(.*)$")
_AFTER = re.compile(r", (?:is_preserved_in_restore|package|default_value|tag)=.*$")  # columns of some makers' tables

_SIGNALS = {
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


def dumped(lines: Iterable[Line], out: Findings) -> None:
    """``dumpsys settings``: the tables of every user, ``_id:27 name:android_id pkg:android value:… default:…``."""
    user = "0"
    for line in lines:
        table = _TABLE.match(line.text)
        if table:
            user = table[2]
            continue
        found = _DUMPED.match(line.text)
        if found:
            _take(found[1], found[2], line, out, user)


def listed(lines: Iterable[Line], out: Findings) -> None:
    """``settings list secure``: ``name=value`` of user 0. A shell sees the same android_id as the table holds, since
    its uid is below those of apps (AOSP, SettingsProvider.isNewSsaidSetting)."""
    for line in lines:
        found = _LISTED.match(line.text)
        if found:
            _take(found[1], found[2], line, out)


def rows(lines: Iterable[Line], out: Findings) -> None:
    """``content query --uri content://settings/secure``: ``Row: 0 _id=1, name=…, value=…``."""
    for line in lines:
        found = _ROW.match(line.text)
        if found:
            _take(found[1], _AFTER.sub("", found[2]), line, out)


def _take(name: str, raw: str, line: Line, out: Findings, user: str = "0") -> None:
    """Settings of identity and operation. The android_id here is the one that its user's shell sees."""
    value = raw.strip()
    if name == "android_id":
        out.add("android_id", value, line, scope=f"user:{user}")
    elif user != "0":
        return
    elif name == "stay_on_while_plugged_in":
        out.add("stay_awake", "no" if value == "0" else "yes", line)
    elif name in _SIGNALS and value not in {":0", "null"}:
        out.add(_SIGNALS[name], value, line)
