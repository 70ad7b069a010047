"""MAC addresses (IEEE 802c-2017, 48 bits): upper case with colons, and whether the owner or the network made them."""

from __future__ import annotations

import re

from rackprint.fingerprint.model import Identifier, Scope

_HEX12 = re.compile(r"[0-9A-F]{12}")
DENY = frozenset(
    {
        "00:00:00:00:00:00",
        "FF:FF:FF:FF:FF:FF",
        "02:00:00:00:00:00",  # what Android 6 and later show apps (WifiInfo.DEFAULT_MAC_ADDRESS)
        "00:11:22:33:44:55",
        "00:90:4C:11:22:33",  # Broadcom's sample NVRAM
        "00:0A:F5:00:00:00",
        "12:34:56:78:9A:BC",
    }
)


def read(raw: str) -> Identifier:
    """A unicast MAC address, from any of the usual notations."""
    text = re.sub(r"[:\-.\s]", "", raw).upper()
    if not _HEX12.fullmatch(text):
        return Identifier("mac", raw.strip().upper(), raw, Scope.UNIT, False, "a MAC address has 12 hex digits")
    value = ":".join(text[i : i + 2] for i in range(0, 12, 2))
    if value in DENY:
        return Identifier("mac", value, raw, Scope.UNIT, False, "placeholder")
    if int(text[:2], 16) & 1:
        return Identifier("mac", value, raw, Scope.UNIT, False, "a group address")
    return Identifier("mac", value, raw, Scope.NETWORK if is_local(value) else Scope.UNIT)


def is_local(value: str) -> bool:
    """Whether the U/L bit says the address was made up on the spot, as a randomised one is."""
    try:
        return bool(int(value[:2], 16) & 2)
    except ValueError:
        return False
