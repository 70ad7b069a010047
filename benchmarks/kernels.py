"""``python -m benchmarks.kernels``: components and scoring at the sizes of the targets, beside their peers.

One thread where nothing else is said; CPU seconds, the fastest of three runs; peers in the same run."""

from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from benchmarks.clock import cpu, wall
from rackprint.ext import score, unionfind

Ints = npt.NDArray[np.int32]


def edges(n: int, m: int, span: int, seed: int = 1) -> tuple[Ints, Ints]:
    """``m`` edges on ``n`` nodes: random, or with ``span`` between nodes at most so far apart, in the nodes' order."""
    draw = np.random.default_rng(seed)
    a = draw.integers(0, n, m, dtype=np.int32)
    if not span:
        return a, draw.integers(0, n, m, dtype=np.int32)
    a.sort()
    return a, np.minimum(n - 1, a + draw.integers(0, span, m, dtype=np.int32)).astype(np.int32)


def components(n: int = 10_000_000) -> None:
    """The union-find kernel, ``n`` edges on ``n`` nodes, beside scipy from the same arrays, its CSR build counted."""
    scipy = importlib.util.find_spec("scipy") is not None
    for name, span in (("random", 0), ("clustered", 50)):
        a, b = edges(n, n, span)
        ours = cpu(lambda a=a, b=b: unionfind.components(n, a, b))  # type: ignore[misc]
        print(f"components, {n:,} {name} edges: {ours:.3f} s", end="; ", flush=True)
        if not scipy:
            print("scipy: absent, not compared")
            continue
        theirs = cpu(lambda a=a, b=b: _scipy(n, a, b), runs=2)  # type: ignore[misc]
        print(f"scipy with its CSR build takes {theirs / ours:.1f} times as long ({theirs:.2f} s)", flush=True)


def _scipy(n: int, a: Ints, b: Ints) -> object:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(len(a), dtype=np.int8), (a, b)), shape=(n, n)).tocsr()
    return connected_components(graph, directed=False)


def scoring(rows: int = 1_000_000, pairs: int = 20_000_000) -> None:
    """The scoring kernel: 12 columns, 30 % of the values empty, pairs blocked in cache order."""
    draw = np.random.default_rng(1)
    codes = np.zeros((rows, score.LANES), dtype=np.int32)
    codes[:, :12] = draw.integers(1, 50, (rows, 12))
    codes[draw.random(codes.shape) < 0.3] = 0
    rare = draw.integers(100, 2000, codes.shape).astype(np.int32)
    agree = draw.integers(100, 2000, score.LANES).astype(np.int32)
    a = np.sort(draw.integers(0, rows, pairs)).astype(np.int32)
    b = np.minimum(rows - 1, a + draw.integers(1, 200, pairs)).astype(np.int32)
    plain = cpu(lambda: score.score(codes, a, b, agree, -agree))
    weighed = cpu(lambda: score.score(codes, a, b, agree, -agree, rare))
    some = pairs // 50
    numpy = cpu(lambda: _numpy(codes, a[:some], b[:some], agree), runs=1) * 50
    print(f"scoring, {pairs:,} pairs: {pairs / plain / 1e6:.0f} M/s; numpy {pairs / numpy / 1e6:.1f} M/s", end="; ")
    print(f"with the weights of rare values {pairs / weighed / 1e6:.0f} M/s", flush=True)
    mixed = draw.permutation(pairs)
    c, d = a[mixed], b[mixed]
    print(f"  in random order {pairs / cpu(lambda: score.score(codes, c, d, agree, -agree)) / 1e6:.0f} M/s", end="; ")
    half = pairs // 2
    with ThreadPoolExecutor(2) as pool:
        one = wall(lambda: score.score(codes, c, d, agree, -agree))
        two = wall(
            lambda: list(
                pool.map(
                    lambda part: score.score(codes, c[part], d[part], agree, -agree), (slice(half), slice(half, None))
                )
            )
        )
    print(f"two threads {one / two:.2f} times as fast as one", flush=True)


def _numpy(codes: Ints, a: Ints, b: Ints, agree: Ints) -> object:
    x, y = codes[a], codes[b]
    return np.where((x != 0) & (y != 0), np.where(x == y, agree, -agree), 0).sum(axis=1)


if __name__ == "__main__":
    components()
    scoring()
