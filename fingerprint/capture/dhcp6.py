"""DHCP for IPv6: the fields that tell clients apart. Sources: RFC 8415 (messages, options), RFC 4704 (client FQDN)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

from rackprint.fingerprint.capture.duid import duid_mac
from rackprint.fingerprint.capture.labels import labels, text

_FROM_CLIENT = {1, 3, 4, 5, 6, 8, 9, 11}
_FROM_SERVER = {2, 7, 10}
_RELAY_FORWARD = 12
_CLIENT, _REQUEST, _RELAYED, _VENDOR, _FQDN = 1, 6, 9, 16, 39
_DUID = 130  # bytes at most (RFC 8415, 11.1)
OPTIONS = 256  # of one message; 64 KiB could claim 16,000


class Dhcp6Error(ValueError):
    """The bytes are no DHCPv6 message."""


class Dhcp6(msgspec.Struct, frozen=True):
    """One message. ``request``: from a client. ``client_id`` is the DUID as hex, ``mac`` the address within it;
    ``param_list`` is option 6 as decimal numbers with commas; ``vendor_class`` the texts of option 16, joined by commas,
    ``enterprise`` the IANA number before them. Texts are empty where an option is absent."""

    request: bool
    message_type: int
    relayed: bool = False
    client_id: str = ""
    mac: str = ""
    hostname: str = ""
    param_list: str = ""
    vendor_class: str = ""
    enterprise: int = 0


def parse_dhcp6(data: bytes) -> Dhcp6:
    """A UDP payload as a DHCPv6 message; of what a relay forwards, the message within, one deep. An option that runs
    past the end keeps the bytes it has. Raises Dhcp6Error, nothing else."""
    relayed = data[:1] == bytes([_RELAY_FORWARD])
    if relayed:
        data = dict(_options(data[34:])).get(_RELAYED, b"")  # type, hops, link and peer address
    if len(data) < 4:
        raise Dhcp6Error("DHCPv6 message is too short")
    kind = data[0]
    if kind not in _FROM_CLIENT | _FROM_SERVER:
        raise Dhcp6Error(f"DHCPv6 message type {kind}" + (" within a relay's" if relayed else ""))
    options: dict[int, bytes] = {}
    for code, value in _options(data[4:]):
        options.setdefault(code, value)
    duid, asked, vendor = options.get(_CLIENT, b"")[:_DUID], options.get(_REQUEST, b""), options.get(_VENDOR, b"")
    return Dhcp6(
        request=kind in _FROM_CLIENT,
        message_type=kind,
        relayed=relayed,
        client_id=duid.hex(),
        mac=duid_mac(duid),
        hostname=labels(options.get(_FQDN, b"")[1:]),  # a byte of flags comes first
        param_list=",".join(str(n) for (n,) in struct.iter_unpack(">H", asked[: len(asked) // 2 * 2])),
        vendor_class=",".join(map(text, _items(vendor[4:]))),
        enterprise=int.from_bytes(vendor[:4]) if len(vendor) >= 4 else 0,
    )


def _options(area: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    for _ in range(OPTIONS):
        if at + 4 > len(area):
            return
        code, size = struct.unpack_from(">HH", area, at)
        yield code, area[at + 4 : at + 4 + size]
        at += 4 + size


def _items(area: bytes) -> Iterator[bytes]:
    at = 0
    while at + 2 < len(area):
        size = int.from_bytes(area[at : at + 2])
        yield area[at + 2 : at + 2 + size]
        at += 2 + size
