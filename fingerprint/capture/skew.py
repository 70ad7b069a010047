"""How fast a remote clock runs, from samples that arrive late by delays nobody knows.

Each sample is (t, x): seconds on the capture's clock, and by how much the remote clock is ahead of it. A delay makes x
too small and never too large, so the line sought lies above all points. Its slope is the one of Kohno, Broido and
Claffy, "Remote physical device fingerprinting" (2005), section 4.1: of all lines above the points, the one that is
nearest to them on the whole; that is the edge of the upper hull over their mean time.

The interval does not ask how delays are spread, only that the least of them fall alike over the time. The points are
cut into blocks; with the true slope taken off, the highest point of a block is as likely to lie above that of another
as below, so Kendall's S of block maxima against time is near 0; all slopes for which it is form the interval (Theil
1950, Sen 1968). Delays that go together within a block, as in a busy minute, do no harm to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import msgspec

CONFIDENCE, _Z = 0.999, 3.2905  # a source may have dozens of lines, and each is to hold
LIMIT = 1e-3  # no crystal is off by more; PC and phone clocks are within some 100 ppm
LEAST = 40  # points
_BLOCKS, _PER_BLOCK = 32, 4
_STEPS = 24  # halvings of 2 * LIMIT: to 0.0001 ppm

Point = tuple[float, float]


class Skew(msgspec.Struct, frozen=True):
    """A slope with its interval (seconds a second), and the height of the line where t is 0."""

    slope: float
    low: float
    high: float
    start: float


def estimate(points: Sequence[Point], grain: float) -> Skew | None:
    """The line over ``points`` (ascending in t), which tick in steps of ``grain`` seconds; None where they are too few
    or do not bound a slope on both sides."""
    if len(points) < LEAST or points[-1][0] <= points[0][0]:
        return None
    count = min(_BLOCKS, len(points) // _PER_BLOCK)
    edges = [len(points) * k // count for k in range(count + 1)]
    hulls = [upper_hull(points[a:b]) for a, b in zip(edges, edges[1:], strict=False)]
    most = _Z * sqrt(count * (count - 1) * (2 * count + 5) / 18)
    if _trend(hulls, -LIMIT) <= most or _trend(hulls, LIMIT) >= -most:
        return None
    # A clock read in whole ticks may slide by one over the span, and no sample would show it.
    slide = grain / (points[-1][0] - points[0][0])
    low, high = _crossing(hulls, most) - slide, _crossing(hulls, -most) + slide
    slope, start = _bound(points)
    return Skew(slope, min(low, slope), max(high, slope), start)


def upper_hull(points: Sequence[Point]) -> list[Point]:
    """The upper convex hull, of points ascending in t (Andrew 1979)."""
    hull: list[Point] = []
    for t, x in points:
        while len(hull) > 1 and _below(hull[-2], hull[-1], (t, x)):
            hull.pop()
        hull.append((t, x))
    return hull


def _below(a: Point, b: Point, c: Point) -> bool:
    """Whether ``b`` is not above the line from ``a`` to ``c``."""
    return (b[0] - a[0]) * (c[1] - a[1]) >= (b[1] - a[1]) * (c[0] - a[0])


def _bound(points: Sequence[Point]) -> tuple[float, float]:
    """Slope and height at 0 of the line above all points whose summed distance to them is least."""
    mean = sum(t for t, _ in points) / len(points)
    hull = upper_hull(points)
    for (t0, x0), (t1, x1) in zip(hull, hull[1:], strict=False):
        if t1 >= mean:
            slope = (x1 - x0) / (t1 - t0)
            return slope, x0 - slope * t0
    return 0.0, hull[0][1]


def _trend(hulls: list[list[Point]], slope: float) -> int:
    """Kendall's S of the blocks' maxima against time, ``slope`` taken off; never rises with the slope."""
    tops = [max(x - slope * t for t, x in hull) for hull in hulls]
    return sum((b > a) - (b < a) for i, a in enumerate(tops) for b in tops[i + 1 :])


def _crossing(hulls: list[list[Point]], level: float) -> float:
    """The slope at which the trend falls below ``level``."""
    low, high = -LIMIT, LIMIT
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _trend(hulls, middle) >= level:
            low = middle
        else:
            high = middle
    return (low + high) / 2
