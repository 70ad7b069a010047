"""When the host behind TCP timestamp lines started, where its offset is not random.

Before Linux 4.10, and since with tcp_timestamps=2, TSval is the same clock to all destinations: lines of one source
that read alike at one time show that. A TSval in jiffies starts 300 seconds before its zero (INITIAL_JIFFIES,
include/linux/jiffies.h), which rates of 100, 250 and 300 tell; at 1000 both may be, and the interval holds both. The
start is the latest that fits: the count wraps (after 497 days at 100 a second), and it stands still in suspend.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import msgspec

from rackprint.fingerprint.capture.clock import Line

EQUAL = 1.0  # seconds by which two readings of one clock may differ through delays
CRYSTAL = 1e-4  # a phone's is off by less
MOST = 256  # lines of a source that are compared
_JIFFIES, _EARLY = {100, 250, 300}, 300.0
_CIRCLE = 1 << 32


class Boot(msgspec.Struct, frozen=True):
    """Seconds since 1970 UTC on the capture's clock between which the host started."""

    low: float
    high: float


def boots(lines: Sequence[Line]) -> dict[int, Boot]:
    """The start that a line tells, by its place in ``lines``, which are of one source. Only of lines that read like one
    to another destination."""
    steady: set[int] = set()
    for (i, a), (j, b) in combinations(list(enumerate(lines))[:MOST], 2):
        if a.dst != b.dst and same_clock(a, b):
            steady |= {i, j}
    return {i: _boot(lines[i]) for i in sorted(steady)}


def same_clock(a: Line, b: Line) -> bool:
    """Whether two lines read alike, as those of one clock without an offset do."""
    if a.rate != b.rate:
        return False
    middle = (a.first_ns + a.last_ns + b.first_ns + b.last_ns) // 4
    wrap = _CIRCLE / a.rate
    apart = (a.reading(middle) - b.reading(middle) + wrap / 2) % wrap - wrap / 2
    return abs(apart) <= EQUAL


def _boot(line: Line) -> Boot:
    now = line.last_ns
    up = line.reading(now) % (_CIRCLE / line.rate)
    low, high = (line.skew.low, line.skew.high) if line.skew else (-CRYSTAL, CRYSTAL)
    early, late = now / 1e9 - up / (1 + low), now / 1e9 - up / (1 + high)
    grain = 1 / line.rate
    return Boot(early - _EARLY - grain, late + grain - (_EARLY if line.rate in _JIFFIES else 0.0))
