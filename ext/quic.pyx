# cython: language_level=3, boundscheck=False, wraparound=False
"""ClientHellos in QUIC Initials, followed over packets. The twins are ``QuicHellos``, ``CryptoStream``, ``Keys`` and
``client_secrets`` of ``rackprint.fingerprint.capture`` (quic.py, quic_stream.py, quic_keys.py), which say where each
rule comes from. The cipher of the payload is the caller's."""

from collections import OrderedDict

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy

from rackprint.ext.initials import crypto, packets

cdef enum:
    MIN_DCID = 8  # of a client's first
    MAX_HELLO = 1 << 16

cdef object _UNREAD = "QUIC Initial does not decrypt: it is damaged, or its connection began before the capture"
cdef object _LET_GO = "QUIC connection let go before its ClientHello was whole: too many at once"


cdef extern from "quic_secrets.h" nogil:
    enum:
        RP_AES, RP_ROUNDS
    ctypedef struct rp_hmac_key:
        pass
    int rp_hmac_begin(rp_hmac_key *k, const uint8_t *key, size_t size)
    int rp_hmac_of(const rp_hmac_key *k, const uint8_t *message, size_t length, uint8_t *out)
    int rp_sha_choose(int wanted)
    void rp_aes_fill()
    void rp_aes_expand(const uint8_t *key, uint8_t *rounds)
    void rp_aes_block(const uint8_t *rounds, const uint8_t *data, uint8_t *out)

rp_aes_fill()
rp_sha_choose(True)


def hash_fast(bint wanted):
    """Whether SHA-256 takes the processor's instructions for it from now on, as ``wanted``, where it has them."""
    return bool(rp_sha_choose(wanted))


cdef int begin(rp_hmac_key *k, bytes key) except -1:
    if not rp_hmac_begin(k, <const uint8_t *> PyBytes_AS_STRING(key), len(key)):
        raise ValueError(f"a key of {len(key)} bytes")
    return 0


cdef bytes expand(const rp_hmac_key *k, bytes message):
    """HMAC-SHA256."""
    cdef uint8_t out[32]
    if not rp_hmac_of(k, <const uint8_t *> PyBytes_AS_STRING(message), len(message), out):
        raise ValueError(f"a message of {len(message)} bytes")
    return PyBytes_FromStringAndSize(<char *> out, 32)


def secrets(bytes salt not None, bytes client not None, tuple infos not None, bytes dcid not None):
    """Key, IV and header protection key of a client, from the salt of its version and the texts to expand. Raises ValueError
    for a salt of more than 64 bytes and texts of more than 55."""
    cdef rp_hmac_key k
    key, iv, mask = infos
    begin(&k, salt)
    begin(&k, expand(&k, dcid))
    begin(&k, expand(&k, client))
    return expand(&k, key)[:16], expand(&k, iv)[:12], expand(&k, mask)[:16]


cdef class Keys:
    """``decrypt(nonce, data, header)`` raises ``bad_tag``; ``iv`` has 12 bytes, the header protection key ``mask`` 16."""

    cdef object decrypt, bad_tag
    cdef uint8_t iv[12]
    cdef uint8_t rounds[(RP_ROUNDS + 1) * RP_AES]

    def __init__(self, decrypt, bytes iv not None, bytes mask not None, bad_tag):
        if len(iv) != 12 or len(mask) != RP_AES:
            raise ValueError(f"an IV of {len(iv)} bytes, a key of {len(mask)}")
        self.decrypt, self.bad_tag = decrypt, bad_tag
        memcpy(self.iv, PyBytes_AS_STRING(iv), 12)
        rp_aes_expand(<const uint8_t *> PyBytes_AS_STRING(mask), self.rounds)

    cdef bytes _open(self, bytes packet, Py_ssize_t at, int64_t *number):
        """The frames, and in ``number``, which holds the expected number, that of the packet; None where it does not decrypt."""
        cdef Py_ssize_t n = len(packet), size, i
        cdef const uint8_t *p = <const uint8_t *> PyBytes_AS_STRING(packet)
        cdef int64_t short = 0, window
        cdef uint8_t nonce[12]
        cdef uint8_t m[RP_AES]
        if at < 1 or n - at < 4 + RP_AES:
            return None
        rp_aes_block(self.rounds, p + at + 4, m)
        size = (p[0] ^ m[0] & 0x0F) & 3
        size += 1
        cdef bytes header = PyBytes_FromStringAndSize(<const char *> p, at + size)
        cdef uint8_t *h = <uint8_t *> PyBytes_AS_STRING(header)
        h[0] ^= m[0] & 0x0F
        for i in range(size):
            h[at + i] ^= m[1 + i]
            short = short << 8 | h[at + i]
        window = <int64_t> 1 << 8 * size
        number[0] = nearest(short, window, number[0])
        memcpy(nonce, self.iv, 12)
        for i in range(8):
            nonce[11 - i] ^= <uint8_t> (number[0] >> 8 * i)
        try:
            return self.decrypt(
                PyBytes_FromStringAndSize(<char *> nonce, 12),
                PyBytes_FromStringAndSize(<const char *> p + at + size, n - at - size), header)
        except self.bad_tag:
            return None

    def open(self, bytes packet not None, Py_ssize_t number_at, int64_t expected):
        """The frames and the number of an Initial; None where it does not decrypt."""
        frames = self._open(packet, number_at, &expected)
        return None if frames is None else (frames, expected)


