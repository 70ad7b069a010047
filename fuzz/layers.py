"""Seeds of captures with link types, tunnels and fragments that few captures have, from the builders of the tests."""

from __future__ import annotations

from collections.abc import Iterator

from fuzz.made import BODY, build

_STREAM = build.records(BODY)
_INNER = build.ip4(build.tcp(_STREAM, options=build.timestamps(77)), 6)
_WIFI = b"\x08\1\0\0\2\0\0\0\0\1\x3c\x5a\xb4\1\2\3\2\0\0\0\0\2\0\0"
_SNAP = b"\xaa\xaa\3\0\0\0\x08\0"
_PROBE = build.probe(build.element(0, b"RACK-7"))
_EUI64 = "fe80::3e5a:b4ff:fe01:203"
_DNS = build.udp(build.dns([b"a.example"]), 5000, 53)


def _fragment(at: int, end: int) -> bytes:
    packet = bytearray(build.ip4(_DNS[at:end], 17))
    packet[4:8] = b"\0\7" + (at // 8 | (0x2000 if end < len(_DNS) else 0)).to_bytes(2)
    return build.ether(bytes(packet))


def _fragment6(at: int, end: int) -> bytes:
    head = bytes([17, 0]) + (at | (end < len(_DNS))).to_bytes(2) + b"\0\0\0\x09"
    options = bytes([44, 0, 1, 4, 0, 0, 0, 0])
    return build.ether(build.ip6(options + head + _DNS[at:end], 0, _EUI64, "fe80::1"), kind=0x86DD)


def _frames() -> Iterator[tuple[int, tuple[bytes, ...]]]:
    """(link type, frames)."""
    gre = (b"\0\0\x08\0", b"\xb0\x81\x08\0" + bytes(16), b"\0\0\x65\x58")
    yield (
        1,
        (
            build.ether(b"\0\5\x81\0\0\6\x08\0" + _INNER, kind=0x88A8),
            build.ether(b"\0\0\0\0\x08\0" + _INNER, kind=0x8926),
            build.ether(b"\x11\0\0\1" + (2 + len(_INNER)).to_bytes(2) + b"\0\x21" + _INNER, kind=0x8864),
            build.ether(b"\0\0\x10\x40\0\0\x11\x40" + _INNER, kind=0x8847),
            build.ether(_SNAP + _INNER, kind=len(_SNAP + _INNER)),
            build.ether(build.ip4(_INNER, 4)),
            *(build.ether(build.ip4(head + (build.ether(_INNER) if head[2] == 0x65 else _INNER), 47)) for head in gre),
            build.ether(build.ip4(build.udp(b"\x08\0\0\0\0\0\1\0" + build.ether(_INNER), 5000, 4789), 17)),
            build.ether(build.ip4(b"\6\4\0\0" + bytes(20) + build.tcp(_STREAM), 51)),
            build.ether(build.ip6(b"\x87\0\0\0", 58, _EUI64, "fe80::1"), kind=0x86DD),
            build.ether(build.ip4(_INNER, 41)),
            build.ether(build.ip4(b"\x30\x01\x88\x0b" + bytes(8) + b"\xff\3\0\x21" + _INNER, 47)),
        ),
    )
    yield 1, (_fragment(16, len(_DNS)), _fragment(0, 16), _fragment(8, 24), _fragment(0, 8))
    yield 1, (_fragment6(24, len(_DNS)), _fragment6(0, 24), _fragment6(0, 8), _fragment6(24, 32), _fragment6(16, 40))
    yield 0, (b"\2\0\0\0" + _INNER,)
    yield 108, (b"\0\0\0\2" + _INNER,)
    yield 228, (_INNER,)
    yield 50, (b"\xff\3\0\x21" + _INNER, b"\x21" + _INNER)
    yield 51, (b"\x11\0\0\1" + (2 + len(_INNER)).to_bytes(2) + b"\0\x21" + _INNER,)
    yield 113, (b"\0\0\0\1\0\6\2\0\0\0\0\1\0\0\x08\0" + _INNER,)
    yield 276, (b"\x08\0\0\0\0\0\0\1\0\1\0\6\2\0\0\0\0\1\0\0" + _INNER,)
    radio = [b"\0\0\x0a\0\2\0\0\0" + flags for flags in (b"\x10\0", b"\0\0", b"\x20\0")]
    data = [b"\x08\1", b"\x08\2", b"\x08\3", b"\x88\1", b"\x88\x81"]
    wifi = [kind + _WIFI[2:] + bytes({3: 6}.get(kind[1], 0) + {0x88: 2}.get(kind[0], 0)) for kind in data]
    wifi = [frame + (bytes(4) if frame[:2] == b"\x88\x81" else b"") + _SNAP + _INNER for frame in wifi]
    yield 105, (_PROBE, *wifi)
    yield 127, tuple(head + frame for head in radio for frame in (build.checked(_PROBE), *wifi))
    yield 192, (b"\0\0\x08\0\1\0\0\0" + build.ether(_INNER), b"\0\0\x08\0\x69\0\0\0" + _PROBE)
    hello = build.ip4(build.tcp(_STREAM[:90], flags=2, seq=0), 6)
    parts = [build.ip4(build.tcp(_STREAM[at : at + 20], seq=1 + at), 6) for at in (120, 90, 60, 100, 40, 0, 20, 140)]
    yield 101, (hello, *parts, build.ip4(build.tcp(_STREAM[140:], seq=141), 6))


def captures() -> Iterator[bytes]:
    """Each frame in a capture of its own, and all of a link type in one."""
    for link, frames in _frames():
        yield build.pcap(*frames, link=link)
        yield build.pcap(*frames, link=link, order=">")
        yield (
            build.section()
            + build.interface(b"\x09\0\1\0\x89\0\0\0\x0e\0\x08\0" + bytes(8), link)
            + b"".join(build.enhanced(frame, 1 << 40) for frame in frames)
        )
    simple = build.block(3, len(_INNER).to_bytes(4, "little") + _INNER)
    old = build.block(2, bytes(12) + 2 * len(_INNER).to_bytes(4, "little") + _INNER)
    yield build.section() + build.interface(b"", 101, snaplen=40) + simple + old + build.block(5, bytes(40))
    yield build.section() + build.interface(b"\x09\0\1\0\x1d\0\0\0", 101) + build.enhanced(_INNER, 5)
    yield build.section() + build.interface(b"", 101) + simple[:-1] + b"\1" + old + build.enhanced(_INNER, 5, 1)
