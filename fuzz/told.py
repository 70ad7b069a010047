"""Targets that hold the kernels behind the events of a capture against their plain twins."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from typing import Any
from unittest import mock

from fuzz.base import Target, module

_PORTS = ((5000, 53), (53, 5000), (5353, 5353), (5000, 443))
_SOURCES = ("192.0.2.1", "2001:db8::1", "fe80::3e5a:b4ff:fe01:203", "192.168.7.20")


def signature() -> Target:
    """A byte for how long the IP header is, one of flags and whether there is a payload, then both headers."""
    from rackprint.ext.syn import signature as kernel

    twin, packet = module("tcp").signature_plainly, module("packets").Packet

    def run(data: bytes) -> None:
        if len(data) < 2:
            return
        size, flags, payload = data[0], data[1] | 2, data[1] & 2 > 0
        network, transport = data[2 : 2 + size], data[2 + size :]
        plain = packet(
            0,
            0,
            "192.0.2.1",
            "192.0.2.2",
            6,
            5000,
            443,
            b"x" * payload,
            flags=flags,
            network=network,
            transport=transport,
        )
        told, wanted = kernel(network, transport, flags, payload), twin(plain)
        assert told == wanted, (told, wanted)

    return run


def initials() -> Target:
    """A QUIC datagram: what the kernel does not leave to the twin."""
    quic = module("quic_packets")

    def run(data: bytes) -> None:
        told = quic.packets(data, quic.TYPES)
        if told is not None:
            wanted = list(quic.initials_plainly(data))
            assert told == wanted, (told, wanted)

    return run


def crypto() -> Target:
    """The frames of an opened Initial: the same pieces, and the same fault."""
    quic = module("quic_packets")

    def run(data: bytes) -> None:
        told, wanted = quic.crypto_frames(data), quic.crypto_frames_plainly(data)
        assert told == wanted, (told, wanted)

    return run


def _plainly(packets: list[Any]) -> list[Any]:
    """What is found in packets without the kernel."""
    events = module("events")
    with mock.patch.object(events, "Teller") as teller:
        teller.return_value.tell = lambda packet: None
        return list(events.find(packets))


def tell() -> Target:
    """Packets, each after a byte of what it is and two of its length: a DNS message, a SYN's headers, a hello."""
    events, hello, packets = module("events"), module("hello"), module("packets")

    def packed(data: bytes) -> Iterator[Any]:
        at = 0
        while at + 3 <= len(data):
            kind, size = data[at], int.from_bytes(data[at + 1 : at + 3])
            part = data[at + 3 : at + 3 + size]
            at += 3 + size
            sport, dport = _PORTS[kind & 3]
            ends = (at, at, _SOURCES[kind >> 2 & 3], "192.0.2.9")
            if kind < 128:
                yield packets.Picked(*ends, 17, sport, dport, part)
            elif kind < 192:
                yield packets.Picked(
                    *ends, 6, sport, dport, b"", flags=2 | kind & 16, network=part[:20], transport=part[20:]
                )
            else:
                carried = packets.Picked(*ends, 6, sport, dport, b"")
                yield hello.Hello(part, carried, ("tcp", "quic", "dtls")[kind % 3], kind & 32 > 0)

    def run(data: bytes) -> None:
        given = list(packed(data))
        told, wanted = list(events.find(given)), _plainly(given)
        assert told == wanted, (told, wanted)

    return run


def file() -> Target:
    """A capture in a file, which the walk reads for itself and ahead, gives what it gives as a stream."""
    read = module("packets_kernel").read_packets
    module("packets_scapy")
    kept = tempfile.NamedTemporaryFile()  # noqa: SIM115 (as long as the target)

    def run(data: bytes) -> None:
        kept.seek(0)
        kept.truncate()
        kept.write(data)
        kept.flush()
        with open(kept.name, "rb") as stream:  # noqa: PTH123
            told = list(read(stream))
        wanted = list(read(io.BytesIO(data)))
        assert told == wanted, (told, wanted)

    return run
