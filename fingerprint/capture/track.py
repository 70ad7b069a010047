"""One TCP timestamp clock as one pair of addresses shows it (RFC 7323): samples that lie on one line.

Of the samples at most POINTS are kept. When they are too many, of each run of equally many the one that came soonest
stays: runs of equal size, so that no part of the time is favoured.
"""

from __future__ import annotations

from array import array

POINTS = 256
# Ticks a second: Linux since 4.13 has 1000, or with tcp_usec_ts 1,000,000; before it CONFIG_HZ (100, 250, 300, 1000).
RATES = (1_000_000, 1000, 500, 300, 250, 200, 128, 100, 64, 50, 20, 10, 2, 1)
# What a sample may be late by; two clocks of random offsets are rarely as near.
_SLACK_NS, _DRIFT = 500_000_000, 1000  # nanoseconds, and one more for each so many
_HALF = 1 << 31
_LONGEST = _HALF * 1_000_000_000  # of ticks times nanoseconds: past it, the circle of 32 bits may have been rounded
_LEAST_SPAN = 10.0  # seconds; before it, rates as near as 250 and 300 are not told apart


class Track:
    """Takes what fits. Ticks count on past 32 bits, from ``value``, the first sample's."""

    __slots__ = ("_best", "_count", "_run", "_settled", "first_ns", "last_ns", "last_tick", "offset", "rates",
                 "samples", "ticks", "times", "value")  # fmt: skip

    def __init__(self, time_ns: int, value: int, offset: int) -> None:
        self.first_ns = self.last_ns = time_ns
        self.value, self.offset, self.samples, self.last_tick = value, offset, 1, 0
        self.rates: tuple[int, ...] = RATES
        self.times, self.ticks = array("q", [0]), array("q", [0])  # from the first sample on
        self._best, self._run, self._count, self._settled = (0, 0, 0), 1, 0, False

    def add(self, time_ns: int, value: int) -> bool:
        """Whether a later sample can be of this clock; if so it is kept."""
        passed = time_ns - self.last_ns
        step = ((value - self.value - self.last_tick + _HALF) & (2 * _HALF - 1)) - _HALF
        late = _SLACK_NS + passed // _DRIFT
        told = step * 1_000_000_000
        for rate in self.rates:
            if -late <= told // rate - passed <= late and rate * passed < _LONGEST:
                break
        else:
            return False
        if not self._settled:
            self._settle(told, passed, late)
        self.last_ns, self.last_tick = time_ns, self.last_tick + step
        self.samples += 1
        time, tick = time_ns - self.first_ns, self.last_tick
        if self._run > 1:
            ahead = tick * 1_000_000_000 - time * rate
            if not self._count or ahead > self._best[2]:
                self._best = (time, tick, ahead)
            self._count += 1
            if self._count < self._run:
                return True
            self._count = 0
            time, tick, _ = self._best
        self.times.append(time)
        self.ticks.append(tick)
        if len(self.times) >= POINTS:
            self._halve(rate)
        return True

    def rate(self) -> int:
        """Ticks a second, 0 while it is not settled."""
        span = (self.last_ns - self.first_ns) / 1e9
        if span < _LEAST_SPAN:
            return 0
        near = min(self.rates, key=lambda rate: abs(self.last_tick / span / rate - 1))
        return near if abs(self.last_tick / span - near) <= near * (1 / _DRIFT + _SLACK_NS / 1e9 / span) else 0

    def points(self, rate: int) -> list[tuple[float, float]]:
        """(t, x): seconds since the first sample, and by how much the clock is ahead of them."""
        return [(t / 1e9, n / rate - t / 1e9) for t, n in zip(self.times, self.ticks, strict=True)]

    def _settle(self, told: int, passed: int, late: int) -> None:
        self.rates = tuple(r for r in self.rates if -late <= told // r - passed <= late and r * passed < _LONGEST)
        self._settled = len(self.rates) == 1

    def _halve(self, rate: int) -> None:
        pairs = range(0, len(self.times) - 1, 2)
        ahead = [n * 10**9 - t * rate for t, n in zip(self.times, self.ticks, strict=True)]
        kept = [i if ahead[i] >= ahead[i + 1] else i + 1 for i in pairs]
        self.times = array("q", [self.times[i] for i in kept])
        self.ticks = array("q", [self.ticks[i] for i in kept])
        self._run *= 2
