"""DNS and mDNS messages: the names asked for and answered. Sources: RFC 1035 (format, compression), RFC 6762 (mDNS)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from ipaddress import ip_address
from itertools import starmap

import msgspec

from rackprint.ext.names import read

TYPES = {
    1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV", 41: "OPT",
    47: "NSEC", 64: "SVCB", 65: "HTTPS", 255: "ANY",
}  # fmt: skip
RECORDS = 512  # of one message; 64 KiB could claim 200,000
_LABELS = 128  # a name has at most 127, and no use for more pointers
TEXT_END = "\n"  # between the texts of a TXT record, which are keys and values (RFC 6763, 6)


class DnsError(ValueError):
    """The bytes are no DNS message, or one that breaks off before its first name."""


class DnsName(msgspec.Struct, frozen=True, gc=False):
    """A question, or an answer record with what it says where that is a name, an address or texts; the texts of a TXT
    record are joined by TEXT_END in ``data``."""

    name: str
    type: str
    answer: bool
    data: str = ""


class Dns(msgspec.Struct, frozen=True, gc=False):
    """One message. ``cut`` tells that it claims more than could be read."""

    response: bool
    names: tuple[DnsName, ...]
    cut: bool = False


def parse_dns(data: bytes) -> Dns:
    """A UDP payload as a DNS message: its questions, then its answer, authority and additional records.
    OPT records are left out. Raises DnsError, nothing else."""
    found = read(data, TYPES)
    if found is None:
        return parse_plainly(data)
    response, names = found
    return Dns(response, tuple(starmap(DnsName, names)))


def parse_plainly(data: bytes) -> Dns:
    """As ``parse_dns``, all in Python: what the kernel leaves, and its twin."""
    if len(data) < 12:
        raise DnsError("DNS message is too short")
    _, flags, *counts = struct.unpack(">6H", data[:12])
    names: list[DnsName] = []
    at, asked, total = 12, counts[0], min(sum(counts), RECORDS)
    for number in range(total):
        try:
            found, at = _entry(data, at, number >= asked)
        except (DnsError, IndexError, struct.error) as error:
            if not names:
                raise DnsError(f"DNS message does not parse ({error})") from error
            return Dns(bool(flags & 0x8000), tuple(names), cut=True)
        if found.type != "OPT":
            names.append(found)
    return Dns(bool(flags & 0x8000), tuple(names), cut=sum(counts) > total)


def _entry(data: bytes, at: int, answer: bool) -> tuple[DnsName, int]:
    name, at = _name(data, at)
    kind = struct.unpack_from(">H", data, at)[0]
    text = TYPES.get(kind, f"TYPE{kind}")
    if not answer:
        struct.unpack_from(">HH", data, at)
        return DnsName(name, text, False), at + 4
    size = struct.unpack_from(">HHIH", data, at)[3]
    at += 10
    if at + size > len(data):
        raise DnsError("a record runs past the end")
    return DnsName(name, text, True, _data(data, at, size, kind)), at + size


def _data(data: bytes, at: int, size: int, kind: int) -> str:
    if (kind, size) in {(1, 4), (28, 16)}:
        return str(ip_address(data[at : at + size]))
    if kind in {2, 5, 12}:
        return _name(data, at)[0]
    if kind == 33 and size > 6:
        return _name(data, at + 6)[0]
    if kind == 16:
        return TEXT_END.join(_texts(data[at : at + size]))
    return ""


def _texts(area: bytes) -> Iterator[str]:
    at = 0
    while at < len(area):
        if area[at]:
            yield area[at + 1 : at + 1 + area[at]].decode("utf-8", "backslashreplace")
        at += 1 + area[at]


def _name(data: bytes, at: int) -> tuple[str, int]:
    """The name at ``at`` and where reading goes on. Pointers may only point back, so that no loop is possible."""
    labels: list[str] = []
    end, lowest, jumps = -1, at, 0
    while size := data[at]:
        if size >= 0xC0:
            target = struct.unpack_from(">H", data, at)[0] & 0x3FFF
            if target >= lowest:
                raise DnsError("a name points forward")
            if jumps >= _LABELS:  # a message of 64 KiB could point millions of times
                raise DnsError("a name is of pointers to pointers")
            end, lowest, at, jumps = at + 2 if end < 0 else end, target, target, jumps + 1
            continue
        if size > 63 or len(labels) >= _LABELS or at + 1 + size > len(data):
            raise DnsError("a label is too long")
        labels.append(data[at + 1 : at + 1 + size].decode("utf-8", "backslashreplace"))
        at += 1 + size
    return ".".join(labels), at + 1 if end < 0 else end
