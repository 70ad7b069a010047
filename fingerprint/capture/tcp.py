"""The signature of a TCP SYN in the notation of p0f 3 (its README, section "TCP signatures"), as its raw_sig prints:

``version:ttl+distance:IP option bytes:MSS:window,scale:option layout:quirks:payload class``
"""

from __future__ import annotations

from rackprint.ext.syn import signature
from rackprint.fingerprint.capture.packets import ACK, CWR, ECE, FIN, PSH, RST, SYN, URG, Packet

_NAMES = {1: "nop", 2: "mss", 3: "ws", 4: "sok", 5: "sack", 8: "ts"}
_SIZES = {2: 4, 3: 3, 4: 2, 8: 10}
_MAX_DISTANCE = 35
_LAYOUT = 24  # options p0f lists at most
_ORDER = (
    "df", "id+", "id-", "ecn", "0+", "flow", "seq-", "ack+", "ack-", "uptr+", "urgf+", "pushf+",
    "ts1-", "ts2+", "opt+", "exws", "bad",
)  # fmt: skip


def is_syn(packet: Packet) -> bool:
    """Whether the packet opens a connection: SYN without ACK, FIN or RST."""
    return packet.flags & (SYN | ACK | FIN | RST) == SYN


def syn_signature(packet: Packet) -> str:
    """The signature of ``packet``, or an empty text where its headers are too short to have one."""
    return signature(packet.network, packet.transport, packet.flags, bool(packet.payload))


def signature_plainly(packet: Packet) -> str:
    """As ``syn_signature``, all in Python: the kernel's twin."""
    ip, tcp = packet.network, packet.transport
    if len(tcp) < 20 or len(ip) < 20 or (ip[0] >> 4 == 6 and len(ip) < 40):
        return ""
    version = ip[0] >> 4
    quirks, ttl, extra = _ip4(ip) if version == 4 else _ip6(ip)
    options = _Options(tcp[20:])
    quirks |= options.quirks | _tcp_quirks(tcp, packet.flags)
    window = int.from_bytes(tcp[14:16])
    return ":".join(
        (
            str(version),
            f"{ttl}+{_distance(ttl)}",
            str(extra),
            str(options.mss),
            f"{_window(window, options, version)},{options.scale}",
            ",".join(options.layout),
            ",".join(q for q in _ORDER if q in quirks),
            "+" if packet.payload else "0",
        )
    )


def _ip4(ip: bytes) -> tuple[set[str], int, int]:
    fragment, number, quirks = int.from_bytes(ip[6:8]), int.from_bytes(ip[4:6]), set[str]()
    if ip[1] & 3:
        quirks.add("ecn")
    if fragment & 0x8000:
        quirks.add("0+")
    if fragment & 0x4000:
        quirks |= {"df", "id+"} if number else {"df"}
    elif not number:
        quirks.add("id-")
    return quirks, ip[8], len(ip) - 20


def _ip6(ip: bytes) -> tuple[set[str], int, int]:
    first = int.from_bytes(ip[:4])
    quirks = {"flow"} if first & 0xFFFFF else set[str]()
    if first >> 20 & 3:
        quirks.add("ecn")
    return quirks, ip[7], len(ip) - 40


def _tcp_quirks(tcp: bytes, flags: int) -> set[str]:
    tests = {
        "ecn": flags & (ECE | CWR) or tcp[12] & 1,
        "seq-": not any(tcp[4:8]),
        "ack+": not flags & ACK and any(tcp[8:12]),
        "uptr+": not flags & URG and any(tcp[18:20]),
        "urgf+": flags & URG,
        "pushf+": flags & PSH,
    }
    return {name for name, on in tests.items() if on}


def _distance(ttl: int) -> str:
    """Hops from the nearest usual initial TTL, ``?`` where that is too far to be true."""
    hops = next(start for start in (32, 64, 128, 255) if ttl <= start) - ttl
    return str(hops) if hops <= _MAX_DISTANCE else "?"


class _Options:
    """TCP options in the order sent, with what is odd about them."""

    def __init__(self, data: bytes) -> None:
        self.layout: list[str] = []
        self.quirks: set[str] = set()
        self.mss = self.scale = self.stamp = 0
        at = 0
        while at < len(data) and len(self.layout) < _LAYOUT:
            kind = data[at]
            if kind == 0:
                rest = data[at + 1 :]
                self.layout.append(f"eol+{len(rest)}")
                self.quirks |= {"opt+"} if any(rest) else set()
                return
            self.layout.append(_NAMES.get(kind, f"?{kind}"))
            if kind == 1:
                at += 1
                continue
            size = self._size(kind, data, at)
            if not size:
                self.quirks.add("bad")
                return
            self._read(kind, data[at + 2 : at + size])
            at += size

    def _size(self, kind: int, data: bytes, at: int) -> int:
        """Bytes the option takes, 0 where reading cannot go on. A wrong length of a known option is only odd."""
        told = data[at + 1] if at + 1 < len(data) else 0
        if kind in _SIZES:
            if told != _SIZES[kind]:
                self.quirks.add("bad")
            told = _SIZES[kind]
        elif not (10 <= told <= 34 if kind == 5 else 2 <= told <= 40):
            return 0
        return told if at + told <= len(data) else 0

    def _read(self, kind: int, value: bytes) -> None:
        if kind == 2:
            self.mss = int.from_bytes(value)
        elif kind == 3:
            self.scale = value[0]
            self.quirks |= {"exws"} if value[0] > 14 else set()
        elif kind == 8:
            self.stamp = int.from_bytes(value[:4])
            self.quirks |= {"ts1-"} if not self.stamp else set()
            self.quirks |= {"ts2+"} if any(value[4:]) else set()


def _window(window: int, options: _Options, version: int) -> str:
    """The window as a multiple of MSS or MTU where it is one (p0f tries the usual MTU of 1500 too)."""
    mss = options.mss
    if not window or mss < 100:
        return str(window)
    by_mss = [mss, *([mss - 12] if options.stamp else []), 1460, 1448, *([1440, 1428] if version == 6 else [])]
    by_mtu = [mss + 40, *([mss + 60] if version == 6 else []), 1500]
    for name, divisors in (("mss", by_mss), ("mtu", by_mtu)):
        for divisor in divisors:
            if window % divisor == 0:
                return f"{name}*{window // divisor}"
    return str(window)
