# cython: language_level=3, boundscheck=False, wraparound=False
"""What a TLS ClientHello says for an event: server name, ALPN, JA4. The plain twins are ``parse_client_hello`` and
``ja4`` of ``rackprint.fingerprint.capture`` (tls.py, ja4.py). Every read is checked against the bytes left."""

from hashlib import sha256

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint16_t
from libc.stdlib cimport free, malloc, qsort

cdef enum:
    MEMO = 8192  # lists whose hash is kept: stacks repeat

cdef dict _HASHES = {}
cdef dict _VERSIONS = {
    0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2", 0xFEFF: "d1", 0xFEFD: "d2",
    0xFEFC: "d3",
}
cdef dict _TRANSPORTS = {"tcp": "t", "quic": "q", "dtls": "d"}
cdef str _NONE = "000000000000"
cdef const char *HEX = "0123456789abcdef"


cdef struct Span:
    const uint8_t *data
    Py_ssize_t left


cdef int take(Span *s, Py_ssize_t size, Span *out) except -1:
    if size > s.left:
        raise ValueError(f"a field of {size} bytes runs past the end")
    out.data = s.data
    out.left = size
    s.data += size
    s.left -= size
    return 0


cdef Py_ssize_t number(Span *s, int size) except -1:
    cdef Span part
    take(s, size, &part)
    return part.data[0] if size == 1 else part.data[0] << 8 | part.data[1]


cdef int vector(Span *s, int size, Span *out) except -1:
    return take(s, number(s, size), out)


cdef int even(Span *s) except -1:
    if s.left % 2:
        raise ValueError("odd number of bytes in a list of 16-bit values")
    return 0


cdef inline uint16_t word(const uint8_t *p) noexcept nogil:
    return <uint16_t> (p[0] << 8 | p[1])


cdef inline bint is_grease(uint16_t value) noexcept nogil:
    return value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF


