# cython: language_level=3, boundscheck=False, wraparound=False
"""Plain DNS messages, fast. The twin, which reads all others too, is ``rackprint.fingerprint.capture.dns``. Every read is
checked against the bytes left; pointers may only point back."""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp

cdef extern from "<arpa/inet.h>" nogil:
    const char *inet_ntop(int, const void *, char *, uint32_t)
    enum: AF_INET, AF_INET6

cdef enum:
    RECORDS = 512
    LABELS = 128
    TEXT = 1024  # of a name; honest ones have at most 253

cdef inline uint16_t word(const uint8_t *p) noexcept nogil:
    return <uint16_t> (p[0] << 8 | p[1])


cdef Py_ssize_t name_at(const uint8_t *data, Py_ssize_t n, Py_ssize_t at, char *out, Py_ssize_t *size) noexcept nogil:
    """Writes the name at ``at``; where reading goes on, -1 for what the twin is to judge."""
    cdef Py_ssize_t end = -1, lowest = at, target, filled = 0, i
    cdef int labels = 0, jumps = 0
    cdef uint8_t length
    while True:
        if at >= n:
            return -1
        length = data[at]
        if length == 0:
            break
        if length >= 0xC0:
            if at + 2 > n:
                return -1
            target = word(data + at) & 0x3FFF
            if target >= lowest or jumps >= LABELS:
                return -1
            if end < 0:
                end = at + 2
            lowest = at = target
            jumps += 1
            continue
        if length > 63 or labels >= LABELS or at + 1 + length > n or filled + 1 + length > TEXT:
            return -1
        if labels:
            out[filled] = b"."
            filled += 1
        for i in range(length):
            if data[at + 1 + i] >= 0x80:
                return -1
            out[filled + i] = <char> data[at + 1 + i]
        filled += length
        labels += 1
        at += 1 + length
    size[0] = filled
    return at + 1 if end < 0 else end


def read(bytes message not None, dict types not None):
    """(whether it is a response, list of (name, type, whether it answers, data)) of a message that is whole and plain: names
    in ASCII, no TXT records, at most RECORDS records. None for any other. ``types``: numbers of record types to their
    names."""
    cdef const uint8_t *data = <const uint8_t *> PyBytes_AS_STRING(message)
    cdef Py_ssize_t n = len(message), at = 12, size = 0, length, i, asked, total
    cdef char text[TEXT]
    cdef uint16_t kind
    cdef list found = []
    if n < 12:
        return None
    asked = word(data + 4)
    total = asked + word(data + 6) + word(data + 8) + word(data + 10)
    if total > RECORDS:
        return None
    for i in range(total):
        at = name_at(data, n, at, text, &size)
        if at < 0 or at + 4 > n:
            return None
        name = text[:size].decode("ascii")
        kind = word(data + at)
        kind_text = types.get(kind)
        if kind_text is None:
            kind_text = f"TYPE{kind}"
        if i < asked:
            at += 4
            value = ""
        else:
            if at + 10 > n:
                return None
            length = word(data + at + 8)
            at += 10
            if at + length > n or kind == 16:
                return None
            value = ""
            if kind == 1 and length == 4:
                inet_ntop(AF_INET, data + at, text, TEXT)
                value = (<bytes> text).decode("ascii")
            elif kind == 28 and length == 16:
                if not memcmp(data + at, b"\0\0\0\0\0\0\0\0\0\0", 10):
                    return None  # an IPv4 address in it, which each library writes its own way
                inet_ntop(AF_INET6, data + at, text, TEXT)
                value = (<bytes> text).decode("ascii")
            elif kind == 2 or kind == 5 or kind == 12 or (kind == 33 and length > 6):
                if name_at(data, n, at + 6 if kind == 33 else at, text, &size) < 0:
                    return None
                value = text[:size].decode("ascii")
            at += length
        if kind != 41:
            found.append((name, kind_text, i >= asked, value))
    return bool(data[2] & 0x80), found
