"""Clocks behind TCP timestamps: a line for each pair of addresses and each clock seen between them.

Lines are by pair because Linux since 4.10 adds an offset to TSval that is random for each pair, and in some versions for
each connection (net/core/secure_seq.c; sysctl tcp_timestamps=1). What differs from all known lines of a pair begins a
new one: a reboot, a clock set back, a second phone behind the address, or a new connection where each has its offset.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

import msgspec

from rackprint.fingerprint.capture.packets import Stamps
from rackprint.fingerprint.capture.skew import Skew, estimate
from rackprint.fingerprint.capture.track import Track

PAIRS = 2048  # at most; the longest unseen is finished first
TRACKS = 8  # of a pair
LINES = 4096  # finished
MEANS = 4.0  # ppm: a wider interval tells no two crystals apart
_WORTH = 30  # samples of a line that is kept for its start, when it tells no skew


class Line(msgspec.Struct, frozen=True):
    """One clock as ``src`` showed it to ``dst``. ``rate`` in ticks a second; ``value``: the first sample's TSval, at
    ``first_ns``. ``skew`` where the samples bound one."""

    src: str
    dst: str
    offset: int
    first_ns: int
    last_ns: int
    samples: int
    rate: int
    value: int
    skew: Skew | None

    @property
    def meaning(self) -> Skew | None:
        """The skew, where its interval says it means something."""
        return self.skew if self.skew is not None and (self.skew.high - self.skew.low) * 1e6 < MEANS else None

    def reading(self, time_ns: int) -> float:
        """Seconds since the TSval was 0, at a time near the line's own; counts on past 32 bits."""
        t = (time_ns - self.first_ns) / 1e9
        ahead = self.skew.start + self.skew.slope * t if self.skew else 0.0
        return self.value / self.rate + t + ahead


class Clocks:
    """Gathers samples into lines. ``backwards`` counts samples whose time of capture runs backwards, which are left
    out; ``lost`` counts lines past LINES."""

    def __init__(self) -> None:
        self._pairs: OrderedDict[tuple[str, str], list[Track]] = OrderedDict()
        self._done: list[Line] = []
        self.backwards = self.lost = 0
        self.first_backwards = 0

    def add(self, stamps: Stamps) -> None:
        """Takes in a batch of samples of one pair."""
        pair = (stamps.src, stamps.dst)
        tracks = self._pairs.setdefault(pair, [])
        self._pairs.move_to_end(pair)
        for time_ns, value in zip(stamps.time_ns, stamps.value, strict=False):
            self._sample(pair, tracks, (time_ns, value, stamps.offset))
        while len(self._pairs) > PAIRS:
            self._finish(*self._pairs.popitem(last=False))

    def lines(self) -> Iterator[Line]:
        """The lines that tell something, in the order they began. Ends all of them."""
        while self._pairs:
            self._finish(*self._pairs.popitem(last=False))
        yield from sorted(self._done, key=lambda line: (line.first_ns, line.offset))

    def _sample(self, pair: tuple[str, str], tracks: list[Track], sample: tuple[int, int, int]) -> None:
        time_ns, value, offset = sample
        if tracks and time_ns <= max(t.last_ns for t in tracks):
            self.first_backwards = self.first_backwards if self.backwards else offset
            self.backwards += 1
            return
        for track in reversed(tracks):
            if track.add(time_ns, value & 0xFFFFFFFF):
                return
        tracks.append(Track(time_ns, value & 0xFFFFFFFF, offset))
        if len(tracks) > TRACKS:
            least = min(tracks[:-1], key=lambda t: (t.samples, t.last_ns))
            tracks.remove(least)
            self._finish(pair, [least])

    def _finish(self, pair: tuple[str, str], tracks: list[Track]) -> None:
        for track in tracks:
            rate = track.rate()
            if not rate or track.samples < _WORTH:
                continue
            if len(self._done) >= LINES:
                self.lost += 1
                continue
            skew = estimate(track.points(rate), 1 / rate)
            self._done.append(
                Line(*pair, track.offset, track.first_ns, track.last_ns, track.samples, rate, track.value, skew)
            )
