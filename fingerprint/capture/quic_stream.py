"""The crypto stream of a QUIC client's Initials (RFC 9000 19.6): its ClientHellos, one after another."""

from __future__ import annotations

from collections.abc import Iterable

from rackprint.fingerprint.capture.fragments import Fragments
from rackprint.fingerprint.capture.hello import bare
from rackprint.fingerprint.capture.packets import Packet
from rackprint.fingerprint.capture.quic_packets import QuicError
from rackprint.fingerprint.capture.tls import CLIENT_HELLO, MAX_HELLO


class CryptoStream:
    """Puts pieces in order until a hello is whole, then waits for the next."""

    __slots__ = ("_base", "_first", "_fragments")

    def __init__(self) -> None:
        self._base = 0  # where the hello begins that is waited for
        self._fragments: Fragments | None = None  # most hellos come whole and need none
        self._first: Packet | None = None

    @property
    def held(self) -> int:
        """Bytes of memory held."""
        return self._fragments.held if self._fragments is not None else 0

    def add(self, pieces: Iterable[tuple[int, bytes]], packet: Packet) -> tuple[bytes, Packet] | None:
        """The body of the hello that these pieces of ``packet`` complete, and the packet that began it. Raises
        QuicError where the stream is something else or goes on past MAX_HELLO."""
        for offset, piece in pieces:
            at, part = offset - self._base, piece
            if at < 0:
                at, part = 0, piece[-at:]
            if not part:
                continue
            body = self._one(at, part)
            if not at and self._first is None:
                self._first = packet if body is not None else bare(packet)
            if body is not None and self._first is not None:
                first, self._first = self._first, None
                self._base += 4 + len(body)
                self._fragments = None
                return body, first
        return None

    def _one(self, at: int, part: bytes) -> bytes | None:
        if self._fragments is None:
            if not at and 4 <= len(part) >= _size(part):
                return part[4 : _size(part)]
            self._fragments = Fragments(4 + MAX_HELLO)
        if not self._fragments.add(at, part):
            raise QuicError("QUIC CRYPTO frames hold more than a ClientHello takes")
        prefix, data = self._fragments.prefix, self._fragments.data
        return bytes(data[4 : _size(data)]) if 4 <= prefix >= _size(data) else None


def _size(data: bytes | bytearray) -> int:
    """Bytes of the ClientHello that begins ``data``, with its header."""
    size = int.from_bytes(data[1:4])
    if data[0] != CLIENT_HELLO or size > MAX_HELLO:
        raise QuicError(f"QUIC handshake message of type {data[0]} and {size} bytes, not a ClientHello")
    return 4 + size
