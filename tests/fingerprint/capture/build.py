"""Builds the bytes the capture tests read: hellos, packets, files. Addresses are from documentation ranges."""

import struct
from collections.abc import Iterable
from ipaddress import ip_address
from zlib import crc32

from rackprint.fingerprint.capture.packets import ACK, Packet

PHONE, SERVER = "192.168.7.20", "203.0.113.9"
MAC = "3c:5a:b4:01:02:03"


def vector(data: bytes, size: int) -> bytes:
    return len(data).to_bytes(size) + data


def words(values: Iterable[int]) -> bytes:
    return b"".join(v.to_bytes(2) for v in values)


def extension(kind: int, value: bytes = b"") -> bytes:
    return kind.to_bytes(2) + vector(value, 2)


def server_name(name: bytes) -> bytes:
    return extension(0, vector(b"\0" + vector(name, 2), 2))


def alpn(*names: bytes) -> bytes:
    return extension(16, vector(b"".join(vector(n, 1) for n in names), 2))


def hello(
    extensions: bytes | None = b"", ciphers: Iterable[int] = (0x1301, 0x1302, 0x0A0A), version: int = 0x0303
) -> bytes:
    """A ClientHello body."""
    body = version.to_bytes(2) + bytes(32) + vector(b"", 1) + vector(words(ciphers), 2) + vector(b"\0", 1)
    return body if extensions is None else body + vector(extensions, 2)


def records(body: bytes, size: int = 16_384) -> bytes:
    """The body as a handshake message in TLS records of at most ``size`` bytes."""
    message = b"\x01" + vector(body, 3)
    parts = [message[i : i + size] for i in range(0, len(message), size)]
    return b"".join(b"\x16\x03\x01" + vector(part, 2) for part in parts)


def segment(payload: bytes, seq: int, flags: int = ACK, sport: int = 40_000, offset: int = 0) -> Packet:
    return Packet(0, offset, PHONE, SERVER, 6, sport, 443, payload, flags=flags, seq=seq & 0xFFFFFFFF)


def ip4(payload: bytes, proto: int, src: str = PHONE, dst: str = SERVER, ttl: int = 64) -> bytes:
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0x4000, ttl, proto, 0)
    return head + ip_address(src).packed + ip_address(dst).packed + payload


def tcp(payload: bytes = b"", seq: int = 1, flags: int = ACK, sport: int = 40_000, options: bytes = b"") -> bytes:
    size = (20 + len(options)) // 4
    return struct.pack(">HHIIBBHHH", sport, 443, seq, 0, size << 4, flags, 65_535, 0, 0) + options + payload


def udp(payload: bytes, sport: int, dport: int) -> bytes:
    return struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload


def ether(payload: bytes, src: str = MAC, kind: int = 0x0800) -> bytes:
    return bytes.fromhex("020000000001") + bytes.fromhex(src.replace(":", "")) + kind.to_bytes(2) + payload


def pcap(*frames: bytes, link: int = 1, order: str = "<") -> bytes:
    out = struct.pack(order + "IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, link)
    for number, frame in enumerate(frames):
        out += struct.pack(order + "IIII", 1_700_000_000 + number, 250_000, len(frame), len(frame)) + frame
    return out


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + size + body + size


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(options: bytes = b"", link: int = 1, order: str = "<", snaplen: int = 0) -> bytes:
    return block(1, struct.pack(order + "HHI", link, 0, snaplen) + options, order)


def enhanced(frame: bytes, ticks: int = 0, number: int = 0, order: str = "<", claim: int | None = None) -> bytes:
    size = len(frame) if claim is None else claim
    return block(6, struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, size, size) + frame, order)


def dhcp(options: bytes, mac: str = MAC, operation: int = 1, file: bytes = b"", your: bytes = bytes(4)) -> bytes:
    head = bytes([operation, 1, 6, 0]) + bytes(12) + your + bytes(8) + bytes.fromhex(mac.replace(":", "")) + bytes(10)
    return head + bytes(64) + file.ljust(128, b"\0") + b"\x63\x82\x53\x63" + options


def dns(names: Iterable[bytes], answers: bytes = b"", count: int = 0, flags: int = 0) -> bytes:
    asked = [b"".join(vector(p, 1) for p in n.split(b".")) + b"\0\0\x01\0\x01" for n in names]
    return struct.pack(">6H", 1, flags, len(asked), count, 0, 0) + b"".join(asked) + answers


def option6(code: int, value: bytes) -> bytes:
    return code.to_bytes(2) + vector(value, 2)


def dhcp6(options: bytes, kind: int = 1) -> bytes:
    return bytes([kind]) + b"\x0a\x0b\x0c" + options


def relay6(message: bytes) -> bytes:
    """A relay-forward message (RFC 8415, 9) around another."""
    return b"\x0c\0" + bytes(32) + option6(9, message)


def ip6(payload: bytes, proto: int, src: str, dst: str) -> bytes:
    head = struct.pack(">IHBB", 6 << 28, len(payload), proto, 64)
    return head + ip_address(src).packed + ip_address(dst).packed + payload


def element(number: int, value: bytes = b"") -> bytes:
    return bytes([number]) + vector(value, 1)


def probe(elements: bytes, mac: str = MAC, sequence: int = 7, htc: bool = False) -> bytes:
    """An 802.11 probe request from its MAC header on, without check sequence."""
    head = bytes([0x40, 0x80 if htc else 0]) + bytes(2) + b"\xff" * 6 + bytes.fromhex(mac.replace(":", ""))
    return head + b"\xff" * 6 + (sequence << 4).to_bytes(2, "little") + (bytes(4) if htc else b"") + elements


def checked(frame: bytes) -> bytes:
    """The frame with its check sequence."""
    return frame + crc32(frame).to_bytes(4, "little")


def radiotap(frame: bytes, flags: int = 0) -> bytes:
    """A radiotap header with flags (0x10: the frame ends in its check sequence) before the frame."""
    return struct.pack("<BBHIB", 0, 0, 9, 2, flags) + frame


def timestamps(value: int, echo: int = 0) -> bytes:
    """NOP, NOP, timestamps: as nearly all segments have them."""
    return b"\1\1\x08\x0a" + (value & 0xFFFFFFFF).to_bytes(4) + echo.to_bytes(4)


def at(frames: Iterable[tuple[float, bytes]], link: int = 1) -> bytes:
    """A pcap in nanoseconds of (seconds since 1700000000, frame)."""
    out = struct.pack("<IHHIIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, link)
    for time, frame in frames:
        ns = 1_700_000_000_000_000_000 + int(time * 1e9)
        out += struct.pack("<IIII", ns // 10**9, ns % 10**9, len(frame), len(frame)) + frame
    return out


def record(kind: int, name: bytes, data: bytes) -> bytes:
    """A DNS answer record, names in full."""
    return wire_name(name) + struct.pack(">HHIH", kind, 1, 120, len(data)) + data


def wire_name(name: bytes) -> bytes:
    return b"".join(vector(p, 1) for p in name.split(b".")) + b"\0"
