"""The best recall that a scenario allows at precision 0.99: what one could join who knows the simulator's own rates.

The oracle knows which values are one phone's own, so it joins all that shares one. Beyond that it has boot times only:
it weighs every shared boot by the true number of other phones' boots around it, adds up the boots that two sides share,
joins from the strongest pair down, and stops where the whole would fall below the precision. It does not know which
phone a boot is of, since nothing in the data tells that.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from math import comb, log2

import numpy as np

from rackprint.ext.unionfind import components
from rackprint.fingerprint.model import Observation
from rackprint.fingerprint.signals import spec

PRECISION = 0.99
JITTER = 2.0  # seconds between two tellings of one boot: the views add one at most to each
_CROWD, _AROUND = 40, 1800.0
Sighting = tuple[float, int]


def reachable(observations: Sequence[Observation], truth: Mapping[str, str]) -> float:
    """The best pairwise recall at PRECISION."""
    fragments = _by_ids(observations, truth)
    phones = [truth[o.id] for o in observations]
    groups: dict[int, Counter[str]] = defaultdict(Counter)
    for label, phone in zip(fragments, phones, strict=True):
        groups[label][phone] += 1
    wanted = sum(comb(n, 2) for n in Counter(phones).values())
    right = sum(comb(n, 2) for group in groups.values() for n in group.values())
    joined, best = right, right
    above = {label: label for label in groups}

    def root(label: int) -> int:
        while above[label] != label:
            above[label] = label = above[above[label]]
        return label

    for _, a, b in sorted((-bits, a, b) for (a, b), bits in _pairs(observations, fragments).items()):
        x, y = root(a), root(b)
        if x == y:
            continue
        ours, theirs = groups[x], groups.pop(y)
        right += sum(n * ours[phone] for phone, n in theirs.items())
        joined += ours.total() * theirs.total()
        ours.update(theirs)
        above[y] = x
        if right >= PRECISION * joined:
            best = max(best, right)
    return best / wanted if wanted else 1.0


def _by_ids(observations: Sequence[Observation], truth: Mapping[str, str]) -> list[int]:
    """Fragments of one phone each, held together by shared values."""
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row, o in enumerate(observations):
        for signal in o.signals:
            if signal.valid and spec(signal.name).ties:
                groups[truth[o.id], signal.name, signal.key].append(row)
    a, b = array("i"), array("i")
    for rows in groups.values():
        a.extend(rows[:-1])
        b.extend(rows[1:])
    found: list[int] = components(len(observations), a, b).tolist()
    return found


def _pairs(observations: Sequence[Observation], fragments: Sequence[int]) -> dict[tuple[int, int], float]:
    """Pairs of fragments with the bits of the boots that they share."""
    places: dict[tuple[str, str], list[Sighting]] = defaultdict(list)
    for row, o in enumerate(observations):
        values = {s.name: s.value for s in o.signals if s.valid}
        if {"boot_time", "ip", "model"} <= values.keys():
            places[str(values["ip"]), str(values["model"])].append((float(values["boot_time"]), row))
    found: dict[tuple[int, int], float] = defaultdict(float)
    for sightings in places.values():
        runs = _runs(sorted(sightings))
        starts = np.array([run[0][0] for run in runs])
        beside = np.searchsorted(starts, starts + _AROUND) - np.searchsorted(starts, starts - _AROUND) - 1
        for run, others in zip(runs, beside.tolist(), strict=True):
            held = sorted({fragments[row] for _, row in run})
            bits = -log2(max(others, 0.5) / (2 * _AROUND) * (2 * JITTER + 1))
            if 2 <= len(held) <= _CROWD and bits > 0:
                for a, b in combinations(held, 2):
                    found[a, b] += bits
    return found


def _runs(sightings: Sequence[Sighting]) -> list[list[Sighting]]:
    runs: list[list[Sighting]] = []
    for sighting in sightings:
        if not runs or sighting[0] - runs[-1][-1][0] > JITTER:
            runs.append([])
        runs[-1].append(sighting)
    return runs
