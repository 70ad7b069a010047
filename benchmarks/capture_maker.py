"""Makes the capture that DESIGN's targets describe: ``python -m benchmarks.capture_maker OUT [PACKETS] [SEED]``.

A rack's access point: 2,000 phones with 5,000 live flows, half TLS over TCP and half QUIC. Of all packets about 1 %
carry ClientHellos (half of them QUIC, a third split over two packets), 2 % are DNS and 0.5 % DHCP; TCP carries
timestamps. 700 bytes a packet; 20,000 packets a second. The same seed gives the same bytes, in constant memory.
"""

from __future__ import annotations

import random
import struct
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PHONES, SERVERS, FLOWS, STACKS = 2000, 250, 5000, 40
PACE = 50_000  # nanoseconds between packets
LIFE = 96  # packets of a flow beside its opening, on average
START = 1_772_000_000_000_000_000
GATEWAY = b"\x02\0\0\0\0\x01"


def vector(data: bytes, size: int) -> bytes:
    return len(data).to_bytes(size) + data


def words(values: list[int]) -> bytes:
    return struct.pack(f">{len(values)}H", *values)


class Stack:
    """One TLS client: its ciphers, its extensions, and whether it shuffles them as browsers do."""

    def __init__(self, rng: random.Random) -> None:
        known = [0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC013, 0xC014, 0x9C, 0x9D]
        self.ciphers = words(rng.sample(known, rng.randint(5, len(known))))
        self.shuffles, self.large = rng.random() < 0.5, rng.random() < 1 / 3
        algorithms = rng.sample([0x403, 0x804, 0x401, 0x503, 0x805, 0x501, 0x806, 0x601], rng.randint(3, 8))
        self.extensions = [
            (13, vector(words(algorithms), 2)),
            (16, vector(b"\2h2\x08http/1.1", 2)),
            (43, vector(words([0x0304, 0x0303]), 1)),
            (10, vector(words([29, 23, 24]), 2)),
            (51, vector(b"\0\x1d\0\x20" + bytes(32) + (vector(rng.randbytes(1184), 2) if self.large else b""), 2)),
            *((kind, b"") for kind in rng.sample([5, 11, 17, 18, 21, 23, 27, 35, 45, 17513], rng.randint(2, 9))),
        ]

    def hello(self, rng: random.Random, transport: list[tuple[int, bytes]]) -> bytes:
        """A ClientHello message with its header."""
        name = b"www%d.example.com" % rng.randrange(500)
        fields = [(0, vector(b"\0" + vector(name, 2), 2)), *self.extensions, *transport]
        if self.shuffles:
            rng.shuffle(fields)
        body = b"".join(kind.to_bytes(2) + vector(value, 2) for kind, value in fields)
        head = b"\3\3" + rng.randbytes(32) + b"\x20" + rng.randbytes(32)
        return b"\1" + vector(head + vector(self.ciphers, 2) + b"\1\0" + vector(body, 2), 3)


@cache
def phone(number: int) -> tuple[bytes, bytes]:
    """MAC and IPv4 address."""
    return b"\x3c\x5a\xb4" + number.to_bytes(3), b"\x0a\x14" + (number + 256).to_bytes(2)


def ip(proto: int, src: bytes, dst: bytes, body: bytes, ttl: int = 64) -> bytes:
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0x4000, ttl, proto, 0) + src + dst + body


def udp(sport: int, dport: int, payload: bytes) -> bytes:
    return struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload


