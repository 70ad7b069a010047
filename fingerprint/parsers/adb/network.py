"""The Wi-Fi interface as the kernel knows it: ``ip link``, ``netcfg`` and sysfs."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rackprint.fingerprint.parsers.base import Findings
from rackprint.fingerprint.parsers.text import Line

_WLAN = "wlan0"
_ADDRESS = r"((?:[0-9A-Fa-f]{2}|[Xx*]{2})(?::(?:[0-9A-Fa-f]{2}|[Xx*]{2})){5})"
_INTERFACE = re.compile(r"^\d+: ([\w.\-]+)(?:@[\w.\-]+)?:")
_LINK = re.compile(rf"\blink/ether {_ADDRESS}\b")
_NETCFG = re.compile(rf"^{_WLAN}\s.*\s{_ADDRESS}\s*$")
_BARE = re.compile(rf"^\s*{_ADDRESS}\s*$")


def ip_link(lines: Iterable[Line], out: Findings) -> None:
    """toybox and iproute2 print an interface's name, then its address a line below or, with ``-o``, behind it."""
    interface = ""
    for line in lines:
        named = _INTERFACE.match(line.text)
        interface = named[1] if named else interface
        found = _LINK.search(line.text) if interface == _WLAN else None
        if found:
            _take(found[1], line, out)


def netcfg(lines: Iterable[Line], out: Findings) -> None:
    """toolbox, Android 4 and 5: ``wlan0  UP  192.0.2.7/24  0x00001043 8c:f5:a3:31:0b:61``."""
    for line in lines:
        found = _NETCFG.match(line.text)
        if found:
            _take(found[1], line, out)


def wlan_address(lines: Iterable[Line], out: Findings) -> None:
    """``/sys/class/net/wlan0/address``."""
    for line in lines:
        found = _BARE.match(line.text)
        if found:
            _take(found[1], line, out)


def _take(address: str, line: Line, out: Findings) -> None:
    """A randomised address is steady on one network: it is that of the acquisition, where it was told."""
    out.add("wifi_mac", address, line, ssid=dict(out.info.context).get("ssid", ""))