cdef int64_t nearest(int64_t short, int64_t window, int64_t expected) noexcept nogil:
    """The packet number nearest to ``expected`` that ends in ``short``."""
    cdef int64_t number = expected & -window | short
    if number + window // 2 <= expected and number < (<int64_t> 1 << 62) - window:
        return number + window
    return number - window if number > expected + window // 2 and number >= window else number


cdef class Connection:
    cdef bytes version, dcid
    cdef bytes retry  # the id that a Retry gave
    cdef bytes later  # the id that the server chose
    cdef bytes random  # of the last hello
    cdef bint asked  # whether it goes on from a Retry
    cdef int64_t number  # of the next packet
    cdef int left  # Initials that are opened yet; -1 before the first hello
    cdef int64_t base  # where the hello begins that is waited for
    cdef object fragments, first


cdef int64_t hello_size(Following on, const uint8_t *data) except -1:
    """Bytes of the ClientHello that begins ``data``, which has four at least, with its header."""
    cdef int64_t size = <int64_t> data[1] << 16 | data[2] << 8 | data[3]
    if data[0] != 1 or size > MAX_HELLO:
        raise on.error(f"QUIC handshake message of type {data[0]} and {size} bytes, not a ClientHello")
    return 4 + size


cdef class Following:
    """Follows QUIC connections, ``most`` at once with ``total`` bytes of unfinished hellos, and opens ``followed`` Initials
    of one after its first hello: ``add`` each packet that looks like one, in capture order. ``initials`` and ``frames``
    read what the kernels of initials.pyx leave to them, ``retry`` a Retry, and raise ``error``; ``joined`` puts pieces
    together; ``types``: versions to their packet types (Initial, Retry); ``keys(version, dcid)`` gives Keys;
    ``tally(reason, offset)`` counts what cannot be read; ``fragments(limit)``, ``hello``, ``bare``: of
    ``rackprint.fingerprint.capture``."""

    cdef object known, initials, frames, joined, retry, error, keys, tally, fragments, hello, bare
    cdef dict types
    cdef Py_ssize_t most, total
    cdef int followed
    cdef readonly Py_ssize_t held  # bytes of unfinished hellos held now

    def __init__(self, *, initials, frames, joined, retry, error, dict types not None, keys, tally, fragments, hello, bare,
                 Py_ssize_t most, Py_ssize_t total, int followed):
        self.known, self.held, self.most, self.total, self.followed = OrderedDict(), 0, most, total, followed
        self.initials, self.frames, self.joined, self.retry, self.error = initials, frames, joined, retry, error
        self.types, self.keys, self.tally = types, keys, tally
        self.fragments, self.hello, self.bare = fragments, hello, bare

    def __len__(self):
        return len(self.known)

    def add(self, packet):
        """The ClientHellos that ``packet`` completes. What cannot be read is counted."""
        cdef bytes payload = packet.payload
        cdef list found = []
        src, sport, dst, dport = packet.src, packet.sport, packet.dst, packet.dport
        try:
            types = self.types.get(payload[1:5])
            if types is not None and (<uint8_t> payload[0]) >> 4 & 3 == types[1]:
                mine, chosen = self.retry(payload)
                asked = self.known.get((dst, dport, src, sport, mine))
                if asked is not None:
                    (<Connection> asked).retry = chosen
                return found
            plain = packets(payload, self.types)
            for version, dcid, scid, data, number_at in self.initials(payload) if plain is None else plain:
                if (dst, dport, src, sport, dcid) in self.known:
                    break  # the server's
                hello = self._initial(packet, (src, sport, dst, dport, scid), version, dcid, data, number_at)
                if hello is not None:
                    found.append(hello)
        except self.error as error:
            self.tally(str(error), packet.offset)
        return found

    cdef object _initial(self, packet, tuple key, bytes version, bytes dcid, bytes data, Py_ssize_t at):
        cdef Connection known = self.known.get(key)
        cdef Connection connection = None
        cdef bytes frames = None
        cdef bint drawn = False, same = False
        cdef int64_t number
        cdef Py_ssize_t before
        if known is not None:
            self.known.move_to_end(key)
            drawn, same = dcid == known.dcid, version == known.version
            if known.left == 0 and (drawn or dcid == known.later):
                return None
            if same or not drawn:
                number = known.number
                frames = (<Keys?> self.keys(version, known.dcid))._open(data, at, &number)
                if frames is not None:
                    known.number, known.later = max(known.number, number + 1), dcid
                    connection = known
        if connection is None and not (drawn and same) and len(dcid) >= MIN_DCID:
            number = 0
            frames = (<Keys?> self.keys(version, dcid))._open(data, at, &number)
            if frames is not None:
                connection = begun(version, dcid, number + 1, known)
        if connection is None:
            if known is not None or len(dcid) >= MIN_DCID:
                self.tally(_UNREAD, packet.offset)
            return None
        if connection is not known:
            self._drop(key)
            self.known[key] = connection
        before = holds(connection)
        try:
            return self._feed(connection, packet, frames)
        finally:
            self.held += holds(connection) - before
            if self.held > self.total or len(self.known) > self.most:
                self._evict(packet)

    cdef object _feed(self, Connection connection, packet, bytes frames):
        if connection.left > 0:
            connection.left -= 1
        pieces = crypto(frames)
        if pieces is None:
            pieces, fault = self.frames(frames)
            if fault:
                self.tally(fault, packet.offset)
        elif len(pieces) > 1:
            pieces = self.joined(pieces)
        try:
            body = self._stream(connection, pieces, packet)
        except self.error:
            connection.base, connection.fragments, connection.first, connection.left = 0, None, None, 0
            raise
        if body is None:
            return None
        first, connection.first = connection.first, None
        said, connection.random = connection.random, body[2:34]
        again = len(said) == 32 and connection.random == said
        connection.left = self.followed if connection.left < 0 else 0  # no server asks twice
        return self.hello(body, first, "quic", connection.asked or again)

    cdef bytes _stream(self, Connection c, list pieces, packet):
        """The body of the hello that these pieces complete; ``c.first`` is the packet that began it."""
        cdef bytes part, body
        cdef int64_t offset, at
        for offset, part in pieces:
            at = offset - c.base
            if at < 0:
                if -at >= len(part):
                    continue
                at, part = 0, part[-at:]
            if not part:
                continue
            body = self._one(c, at, part)
            if not at and c.first is None:
                c.first = packet if body is not None else self.bare(packet)
            if body is not None and c.first is not None:
                c.base += 4 + len(body)
                c.fragments = None
                return body
        return None

    cdef bytes _one(self, Connection c, int64_t at, bytes part):
        cdef int64_t size
        if c.fragments is None:
            if not at and len(part) >= 4:
                size = hello_size(self, <const uint8_t *> PyBytes_AS_STRING(part))
                if len(part) >= size:
                    return part[4:size]
            c.fragments = self.fragments(4 + MAX_HELLO)
        if not c.fragments.add(at, part):
            raise self.error("QUIC CRYPTO frames hold more than a ClientHello takes")
        cdef int64_t prefix = c.fragments.prefix
        if prefix < 4:
            return None
        head = <bytes?> c.fragments.part(0, 4)
        size = hello_size(self, <const uint8_t *> PyBytes_AS_STRING(head))
        return c.fragments.part(4, size) if prefix >= size else None

    cdef int _evict(self, packet) except -1:
        while self.known and (self.held > self.total or len(self.known) > self.most):
            oldest = next(iter(self.known))
            if (<Connection> self.known[oldest]).left < 0:
                self.tally(_LET_GO, packet.offset)
            self._drop(oldest)
        return 0

    cdef int _drop(self, tuple key) except -1:
        connection = self.known.pop(key, None)
        if connection is not None:
            self.held -= holds(<Connection> connection)
        return 0


cdef Connection begun(bytes version, bytes dcid, int64_t number, Connection before):
    cdef Connection c = Connection()
    c.version, c.dcid, c.retry, c.later, c.random = version, dcid, b"", b"", b""
    c.number, c.left, c.base = number, -1, 0
    if before is not None:
        c.asked, c.random = before.retry == dcid, before.random
    return c


cdef Py_ssize_t holds(Connection c) except -1:
    return 0 if c.fragments is None else c.fragments.held
