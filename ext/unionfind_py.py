"""The plain twin of ``unionfind``: the same answers and errors, for tests and for reading."""

from __future__ import annotations

from array import array
from collections.abc import Sequence


def components(n: int, a: Sequence[int], b: Sequence[int]) -> array[int]:
    """As :func:`rackprint.ext.unionfind.components`."""
    if n < 0 or len(a) != len(b):
        raise ValueError(f"{n} nodes, {len(a)} and {len(b)} edge ends: sizes do not fit")
    parent = array("i", range(n))
    for edge, (x, y) in enumerate(zip(a, b, strict=True)):
        if not (0 <= x < n and 0 <= y < n):
            raise ValueError(f"edge {edge} joins {x} and {y}, of {n} nodes")
        left, right = _find(parent, x), _find(parent, y)
        parent[max(left, right)] = min(left, right)
    for node in range(n):
        parent[node] = parent[parent[node]]
    return parent


def _find(parent: array[int], node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node
