"""The best recall that a scenario allows: what an oracle would join that knows which phone every value is from.

The oracle joins two observations of one phone when they share a tying value, or a boot time that no other phone of the
same model at the same address has within the tolerance. It never joins two phones, so its precision is 1; what it does
not join, nothing in the data tells.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Mapping, Sequence

from rackprint.ext.unionfind import components
from rackprint.fingerprint.link.evaluate import Evaluation, evaluate
from rackprint.fingerprint.model import Observation
from rackprint.fingerprint.signals import spec

TOLERANCE = int(spec("boot_time").tolerance)


def reachable(observations: Sequence[Observation], truth: Mapping[str, str]) -> Evaluation:
    """The oracle's scores; its recall is the most that any linker can reach at precision 1."""
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    boots: dict[tuple[str, str], list[tuple[float, int]]] = defaultdict(list)
    for row, o in enumerate(observations):
        phone = truth[o.id]
        values = {s.name: s for s in o.signals if s.valid}
        for signal in values.values():
            if spec(signal.name).ties:
                groups[phone, signal.name, signal.key].append(row)
        if {"boot_time", "ip", "model"} <= values.keys():
            place = (str(values["ip"].value), str(values["model"].value))
            boots[place].append((float(values["boot_time"].value), row))
    a, b = array("i"), array("i")
    for rows in groups.values():
        a.extend(rows[:-1])
        b.extend(rows[1:])
    for booted in boots.values():
        _boots(sorted(booted), observations, truth, (a, b))
    labels = components(len(observations), a, b)
    return evaluate(truth, {o.id: str(label) for o, label in zip(observations, labels, strict=True)})


def _boots(
    booted: list[tuple[float, int]],
    observations: Sequence[Observation],
    truth: Mapping[str, str],
    edges: tuple[array[int], array[int]],
) -> None:
    """Joins runs of neighbouring boot times that are all of one phone."""
    run: list[int] = []
    last = float("-inf")
    for time, row in [*booted, (float("inf"), -1)]:
        if time - last > TOLERANCE:
            if len({truth[observations[r].id] for r in run}) == 1:
                edges[0].extend(run[:-1])
                edges[1].extend(run[1:])
            run = []
        run.append(row)
        last = time
