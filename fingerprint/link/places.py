"""The boots seen at each place, kept in order: what an online resolver weighs an equal boot time by."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from math import exp, lgamma, log, log2

from rackprint.fingerprint.link.boots import CROWD, DAY, HERE, REACHES, TOLERANCE, UNSEEN

Run = tuple[float, int]  # a boot, and the device that was first seen with it


class Places:
    """Boots by place (address and model) and by address. ``width`` is how far apart two tellings of one boot lie."""

    def __init__(self, width: float = TOLERANCE) -> None:
        self.width = width
        self._runs: dict[tuple[str, str], list[Run]] = {}
        self._starts: dict[str, list[float]] = {}

    def note(self, address: str, model: str, boot: float, device: int) -> list[int]:
        """Takes in a sighting; the devices that were seen with this boot before it, at most CROWD."""
        runs = self._runs.setdefault((address, model), [])
        first = bisect_left(runs, (boot - self.width, -1))
        last = bisect_right(runs, (boot + self.width, 1 << 62))
        beside = runs[first:last]
        if all(known != device for _, known in beside):
            insort(runs, (boot, device))
            if not beside:
                insort(self._starts.setdefault(address, []), boot)
        return [known for _, known in beside if known != device] if len(beside) <= CROWD else []

    def look(self, address: str, model: str, boot: float) -> list[int]:
        """The devices that were seen with this boot, at most CROWD; nothing is taken in."""
        runs = self._runs.get((address, model), [])
        first = bisect_left(runs, (boot - self.width, -1))
        last = bisect_right(runs, (boot + self.width, 1 << 62))
        return [known for _, known in runs[first:last]] if last - first <= CROWD else []

    def bits(self, address: str, model: str, boot: float) -> float:
        """What sharing this boot weighs beyond even odds (see link/boots.py)."""
        runs, starts = self._runs[address, model], self._starts[address]
        rate = usual = len(runs) / (runs[-1][0] - runs[0][0] + DAY)
        whole = len(starts) / (starts[-1] - starts[0] + DAY)
        for reach in REACHES:
            beside = bisect_right(starts, boot + reach) - bisect_left(starts, boot - reach) - 1
            crowd = _scripted(beside, whole * 2 * reach)
            rate = max(rate, crowd * beside / (2 * reach) + (1 - crowd) * usual)
        return -log2(UNSEEN * rate * (2 * self.width + 1))


def _scripted(beside: int, expected: float) -> float:
    """The chance that so many boots beside one are no accident."""
    if beside <= 0:
        return 0.0
    if beside <= expected:
        return HERE
    mass = exp(-expected + beside * log(max(expected, 1e-12)) - lgamma(beside + 1))
    tail = min(1.0, mass / max(1e-9, 1 - expected / (beside + 1)))
    return HERE / (HERE + (1 - HERE) * tail)
