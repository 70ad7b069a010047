"""The head of each TCP stream, put in order until its ClientHello is whole, within bounded memory.

A flow is one direction of a connection. Held per flow: at most FLOW_BYTES; in all: at most TOTAL_BYTES, WAITING
segments and FLOWS flows, the longest unseen are dropped first. After its hello a flow is followed for the second one
that a HelloRetryRequest asks for: behind at most a ChangeCipherSpec record, and up to AGAIN_BYTES.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress

from rackprint.fingerprint.capture.hello import Hello, bare, is_again, random_of
from rackprint.fingerprint.capture.packets import Packet
from rackprint.fingerprint.capture.tcp import is_syn
from rackprint.fingerprint.capture.tls import TlsError, handshake_message, hello_end, looks_like_hello

FLOW_BYTES = 1 << 16
AGAIN_BYTES = 1 << 14
TOTAL_BYTES = 16 << 20
FLOWS = 65_536
_SEGMENTS = 256  # waiting for a gap to close; a hello of 64 KiB in segments of 536 bytes takes 123
WAITING = 131_072  # the same of all flows: one of a byte costs as much memory as one of a hundred
_EARLY = 4  # segments without a known start that wait for it, once a flow

_CHANGE_CIPHER = b"\x14\x03\x03\0\1\1"  # what a client says before its second hello, for middleboxes (RFC 8446 D.4)

Key = tuple[str, int, str, int]


class _Flow:
    __slots__ = ("base", "begun", "changed", "data", "done", "first", "isn", "said", "spent", "waiting")

    def __init__(self, isn: int | None) -> None:
        self.isn = isn
        self.base = None if isn is None else (isn + 1) & 0xFFFFFFFF
        self.data = bytearray()
        self.waiting: dict[int, tuple[bytes, Packet]] = {}  # by sequence number
        self.first: Packet | None = None
        self.done = self.begun = self.spent = False
        self.changed = False  # a ChangeCipherSpec record was passed
        self.said: bytes | None = None  # the random of the first hello, while a second may come

    @property
    def held(self) -> int:
        return len(self.data) + sum(len(part) for part, _ in self.waiting.values())

    def clear(self) -> None:
        self.data, self.waiting, self.base = bytearray(), {}, None


class Streams:
    """Follows TCP flows. ``add`` each packet in capture order."""

    def __init__(self, flows: int = FLOWS, total: int = TOTAL_BYTES) -> None:
        self._flows: OrderedDict[Key, _Flow] = OrderedDict()
        self._max_flows, self._max_total = flows, total
        self._held = self._waiting = 0
        self.unfinished = 0  # flows let go for others' sake while they held bytes

    @property
    def held(self) -> int:
        """Bytes of payload held now."""
        return self._held

    def opens(self, packet: Packet) -> bool:
        """Whether ``packet`` is a SYN that is not a retransmission of one seen; starts its flow."""
        if not is_syn(packet):
            return False
        key = (packet.src, packet.sport, packet.dst, packet.dport)
        flow = self._flows.get(key)
        if flow is not None and flow.isn == packet.seq:
            return False
        self._drop(key)
        self._keep(key, _Flow(packet.seq))
        return True

    def begins(self, packet: Packet) -> bool:
        """Whether ``packet`` brings the first payload of its flow, for the first time. Ask before ``add``."""
        flow = self._flows.get((packet.src, packet.sport, packet.dst, packet.dport))
        if flow is None:
            return True  # capture began in mid-flow
        if flow.begun or flow.isn is None or packet.seq != (flow.isn + (not is_syn(packet))) & 0xFFFFFFFF:
            return False
        flow.begun = True
        return True

    def add(self, packet: Packet) -> list[Hello]:
        """The ClientHellos that ``packet`` completes. Raises TlsError where a stream that began like one is
        none; the flow is then left alone until another begins in it."""
        if not packet.payload:
            return []
        key = (packet.src, packet.sport, packet.dst, packet.dport)
        flow = self._flows.get(key)
        if flow is None:
            flow = _Flow(None)
            self._keep(key, flow)
        self._flows.move_to_end(key)
        if flow.done:
            return []
        held, waiting = flow.held, len(flow.waiting)
        try:
            return list(_feed(flow, packet))
        except TlsError:
            flow.clear()
            raise
        finally:
            self._held += flow.held - held
            self._waiting += len(flow.waiting) - waiting
            while self._held > self._max_total or self._waiting > WAITING:
                self._evict()

    def _keep(self, key: Key, flow: _Flow) -> None:
        self._flows[key] = flow
        while len(self._flows) > self._max_flows:
            self._evict()

    def _evict(self) -> None:
        oldest = next(iter(self._flows))
        self.unfinished += self._flows[oldest].held > 0
        self._drop(oldest)

    def _drop(self, key: Key) -> None:
        flow = self._flows.pop(key, None)
        if flow is not None:
            self._held -= flow.held
            self._waiting -= len(flow.waiting)


class Followed:
    """Stands in for Streams where the reader followed the flows and gives ``Picked`` packets."""

    def opens(self, packet: Packet) -> bool:
        """Whether ``packet`` is a SYN; a retransmitted one was not given."""
        return is_syn(packet)

    def begins(self, packet: Packet) -> bool:
        """Any other was given because it does."""
        return True

    def add(self, packet: Packet) -> list[Hello]:
        """Hellos come by themselves."""
        return []


FOLLOWED = Followed()


def _feed(flow: _Flow, packet: Packet) -> Iterator[Hello]:
    payload = packet.payload
    seq = (packet.seq + 1) & 0xFFFFFFFF if is_syn(packet) else packet.seq  # data on a SYN follows it (RFC 7413)
    if flow.base is None:  # capture began in mid-flow, or a proxy or STARTTLS spoke first: a hello may still come
        if len(payload) >= 6 and looks_like_hello(payload):
            flow.base = seq
            flow.data.clear()
        elif len(flow.waiting) < _EARLY and not flow.spent:
            if flow.held + len(payload) <= 2 * FLOW_BYTES:
                flow.waiting.setdefault(seq, (payload, packet))
            return
        else:
            flow.waiting, flow.spent = {}, True
            return
    _store(flow, seq, packet)
    _join(flow)
    if flow.data and flow.said is None:
        yield from _first(flow, packet)
    if flow.data and flow.said is not None:
        yield from _second(flow, packet)


def _first(flow: _Flow, packet: Packet) -> Iterator[Hello]:
    if not looks_like_hello(bytes(flow.data[:6])):
        flow.clear()
        return
    body = handshake_message(flow.data)
    if body is not None and flow.first is not None:
        yield Hello(body, flow.first)
        flow.said = random_of(body)
        _pass(flow, hello_end(flow.data, 4 + len(body)), packet)
    elif flow.first is not None and flow.first.payload:
        flow.first = bare(flow.first)
    if body is None and len(flow.data) >= FLOW_BYTES:
        raise TlsError(f"ClientHello is not whole after {FLOW_BYTES} bytes")


def _second(flow: _Flow, packet: Packet) -> Iterator[Hello]:
    """The hello after a HelloRetryRequest; with any other record the handshake has gone on and the flow is done."""
    if flow.data.startswith(_CHANGE_CIPHER) and not flow.changed:
        flow.changed = True
        _pass(flow, len(_CHANGE_CIPHER), packet)
    head = bytes(flow.data[:6])
    if not head or (len(head) < 6 and not flow.changed and _CHANGE_CIPHER.startswith(head)):
        return
    if looks_like_hello(head):
        with suppress(TlsError):  # it only looked like one
            body = handshake_message(flow.data)
            if body is not None and flow.first is not None:
                yield Hello(body, flow.first, retry=is_again(body, flow.said or b""))
            elif len(flow.data) < AGAIN_BYTES:
                return
    flow.done = True
    flow.clear()


def _pass(flow: _Flow, size: int, packet: Packet) -> None:
    """Takes ``size`` bytes off the front; what is left came with ``packet``."""
    del flow.data[:size]
    flow.base = ((flow.base or 0) + size) & 0xFFFFFFFF
    flow.first = bare(packet) if flow.data else None


def _store(flow: _Flow, seq: int, packet: Packet) -> None:
    known = flow.waiting.get(seq)
    if known is not None and len(known[0]) >= len(packet.payload):
        return  # a retransmission
    if len(flow.waiting) < _SEGMENTS and flow.held + len(packet.payload) <= 2 * FLOW_BYTES:
        flow.waiting[seq] = (packet.payload, packet)


def _join(flow: _Flow) -> None:
    """Moves waiting segments that touch the end of ``data`` into it; what overlaps keeps the bytes that came first."""
    base = flow.base or 0
    moved = True
    while moved and len(flow.data) < FLOW_BYTES:
        moved = False
        for seq, (payload, packet) in sorted(flow.waiting.items(), key=lambda item: _distance(item[0], base)):
            gap = _distance(seq, base) - len(flow.data)
            if gap > 0:
                continue
            del flow.waiting[seq]
            fresh = payload[-gap:] if gap else payload
            if fresh:
                flow.first = flow.first if flow.data else packet
                flow.data += fresh[: FLOW_BYTES - len(flow.data)]
                moved = True


def _distance(seq: int, base: int) -> int:
    """Bytes from ``base`` to ``seq`` on the 32-bit circle, negative before it (RFC 1982)."""
    return ((seq - base + 0x80000000) & 0xFFFFFFFF) - 0x80000000
