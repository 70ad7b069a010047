# cython: language_level=3, boundscheck=False, wraparound=False
"""A message put together from pieces in any order. The twin is ``Fragments`` of ``rackprint.fingerprint.capture``."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy, memmove, memset

cdef enum:
    PIECES = 1024  # separate pieces held; past that only what touches one is taken
    EDGE = 40  # bytes that the twin takes to know where a piece starts, or ends


cdef int64_t before(const int64_t *spans, int64_t n, int64_t value) noexcept nogil:
    """How many of the ascending ``spans`` are below ``value``."""
    cdef int64_t low = 0, high = n, middle
    while low < high:
        middle = (low + high) // 2
        if spans[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


cdef class Fragments:
    """Bytes 0 up to ``limit`` of a message, in at most ``pieces`` separate pieces."""

    cdef uint8_t *bytes_
    cdef int64_t *spans  # start, end, start, end ... of what is there, ascending
    cdef int64_t size, room, limit, edges, space, most

    def __init__(self, int64_t limit, int64_t pieces=PIECES):
        self.limit, self.most = limit, 2 * pieces

    def __dealloc__(self):
        PyMem_Free(self.bytes_)
        PyMem_Free(self.spans)

    @property
    def prefix(self):
        """Bytes that are there without a gap from the start."""
        return self.spans[1] if self.edges and self.spans[0] == 0 else 0

    @property
    def held(self):
        """Bytes of memory that the message takes so far."""
        return self.size + EDGE * self.edges

    @property
    def data(self):
        """All that is there; zeros where it is not."""
        return self.part(0, self.size)

    def part(self, int64_t start, int64_t end):
        """Bytes ``start`` up to ``end``, or up to the last one that is there."""
        end = min(end, self.size)
        if start < 0 or start >= end:
            return b""
        return PyBytes_FromStringAndSize(<const char *> self.bytes_ + start, end - start)

    def add(self, int64_t at, bytes part not None):
        """Puts ``part`` at byte ``at``, where nothing is yet; False where it does not fit and is left out."""
        cdef const uint8_t *p = <const uint8_t *> PyBytes_AS_STRING(part)
        cdef int64_t n = len(part), end, low, high, i, start, kept
        cdef bint opens, closes
        if at < 0 or at > self.limit - n:
            return False
        end = at + n
        # an even index lies between two spans, an odd one within
        low, high = before(self.spans, self.edges, at), before(self.spans, self.edges, end + 1)
        opens, closes = low % 2 == 0, high % 2 == 0
        if low == high and self.edges >= self.most and opens:
            return False
        self._reach(end)
        start = at
        i = low
        if not opens and i < high:
            start = self.spans[i]
            i += 1
        while i < high:  # from the end of one span to the start of the next
            memcpy(self.bytes_ + start, p + (start - at), self.spans[i] - start)
            start = self.spans[i + 1] if i + 1 < high else end
            i += 2
        if closes:
            memcpy(self.bytes_ + start, p + (start - at), end - start)
        kept = opens + closes
        memmove(self.spans + low + kept, self.spans + high, (self.edges - high) * sizeof(int64_t))
        if opens:
            self.spans[low] = at
        if closes:
            self.spans[low + opens] = end
        self.edges += kept - (high - low)
        return True

    cdef int _reach(self, int64_t end) except -1:
        """Makes room up to byte ``end``, and for two more edges."""
        cdef int64_t room = max(1, min(self.limit, max(end, self.room + self.room // 2)))
        if end > self.room or not self.room:
            grown = PyMem_Realloc(self.bytes_, room)
            if grown == NULL:
                raise MemoryError("fragments")
            self.bytes_, self.room = <uint8_t *> grown, room
        if end > self.size:
            memset(self.bytes_ + self.size, 0, end - self.size)
            self.size = end
        if self.edges + 2 > self.space:
            spans = PyMem_Realloc(self.spans, (2 * self.space + 4) * sizeof(int64_t))
            if spans == NULL:
                raise MemoryError("fragments")
            self.spans, self.space = <int64_t *> spans, 2 * self.space + 4
        return 0
