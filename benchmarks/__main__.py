"""``python -m benchmarks``: speed of the kernels and of the linker, against peers measured in the same run.

Times are CPU seconds of this process, the best of a few runs; peers are quoted as ratios, since machines differ."""

from __future__ import annotations

import importlib.util
import time
from array import array
from collections.abc import Callable

from benchmarks import synthetic
from rackprint.ext import unionfind, unionfind_py
from rackprint.fingerprint.link.linker import link

Components = Callable[[int, array, array], object]  # type: ignore[type-arg]


def seconds(work: Callable[[], object], runs: int = 3) -> float:
    """CPU seconds of the fastest of ``runs``."""
    best = float("inf")
    for _ in range(runs):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def scipy_components() -> Components | None:
    """scipy's connected components from the same arrays, its matrix build counted; None where scipy is not there."""
    if importlib.util.find_spec("scipy") is None:
        return None
    import numpy as np
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    def run(n: int, a: array[int], b: array[int]) -> object:
        left, right = np.frombuffer(a, dtype=np.int32), np.frombuffer(b, dtype=np.int32)
        graph = coo_matrix((np.ones(len(left), dtype=np.int8), (left, right)), shape=(n, n)).tocsr()
        return connected_components(graph, directed=False)

    return run


def components(n: int = 1_000_000) -> None:
    """The union-find kernel, ``n`` edges on ``n`` nodes."""
    peer = scipy_components()
    for name, span in (("random", 0), ("clustered", 50)):
        a, b = synthetic.edges(n, n, span=span)
        kernel = seconds(lambda a=a, b=b: unionfind.components(n, a, b))  # type: ignore[misc]
        twin = seconds(lambda a=a, b=b: unionfind_py.components(n, a, b), runs=1)  # type: ignore[misc]
        print(f"components, {n:,} {name} edges: {kernel:.3f} s; plain Python takes {twin / kernel:.0f} times as long")
        if peer is None:
            print("  scipy: absent, not compared")
        else:
            other = seconds(lambda a=a, b=b: peer(n, a, b))  # type: ignore[misc]
            print(f"  scipy with its matrix build takes {other / kernel:.1f} times as long")


def linker(count: int = 100_000) -> None:
    """The linker end to end over synthetic observations, without reading or storing them."""
    for clones in (0.0, 0.01):
        given = synthetic.observations(count, clones=clones)
        took = seconds(lambda given=given: link(given), runs=2)  # type: ignore[misc]
        print(f"link, {count:,} observations, {clones:.0%} cloned IMEIs: {took:.2f} s, {count / took:,.0f} a second")


if __name__ == "__main__":
    components()
    linker()
