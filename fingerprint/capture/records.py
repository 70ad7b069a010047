"""Records of pcap and pcapng files with their byte offsets, streamed: never more than one record is held.

Sources: draft-ietf-opsawg-pcap (pcap) and draft-ietf-opsawg-pcapng (pcapng). No claim of a length is believed before
it is checked against LIMIT, so a record that claims 2 GiB costs nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from rackprint.fingerprint.model import Position, Problem

LIMIT = 262_144  # libpcap's own MAXIMUM_SNAPLEN: no capture tool writes longer packets
BLOCK_LIMIT = 16 << 20  # of a pcapng block that is to be read; blocks to be skipped may be longer
SKIP = 1 << 16
INTERFACES = 65_536

_PCAP = {  # magic -> (byte order, nanoseconds a tick, bytes of a record header)
    b"\xd4\xc3\xb2\xa1": ("<", 1000, 16),
    b"\xa1\xb2\xc3\xd4": (">", 1000, 16),
    b"\x4d\x3c\xb2\xa1": ("<", 1, 16),
    b"\xa1\xb2\x3c\x4d": (">", 1, 16),
    b"\x34\xcd\xb2\xa1": ("<", 1000, 24),  # patched libpcap of the 1990s: interface and protocol follow
    b"\xa1\xb2\xcd\x34": (">", 1000, 24),
}
_SECTION = b"\x0a\x0d\x0d\x0a"
_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_INTERFACE, _OLD_PACKET, _SIMPLE, _PACKET = 1, 2, 3, 6
ZEROS = "record header is all zeros: the file was not written to its end"
CUT = "copy the capture again from its source; what came before was kept"


class Record(msgspec.Struct, frozen=True):
    """One captured packet: ``offset`` of its record header or block in the file, libpcap ``link`` type, its bytes."""

    offset: int
    time_ns: int
    link: int
    data: bytes


class _Interface(msgspec.Struct):
    link: int
    snaplen: int
    unit: tuple[int, int]  # ticks * unit[0] // unit[1] = nanoseconds
    shift: int  # nanoseconds to add


LAST = (1 << 63) - 1  # nanoseconds: a time that a file claims past the year 2262 is taken for its end


def pcap_form(head: bytes) -> tuple[str, int, int] | None:
    """Byte order, nanoseconds a tick and bytes of a record header of a pcap file; None for another magic number."""
    return _PCAP.get(head[:4])


def is_capture(head: bytes) -> bool:
    """Whether ``head`` begins as a pcap or pcapng file does."""
    return head[:4] in _PCAP or (head[:4] == _SECTION and head[8:12] in _ORDERS)


def read_records(stream: BinaryIO) -> Iterator[Record | Problem]:
    """The records in file order. Where framing is lost nothing after it is guessed at: a Problem says where."""
    magic = stream.read(4)
    if magic in _PCAP:
        yield from _pcap(stream, *_PCAP[magic])
    elif magic == _SECTION:
        yield from _pcapng(stream)
    elif not magic:
        yield Problem("capture is empty", "copy the file again from its source", Position(offset=0))
    else:
        yield Problem(
            f"not a pcap or pcapng file (it begins {magic.hex(' ')})", "convert it with editcap", Position(offset=0)
        )


def _pcap(stream: BinaryIO, order: str, tick: int, size: int) -> Iterator[Record | Problem]:
    head = stream.read(20)
    if len(head) < 20:
        yield Problem("pcap file header is cut off", CUT, Position(offset=4))
        return
    link = struct.unpack(order + "I", head[16:20])[0] & 0xFFFF  # the upper bits tell of frame check sequences
    offset = 24
    while header := stream.read(size):
        where = Position(offset=offset)
        if len(header) < size:
            yield Problem("last record header is cut off", CUT, where)
            return
        if not any(header[:16]):
            yield Problem(ZEROS, CUT, where)
            return
        seconds, fraction, length, _ = struct.unpack(order + "IIII", header[:16])
        if length > LIMIT:
            yield Problem(
                f"record claims {length} bytes, more than the {LIMIT} that any capture holds", f"corrupt; {CUT}", where
            )
            return
        data = stream.read(length)
        if len(data) < length:
            yield Problem(f"record claims {length} bytes, the file ends after {len(data)}", CUT, where)
            return
        yield Record(offset, seconds * 1_000_000_000 + fraction * tick, link, data)
        offset += size + length


def _pcapng(stream: BinaryIO) -> Iterator[Record | Problem]:
    offset, order, kind_bytes, last_time = 0, "<", _SECTION, 0
    interfaces: list[_Interface] = []
    while kind_bytes:
        where = Position(offset=offset)
        head = kind_bytes + stream.read(8 - len(kind_bytes))
        if kind_bytes == _SECTION:
            head += stream.read(4)
            if head[8:] not in _ORDERS:
                yield Problem("pcapng section header lacks its byte-order magic", CUT, where)
                return
            order, interfaces = _ORDERS[head[8:]], []
        if len(head) < 8:
            yield Problem("last block header is cut off", CUT, where)
            return
        kind, length = struct.unpack(order + "II", head[:8])
        if length < len(head) + 4 or length % 4:
            yield Problem(f"block claims {length} bytes, which no block can have", f"corrupt; {CUT}", where)
            return
        left = length - len(head)
        if kind in {_INTERFACE, _OLD_PACKET, _SIMPLE, _PACKET} and left <= BLOCK_LIMIT:
            body = stream.read(left)
            found = len(body)
        elif kind in {_INTERFACE, _OLD_PACKET, _SIMPLE, _PACKET}:
            yield Problem(f"block claims {length} bytes, more than {BLOCK_LIMIT}", f"corrupt; {CUT}", where)
            return
        else:
            body, found = _skip(stream, left)
        if found < left:
            yield Problem(f"block claims {length} bytes, the file ends after {found + len(head)}", CUT, where)
            return
        if body[-4:] != head[4:8]:
            yield Problem(f"block's two lengths differ ({length} first)", "the first was believed", where)
        if kind == _INTERFACE:
            problem = _add_interface(interfaces, body[:-4], order)
            if problem:
                yield Problem(problem, CUT, where)
                return
        elif kind in {_OLD_PACKET, _SIMPLE, _PACKET}:
            got = _packet(kind, body[:-4], order, interfaces, (offset, last_time))
            if isinstance(got, Record):
                last_time = got.time_ns
            yield got
        offset += length
        kind_bytes = stream.read(4)


def _skip(stream: BinaryIO, count: int) -> tuple[bytes, int]:
    """Reads past ``count`` bytes; their tail (the trailing length) and how many there were."""
    tail, found = b"", 0
    while found < count and (chunk := stream.read(min(SKIP, count - found))):
        tail, found = (tail + chunk)[-4:], found + len(chunk)
    return tail, found


def _add_interface(interfaces: list[_Interface], body: bytes, order: str) -> str:
    if len(body) < 8:
        return "interface block is too short"
    if len(interfaces) >= INTERFACES:
        return f"more than {INTERFACES} interfaces"
    link, _, snaplen = struct.unpack(order + "HHI", body[:8])
    unit, shift, at = (1000, 1), 0, 8
    while at + 4 <= len(body):
        code, size = struct.unpack(order + "HH", body[at : at + 4])
        value = body[at + 4 : at + 4 + size]
        at += 4 + (size + 3) // 4 * 4
        if code == 0 or len(value) < size:
            break
        if code == 9 and len(value) == 1:  # if_tsresol: 10^-n, or 2^-n with the top bit
            exponent = value[0] & 0x7F
            unit = (1_000_000_000, 1 << exponent if value[0] & 0x80 else 10**exponent)
        elif code == 14 and len(value) == 8:  # if_tsoffset, seconds
            shift = struct.unpack(order + "q", value)[0] * 1_000_000_000
    interfaces.append(_Interface(link, snaplen, unit, shift))
    return ""


def _packet(
    kind: int, body: bytes, order: str, interfaces: list[_Interface], place: tuple[int, int]
) -> Record | Problem:
    offset, last_time = place
    where = Position(offset=offset)
    fixed = 4 if kind == _SIMPLE else 20
    if len(body) < fixed:
        return Problem("packet block is too short", "it was left out", where)
    if kind == _SIMPLE:
        number, length = 0, struct.unpack(order + "I", body[:4])[0]
    elif kind == _PACKET:
        number, high, low, length, _ = struct.unpack(order + "IIIII", body[:20])
    else:
        number, _, high, low, length, _ = struct.unpack(order + "HHIIII", body[:20])
    if number >= len(interfaces):
        return Problem(f"packet names interface {number}, which the file does not describe", "it was left out", where)
    interface = interfaces[number]
    if kind == _SIMPLE:  # carries no time and the length on the wire; the time before it is the nearest known
        length = min(length, interface.snaplen or length)
        time_ns = last_time
    else:
        time_ns = ((high << 32) | low) * interface.unit[0] // interface.unit[1] + interface.shift
    if length > len(body) - fixed or length > LIMIT:
        return Problem(f"packet claims {length} bytes, its block holds {len(body) - fixed}", "it was left out", where)
    return Record(offset, min(max(time_ns, 0), LAST), interface.link, body[fixed : fixed + length])
