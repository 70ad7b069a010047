"""TSvals out of TCP headers (RFC 7323, 3.2), one a second and pair: for readers that give packets only."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Iterator

from rackprint.fingerprint.capture.packets import RST, TCP, Packet, Stamps

GAP = 1_000_000_000  # nanoseconds between samples
BATCH = 256
PAIRS = 8192
LATEST = 1 << 62  # nanoseconds; a file may claim times past it
_KIND, _SIZE = 8, 10


def tsval(header: bytes) -> int | None:
    """The TSval of a whole TCP header, None where there is none."""
    if header[20:24] == b"\1\1\x08\x0a" and len(header) >= 32:  # how nearly all segments have it (appendix A)
        return int.from_bytes(header[24:28])
    at = 20
    while at < len(header) and header[at]:
        if header[at] == 1:
            at += 1
            continue
        size = header[at + 1] if at + 1 < len(header) else 0
        if header[at] == _KIND and size == _SIZE and at + _SIZE <= len(header):
            return int.from_bytes(header[at + 2 : at + 6])
        if size < 2:
            return None
        at += size
    return None


class _Batch:
    __slots__ = ("last", "offsets", "times", "values")

    def __init__(self) -> None:
        self.last = -GAP
        self.begin()

    def begin(self) -> None:
        self.times, self.values, self.offsets = array("q"), array("q"), array("q")


class Sampler:
    """Batches samples by pair. ``add`` every packet in capture order, then ``rest``."""

    def __init__(self) -> None:
        self._pairs: OrderedDict[tuple[str, str], _Batch] = OrderedDict()

    def add(self, packet: Packet) -> Iterator[Stamps]:
        """Takes a sample of the packet where one is due; gives the batch that it filled or pushed out."""
        if packet.proto != TCP or len(packet.transport) < 32 or packet.flags & RST or packet.time_ns > LATEST:
            return
        pair = (packet.src, packet.dst)
        batch = self._pairs.get(pair)
        if batch is not None and abs(packet.time_ns - batch.last) < GAP:
            return
        value = tsval(packet.transport)
        if not value:  # a reset or a middlebox's own segment may carry 0
            return
        if batch is None:
            batch = self._pairs[pair] = _Batch()
            if len(self._pairs) > PAIRS:
                yield from _stamps(*self._pairs.popitem(last=False))
        batch.last = packet.time_ns
        batch.offsets.append(packet.offset)
        batch.times.append(packet.time_ns)
        batch.values.append(value)
        self._pairs.move_to_end(pair)
        if len(batch.times) >= BATCH:
            yield from _stamps(pair, batch)
            batch.begin()

    def rest(self) -> Iterator[Stamps]:
        """What is left of all pairs."""
        while self._pairs:
            yield from _stamps(*self._pairs.popitem(last=False))


def _stamps(pair: tuple[str, str], batch: _Batch) -> Iterator[Stamps]:
    if batch.times:
        yield Stamps(*pair, batch.times, batch.values, batch.offsets)
