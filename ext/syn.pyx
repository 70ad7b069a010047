# cython: language_level=3, boundscheck=False, wraparound=False
"""The signature of a TCP SYN. The plain twin is ``rackprint.fingerprint.capture.tcp``. Every read is checked against the
bytes left."""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport uint8_t, uint32_t
from libc.stdio cimport snprintf
from libc.string cimport strlen

cdef enum:
    LAYOUT = 24  # options p0f lists at most
    ROOM = 1024  # 24 options take 168 bytes at most, all quirks 90
    FAR = 35  # hops that are too many to be true

cdef enum:  # quirks, in the order they are told
    DF = 1, ID_PLUS = 2, ID_MINUS = 4, ECN = 8, ZERO_PLUS = 16, FLOW = 32, SEQ_MINUS = 64, ACK_PLUS = 128
    ACK_MINUS = 256, UPTR_PLUS = 512, URGF_PLUS = 1024, PUSHF_PLUS = 2048, TS1_MINUS = 4096, TS2_PLUS = 8192
    OPT_PLUS = 16_384, EXWS = 32_768, BAD = 65_536

cdef const char **QUIRKS = [
    "df", "id+", "id-", "ecn", "0+", "flow", "seq-", "ack+", "ack-", "uptr+", "urgf+", "pushf+", "ts1-", "ts2+",
    "opt+", "exws", "bad",
]


cdef struct Seen:
    char layout[256]
    int size, count
    uint32_t mss, scale, stamp, quirks


cdef inline uint32_t be16(const uint8_t *p) noexcept nogil:
    return <uint32_t> p[0] << 8 | p[1]


cdef inline uint32_t be32(const uint8_t *p) noexcept nogil:
    return be16(p) << 16 | be16(p + 2)


cdef void listed(Seen *s, const char *name, int number) noexcept nogil:
    """Adds ``name``, which may hold a %d for ``number``, to the layout."""
    if s.count:
        s.layout[s.size] = b","
        s.size += 1
    s.size += snprintf(s.layout + s.size, 16, name, number)
    s.count += 1


cdef int size_of(Seen *s, const uint8_t *data, int n, int at) noexcept nogil:
    """Bytes the option takes, 0 where reading cannot go on. A wrong length of a known option is only odd."""
    cdef int kind = data[at], told = data[at + 1] if at + 1 < n else 0
    cdef int due = 4 if kind == 2 else 3 if kind == 3 else 2 if kind == 4 else 10 if kind == 8 else 0
    if due:
        if told != due:
            s.quirks |= BAD
        told = due
    elif kind == 5:
        if told < 10 or told > 34:
            return 0
    elif told < 2 or told > 40:
        return 0
    return told if at + told <= n else 0


cdef void options(Seen *s, const uint8_t *data, int n) noexcept nogil:
    cdef int at = 0, size, i, kind
    while at < n and s.count < LAYOUT:
        kind = data[at]
        if kind == 0:
            listed(s, "eol+%d", n - at - 1)
            for i in range(at + 1, n):
                if data[i]:
                    s.quirks |= OPT_PLUS
            return
        if kind == 1:
            listed(s, "nop", 0)
            at += 1
            continue
        listed(s, "mss" if kind == 2 else "ws" if kind == 3 else "sok" if kind == 4 else "sack" if kind == 5 else
               "ts" if kind == 8 else "?%d", kind)
        size = size_of(s, data, n, at)
        if not size:
            s.quirks |= BAD
            return
        if kind == 2:
            s.mss = be16(data + at + 2)
        elif kind == 3:
            s.scale = data[at + 2]
            if s.scale > 14:
                s.quirks |= EXWS
        elif kind == 8:
            s.stamp = be32(data + at + 2)
            if not s.stamp:
                s.quirks |= TS1_MINUS
            if be32(data + at + 6):
                s.quirks |= TS2_PLUS
        at += size


