"""This host's own adb keys. A phone that trusts this host shows them beside those of the rack's controller; they say
nothing about the rack."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from rackprint.daemon.acquire.adb.server import binary
from rackprint.daemon.errors import RackprintError
from rackprint.fingerprint.signals import read_signal

_SECONDS = 10.0
Keys = tuple[str, ...]


def keys(home: Path) -> Keys:
    """Those that an adb server of this user offers, as the signal ``adb_host_key`` reads them. One that cannot be read
    is left out: adb cannot offer it either."""
    vendor = [Path(entry) for entry in os.environ.get("ADB_VENDOR_KEYS", "").split(os.pathsep) if entry]
    private = [home / ".android" / "adbkey"]
    for entry in vendor:
        private += sorted(entry.glob("*.adb_key")) if entry.is_dir() else [entry]
    found = (_public(path) for path in private if path.is_file())
    return tuple(sorted({key for key in found if key}))


def _public(private: Path) -> str:
    try:
        told = subprocess.run(
            [binary(), "pubkey", private], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (RackprintError, OSError, subprocess.TimeoutExpired):
        return ""
    signal = read_signal("adb_host_key", told.stdout.strip())
    return str(signal.value) if signal.valid else ""
