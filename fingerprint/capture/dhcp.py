"""DHCP for IPv4: the fields that tell clients apart. Sources: RFC 2131 (message), RFC 2132 (options), RFC 3396 (options
given in parts are one value), RFC 4361 (a DUID as client id), RFC 4702 (client FQDN)."""

from __future__ import annotations

import msgspec

from rackprint.ext.dhcp import read
from rackprint.fingerprint.capture.duid import duid_mac
from rackprint.fingerprint.capture.labels import labels, text

_MAGIC = b"\x63\x82\x53\x63"
_OVERLOAD, _HOSTNAME, _REQUESTED, _LEASE, _TYPE, _PARAMS, _VENDOR, _CLIENT, _FQDN = 52, 12, 50, 51, 53, 55, 60, 61, 81
_CANONICAL = 4  # E flag of option 81: the name is in DNS wire form, else in ASCII


class DhcpError(ValueError):
    """The bytes are no DHCP message."""


class Dhcp(msgspec.Struct, frozen=True, gc=False):
    """One message. ``request``: from a client. Texts are empty where an option is absent; ``param_list`` is option 55
    as decimal numbers with commas, ``client_id`` option 61 as hex, ``client_mac`` the MAC within it. ``lease`` is the
    address's time in seconds, 0 where none is told."""

    request: bool
    mac: str
    message_type: int
    hostname: str = ""
    param_list: str = ""
    vendor_class: str = ""
    requested_ip: str = ""
    client_id: str = ""
    client_ip: str = ""
    your_ip: str = ""
    fqdn: str = ""
    client_mac: str = ""
    lease: int = 0


def parse_dhcp(data: bytes) -> Dhcp:
    """A UDP payload as a DHCP message. An option that runs past the end keeps the bytes it has.
    Raises DhcpError, nothing else, on what is no DHCP or plain BOOTP."""
    return read(data, Dhcp) or parse_plainly(data)


def parse_plainly(data: bytes) -> Dhcp:
    """As ``parse_dhcp``, all in Python: what the kernel leaves, and its twin."""
    if len(data) < 240 or data[236:240] != _MAGIC:
        raise DhcpError("no DHCP message")
    if data[0] not in (1, 2):
        raise DhcpError(f"DHCP operation {data[0]}")
    options: dict[int, bytes] = {}
    _options(data[240:], options)
    overload = options.get(_OVERLOAD, b"\0")[:1]
    if overload in (b"\1", b"\3"):
        _options(data[108:236], options)
    if overload in (b"\2", b"\3"):
        _options(data[44:108], options)
    if not options.get(_TYPE):
        raise DhcpError("no DHCP message type")
    return Dhcp(
        request=data[0] == 1,
        mac=data[28:34].hex(":") if data[2] == 6 else "",
        message_type=options[_TYPE][0],
        hostname=text(options.get(_HOSTNAME, b"").rstrip(b"\0")),  # NULs at the end are padding (RFC 2132, 2)
        param_list=",".join(map(str, options.get(_PARAMS, b""))),
        vendor_class=text(options.get(_VENDOR, b"")),
        requested_ip=_ip(options.get(_REQUESTED, b"")),
        client_id=options.get(_CLIENT, b"").hex(),
        client_ip=_ip(data[12:16]),
        your_ip=_ip(data[16:20]),
        fqdn=_fqdn(options.get(_FQDN, b"")),
        client_mac=_client_mac(options.get(_CLIENT, b"")),
        lease=int.from_bytes(options.get(_LEASE, b"")[:4]),
    )


def _options(area: bytes, into: dict[int, bytes]) -> None:
    at = 0
    while at < len(area) and area[at] != 255:
        if area[at] == 0:
            at += 1
            continue
        if at + 2 > len(area):
            return
        code, size = area[at], area[at + 1]
        into[code] = into.get(code, b"") + area[at + 2 : at + 2 + size]
        at += 2 + size


def _fqdn(value: bytes) -> str:
    if len(value) < 4:
        return ""
    return labels(value[3:]) if value[0] & _CANONICAL else text(value[3:].rstrip(b"\0"))


def _client_mac(value: bytes) -> str:
    """Hardware type 1 and six bytes (RFC 2132, 9.14), or 255, an IAID and a DUID."""
    if value[:1] == b"\xff":
        return duid_mac(value[5:])
    return value[1:].hex(":") if value[:1] == b"\1" and len(value) == 7 else ""


def _ip(value: bytes) -> str:
    if len(value) != 4 or not any(value):
        return ""
    return f"{value[0]}.{value[1]}.{value[2]}.{value[3]}"