cdef Py_ssize_t values_of(Span list, uint16_t *into) noexcept nogil:
    """Writes the 16-bit values that are no GREASE, and gives their number."""
    cdef Py_ssize_t i, n = 0
    for i in range(list.left // 2):
        if not is_grease(word(list.data + 2 * i)):
            into[n] = word(list.data + 2 * i)
            n += 1
    return n


cdef int compare(const void *a, const void *b) noexcept nogil:
    return <int> (<const uint16_t *> a)[0] - <int> (<const uint16_t *> b)[0]


cdef bytes listed(uint16_t *values, Py_ssize_t count, bint ordered):
    """The values as JA4 lists them: four hex digits each, with commas."""
    cdef Py_ssize_t i, j
    cdef uint16_t value
    if count == 0:
        return b""
    if ordered and count > 64:
        qsort(values, count, sizeof(uint16_t), compare)
    elif ordered:
        for i in range(1, count):
            value = values[i]
            j = i
            while j > 0 and values[j - 1] > value:
                values[j] = values[j - 1]
                j -= 1
            values[j] = value
    text = PyBytes_FromStringAndSize(NULL, 5 * count - 1)
    cdef char *out = PyBytes_AS_STRING(text)
    for i in range(count):
        value = values[i]
        out[5 * i] = HEX[value >> 12]
        out[5 * i + 1] = HEX[value >> 8 & 15]
        out[5 * i + 2] = HEX[value >> 4 & 15]
        out[5 * i + 3] = HEX[value & 15]
        if i < count - 1:
            out[5 * i + 4] = b","
    return text


cdef str hashed(bytes text):
    found = _HASHES.get(text)
    if found is None:
        found = sha256(text).hexdigest()[:12]
        if len(_HASHES) >= MEMO:
            _HASHES.clear()
        if len(text) < 1024:
            _HASHES[text] = found
    return found


cdef str server_name(Span value):
    cdef Span names, name
    cdef Py_ssize_t kind
    if value.left == 0:
        return ""
    vector(&value, 2, &names)
    while names.left:
        kind = number(&names, 1)
        vector(&names, 2, &name)
        if kind == 0:
            return PyBytes_FromStringAndSize(<const char *> name.data, name.left).decode("ascii", "backslashreplace")
    return ""


cdef list protocols(Span value):
    cdef Span names, name
    cdef list found = []
    if value.left:
        vector(&value, 2, &names)
        while names.left:
            vector(&names, 1, &name)
            found.append(PyBytes_FromStringAndSize(<const char *> name.data, name.left))
    return found


cdef str ends_of(list alpn):
    cdef bytes name, ends
    for name in alpn:
        if len(name) == 2 and is_grease(word(<const uint8_t *> PyBytes_AS_STRING(name))):
            continue
        if not name:
            return "00"
        ends = name[:1] + name[len(name) - 1:]
        if ends.isalnum():
            return ends.decode("ascii")
        text = ends.hex()
        return text[0] + text[3]
    return "00"


def read(bytes body not None, str transport not None, bint dtls=False):
    """(server name, ALPN as texts, JA4, whether a cookie is given back) of a ClientHello message body, ``dtls`` with the
    cookie field that DTLS adds. ``transport`` is tcp, quic or dtls. Raises ValueError, nothing else, for bytes that are
    no ClientHello."""
    cdef Span all, part, ciphers, extensions, value
    cdef Span sni, alpn, offered, algorithms
    cdef Py_ssize_t legacy, kind, i, ciphers_n = 0, hashed_n = 0, extensions_n = 0, room
    cdef bint has_sni = False, has_alpn = False, has_offered = False, has_algorithms = False, cookie = False
    cdef int best = -1
    cdef uint16_t *values
    letter = _TRANSPORTS[transport]
    all.data = <const uint8_t *> PyBytes_AS_STRING(body)
    all.left = len(body)
    sni.left = alpn.left = offered.left = algorithms.left = extensions.left = 0
    sni.data = alpn.data = offered.data = algorithms.data = extensions.data = all.data
    legacy = number(&all, 2)
    take(&all, 32, &part)  # random
    vector(&all, 1, &part)  # legacy_session_id
    if dtls:
        vector(&all, 1, &part)
        cookie = part.left > 0
    vector(&all, 2, &ciphers)
    even(&ciphers)
    vector(&all, 1, &part)  # legacy_compression_methods
    if all.left:
        vector(&all, 2, &extensions)
    room = max(ciphers.left // 2, extensions.left // 4, 1)
    values = <uint16_t *> malloc(room * sizeof(uint16_t))
    if values == NULL:
        raise MemoryError("ClientHello")
    try:
        ciphers_n = values_of(ciphers, values)
        first = listed(values, ciphers_n, True)
        while extensions.left:
            kind = number(&extensions, 2)
            vector(&extensions, 2, &value)
            if kind == 0 and not has_sni:
                sni, has_sni = value, True
            elif kind == 16 and not has_alpn:
                alpn, has_alpn = value, True
            elif kind == 43 and not has_offered:
                offered, has_offered = value, True
            elif kind == 13 and not has_algorithms:
                algorithms, has_algorithms = value, True
            elif kind == 44:
                cookie = True
            if not is_grease(<uint16_t> kind):
                extensions_n += 1
                if kind != 0 and kind != 16:
                    values[hashed_n] = <uint16_t> kind  # an extension has four bytes at least, so there is room
                    hashed_n += 1
        second = listed(values, hashed_n, True)
        name, names = server_name(sni), protocols(alpn)
        if offered.left:
            vector(&offered, 1, &part)
            even(&part)
            for i in range(part.left // 2):
                if not is_grease(word(part.data + 2 * i)):
                    best = max(best, word(part.data + 2 * i))
        if algorithms.left:
            vector(&algorithms, 2, &part)
            even(&part)
        else:
            part.left = 0
        if second:
            third = signed(second, part)
        else:
            third = _NONE
    finally:
        free(values)
    head = f"{letter}{_VERSIONS.get(best if best >= 0 else legacy, '00')}{'d' if has_sni else 'i'}"
    counts = f"{min(ciphers_n, 99):02}{min(extensions_n, 99):02}{ends_of(names)}"
    fingerprint = f"{head}{counts}_{hashed(first) if first else _NONE}_{third}"
    return name, [p.decode("ascii", "backslashreplace") for p in names], fingerprint, cookie


cdef str signed(bytes text, Span algorithms):
    """Part c: the extensions, and the signature algorithms in the order given."""
    cdef Py_ssize_t n
    cdef uint16_t *values
    if algorithms.left:
        values = <uint16_t *> malloc(algorithms.left)
        if values == NULL:
            raise MemoryError("ClientHello")
        try:
            n = values_of(algorithms, values)
            if n:
                text += b"_" + listed(values, n, False)
        finally:
            free(values)
    return hashed(text)
