"""What a packet reader gives and takes: the interface a compiled reader will take over.

A reader turns the bytes of a capture into ``Packet``s, ``Frame``s and ``Stamps`` in file order, and into ``Problem``s
where they cannot be read. It never raises on what the file says. Everything after it is pure and knows no packet
library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

import msgspec

from rackprint.ext.texts import moment
from rackprint.fingerprint.model import Problem

if TYPE_CHECKING:
    from rackprint.fingerprint.capture.hello import Hello

TCP, UDP = 6, 17
FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


class Packet(msgspec.Struct, frozen=True, gc=False):
    """One TCP or UDP packet, tunnels and link layer taken off.

    ``time_ns``: nanoseconds since 1970 UTC. ``offset``: byte of its record in the file. ``mac_src``: lower case with
    colons, empty where the link has none. ``network``: the innermost IP header with its options or extension headers;
    ``transport``: the whole TCP or UDP header; both as on the wire, for signatures.
    """

    time_ns: int
    offset: int
    src: str
    dst: str
    proto: int
    sport: int
    dport: int
    payload: bytes
    mac_src: str = ""
    mac_dst: str = ""
    flags: int = 0
    seq: int = 0
    network: bytes = b""
    transport: bytes = b""

    @property
    def time(self) -> datetime:
        """Time of capture (UTC), cut to microseconds; a time past year 9999 reads as the last second of it."""
        try:
            return _EPOCH + timedelta(microseconds=self.time_ns // 1000)
        except OverflowError:
            return _LAST

    @property
    def moment(self) -> str:
        """As ``time``, in RFC 3339 with microseconds."""
        try:
            return moment(self.time_ns)
        except OverflowError:
            return self.time.isoformat(timespec="microseconds").replace("+00:00", "Z")


class Picked(Packet, frozen=True, gc=False):
    """A packet of a reader that follows flows itself: of TCP it is a SYN that is no retransmission, or the head of an
    HTTP request; hellos come apart from it. One of UDP comes without its headers."""


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One 802.11 probe request. ``data`` begins at its MAC header and ends before the frame check sequence, where the
    link type or radiotap tells of one."""

    time_ns: int
    offset: int
    data: bytes


class Stamps(msgspec.Struct, frozen=True, gc=False):
    """TSvals (RFC 7323) that one address sent to another, in capture order: sample i has ``time_ns[i]`` and
    ``value[i]``, and its record stands at byte ``offset[i]``. One sample a second is enough for a line, and a reader
    need give no more. All numbers fit 64 bits with a sign; of arrays, only those of ``q`` are taken."""

    src: str
    dst: str
    time_ns: Sequence[int]
    value: Sequence[int]
    offset: Sequence[int]


Read: TypeAlias = "Packet | Hello | Frame | Stamps | Problem"
PacketReader: TypeAlias = "Callable[[BinaryIO], Iterator[Read]]"
