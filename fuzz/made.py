"""Seeds for what no capture at hand has, from the builders of the tests."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/fingerprint/capture"))

import build_dtls
import build_quic

import build

BODY = build.hello(build.server_name(b"made.example") + build.alpn(b"h2") + build.extension(44, b"\0\1c"))
_HT = build.element(45, bytes.fromhex("2d0117ff") + bytes(22))
_WPS = b"\0\x50\xf2\4" + b"\x10\x47\0\x10" + bytes(16) + b"\x10\x11\0\5Phone" + b"\x10\x23\0\4SM-G"
_ADB = b"adb-R58M123ABC-x7Gh2k._adb-tls-connect._tcp.local"
_SRV = b"\0\0\0\0\x15\xb3" + build.wire_name(b"Android.local")
_CAST = build.vector(b"fn=Living room", 1) + build.vector(b"md=Chromecast", 1)
_OPTION6 = [
    (1, b"\0\1\0\1\0\0\0\0\2\0\0\0\0\1"),
    (6, b"\0\x17\0\x18"),
    (16, bytes(4) + b"\0\3abc"),
    (39, b"\0\5phone\0"),
]


def made() -> Iterator[tuple[str, bytes]]:
    """(target, input)."""
    yield "probes", build.checked(build.probe(build.element(0, b"RACK-7") + _HT + build.element(221, _WPS), htc=True))
    message = build_quic.message(BODY)
    halves = build_quic.crypto(0, message[:60]), build_quic.crypto(60, message[60:])
    yield "quic_frames", b"\1\0\2\0\0\0\0" + halves[1] + halves[0]
    yield "crypto", b"\1\0" + halves[1] + halves[0]
    yield "quic_stream", b"".join(build.vector(half, 2) for half in reversed(halves)) * 2
    for version in (build_quic.V1, build_quic.V2, build_quic.D29):
        initial = build_quic.initial(halves[1] + halves[0], version=version)
        yield from (("quic", build.vector(initial, 2)), ("initials", initial + initial))
    yield "follow", b"".join(_followed(message))
    first, second = build_dtls.hello(), build_dtls.hello(b"cookie")
    pieces = [(first, 40, 90, 0), (first, 0, 40, 0), (first, 80, None, 0), (second, 0, None, 1)]
    yield "dtls", b"".join(build.vector(build_dtls.record(build_dtls.piece(*piece)), 2) for piece in pieces)
    yield "hello", b"\2" + second
    records = [(33, _ADB, _SRV), (16, b"tv-1._googlecast._tcp.local", _CAST), (1, b"Pixel-7.local", b"\xc0\0\2\1")]
    records.append((16, b"tv._androidtvremote2._tcp.local", build.vector(b"bt=02:00:00:00:00:01", 1)))
    answers = b"".join(build.record(*record) for record in records)
    for name in ("dns", "names", "services"):
        yield name, build.dns([b"_adb._tcp.local"], answers, len(records), 0x8400)
    message6 = build.dhcp6(b"".join(build.option6(*option) for option in _OPTION6))
    yield from (("dhcp6", message6), ("dhcp6", build.relay6(message6)))
    for link in (147, 1):
        yield "frames", build.pcap(b"x" * 60, b"", b"y" * 20, link=link)
        yield (
            "frames",
            build.section(">")
            + build.interface(b"\0\x09\0\1\x09\0\0\0", link, ">")
            + build.enhanced(b"z" * 40, 1 << 60, order=">"),
        )
    for pair in (0, 1):
        counting = b"".join(struct.pack(">BHH", 0x94 | pair, 17, number & 1) for number in range(90))
        yield from (("clock", counting), ("track", counting))
    yield "moment", (1_700_000_000 * 10**9).to_bytes(9)


def _followed(message: bytes) -> Iterator[bytes]:
    """A hello in halves, the server's answer and Retry, and both hellos again, as following.follow takes them."""
    first, second = (build_quic.crypto(at, message[at : at + 60]) for at in (0, 60))
    rest = build_quic.crypto(120, message[120:])
    again = build_quic.crypto(len(message), message)
    retry = b"\xf0" + build_quic.V1 + b"\4mine" + build.vector(build_quic.CHOSEN, 1) + bytes(20)
    sent = [_open(second + first), _open(b"\2\0\0\0\0", b"mine", b""), _open(rest, build_quic.CHOSEN)]
    sent += [_open(again), retry, _open(first + second + rest, build_quic.CHOSEN)]
    for number, datagram in enumerate(sent):
        yield bytes((number in (1, 4),)) + build.vector(datagram, 2)


def _open(frames: bytes, dcid: bytes = build_quic.DRAWN, scid: bytes = b"mine") -> bytes:
    """An Initial for the keys of following.py, all of them made from the id that the client drew."""
    body = bytes(21) + frames + build_quic.DRAWN[-1:]  # the mask is made from padding, so that it stays the same
    ids = build.vector(dcid, 1) + build.vector(scid, 1)
    return b"\xc0" + build_quic.V1 + ids + b"\0" + (0x4000 | len(body)).to_bytes(2) + body
