"""Targets that keep something between their inputs' parts: never more than they may, whatever comes."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from typing import Any
from unittest import mock

from fuzz.base import Target, module

_BASE, _LAST = 1_700_000_000 * 10**9, (1 << 63) - 1  # nanoseconds


def _ticks(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(pair, time, TSval): a byte, two of time passed and two of value. The byte's high bits say how long a unit of
    time is, its third that the value counts on at 1000 a second, the others are the pair."""
    time = _BASE
    for kind, passed, value in struct.iter_unpack(">BHH", data[: len(data) // 5 * 5]):
        time = min(max(time + (passed - 16) * 10 ** (kind >> 4), 0), _LAST)
        yield kind & 11, time, (time // 10**6 + value if kind & 4 else value * 65_537) & 0xFFFFFFFF


def track() -> Target:
    """Samples of one clock: at most POINTS are kept, in order, and the rate is a known one."""
    found = module("track")

    def run(data: bytes) -> None:
        line = None
        for _, time, value in _ticks(data):
            if line is None:
                line = found.Track(time, value, 0)
            elif time > line.last_ns:
                before = line.samples
                assert line.add(time, value) == (line.samples > before)
            assert len(line.times) == len(line.ticks) < found.POINTS
            assert list(line.times) == sorted(line.times)
        if line is not None:
            assert line.rate() in (0, *found.RATES)
            line.points(line.rate() or 1)

    return run


def clock() -> Target:
    """Samples of many pairs under small limits, then the events that they give."""
    clocks, events, packets, tally = (module(n) for n in ("clock", "clock_events", "packets", "tally"))
    limits: dict[str, Any] = {"WAITING": 3, "WORTH": 4, "TRACKS": 2, "ALL_TRACKS": 6, "LINES": 4, "IDLE": 10**10}

    def within(kept: Any) -> None:
        tracks = [t for pair in kept._pairs.values() for t in pair]
        assert len(kept._waiting) <= 3 and all(sum(len(b.value) for b in w) < 4 for w in kept._waiting.values())
        assert len(tracks) == kept._tracks <= 6 and len(kept._pairs) <= 6
        assert max(map(len, kept._pairs.values()), default=0) <= 2 and len(kept._done) <= 4

    def run(data: bytes) -> None:
        with mock.patch.multiple(clocks, **limits):
            kept = clocks.Clocks()
            for pair, time, value in _ticks(data):
                # two sources, so that some lines are of one
                kept.add(packets.Stamps(f"192.0.2.{pair & 1}", f"198.51.100.{pair}", [time], [value], [24]))
                within(kept)
            for _ in events.clock_events(kept, tally.Tally("")):
                pass

    return run


def leases() -> Target:
    """Leases given and ended: a byte of what and of whom, two of time, two of seconds."""
    found = module("leases")

    def run(data: bytes) -> None:
        with mock.patch.multiple(found, LEASES=3, CHANGES=4):
            kept = found.Leases()
            for kind, time, seconds in struct.iter_unpack(">BHH", data[: len(data) // 5 * 5]):
                ip, mac, now = f"192.0.2.{kind & 7}", f"02:00:00:00:00:0{kind >> 3 & 7}", time * 10**9
                if kind & 64:
                    kept.end(ip, mac, now)
                else:
                    kept.give(ip, mac, now, seconds)
                assert kept.holder(ip, now) in ("", *(f"02:00:00:00:00:0{n}" for n in range(8)))
                assert len(kept._held) <= 3 and max(map(len, kept._held.values()), default=0) <= 4

    return run


def sequences() -> Target:
    """Probe requests: a byte of wording and address, two of sequence number, two of time passed in ms."""
    found, probes = module("sequences"), module("probes")

    def run(data: bytes) -> None:
        time = _BASE
        with mock.patch.multiple(found, DRIVERS=3, SENDERS=2):
            kept = found.Sequences()
            for kind, number, passed in struct.iter_unpack(">BHH", data[: len(data) // 5 * 5]):
                mac, time = f"02:00:00:00:00:0{kind & 7}", time + (passed - 16) * 10**6
                told = kept.follows(probes.Probe(mac, kind < 128, number & 0xFFF, (), str(kind >> 3 & 7)), time)
                assert told != mac
                assert len(kept._last) <= 3 and max(map(len, kept._last.values())) <= 2

    return run


def pieces() -> Target:
    """Pieces of a message, each after a byte of place and one of length, held against a dict of bytes and the twin."""
    from rackprint.ext.pieces import Fragments

    found = module("fragments")

    def run(data: bytes) -> None:
        kept, twin, plain, at = Fragments(250, 20), found.Fragments(250, 20), dict[int, int](), 0
        while at + 2 <= len(data):
            place, size = data[at], data[at + 1] & 31
            part = data[at + 2 : at + 2 + size]
            at += 2 + size
            taken = kept.add(place, part)
            assert taken == twin.add(place, part)
            for number, byte in enumerate(part if taken else b""):
                plain.setdefault(place + number, byte)
        assert (kept.prefix, kept.held, kept.data) == (twin.prefix, twin.held, twin.data)
        assert kept.prefix == next(n for n in range(300) if n not in plain)
        assert all(kept.data[n] == byte for n, byte in plain.items())

    return run


def quic_stream() -> Target:
    """The frames of Initials, each after two bytes of their length: what is behind the cipher."""
    packets, quic = module("quic_packets"), module("quic_stream")
    fragments = module("fragments")
    most = 4 + quic.MAX_HELLO + 2 * fragments.EDGE * fragments.PIECES
    packet = module("packets").Packet(0, 24, "192.0.2.1", "192.0.2.2", 17, 5000, 443, b"")

    def run(data: bytes) -> None:
        kept, at = quic.CryptoStream(), 0
        while at + 2 <= len(data):
            size = int.from_bytes(data[at : at + 2])
            found, _ = packets.crypto_frames(data[at + 2 : at + 2 + size])
            at += 2 + size
            with contextlib.suppress(packets.QuicError):
                whole = kept.add(found, packet)
                assert whole is None or len(whole[0]) <= quic.MAX_HELLO
            assert kept.held <= most

    return run
