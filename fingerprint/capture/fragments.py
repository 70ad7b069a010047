"""A message put together from pieces that come in any order, twice or overlapping. What came first stays. In plain
Python: the twin of ``rackprint.ext.pieces``."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

PIECES = 1024  # separate pieces held; past that only what touches one is taken
EDGE = 40  # bytes that it takes to know where a piece starts, or ends


class Fragments:
    """Bytes 0 up to ``limit`` of a message, in at most ``pieces`` separate pieces."""

    __slots__ = ("_limit", "_pieces", "_spans", "data")

    def __init__(self, limit: int, pieces: int = PIECES) -> None:
        self.data = bytearray()
        self._limit, self._pieces = limit, pieces
        self._spans: list[int] = []  # start, end, start, end … of what is there, ascending

    @property
    def prefix(self) -> int:
        """Bytes that are there without a gap from the start."""
        return self._spans[1] if self._spans and not self._spans[0] else 0

    @property
    def held(self) -> int:
        """Bytes of memory that the message takes so far."""
        return len(self.data) + EDGE * len(self._spans)

    def part(self, start: int, end: int) -> bytes:
        """Bytes ``start`` up to ``end``, or up to the last one that is there."""
        return bytes(self.data[start:end])

    def add(self, at: int, part: bytes) -> bool:
        """Puts ``part`` at byte ``at``; False where it does not fit and is left out."""
        end = at + len(part)
        if end > self._limit:
            return False
        spans = self._spans
        # an even index lies between two spans, an odd one within
        low, high = bisect_left(spans, at), bisect_right(spans, end)
        ends = ([] if low & 1 else [at]) + ([] if high & 1 else [end])
        if low == high and len(spans) >= 2 * self._pieces and not low & 1:
            return False
        edges = spans[low:high]
        gaps = ([] if low & 1 else [at]) + edges + ([] if high & 1 else [end])
        if end > len(self.data):
            self.data += bytes(end - len(self.data))
        for start, stop in zip(gaps[::2], gaps[1::2], strict=True):
            self.data[start:stop] = part[start - at : stop - at]
        spans[low:high] = ends
        return True
