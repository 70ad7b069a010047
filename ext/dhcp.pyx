# cython: language_level=3, boundscheck=False, wraparound=False
"""Plain DHCP messages for IPv4, fast. The twin, which reads and judges all others too, is
``rackprint.fingerprint.capture.dhcp``, which says where each rule comes from. Every read is checked against the bytes
left."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memset

cdef enum:
    FIXED = 240  # bytes before the options, the magic included
    HOSTNAME = 12, REQUESTED = 50, LEASE = 51, OVERLOAD = 52, TYPE = 53, PARAMS = 55, VENDOR = 60, CLIENT = 61, FQDN = 81
    CANONICAL = 4


cdef struct option:
    const uint8_t *at  # NULL where it is absent
    Py_ssize_t size


cdef inline uint32_t word(const uint8_t *p) noexcept nogil:
    return <uint32_t> p[0] << 24 | <uint32_t> p[1] << 16 | <uint32_t> p[2] << 8 | p[3]


cdef bint options(const uint8_t *data, Py_ssize_t n, option *found) noexcept nogil:
    """The options from FIXED on; False for what the twin is to judge: one in parts, or more of them elsewhere."""
    cdef Py_ssize_t at = FIXED, size
    cdef uint8_t code
    while at < n and data[at] != 255:
        code = data[at]
        if code == 0:
            at += 1
            continue
        if at + 2 > n:
            return True
        if found[code].at != NULL or code == OVERLOAD:
            return False
        size = data[at + 1]
        found[code].at, found[code].size = data + at + 2, min(size, n - at - 2)
        at += 2 + size
    return True


cdef str text(const option *o, Py_ssize_t skipped, bint padded):
    """Raises UnicodeDecodeError. ``padded``: NULs at the end are none of it."""
    cdef Py_ssize_t size = o.size - skipped
    if o.at == NULL:
        return ""
    while padded and size > 0 and o.at[skipped + size - 1] == 0:
        size -= 1
    return (<const char *> o.at)[skipped:skipped + size].decode() if size > 0 else ""


cdef Py_ssize_t decimal(uint8_t value, char *out) noexcept nogil:
    cdef Py_ssize_t size = 1 if value < 10 else 2 if value < 100 else 3, i
    for i in range(size - 1, -1, -1):
        out[i] = <char> (48 + value % 10)
        value //= 10
    return size


cdef str decimals(const uint8_t *data, Py_ssize_t n, char between):
    """Each byte as a number; ``n`` is 255 at most."""
    cdef char out[1024]
    cdef Py_ssize_t size = 0, i
    for i in range(n):
        if i:
            out[size] = between
            size += 1
        size += decimal(data[i], out + size)
    return out[:size].decode("ascii")


cdef str address(const uint8_t *data, Py_ssize_t n):
    return decimals(data, 4, b".") if n == 4 and word(data) else ""


cdef str colons(const uint8_t *data):
    return PyBytes_FromStringAndSize(<const char *> data, 6).hex(":")


cdef str client_mac(const option *o):
    """Hardware type 1 and a MAC; or 255, an IAID and a DUID that ends in one, of type LLT or LL."""
    cdef Py_ssize_t mac
    if o.at == NULL:
        return ""
    if o.size == 7 and o.at[0] == 1:
        return colons(o.at + 1)
    if o.size < 9 or o.at[0] != 255 or o.at[5] or o.at[7] or o.at[8] != 1:
        return ""
    mac = 13 if o.at[6] == 1 else 9 if o.at[6] == 3 else 0
    return colons(o.at + mac) if mac and o.size == mac + 6 else ""


def read(bytes message not None, make):
    """``make(request, mac, message_type, hostname, param_list, vendor_class, requested_ip, client_id, client_ip, your_ip,
    fqdn, client_mac, lease)`` of a message that is plain: each option once, texts in UTF-8, names as text. None for any
    other."""
    cdef const uint8_t *data = <const uint8_t *> PyBytes_AS_STRING(message)
    cdef Py_ssize_t n = len(message), i
    cdef option found[256]
    cdef option *o
    cdef uint32_t lease = 0
    if n < FIXED or word(data + 236) != 0x63825363 or (data[0] != 1 and data[0] != 2):
        return None
    memset(found, 0, sizeof(found))
    if not options(data, n, found) or not found[TYPE].size:
        return None
    o = &found[FQDN]
    if o.size >= 4 and o.at[0] & CANONICAL:
        return None
    try:
        host, vendor = text(&found[HOSTNAME], 0, True), text(&found[VENDOR], 0, False)
        fqdn = text(o, 3, True) if o.size >= 4 else ""
    except UnicodeDecodeError:
        return None
    o = &found[LEASE]
    for i in range(min(o.size, 4)):
        lease = lease << 8 | o.at[i]
    client = PyBytes_FromStringAndSize(<const char *> found[CLIENT].at, found[CLIENT].size).hex() if found[CLIENT].size else ""
    return make(
        data[0] == 1, colons(data + 28) if data[2] == 6 else "", found[TYPE].at[0], host,
        decimals(found[PARAMS].at, found[PARAMS].size, b","), vendor,
        address(found[REQUESTED].at, found[REQUESTED].size), client, address(data + 12, 4), address(data + 16, 4), fqdn,
        client_mac(&found[CLIENT]), lease)
