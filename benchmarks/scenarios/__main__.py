"""``python -m benchmarks.scenarios [--size N] [--seed S] [NAME…]``: quality by scenario and view, as a table."""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.scenarios import farms, people
from benchmarks.scenarios.reachable import reachable
from benchmarks.scenarios.views import VIEWS, observe
from benchmarks.scenarios.world import World
from rackprint.fingerprint.link.evaluate import evaluate
from rackprint.fingerprint.link.gather import build
from rackprint.fingerprint.link.linker import resolve
from rackprint.fingerprint.link.resolution import Resolution

SCENARIOS: dict[str, tuple[Callable[[World, int], None], int]] = {
    "hand-driven rack": (farms.hand_driven_rack, 60),
    "scripted rack": (farms.scripted_rack, 40),
    "identical hall": (farms.identical_hall, 300),
    "SIM trays": (farms.sim_trays, 20),
    "SIM pool": (farms.sim_pool, 80),
    "app cloners": (farms.app_cloners, 40),
    "emulator host": (farms.emulator_host, 60),
    "turnkey factory": (farms.turnkey_factory, 30),
    "home workers": (farms.home_workers, 200),
    "families": (people.families, 200),
    "upgrades": (people.upgrades, 200),
    "resold phones": (people.resold, 100),
    "repair shop": (people.repair_shop, 100),
    "test lab": (people.test_lab, 60),
}
LARGE: dict[str, tuple[Callable[[World, int], None], int]] = {
    "hall of 10,000": (farms.identical_hall, 10_000),
    "474 phones, 347,200 SIMs": (farms.seizure, farms.PHONES),
}
HEAD = (
    "scenario",
    "view",
    "observations",
    "phones",
    "precision",
    "recall",
    "reachable",
    "share",
    "B-cubed P",
    "R",
    "in a farm",
    "accused",
    "farms",
)


def rows(names: list[str], size: float, seed: int, *, rough: bool = False) -> Iterator[tuple[Any, ...]]:
    """One row a scenario and view, in the order of HEAD."""
    for name in names or SCENARIOS:
        fill, usual = (SCENARIOS | LARGE)[name]
        world = World(random.Random(f"{seed} {name}"))
        fill(world, max(4, round(usual * size)))
        for view in VIEWS:
            observations, truth = observe(world, view, seed, rough=rough)
            resolved = resolve(build(observations))
            devices = resolved.device.tolist()
            names = resolved.columns.ids.to_pylist()
            found = evaluate(truth, {o: str(d) for o, d in zip(names, devices, strict=True)})
            held, accused, kinds = farms_found(resolved, truth, world.farms)
            best = reachable(observations, truth)
            share = found.pairwise.recall / best if best else 1.0
            yield (name, view.name, len(observations), len(world.phones), found.pairwise.precision,
                   found.pairwise.recall, best, share, found.bcubed.precision, found.bcubed.recall,
                   held, accused, kinds)  # fmt: skip


def farms_found(resolved: Resolution, truth: dict[str, str], farms: dict[str, str]) -> tuple[str, int, str]:
    """(the share of the farms' phones that are in a farm, ordinary phones in one, what the farms look like)."""
    within = {device for farm in resolved.farms for device in farm.members}
    names = resolved.columns.ids.to_pylist()
    seen = {truth[name] for name, device in zip(names, resolved.device.tolist(), strict=True) if device in within}
    held = f"{len(seen & farms.keys()) / len(farms):.2f}" if farms else "-"
    kinds = Counter(farm.kind for farm in resolved.farms)
    return held, len(seen - farms.keys()), ", ".join(f"{n} {kind}" for kind, n in kinds.most_common(3)) or "none"


def main() -> None:
    """Prints the table as Markdown."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "names", nargs="*", choices=[[], *SCENARIOS, *LARGE], help="scenarios; all but the large ones by default"
    )
    options.add_argument("--size", type=float, default=1.0, help="times the usual number of phones")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--rough", action="store_true", help="clocks drift, addresses change, phones roam")
    given = options.parse_args()
    print("| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD))
    for row in rows(given.names, given.size, given.seed, rough=given.rough):
        cells = [f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row]
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
