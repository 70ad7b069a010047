# cython: language_level=3, boundscheck=False, wraparound=False
"""QUIC datagrams and the frames of an opened Initial, where they are plain. The twin, which reads and judges all others
too, is ``rackprint.fingerprint.capture.quic_packets``. Every read is checked against the bytes left."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcmp, memcpy

cdef enum:
    CID = 20  # bytes of a connection id at most
    BODY = 20  # packet number, then a sample of 16 bytes from the fifth
    PIECES = 64


cdef Py_ssize_t integer(const uint8_t *data, Py_ssize_t n, Py_ssize_t at, uint64_t *value) noexcept nogil:
    """Where reading goes on behind a variable-length integer (RFC 9000, 16); -1 where it is cut off."""
    cdef int size, i
    if at < 0 or at >= n:
        return -1
    size = 1 << (data[at] >> 6)
    if at + size > n:
        return -1
    value[0] = data[at] & 0x3F
    for i in range(1, size):
        value[0] = value[0] << 8 | data[at + i]
    return at + size


cdef Py_ssize_t cid(const uint8_t *data, Py_ssize_t n, Py_ssize_t at) noexcept nogil:
    """Where reading goes on behind a connection id; -1 where it is cut off or too long."""
    if at < 0 or at >= n or data[at] > CID or at + 1 + data[at] > n:
        return -1
    return at + 1 + data[at]


def packets(bytes datagram not None, dict versions not None):
    """[(version, destination id, source id, packet, where its number begins)] of the Initials in a datagram. None for what
    the twin is to judge: a version not in ``versions``, a Retry, what is cut off. ``versions``: their four bytes to the
    packet types (Initial, Retry) of the long header."""
    cdef const uint8_t *data = <const uint8_t *> PyBytes_AS_STRING(datagram)
    cdef Py_ssize_t n = len(datagram), at = 0, here, dcid, scid, first = -1, first_size = 0
    cdef uint64_t length = 0, token = 0
    cdef int kind, initial, retry
    cdef list found = []
    while n - at > 6 and data[at] & 0xC0 == 0xC0:
        version = PyBytes_FromStringAndSize(<const char *> data + at + 1, 4)
        types = versions.get(version)
        if types is None:
            return None
        initial, retry = types
        kind = data[at] >> 4 & 3
        if kind == retry:
            return None
        dcid = at + 6
        scid = cid(data, n, at + 5) + 1
        here = cid(data, n, scid - 1) if scid else -1
        if kind == initial:
            here = integer(data, n, here, &token)
            if here < 0 or token > <uint64_t> (n - here):
                return None
            here += <Py_ssize_t> token
        here = integer(data, n, here, &length)
        if here < 0 or length > <uint64_t> (n - here):
            return None
        if first < 0:
            first, first_size = dcid, data[at + 5]
        if (kind == initial and length >= BODY and data[at + 5] == first_size
                and not memcmp(data + dcid, data + first, first_size)):
            found.append((
                version, PyBytes_FromStringAndSize(<const char *> data + dcid, first_size),
                PyBytes_FromStringAndSize(<const char *> data + scid, data[scid - 1]),
                PyBytes_FromStringAndSize(<const char *> data + at, here + <Py_ssize_t> length - at), here - at))
        at = here + <Py_ssize_t> length
    return found


def crypto(bytes frames not None):
    """[(offset, bytes)] of the CRYPTO frames in an opened Initial, in the order they stand. None for what the twin is to
    judge: any frames but CRYPTO, PADDING and PING, or more than PIECES, or one that is cut off."""
    cdef const uint8_t *data = <const uint8_t *> PyBytes_AS_STRING(frames)
    cdef Py_ssize_t n = len(frames), at = 0
    cdef uint64_t offset = 0, length = 0, eight = 0
    cdef list found = []
    while at < n:
        if data[at] <= 1:
            at += 1
            while at + 8 <= n:  # most of a client's first datagram is padding
                memcpy(&eight, data + at, 8)
                if eight & ~<uint64_t> 0x0101010101010101:
                    break
                at += 8
            continue
        if data[at] != 6 or len(found) >= PIECES:
            return None
        at = integer(data, n, at + 1, &offset)
        at = integer(data, n, at, &length)
        if at < 0 or length > <uint64_t> (n - at):
            return None
        found.append((offset, PyBytes_FromStringAndSize(<const char *> data + at, <Py_ssize_t> length)))
        at += <Py_ssize_t> length
    return found
