"""ClientHellos in QUIC Initials, followed from a connection's first datagram until its hello is whole, and a little
longer for the one that a HelloRetryRequest asks for.

Keys come from the Destination Connection ID that the client drew (RFC 9001 5.2). Later Initials carry the one that the
server chose and keep the keys; after a Retry the id is new and so are the keys, and the hello comes again (RFC 9000
17.2.5). The client's own id stays, and with the addresses it names the connection.
"""

from __future__ import annotations

from collections import OrderedDict

from rackprint.fingerprint.capture.fragments import Fragments
from rackprint.fingerprint.capture.hello import Hello, random_of
from rackprint.fingerprint.capture.packets import Packet
from rackprint.fingerprint.capture.quic_keys import client_keys
from rackprint.fingerprint.capture.quic_packets import Initial, QuicError, crypto_frames, initials
from rackprint.fingerprint.capture.tally import Tally
from rackprint.fingerprint.capture.tls import CLIENT_HELLO, MAX_HELLO

CONNECTIONS = 8_192
TOTAL_BYTES = 16 << 20
FOLLOWED = 64  # Initials of a connection that are opened after its first hello
_MIN_DCID = 8  # of a client's first (RFC 9000 7.2); shorter ones are the other side's

Key = tuple[str, int, str, int, bytes]


class _Connection:
    __slots__ = ("base", "dcid", "first", "fragments", "later", "left", "number", "random", "version")

    def __init__(self, initial: Initial, random: bytes = b"") -> None:
        self.version, self.dcid = initial.version, initial.dcid
        self.later = b""  # the id that the server chose
        self.random = random  # of the last hello
        self.number = 0  # of the next packet
        self.left = -1  # Initials that are still opened after the first hello
        self.base = 0  # where in the crypto stream the next hello begins
        self.fragments = Fragments(4 + MAX_HELLO)
        self.first: Packet | None = None


class QuicHellos:
    """Follows QUIC connections. ``add`` each packet that looks like one, in capture order."""

    def __init__(self, tally: Tally, connections: int = CONNECTIONS, total: int = TOTAL_BYTES) -> None:
        self._tally = tally
        self._known: OrderedDict[Key, _Connection] = OrderedDict()
        self._most, self._total, self._held = connections, total, 0

    @property
    def held(self) -> int:
        """Bytes of crypto streams held now."""
        return self._held

    def add(self, packet: Packet) -> list[Hello]:
        """The ClientHellos that ``packet`` completes. What cannot be read is counted in the tally."""
        found: list[Hello] = []
        try:
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
        connection, frames = self._open(initial, known)
        if connection is None:
            if known is not None or len(initial.dcid) >= _MIN_DCID:
                why = "QUIC Initial does not decrypt: it is damaged, or its connection began before the capture"
                self._tally.add(why, packet.offset)
            return None
        if connection is not known:
            self._drop(key)
            self._known[key] = connection
        connection.left -= connection.left > 0  # below 0 before the first hello
        before = len(connection.fragments.data)
        try:
            return self._feed(connection, packet, frames)
        finally:
            self._held += len(connection.fragments.data) - before
            self._evict(packet)

    @staticmethod
    def _open(initial: Initial, known: _Connection | None) -> tuple[_Connection | None, bytes]:
        """The connection that the Initial is of, made where it is new, and its frames."""
        drawn = known is not None and initial.dcid == known.dcid
        if known is not None and not (drawn and initial.version != known.version):
            # another version with the id that the client drew is another attempt; after the server has answered it is
            # the same one going on (RFC 9368 2.3)
            opened = client_keys(initial.version, known.dcid).open(initial.packet, initial.number_at, known.number)
            if opened is not None:
                known.number, known.later = max(known.number, opened[1] + 1), initial.dcid
                return known, opened[0]
            if drawn:
                return None, b""
        if len(initial.dcid) < _MIN_DCID:
            return None, b""
        opened = client_keys(initial.version, initial.dcid).open(initial.packet, initial.number_at, 0)
        if opened is None:
            return None, b""
        fresh = _Connection(initial, known.random if known is not None else b"")
        fresh.number = opened[1] + 1
        return fresh, opened[0]

    def _feed(self, connection: _Connection, packet: Packet, frames: bytes) -> Hello | None:
        for offset, part in crypto_frames(frames):
            at = offset - connection.base
            if at < 0:
                part, at = part[-at:], 0  # noqa: PLW2901
            if not part:
                continue
            if not at and connection.first is None:
                connection.first = packet
            if not connection.fragments.add(at, part):
                self._tally.add("QUIC CRYPTO frame is past what a ClientHello takes", packet.offset)
        body = self._whole(connection)
        if body is None or connection.first is None:
            return None
        hello = Hello(body, connection.first, "quic", retry=random_of(body) == connection.random)
        connection.random, connection.first = random_of(body), None
        connection.base += 4 + len(body)
        connection.fragments = Fragments(4 + MAX_HELLO)
        connection.left = FOLLOWED
        return hello

    @staticmethod
    def _whole(connection: _Connection) -> bytes | None:
        """The hello's body once all of it is there."""
        data, prefix = connection.fragments.data, connection.fragments.prefix
        if prefix < 4:
            return None
        size = int.from_bytes(data[1:4])
        if data[0] != CLIENT_HELLO or size > MAX_HELLO:
            connection.fragments, connection.left = Fragments(0), 0
            raise QuicError(f"QUIC handshake message of type {data[0]} and {size} bytes, not a ClientHello")
        return bytes(data[4 : 4 + size]) if prefix >= 4 + size else None

    def _evict(self, packet: Packet) -> None:
        while len(self._known) > self._most or self._held > self._total:
            oldest = next(iter(self._known))
            if self._known[oldest].left < 0:
                self._tally.add(
                    "QUIC connection let go before its ClientHello was whole: too many at once", packet.offset
                )
            self._drop(oldest)

    def _drop(self, key: Key) -> None:
        connection = self._known.pop(key, None)
        if connection is not None:
            self._held -= len(connection.fragments.data)
