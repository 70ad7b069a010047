"""Whether probabilities mean what they say: a reliability table, and where phones of a model are taken for one."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping
from math import comb

import msgspec

EDGES = (0.5, 0.9, 0.99, 0.999, 0.9999)  # of the bins of probability


class Bin(msgspec.Struct, frozen=True):
    """Observations whose probability of being on their device lies from ``low`` to below ``high``: how many, what they
    say on average, and the share that is right."""

    low: float
    high: float
    observations: int
    said: float
    right: float


class Collisions(msgspec.Struct, frozen=True):
    """Of the found devices of a model: how many mix true phones, and the share of their pairs of observations that are
    of two phones."""

    model: str
    devices: int
    mixed: int
    rate: float


def reliability(
    truth: Mapping[str, str], found: Mapping[str, str], probability: Mapping[str, float]
) -> tuple[Bin, ...]:
    """Bins of probability with what they hold. An observation is right where its true phone is the one that most of
    its device's observations are of; those without truth or probability are left out."""
    parts: dict[str, Counter[str]] = defaultdict(Counter)
    for name, phone in truth.items():
        if phone and name in found:
            parts[found[name]][phone] += 1
    most = {device: min(counts.items(), key=lambda c: (-c[1], c[0]))[0] for device, counts in parts.items()}
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(len(EDGES) + 1)]
    for name, phone in truth.items():
        if phone and name in found and name in probability:
            told = probability[name]
            bins[bisect_right(EDGES, told)].append((told, most[found[name]] == phone))
    sides = (0.0, *EDGES, 1.0)
    return tuple(
        Bin(
            low, high, len(held), sum(told for told, _ in held) / len(held), sum(right for _, right in held) / len(held)
        )
        for low, high, held in zip(sides, sides[1:], bins, strict=False)
        if held
    )


def collisions(truth: Mapping[str, str], found: Mapping[str, str], model: Mapping[str, str]) -> tuple[Collisions, ...]:
    """How often phones of a model are taken for one, the worst model first; devices by their most frequent model."""
    parts: dict[str, Counter[str]] = defaultdict(Counter)
    models: dict[str, Counter[str]] = defaultdict(Counter)
    for name, phone in truth.items():
        if phone and name in found:
            parts[found[name]][phone] += 1
            if model.get(name):
                models[found[name]][model[name]] += 1
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for device, counts in parts.items():
        seen = models.get(device)
        name = min(seen.items(), key=lambda c: (-c[1], c[0]))[0] if seen else "unknown"
        pairs, same = comb(counts.total(), 2), sum(comb(n, 2) for n in counts.values())
        for at, more in enumerate((1, len(counts) > 1, pairs, pairs - same)):
            sums[name][at] += more
    told = [
        Collisions(name, devices, mixed, wrong / pairs if pairs else 0.0)
        for name, (devices, mixed, pairs, wrong) in sums.items()
    ]
    return tuple(sorted(told, key=lambda c: (-c.rate, -c.devices, c.model)))