cdef int windowed(char *out, Seen *s, uint32_t window, int version) noexcept nogil:
    """The window as a multiple of MSS or MTU where it is one (p0f tries the usual MTU of 1500 too)."""
    cdef uint32_t mss = s.mss
    cdef uint32_t[6] by_mss = [mss, mss - 12 if s.stamp else mss, 1460, 1448, 1440, 1428]
    cdef uint32_t[3] by_mtu = [mss + 40, mss + 60 if version == 6 else mss + 40, 1500]
    cdef int i
    if window and mss >= 100:
        for i in range(6 if version == 6 else 4):
            if window % by_mss[i] == 0:
                return snprintf(out, 24, "mss*%u", window // by_mss[i])
        for i in range(3):
            if window % by_mtu[i] == 0:
                return snprintf(out, 24, "mtu*%u", window // by_mtu[i])
    return snprintf(out, 24, "%u", window)


def signature(bytes network not None, bytes transport not None, int flags, bint payload):
    """The signature of a SYN with these whole headers, ``flags`` and, or not, a ``payload``; an empty text where they are
    too short to have one."""
    cdef const uint8_t *ip = <const uint8_t *> PyBytes_AS_STRING(network)
    cdef const uint8_t *tcp = <const uint8_t *> PyBytes_AS_STRING(transport)
    cdef Py_ssize_t ip_size = len(network), tcp_size = len(transport)
    cdef int version, ttl, start, extra, at, i
    cdef uint32_t fragment, number
    cdef char[ROOM] out
    cdef Seen s
    if tcp_size < 20 or ip_size < 20 or (ip[0] >> 4 == 6 and ip_size < 40):
        return ""
    with nogil:
        s.size = s.count = 0
        s.mss = s.scale = s.stamp = s.quirks = 0
        s.layout[0] = 0
        version = ip[0] >> 4
        if version == 4:
            fragment, number = be16(ip + 6), be16(ip + 4)
            ttl, extra = ip[8], <int> ip_size - 20
            if ip[1] & 3:
                s.quirks |= ECN
            if fragment & 0x8000:
                s.quirks |= ZERO_PLUS
            if fragment & 0x4000:
                s.quirks |= DF | ID_PLUS if number else DF
            elif not number:
                s.quirks |= ID_MINUS
        else:
            ttl, extra = ip[7], <int> ip_size - 40
            if be32(ip) & 0xFFFFF:
                s.quirks |= FLOW
            if be32(ip) >> 20 & 3:
                s.quirks |= ECN
        if flags & 0xC0 or tcp[12] & 1:
            s.quirks |= ECN
        if not be32(tcp + 4):
            s.quirks |= SEQ_MINUS
        if not flags & 0x10 and be32(tcp + 8):
            s.quirks |= ACK_PLUS
        if not flags & 0x20 and be16(tcp + 18):
            s.quirks |= UPTR_PLUS
        if flags & 0x20:
            s.quirks |= URGF_PLUS
        if flags & 0x08:
            s.quirks |= PUSHF_PLUS
        options(&s, tcp + 20, <int> tcp_size - 20)
        start = 32 if ttl <= 32 else 64 if ttl <= 64 else 128 if ttl <= 128 else 255
        at = snprintf(out, 16, "%d:%d+", version, ttl)
        at += snprintf(out + at, 8, "%d:", start - ttl) if start - ttl <= FAR else snprintf(out + at, 8, "?:")
        at += snprintf(out + at, 32, "%d:%u:", extra, s.mss)
        at += windowed(out + at, &s, be16(tcp + 14), version)
        at += snprintf(out + at, ROOM // 2, ",%u:%.*s:", s.scale, s.size, s.layout)
        number = 0
        for i in range(17):
            if s.quirks & <uint32_t> 1 << i:
                at += snprintf(out + at, 8, ",%s" if number else "%s", QUIRKS[i])
                number = 1
        at += snprintf(out + at, 8, ":%s", "+" if payload else "0")
    return out[:at].decode("ascii")
