"""``python -m benchmarks.pseudonym [COUNT]``: observations a second that get pseudonyms, in one thread.

Platform events of the million benchmark, in time order, and what a lab reads of a hall (more identifiers each). Reading
them is not timed. ``once`` is with an empty memory at the start, ``no memory`` hashes every value anew."""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

from benchmarks import million
from benchmarks.clock import wall
from benchmarks.online import stream
from benchmarks.scenarios.farms import identical_hall
from benchmarks.scenarios.views import VIEWS, observe
from benchmarks.scenarios.world import World
from rackprint.fingerprint import pseudonym
from rackprint.fingerprint.model import Observation

SECRET = bytes(range(32))
TARGET = 40_000


def measure(name: str, observations: list[Observation]) -> float:
    """Prints the rates over ``observations``, and returns that with an empty memory."""

    def once() -> None:
        key = pseudonym.Key(SECRET)
        for observation in observations:
            pseudonym.pseudonymise(observation, key)

    rate = len(observations) / wall(once)
    held, pseudonym.REMEMBERED = pseudonym.REMEMBERED, 0
    forgetful = len(observations) / wall(once)
    pseudonym.REMEMBERED = held
    signals = sum(len(o.signals) for o in observations) / len(observations)
    print(f"{name}, {signals:.1f} signals each: once {rate:,.0f}/s, no memory {forgetful:,.0f}/s", flush=True)
    return rate


def run(count: int) -> None:
    """Makes the observations and measures."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "observations.parquet"
        million.make(count, path, Path(folder) / "truth.csv", seed=1)
        rate = measure(f"{count:,} platform events", list(stream(path)))
    world = World(random.Random(1))
    identical_hall(world, max(4, count // 100))
    observations, _ = observe(world, VIEWS[0], 1)
    measure(f"{len(observations):,} observations of a hall", observations)
    print(f"sought: {TARGET:,}/s, {'reached' if rate >= TARGET else 'missed'}")


if __name__ == "__main__":
    run(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
