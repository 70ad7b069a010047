"""Targets that give TCP segments to the compiled walk and to its plain twins, and compare what both say and hold."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from fuzz.base import Target, module

_RAW_IP, _FIRST = 101, 24  # link type; where the first record of a pcap file stands
_METHODS = tuple(
    f"{m} ".encode() for m in ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE"]
)
_FLAGS = ((4, 2), (8, 16), (16, 4), (32, 1))  # bit of an input's byte, TCP flag


def _walk(**limits: Any) -> Any:
    from rackprint.ext.walk import Walk

    packets, records = module("packets"), module("records")
    made = (packets.Picked, module("hello").Hello, packets.Frame, packets.Stamps, records.Record)
    return Walk(*made, blocks=False, tick=1, link=_RAW_IP, **limits)


def _record(packet: Any) -> bytes:
    """A pcap record of the packet, in nanoseconds."""
    size = 20 + len(packet.transport) + len(packet.payload)
    head = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, size, 1, 0, 64, 6, 0, b"\xc0\0\2\1", bytes(map(int, packet.dst.split(".")))
    )
    seconds, rest = divmod(packet.time_ns, 10**9)
    return struct.pack("<IIII", seconds, rest, size, size) + head + packet.transport + packet.payload


def _taken(walk: Any, record: bytes) -> Iterator[Any]:
    walk.feed(record)
    while found := walk.take():
        yield from found


def _packets(data: bytes) -> Iterator[Any]:
    """A byte of flags and source port, two of sequence number, two of length, then the payload."""
    at, offset = 0, _FIRST
    while at + 5 <= len(data):
        kind, seq, size = struct.unpack_from(">BHH", data, at)
        flags, sport = sum(flag for bit, flag in _FLAGS if kind & bit), 5000 + (kind & 3)
        seq |= 0xFFFF0000 if kind & 64 else 0  # near the end of the circle, or just past it
        payload = data[at + 5 : at + 5 + min(size, 60_000)]
        header = struct.pack(">HHIIBBHHH", sport, 443, seq, 0, 0x50, flags, 0, 0, 0)
        yield module("packets").Packet(
            0, offset, "192.0.2.1", "192.0.2.2", 6, sport, 443, payload, flags=flags, seq=seq, transport=header
        )
        at, offset = at + 5 + size, offset + 16 + 40 + len(payload)


def flows() -> Target:
    """Segments of four flows after a byte for the limits: how many flows may be held, and how many bytes."""
    kernel, reassembly, tls = module("packets_kernel"), module("reassembly"), module("tls")

    def twin(streams: Any, packet: Any) -> Iterator[Any]:
        opened = streams.opens(packet)
        asks = packet.payload and streams.begins(packet) and packet.payload.startswith(_METHODS)
        yield from (["packet"] if opened else []) + (["packet"] if asks and not opened else [])
        try:
            yield from ((hello.body, hello.packet.offset, hello.retry) for hello in streams.add(packet))
        except tls.TlsError as error:
            yield str(error)

    def told(item: Any, offset: int) -> Any:
        if isinstance(item, tuple):
            return kernel._TLS[item[0] - kernel.TLS_FAULTS].format(item[2])
        if hasattr(item, "body"):
            return item.body, item.packet.offset, item.retry
        assert item.offset == offset
        return "packet"

    def run(data: bytes) -> None:
        byte = sum(data[:1])
        limits = {"flows": 1 + (byte & 3), "total": 256 << (byte >> 4)}
        streams, walk = reassembly.Streams(**limits), _walk(**limits)
        for packet in _packets(data[1:]):
            wanted = list(twin(streams, packet))
            found = [told(item, packet.offset) for item in _taken(walk, _record(packet))]
            assert found == wanted, (found, wanted)
            assert walk.held == streams.held <= limits["total"], (walk.held, streams.held)
            assert walk.counts[3] == streams.unfinished, (walk.counts, streams.unfinished)

    return run


def samples() -> Target:
    """TCP headers: a byte of flags and destination, one for the time since the last in 50 ms, one for the length of the
    options, then those."""
    stamps, packets = module("stamps"), module("packets")
    module("packets_kernel")  # the walk, before the first input

    def headers(data: bytes) -> Iterator[Any]:
        at, time, offset = 0, 0, _FIRST
        while at + 3 <= len(data):
            kind, passed, size = data[at : at + 3]
            size = min(size, 40)
            options = data[at + 3 : at + 3 + size].ljust((size + 3) // 4 * 4, b"\0")
            flags = sum(flag for bit, flag in _FLAGS if kind & bit)
            time += passed * 50_000_000
            header = struct.pack(">HHIIBBHHH", 5000, 443, 7, 0, (20 + len(options)) << 2, flags, 0, 0, 0) + options
            yield packets.Packet(
                time, offset, "192.0.2.1", f"192.0.2.{kind & 3}", 6, 5000, 443, b"", flags=flags, transport=header
            )
            at, offset = at + 3 + size, offset + 16 + 20 + len(header)

    def gathered(batches: list[Any]) -> dict[str, list[tuple[int, int, int]]]:
        found: dict[str, list[tuple[int, int, int]]] = {}
        for batch in batches:
            if isinstance(batch, packets.Stamps):
                samples = zip(batch.time_ns, batch.value, batch.offset, strict=True)
                found.setdefault(batch.dst, []).extend(samples)
        return found

    def run(data: bytes) -> None:
        sampler, walk = stamps.Sampler(), _walk()
        wanted: list[Any] = []
        found: list[Any] = []
        for packet in headers(data):
            wanted += sampler.add(packet)
            found += _taken(walk, _record(packet))
        told, plain = gathered(found + walk.finish()), gathered([*wanted, *sampler.rest()])
        assert told == plain, (told, plain)

    return run
