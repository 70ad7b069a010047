"""Addresses: which are inside, which name the interface that made them. Sources: RFC 4291 (IPv6; appendix A: EUI-64),
RFC 6890 with the registries of special-purpose addresses that it founds, RFC 6598 (shared by a carrier's customers)."""

from __future__ import annotations

from bisect import bisect_right
from functools import cache, lru_cache
from ipaddress import ip_address, ip_network

# Not ipaddress's own is_private: its answer changed between releases of Python, and takes long for a new address.
_LOCAL = (
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 "
    "192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4 "
    "::/127 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 3fff::/20 fc00::/7 fe80::/10"
)

_MAPPED = 0xFFFF  # above an IPv4 address that is written as IPv6 (RFC 4291, 2.5.5.2)


@lru_cache(maxsize=65_536)
def unicast(mac: str) -> str:
    """``mac``, or nothing where it names no single host: empty, all zero, a group."""
    if not mac or not mac.strip("0:") or int(mac[:2], 16) & 1:
        return ""
    return mac


def is_global(mac: str) -> bool:
    """Whether a MAC is the maker's: its U/L bit is clear (IEEE 802c)."""
    return bool(mac) and not int(mac[:2], 16) & 2


@cache
def _edges(version: int) -> list[int]:
    """Where local networks begin and end, in turn."""
    networks = sorted(n for n in map(ip_network, _LOCAL.split()) if n.version == version)
    return [edge for n in networks for edge in (int(n[0]), int(n[-1]) + 1)]


@lru_cache(maxsize=65_536)
def inside(ip: str) -> bool:
    """Whether ``ip`` is of a local network, or of no one's."""
    if ":" in ip:
        number = int(ip_address(ip))
        if number >> 32 != _MAPPED:
            return bisect_right(_edges(6), number) % 2 == 1
        number &= 0xFFFFFFFF
    else:
        a, b, c, d = ip.split(".")
        number = int(a) << 24 | int(b) << 16 | int(c) << 8 | int(d)
    return bisect_right(_edges(4), number) % 2 == 1


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
