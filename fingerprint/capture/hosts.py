"""What one client of a capture gave away, and what its clocks say of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rackprint.fingerprint.capture.addresses import is_global

CAP = 50  # values of one name a host
SAME = 32_768  # values that hosts share in memory: most look for what others looked for
_ONE = ("serial", "bt_mac", "wifi_mac")  # a unit has one: more are of several, as what a reflector repeats

Same = dict[tuple[str, str], tuple[str, str]]


class Host:
    """``signals`` maps (name, value) to the byte offset where it first stood. ``joined``: it was on the network, and
    did not only ask for one. ``same``: where hosts find the values that others have kept."""

    def __init__(self, mac: str, time: datetime, offset: int, same: Same | None = None) -> None:
        self.mac, self.time, self.offset = mac, time, offset
        self._same = {} if same is None else same
        self.joined = False
        self.signals: dict[tuple[str, str], int] = {}
        self._counts: dict[str, int] = {}

    def add(self, name: str, value: str, offset: int) -> None:
        """Keeps a value that is new, up to CAP a name."""
        key = (name, value)
        if not value or key in self.signals:
            return
        count = self._counts.get(name, 0)
        if count < CAP:
            self._counts[name] = count + 1
            if len(self._same) >= SAME:
                self._same.clear()
            self.signals[self._same.setdefault(key, key)] = offset

    def add_unit(self, mac: str, offset: int) -> None:
        """Keeps the maker's MAC of a host that shows a made-up one."""
        if is_global(mac) and not is_global(self.mac):
            self.add("wifi_mac", mac, offset)

    def take(self, other: Host) -> None:
        """Takes in all of another host that is this one."""
        self.joined |= other.joined
        for (name, value), offset in other.signals.items():
            self.add(name, value, offset)

    def settle(self) -> None:
        """Leaves out what a unit has one of, where there are several."""
        for name in _ONE:
            if self._counts.get(name, 0) > 1:
                self.signals = {key: offset for key, offset in self.signals.items() if key[0] != name}

    def add_clocks(self, lines: Sequence[dict[str, Any]]) -> None:
        """Adds skew and start from ``tcp_clock`` events, where all of them can be of one clock."""
        skews = [e for e in lines if e["skew_ppm"] is not None]
        if skews and max(e["skew_low"] for e in skews) <= min(e["skew_high"] for e in skews):
            best = min(skews, key=lambda e: float(e["skew_high"] - e["skew_low"]))
            self.add("clock_skew_ppm", str(round(best["skew_ppm"], 2)), best["offset"])
        starts = [e for e in lines if e["boot_low"] is not None]
        if starts and max(e["boot_low"] for e in starts) <= min(e["boot_high"] for e in starts):
            best = min(starts, key=lambda e: float(e["boot_high"] - e["boot_low"]))
            if best["boot_time"] is not None:
                self.add("boot_time", str(best["boot_time"]), best["offset"])
