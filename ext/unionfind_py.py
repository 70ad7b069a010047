"""The plain twin of ``unionfind``: the same answers and errors, for tests and for reading."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from math import inf


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


def widest(
    n: int, a: Sequence[int], b: Sequence[int], strength: Sequence[float], anchored: Sequence[int]
) -> list[float]:
    """As :func:`rackprint.ext.unionfind.widest`, with a list."""
    if n < 0 or not len(a) == len(b) == len(strength) or len(anchored) != n:
        raise ValueError("nodes, edge ends, strengths and anchors: sizes do not fit")
    parent = array("i", range(n))
    width = [inf if mark else -inf for mark in anchored]
    members: dict[int, list[int]] = {node: [node] for node in range(n)}
    for edge, (x, y, now) in enumerate(zip(a, b, strength, strict=True)):
        if not (0 <= x < n and 0 <= y < n) or (edge and not now <= strength[edge - 1]):
            raise ValueError(f"edge {edge} joins {x} and {y} at {now}, of {n} nodes")
        left, right = sorted((_find(parent, x), _find(parent, y)))
        if left == right:
            continue
        parent[right] = left
        both = members[left] + members.pop(right)
        if any(width[node] > -inf for node in both):
            for node in both:
                width[node] = now if width[node] == -inf else width[node]
        members[left] = both
    return width


def _find(parent: array[int], node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node
