"""Writes pcapng: one section, one interface, enhanced packet blocks, and statistics at the end. Source:
draft-ietf-opsawg-pcapng."""

from __future__ import annotations

import struct
from typing import BinaryIO

_SECTION, _INTERFACE, _STATISTICS, _PACKET = 0x0A0D0D0A, 1, 5, 6
_HARDWARE, _OS, _APPLICATION = 2, 3, 4  # options of the section
_NAME, _RESOLUTION, _FILTER = 2, 9, 11  # of the interface
_START, _END, _DROPPED, _DELIVERED = 2, 3, 7, 8  # of the statistics: isb_starttime, endtime, osdrop, usrdeliv
_NANO = 9  # 10^-9
_EXPRESSION = b"\0"  # the filter is libpcap text
_HEAD = struct.Struct("<IIIIIII")
_TAIL = tuple(b"\0" * size for size in range(4))
OVERHEAD = _HEAD.size + 4  # bytes of a packet's block beside its data


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + _TAIL[-len(value) % 4] if value else b""


def _block(kind: int, body: bytes) -> bytes:
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


def _moment(time_ns: int) -> bytes:
    return struct.pack("<II", time_ns >> 32, time_ns & 0xFFFFFFFF)


def header(link: int, snaplen: int, interface: str, filter_: str = "", *, system: str = "", program: str = "") -> bytes:
    """The section header and the interface description; stamps are in nanoseconds."""
    told = _option(_OS, system.encode()) + _option(_APPLICATION, program.encode()) + b"\0\0\0\0"
    section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + told
    rule = _option(_FILTER, _EXPRESSION + filter_.encode()) if filter_ else b""
    options = _option(_NAME, interface.encode()) + _option(_RESOLUTION, bytes([_NANO])) + rule + b"\0\0\0\0"
    described = struct.pack("<HHI", link, 0, snaplen) + options
    return _block(_SECTION, section) + _block(_INTERFACE, described)


def write_packet(out: BinaryIO, time_ns: int, length: int, data: bytes | memoryview) -> int:
    """One packet, ``length`` bytes on the wire; the bytes written."""
    size = len(data)
    pad = -size & 3
    whole = OVERHEAD + size + pad
    head = _HEAD.pack(_PACKET, whole, 0, time_ns >> 32, time_ns & 0xFFFFFFFF, size, length)
    out.write(b"".join((head, data, _TAIL[pad], whole.to_bytes(4, "little"))))
    return whole


def statistics(began: int, ended: int, delivered: int, dropped: int) -> bytes:
    """What was delivered and, for want of room, was not, between two times in nanoseconds."""
    options = b"".join(
        (
            _option(_START, _moment(began)),
            _option(_END, _moment(ended)),
            _option(_DROPPED, struct.pack("<Q", dropped)),
            _option(_DELIVERED, struct.pack("<Q", delivered)),
            b"\0\0\0\0",
        )
    )
    return _block(_STATISTICS, struct.pack("<I", 0) + _moment(ended) + options)