class Flow:
    """One connection of a phone. ``packets`` are its IP packets with the direction (True: from the phone)."""

    def __init__(self, rng: random.Random, stacks: list[Stack], fill: bytes, *, fresh: bool) -> None:
        self.rng, self.fill = rng, fill
        self.phone = rng.randrange(PHONES)
        self.server = b"\xc0\x58\x63" + bytes((rng.randrange(SERVERS),))  # once of 6to4 relays, no one's now; not local
        self.port, self.stack = rng.randrange(32_768, 61_000), stacks[self.phone % len(stacks)]
        self.left = rng.randint(LIFE // 2, LIFE * 3 // 2) if fresh else rng.randint(1, LIFE)
        quic = rng.random() < 0.5
        self.packets = self._quic(fresh) if quic else self._tcp(fresh)
        self.clock = rng.getrandbits(24)

    def _sizes(self) -> Iterator[tuple[bool, int]]:
        for _ in range(self.left):
            up = self.rng.random() < 0.45
            yield up, self.rng.choice((0, 0, 90)) if up else self.rng.choice((1348, 1348, 1348, 1348, 200))

    def _both(self, up: bool, proto: int, body: bytes) -> tuple[bool, bytes]:
        mine = phone(self.phone)[1]
        return up, ip(proto, mine, self.server, body) if up else ip(proto, self.server, mine, body, 56)

    def _tcp(self, fresh: bool) -> Iterator[tuple[bool, bytes]]:
        seq = {True: self.rng.getrandbits(32), False: self.rng.getrandbits(32)}

        def segment(up: bool, flags: int, payload: bytes = b"", scale: bytes = b"") -> tuple[bool, bytes]:
            ports = (self.port, 443) if up else (443, self.port)
            self.clock += 7
            stamps = b"\x08\x0a" + struct.pack(">II", self.clock, 0 if flags == 2 else self.clock - 40)
            options = b"\2\4\5\xb4\4\2" + stamps + b"\1\3\3" + scale if scale else b"\1\1" + stamps  # as Linux does
            size = (20 + len(options)) // 4 << 4
            head = struct.pack(
                ">HHIIBBHHH", *ports, seq[up], seq[not up] if flags & 16 else 0, size, flags, 64_240, 0, 0
            )
            seq[up] = (seq[up] + len(payload) + (flags >> 1 & 1)) & 0xFFFFFFFF
            return self._both(up, 6, head + options + payload)

        if fresh:
            yield segment(True, 2, scale=bytes((7 + self.phone % 3,)))
            yield segment(False, 18, scale=b"\7")
            yield segment(True, 16)
            message = self.stack.hello(self.rng, [])
            stream = b"\x16\3\1" + vector(message, 2)
            for at in range(0, len(stream), 1388):
                yield segment(True, 24, stream[at : at + 1388])
        for up, size in self._sizes():
            at = self.rng.randrange(len(self.fill) - size - 5)
            yield segment(up, 16, b"\x17\3\3" + vector(self.fill[at : at + size], 2) if size else b"")

    def _quic(self, fresh: bool) -> Iterator[tuple[bool, bytes]]:
        def datagram(up: bool, payload: bytes) -> tuple[bool, bytes]:
            return self._both(up, 17, udp(self.port, 443, payload) if up else udp(443, self.port, payload))

        if fresh:
            dcid, scid = self.rng.randbytes(8), self.rng.randbytes(8)
            message = self.stack.hello(self.rng, [(57, b"\1\4\x80\0\xea\x60\3\2\x45\xc0")])
            parts = [message[at : at + 1100] for at in range(0, len(message), 1100)]
            for number, part in enumerate(parts):
                yield datagram(True, initial(dcid, scid, number, number * 1100, part))
            answer = b"\xc1\0\0\0\1\x08" + scid + b"\x08" + dcid + b"\0\x44\x96" + self.rng.randbytes(1174)
            yield datagram(False, answer)
        for up, size in self._sizes():
            at = self.rng.randrange(len(self.fill) - size - 5)
            yield datagram(up, b"\x41" + self.fill[at : at + size + 30])


def initial(dcid: bytes, scid: bytes, number: int, offset: int, part: bytes) -> bytes:
    """A client's QUIC v1 Initial of 1,200 bytes with a piece of the hello (RFC 9001, 5)."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from rackprint.fingerprint.capture.quic_keys import client_secrets

    key, iv, mask_key = client_secrets(b"\0\0\0\1", dcid)
    frame = b"\6" + (0x4000 | offset).to_bytes(2) + (0x4000 | len(part)).to_bytes(2) + part
    head = b"\xc0\0\0\0\1\x08" + dcid + b"\x08" + scid + b"\0"
    size = 1200 - len(head) - 2
    head += (0x4000 | size).to_bytes(2)
    plain = frame.ljust(size - 17, b"\0")
    nonce = (int.from_bytes(iv) ^ number).to_bytes(12)
    sealed = AESGCM(key).encrypt(nonce, plain, head + bytes((number,)))
    mask = Cipher(algorithms.AES(mask_key), modes.ECB()).encryptor().update(sealed[3:19])
    return bytes((head[0] ^ mask[0] & 15,)) + head[1:] + bytes((number ^ mask[1],)) + sealed


def dns(rng: random.Random) -> tuple[int, bool, bytes]:
    """A question or its answer: phone, direction, IP packet."""
    number, answers = rng.randrange(PHONES), rng.random() < 0.5
    name = b"".join(vector(p, 1) for p in (b"api%d" % rng.randrange(2000), b"example", b"com")) + b"\0"
    head = struct.pack(">6H", rng.getrandbits(16), 0x8180 if answers else 0x100, 1, int(answers), 0, 0)
    message = head + name + b"\0\1\0\1"
    if answers:
        message += b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xcb\0\x71" + bytes((rng.randrange(256),))
    mine, server, port = phone(number)[1], b"\x0a\x14\0\1", rng.randrange(1024, 65_536)
    if answers:
        return number, False, ip(17, server, mine, udp(53, port, message))
    return number, True, ip(17, mine, server, udp(port, 53, message))


def dhcp(rng: random.Random) -> tuple[int, bool, bytes]:
    number = rng.randrange(PHONES)
    mac, mine = phone(number)
    options = b"\x35\1\3\x3d\7\1" + mac + b"\x32\4" + mine + b"\x3c\x0fandroid-dhcp-" + b"%02d" % (10 + number % 5)
    options += b"\x0c" + vector(b"rack-phone-%04d" % number, 1) + b"\x37\x0a\1\3\6\x0f\x1a\x1c\x33\x3a\x3b\x2b\xff"
    body = b"\1\1\6\0" + rng.randbytes(4) + bytes(20) + mac + bytes(10 + 192) + b"\x63\x82\x53\x63" + options
    return number, True, ip(17, bytes(4), b"\xff" * 4, udp(68, 67, body))


def frames(packets: int, seed: int) -> Iterator[bytes]:
    """Ethernet frames."""
    rng = random.Random(seed)
    fill = rng.randbytes(1 << 16)
    stacks = [Stack(rng) for _ in range(STACKS)]
    flows = [Flow(rng, stacks, fill, fresh=False) for _ in range(FLOWS)]
    for _ in range(packets):
        kind = rng.random()
        if kind < 0.02:
            number, up, packet = dns(rng)
        elif kind < 0.025:
            number, up, packet = dhcp(rng)
        else:
            at = rng.randrange(FLOWS)
            found = next(flows[at].packets, None)
            if found is None:
                flows[at] = Flow(rng, stacks, fill, fresh=True)
                found = next(flows[at].packets)
            number, (up, packet) = flows[at].phone, found
        mac = phone(number)[0]
        yield (GATEWAY + mac if up else mac + GATEWAY) + b"\x08\0" + packet


def write(path: Path, packets: int = 500_000, seed: int = 1) -> int:
    """Writes a pcap with microseconds; how many bytes it has."""
    size, now = 24, START
    with path.open("wb", buffering=1 << 20) as out:
        out.write(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1))
        for frame in frames(packets, seed):
            seconds, rest = divmod(now, 1_000_000_000)
            out.write(struct.pack("<IIII", seconds, rest // 1000, len(frame), len(frame)) + frame)
            size += 16 + len(frame)
            now += PACE
    return size


if __name__ == "__main__":
    where = Path(sys.argv[1])
    total = write(where, *(int(a) for a in sys.argv[2:4]))
    print(f"{where}: {total / 1e6:.0f} MB")
