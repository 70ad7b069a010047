"""What a fuzzer starts from: the captures of fixtures and corpus, and the messages within, each for its decoder."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fuzz import layers
from fuzz.made import made

ROOT = Path(__file__).resolve().parents[1]
CORPUS = Path(os.environ.get("RACKPRINT_CORPUS") or ROOT.parent / "shared/corpus")
READERS = ("records", "kernel", "scapy", "events", "signals", "frames", "pipe", "file")
LARGEST = 48 << 10  # bytes of a capture that is a seed
EACH = 150  # messages of a decoder
PIECES = b"\x0b\x40\0\xfe"  # as a pipe may cut a capture
CHANGE = b"\x14\x03\x03\0\1\1"  # a ChangeCipherSpec record
_DNS = ("dns", "names", "services")
_PORTS = {53: _DNS, 5353: _DNS, 67: ("dhcp",), 68: ("dhcp",), 546: ("dhcp6",), 547: ("dhcp6",)}
_TRANSPORTS = {"tcp": b"\0", "quic": b"\1", "dtls": b"\2"}  # as twins.hello has them


def captures() -> Iterator[bytes]:
    """Those of fixtures, which were made here, those of the corpus, and small ones of rare link types."""
    for folder in (ROOT / "fixtures", CORPUS / "captures"):
        for path in sorted(folder.rglob("*.pcap*")):
            yield path.read_bytes()
    yield from layers.captures()


def messages(capture: bytes) -> Iterator[tuple[str, bytes]]:
    """(target, input) of what is in a capture."""
    from rackprint.fingerprint.capture.events import default_reader

    for item in default_reader()(io.BytesIO(capture)):
        kind = type(item).__name__
        if kind == "Hello":
            yield "tls", item.body  # type: ignore[union-attr]
            yield "handshake", _record(item.body)  # type: ignore[union-attr]
            yield "streams", _segments(_record(item.body))  # type: ignore[union-attr]
            yield "tell", b"\xc0" + len(item.body).to_bytes(2) + item.body  # type: ignore[union-attr]
            yield "hello", _TRANSPORTS[item.transport] + item.body  # type: ignore[union-attr, index]
            yield "flows", flow(_record(item.body) + CHANGE + _record(item.body))  # type: ignore[union-attr]
        elif kind == "Frame":
            yield "probes", item.data  # type: ignore[union-attr]
        elif hasattr(item, "payload"):
            yield from _of_packet(item)


def _of_packet(packet: Any) -> Iterator[tuple[str, bytes]]:
    if packet.proto == 6:
        if packet.network and packet.transport:
            yield "syn", bytes([len(packet.network) & 0xFF]) + packet.network + packet.transport
            headers = packet.network + packet.transport
            yield "signature", bytes([len(packet.network) & 0xFF, packet.flags & 0xFF]) + headers
            yield "tell", b"\x83" + len(headers).to_bytes(2) + headers
            yield "stamps", packet.transport
            yield "samples", sampled(packet.transport[20:])
        if packet.payload:
            yield "http", packet.payload
            yield "flows", flow(packet.payload)
        return
    sized = len(packet.payload).to_bytes(2, "big") + packet.payload
    if 53 in (packet.dport, packet.sport):
        yield "tell", b"\0" + sized
    for port in (packet.dport, packet.sport):
        if port in _PORTS:
            yield from ((name, packet.payload) for name in _PORTS[port])
    if packet.payload[:1] and packet.payload[0] & 0xC0 == 0xC0:
        yield "quic", sized
        yield "initials", packet.payload
    if packet.payload[:1] == b"\x16":
        yield "dtls", sized


def _record(body: bytes) -> bytes:
    message = b"\1" + len(body).to_bytes(3, "big") + body
    return b"\x16\3\1" + len(message).to_bytes(2, "big") + message


def _segments(stream: bytes) -> bytes:
    parts = (stream[at : at + 200] for at in range(0, len(stream), 200))
    return b"".join(bytes([len(p)]) + (at * 200).to_bytes(2, "big") + p for at, p in enumerate(parts))


def flow(stream: bytes) -> bytes:
    """A SYN, then ``stream`` in segments, as segments.flows takes them, under wide limits."""
    parts = (stream[at : at + 200] for at in range(0, len(stream), 200))
    segments = (struct.pack(">BHH", 8, 1 + at * 200, len(p)) + p for at, p in enumerate(parts))
    return b"\xf3" + struct.pack(">BHH", 4, 0, 0) + b"".join(segments)


def sampled(options: bytes) -> bytes:
    """The same options three times, a second apart, as segments.samples takes them."""
    return 3 * (b"\x08\x14" + bytes([len(options) & 63]) + options)


def write(folder: Path) -> dict[str, int]:
    """Puts seeds into ``folder``/TARGET; how many there are of each."""
    found: dict[str, set[bytes]] = {}
    for capture in captures():
        if len(capture) <= LARGEST:
            for name in READERS:
                found.setdefault(name, set()).add(PIECES + capture if name == "pipe" else capture)
        for name, data in messages(capture):
            kept = found.setdefault(name, set())
            if len(kept) < EACH:
                kept.add(data)
    for name, data in made():
        found.setdefault(name, set()).add(data)
    for name, inputs in found.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for data in inputs:
            (folder / name / hashlib.sha1(data).hexdigest()).write_bytes(data)
    return {name: len(inputs) for name, inputs in found.items()}


if __name__ == "__main__":
    write(Path(sys.argv[1]))
