"""Clocks behind TCP timestamps: a line for each pair of addresses and each clock seen between them.

Lines are by pair because Linux since 4.10 adds an offset to TSval that is random for each pair, and in some versions
for each connection (net/core/secure_seq.c; sysctl tcp_timestamps=1). What differs from all known lines of a pair begins
a new one: a reboot, a clock set back, a second phone behind the address, or a new connection where each has its offset.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Iterator

import msgspec

from rackprint.fingerprint.capture.packets import Stamps
from rackprint.fingerprint.capture.skew import Skew, estimate
from rackprint.fingerprint.capture.stamps import LATEST
from rackprint.fingerprint.capture.track import Track

WAITING = 8192  # pairs with fewer than WORTH samples; the longest unseen is forgotten
PARTS = 4  # batches of a pair that wait as they came; more of them are put together, for each takes room of its own
WORTH = 30  # samples before a pair is looked at
TRACKS, ALL_TRACKS = 8, 4096  # of a pair, and of all
IDLE = 600 * 10**9  # nanoseconds after which a clock makes room for others
LINES = 4096  # finished
MEANS = 4.0  # ppm: a wider interval tells no two crystals apart

Pair = tuple[str, str]


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


def _one(batches: list[Stamps]) -> Stamps:
    """All samples of a pair's batches."""
    times, values, offsets = array("q"), array("q"), array("q")
    for batch in batches:
        times.extend(batch.time_ns)
        values.extend(batch.value)
        offsets.extend(batch.offset)
    return Stamps(batches[0].src, batches[0].dst, times, values, offsets)


class Clocks:
    """Gathers samples into lines; their numbers fit 64 bits. ``backwards`` counts samples whose time of capture runs
    backwards, which are left out, the first at byte ``where``; ``lost`` counts clocks there was no room for."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[Pair, list[Stamps]] = OrderedDict()  # most pairs are gone before they are worth it
        self._pairs: OrderedDict[Pair, list[Track]] = OrderedDict()
        self._tracks = 0
        self._done: list[Line] = []
        self.backwards = self.lost = self.where = 0

    def add(self, stamps: Stamps) -> None:
        """Takes in a batch of samples of one pair."""
        pair = (stamps.src, stamps.dst)
        waiting = self._waiting.get(pair)
        if waiting is None:
            waiting = self._waiting[pair] = [stamps]
            if len(self._waiting) > WAITING:
                self._waiting.popitem(last=False)
        else:
            self._waiting.move_to_end(pair)
            waiting.append(stamps)
            if len(waiting) > PARTS:
                waiting[:] = [_one(waiting)]
        if sum(len(batch.value) for batch in waiting) >= WORTH:
            self._look(pair, waiting)
            del self._waiting[pair]

    def lines(self) -> Iterator[Line]:
        """The lines that tell something, in the order they began. Ends all of them."""
        for pair in [pair for pair in self._waiting if pair in self._pairs]:
            self._look(pair, self._waiting[pair])
        self._waiting.clear()
        while self._pairs:
            self._finish(*self._pairs.popitem(last=False))
        yield from sorted(self._done, key=lambda line: (line.first_ns, line.offset))

    def _look(self, pair: Pair, batches: list[Stamps]) -> None:
        tracks = self._pairs.setdefault(pair, [])
        self._pairs.move_to_end(pair)
        last = max((track.last_ns for track in tracks), default=-1)
        for batch in batches:
            for time_ns, value, offset in zip(batch.time_ns, batch.value, batch.offset, strict=True):
                if not last < time_ns <= LATEST:
                    self.where = self.where if self.backwards else offset
                    self.backwards += 1
                else:
                    last = time_ns
                    if not tracks or not tracks[-1].add(last, value & 0xFFFFFFFF):
                        self._sample(pair, tracks, last, value, offset)
        if not tracks:  # no room for its clocks, and no need to know of it
            del self._pairs[pair]

    def _sample(self, pair: Pair, tracks: list[Track], time_ns: int, value: int, offset: int) -> None:
        for place, track in enumerate(tracks[:-1]):
            if track.add(time_ns, value & 0xFFFFFFFF):
                tracks.append(tracks.pop(place))  # asked first from now on
                return
        if self._tracks >= ALL_TRACKS and not self._make_room(time_ns):
            self.lost += 1
            return
        tracks.append(Track(time_ns, value & 0xFFFFFFFF, offset))
        self._tracks += 1
        if len(tracks) > TRACKS:
            least = min(tracks[:-1], key=lambda t: (t.samples, t.last_ns))
            tracks.remove(least)
            self._finish(pair, [least])

    def _make_room(self, now: int) -> bool:
        pair, tracks = next(iter(self._pairs.items()))
        if any(track.last_ns > now - IDLE for track in tracks):
            return False
        del self._pairs[pair]
        self._finish(pair, tracks)
        return bool(tracks)

    def _finish(self, pair: Pair, tracks: list[Track]) -> None:
        self._tracks -= len(tracks)
        for track in tracks:
            rate = track.rate()
            if not rate or track.samples < WORTH:
                continue
            if len(self._done) >= LINES:
                self.lost += 1
                continue
            span = (track.last_ns - track.first_ns) / 1e9
            fine = 2e6 / rate / span < MEANS  # else a tick more or less at either end hides what is sought
            skew = estimate(track.points(rate), 1 / rate) if fine else None
            self._done.append(
                Line(*pair, track.offset, track.first_ns, track.last_ns, track.samples, rate, track.value, skew)
            )
