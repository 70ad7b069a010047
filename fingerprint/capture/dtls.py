"""ClientHellos in DTLS 1.0, 1.2 and 1.3: RFC 4347, RFC 6347 (4.1 records, 4.2 handshake), RFC 9147 (4, 5).

The message comes in fragments that the handshake header places. A server answers the first hello with a cookie
(HelloVerifyRequest, in 1.3 HelloRetryRequest), and the client says it again under the next message number.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

from rackprint.ext.pieces import Fragments
from rackprint.fingerprint.capture.hello import Hello, bare, is_again, random_of
from rackprint.fingerprint.capture.packets import Packet
from rackprint.fingerprint.capture.tally import Tally
from rackprint.fingerprint.capture.tls import CLIENT_HELLO, HANDSHAKE, MAX_HELLO, TlsError

FLOWS = 8_192
TOTAL_BYTES = 8 << 20
_RECORD, _HEADER = 13, 12
_VERSIONS = (0xFEFF, 0xFEFD, 0xFEFC)
_TYPES = range(20, 27)  # change_cipher_spec to ack

Key = tuple[str, int, str, int]


class DtlsError(TlsError):
    """The bytes break the form of a DTLS record or handshake fragment."""


class Fragment(NamedTuple):
    """A piece of a ClientHello body: message number, length of the whole, place."""

    message: int
    length: int
    offset: int
    data: bytes


class _Flow:
    __slots__ = ("first", "fragments", "length", "message", "said")

    def __init__(self) -> None:
        self.said = (-1, b"")  # number and random of the last whole hello
        self.start(-1, 0)

    def start(self, message: int, length: int) -> None:
        self.message, self.length = message, length
        self.fragments = Fragments(length)
        self.first: Packet | None = None


def looks_like_dtls(payload: bytes) -> bool:
    """Whether a UDP payload may begin with a DTLS handshake record that is not encrypted."""
    return len(payload) > _RECORD and payload[0] == HANDSHAKE and int.from_bytes(payload[1:3]) in _VERSIONS


def fragments(datagram: bytes) -> Iterator[Fragment]:
    """The pieces of ClientHellos in a datagram's unencrypted records. Raises DtlsError where one breaks off."""
    at = 0
    while at + _RECORD <= len(datagram) and datagram[at] in _TYPES and datagram[at + 1] == _VERSIONS[0] >> 8:
        end = at + _RECORD + int.from_bytes(datagram[at + 11 : at + 13])
        if end > len(datagram):
            raise DtlsError("DTLS record is cut off")
        if datagram[at] == HANDSHAKE and not any(datagram[at + 3 : at + 5]):  # epoch 0
            yield from _handshake(datagram[at + _RECORD : end])
        at = end


def _handshake(record: bytes) -> Iterator[Fragment]:
    at = 0
    while at < len(record):
        if at + _HEADER > len(record):
            raise DtlsError("DTLS handshake header is cut off")
        length, message = int.from_bytes(record[at + 1 : at + 4]), int.from_bytes(record[at + 4 : at + 6])
        offset, size = int.from_bytes(record[at + 6 : at + 9]), int.from_bytes(record[at + 9 : at + 12])
        data_at, end = at + _HEADER, at + _HEADER + size
        if end > len(record) or offset + size > length:
            raise DtlsError("DTLS handshake fragment runs past its message")
        if record[at] == CLIENT_HELLO:
            if length > MAX_HELLO:
                raise DtlsError(f"ClientHello claims {length} bytes")
            yield Fragment(message, length, offset, record[data_at:end])
        at = end


class DtlsHellos:
    """Follows DTLS flows. ``add`` each packet that looks like one, in capture order."""

    def __init__(self, tally: Tally, flows: int = FLOWS, total: int = TOTAL_BYTES) -> None:
        self._tally = tally
        self._flows: OrderedDict[Key, _Flow] = OrderedDict()
        self._most, self._total, self._held = flows, total, 0

    @property
    def held(self) -> int:
        """Bytes of unfinished messages held now."""
        return self._held

    def add(self, packet: Packet) -> list[Hello]:
        """The ClientHellos that ``packet`` completes; one that is sent again unchanged is the same. What cannot be
        read is counted in the tally."""
        found: list[Hello] = []
        key = (packet.src, packet.sport, packet.dst, packet.dport)
        try:
            for fragment in fragments(packet.payload):
                flow = self._flows.get(key)
                if flow is None:
                    flow = self._flows[key] = _Flow()
                self._flows.move_to_end(key)
                before = flow.fragments.held
                hello = _feed(flow, fragment, packet)
                self._held += flow.fragments.held - before
                self._evict(packet)
                if hello is not None:
                    found.append(hello)
        except DtlsError as error:
            self._tally.add(str(error), packet.offset)
        return found

    def _evict(self, packet: Packet) -> None:
        while len(self._flows) > self._most or self._held > self._total:
            _, flow = self._flows.popitem(last=False)
            self._held -= flow.fragments.held
            if flow.fragments.held:
                self._tally.add("DTLS flow let go before its ClientHello was whole: too many at once", packet.offset)


def _feed(flow: _Flow, fragment: Fragment, packet: Packet) -> Hello | None:
    if (fragment.message, fragment.length) != (flow.message, flow.length):
        flow.start(fragment.message, fragment.length)
    if not fragment.offset and flow.first is None:
        flow.first = bare(packet)
    flow.fragments.add(fragment.offset, fragment.data)
    if flow.first is None or flow.fragments.prefix < fragment.length:
        return None
    body, first = flow.fragments.data, flow.first
    flow.start(-1, 0)
    said, flow.said = flow.said, (fragment.message, random_of(body))
    if flow.said == said:
        return None
    return Hello(body, first, "dtls", retry=is_again(body, said[1]))
