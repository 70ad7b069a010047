"""Addresses: which are inside, which name the interface that made them. Sources: RFC 4291 (IPv6; appendix A: EUI-64),
RFC 6598 (shared by a carrier's customers)."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address


def unicast(mac: str) -> str:
    """``mac``, or nothing where it names no single host: empty, all zero, a group."""
    if not mac or not mac.strip("0:") or int(mac[:2], 16) & 1:
        return ""
    return mac


def is_global(mac: str) -> bool:
    """Whether a MAC is the maker's: its U/L bit is clear (IEEE 802c)."""
    return bool(mac) and not int(mac[:2], 16) & 2


@lru_cache(maxsize=65_536)
def inside(ip: str) -> bool:
    """Whether ``ip`` is of a local network."""
    address = ip_address(ip)
    return address.is_private or address.is_link_local or shared(ip)


def shared(ip: str) -> bool:
    """RFC 6598: carrier NAT, 100.64.0.0/10."""
    parts = ip.split(".")
    return len(parts) == 4 and parts[0] == "100" and 64 <= int(parts[1]) < 128


def from_outside(src: str, dst: str) -> bool:
    """Whether a packet came in from another network."""
    return not inside(src) and inside(dst)


@lru_cache(maxsize=65_536)
def eui64(ip: str) -> str:
    """The maker's MAC within the interface identifier of an IPv6 address, or nothing: the identifier is not made of one
    (RFC 7217, RFC 8981), or of a MAC that was itself made up."""
    if "ff:fe" not in ip:  # the two bytes in the middle straddle two groups, so any spelling shows them
        return ""
    low = ip_address(ip).packed[8:]
    if len(low) != 8 or low[3:5] != b"\xff\xfe" or not low[0] & 2 or low[0] & 1:
        return ""
    return bytes([low[0] ^ 2, *low[1:3], *low[5:]]).hex(":")
