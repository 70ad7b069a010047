"""Who uses the phone: accounts and their history, Android users, and the computers that may drive it over ADB."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rackprint.fingerprint.parsers.accounts import account as account_name
from rackprint.fingerprint.parsers.base import Findings
from rackprint.fingerprint.parsers.text import Line

_ACCOUNT = re.compile(r"^\s*Account \{name=(.*), type=([^,}]+)\}\s*$")
_HISTORY = re.compile(r"^\s*-?\d+,(action_\w+),(\d{4}-[\d\-]+ [\d:]+),(\d+),(\w+),-?\d+\s*$")
_ADB_KEY = re.compile(r"(?:user_keys=|adbKey key=\"|^\s*)(QAAAA[A-Za-z0-9+/=]{200,}(?: [^\s\"]+)?)")
_USER = re.compile(r"^\s*UserInfo\{(\d+):([^:}]*):")


def account(lines: Iterable[Line], out: Findings) -> None:
    """Accounts of every user. The history names actions and times, not accounts, and outlives them."""
    for line in lines:
        found = _ACCOUNT.match(line.text)
        if found:
            out.account(account_name(found[1], found[2]), line)
            continue
        past = _HISTORY.match(line.text)
        if past:
            out.add("account_history", f"{past[2]} {past[1]} uid {past[3]}", line)


def adb(lines: Iterable[Line], out: Findings) -> None:
    """Public keys of the computers that the phone trusts; phones driven by one controller share its key."""
    for line in lines:
        for found in _ADB_KEY.finditer(line.text):
            out.add("adb_host_key", found[1], line)


def users(lines: Iterable[Line], out: Findings) -> None:
    """How many Android users there are: dual-app and work profiles count."""
    first: Line | None = None
    ids: set[str] = set()
    for line in lines:
        found = _USER.match(line.text)
        if found:
            first = first or line
            ids.add(found[1])
            out.add("user_name", f"{found[1]}:{found[2]}", line)
    if first:
        out.add("user_count", len(ids), first)
