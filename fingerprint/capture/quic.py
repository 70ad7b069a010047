"""ClientHellos in QUIC Initials, in plain Python: the twin of the kernel that quic_kernel.py sets up. A connection is
followed from its first datagram until its hello is whole, and a little longer for the one that a HelloRetryRequest
asks for.

Keys come from the Destination Connection ID that the client drew (RFC 9001 5.2). Later Initials carry the one that the
server chose and keep the keys; after a Retry the id is new and so are the keys, and the hello comes again (RFC 9000
17.2.5). The client's own id stays, and with the addresses it names the connection.
"""

from __future__ import annotations

from collections import OrderedDict

from rackprint.fingerprint.capture.hello import Hello, is_again, random_of
from rackprint.fingerprint.capture.packets import Packet
from rackprint.fingerprint.capture.quic_keys import client_keys
from rackprint.fingerprint.capture.quic_packets import Initial, QuicError, crypto_frames, initials, retry_ids
from rackprint.fingerprint.capture.quic_stream import CryptoStream
from rackprint.fingerprint.capture.tally import Tally

CONNECTIONS = 8_192
TOTAL_BYTES = 16 << 20
FOLLOWED = 64  # Initials of a connection that are opened after its first hello
_MIN_DCID = 8  # of a client's first (RFC 9000 7.2); shorter ones are the other side's

Key = tuple[str, int, str, int, bytes]


class _Connection:
    __slots__ = ("asked", "dcid", "later", "left", "number", "random", "retry", "stream", "version")

    def __init__(self, initial: Initial, number: int, before: _Connection | None) -> None:
        self.version, self.dcid = initial.version, initial.dcid
        self.retry = b""  # the id that a Retry gave
        self.asked = before is not None and before.retry == self.dcid  # whether it goes on from there
        self.later = b""  # the id that the server chose
        self.number = number  # of the next packet
        self.random: bytes = before.random if before is not None else b""  # of the last hello
        self.left = -1  # Initials that are opened yet; -1 before the first hello
        self.stream = CryptoStream()


class QuicHellos:
    """Follows QUIC connections. ``add`` each packet that looks like one, in capture order."""

    def __init__(self, tally: Tally, connections: int = CONNECTIONS, total: int = TOTAL_BYTES) -> None:
        self._tally = tally
        self._known: OrderedDict[Key, _Connection] = OrderedDict()
        self._most, self._total, self._held = connections, total, 0

    @property
    def held(self) -> int:
        """Bytes of unfinished hellos held now."""
        return self._held

    def __len__(self) -> int:
        return len(self._known)

    def add(self, packet: Packet) -> list[Hello]:
        """The ClientHellos that ``packet`` completes. What cannot be read is counted in the tally."""
        found: list[Hello] = []
        try:
            ids = retry_ids(packet.payload)
            if ids is not None:
                known = self._known.get((packet.dst, packet.dport, packet.src, packet.sport, ids[0]))
                if known is not None:
                    known.retry = ids[1]
                return found
            for initial in initials(packet.payload):
                if (packet.dst, packet.dport, packet.src, packet.sport, initial.dcid) in self._known:
                    break  # the server's
                hello = self._initial(packet, initial)
                if hello is not None:
                    found.append(hello)
        except QuicError as error:
            self._tally.add(str(error), packet.offset)
        return found

    def _initial(self, packet: Packet, initial: Initial) -> Hello | None:
        key = (packet.src, packet.sport, packet.dst, packet.dport, initial.scid)
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
            if not known.left and initial.dcid in (known.dcid, known.later):
                return None
        connection, frames = _open(initial, known)
        if connection is None:
            if known is not None or len(initial.dcid) >= _MIN_DCID:
                why = "QUIC Initial does not decrypt: it is damaged, or its connection began before the capture"
                self._tally.add(why, packet.offset)
            return None
        if connection is not known:
            self._drop(key)
            self._known[key] = connection
        before = connection.stream.held
        try:
            return self._feed(connection, packet, frames)
        finally:
            self._held += connection.stream.held - before
            if self._held > self._total or len(self._known) > self._most:
                self._evict(packet)

    def _feed(self, connection: _Connection, packet: Packet, frames: bytes) -> Hello | None:
        if connection.left > 0:
            connection.left -= 1
        pieces, fault = crypto_frames(frames)
        if fault:
            self._tally.add(fault, packet.offset)
        try:
            whole = connection.stream.add(pieces, packet)
        except QuicError:
            connection.stream, connection.left = CryptoStream(), 0
            raise
        if whole is None:
            return None
        body, first = whole
        said, connection.random = connection.random, random_of(body)
        connection.left = FOLLOWED if connection.left < 0 else 0  # no server asks twice
        return Hello(body, first, "quic", retry=connection.asked or is_again(body, said))

    def _evict(self, packet: Packet) -> None:
        while self._known and (self._held > self._total or len(self._known) > self._most):
            oldest = next(iter(self._known))
            if self._known[oldest].left < 0:
                why = "QUIC connection let go before its ClientHello was whole: too many at once"
                self._tally.add(why, packet.offset)
            self._drop(oldest)

    def _drop(self, key: Key) -> None:
        connection = self._known.pop(key, None)
        if connection is not None:
            self._held -= connection.stream.held


def _open(initial: Initial, known: _Connection | None) -> tuple[_Connection | None, bytes]:
    """The connection that the Initial is of, made where it is new, and its frames."""
    drawn = known is not None and initial.dcid == known.dcid
    # another version under the id that the client drew is another attempt; once the server has answered, the same one
    # goes on in the version that it chose (RFC 9368 2.3)
    if known is not None and not (drawn and initial.version != known.version):
        opened = client_keys(initial.version, known.dcid).open(initial.packet, initial.number_at, known.number)
        if opened is not None:
            frames, number = opened
            known.number, known.later = max(known.number, number + 1), initial.dcid
            return known, frames
    if (drawn and known is not None and initial.version == known.version) or len(initial.dcid) < _MIN_DCID:
        return None, b""
    opened = client_keys(initial.version, initial.dcid).open(initial.packet, initial.number_at, 0)
    if opened is None:
        return None, b""
    frames, number = opened
    return _Connection(initial, number + 1, known), frames
