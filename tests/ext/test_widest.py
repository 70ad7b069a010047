"""Widest ways to an anchor: the kernel, its twin, and a search that needs no union-find."""

import heapq
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackprint.ext import unionfind, unionfind_py


@st.composite
def graphs(draw):
    n = draw(st.integers(1, 25))
    node = st.integers(0, n - 1)
    edges = draw(st.lists(st.tuples(node, node, st.sampled_from([60.0, 40.0, 34.5, 8.0])), max_size=60))
    edges.sort(key=lambda e: -e[2])
    anchors = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    return n, [e[0] for e in edges], [e[1] for e in edges], [e[2] for e in edges], anchors


def searched(n, a, b, strength, anchors):
    near = {node: [] for node in range(n)}
    for x, y, bits in zip(a, b, strength, strict=True):
        near[x].append((y, bits))
        near[y].append((x, bits))
    best = [-inf] * n
    queue = [(-inf, node) for node in range(n) if anchors[node]]
    while queue:
        width, node = heapq.heappop(queue)
        if -width > best[node]:
            best[node] = -width
            for other, bits in near[node]:
                heapq.heappush(queue, (-min(-width, bits), other))
    return best


def kernel(n, a, b, strength, anchors):
    sides = (np.array(side, dtype=np.int32) for side in (a, b))
    return unionfind.widest(n, *sides, np.array(strength, dtype=np.float64), np.array(anchors, dtype=np.uint8)).tolist()


@given(graphs())
def test_kernel_twin_and_search_agree(graph):
    assert kernel(*graph) == unionfind_py.widest(*graph) == searched(*graph)


@pytest.mark.parametrize("widest", [kernel, unionfind_py.widest], ids=["kernel", "twin"])
def test_what_does_not_fit_is_refused(widest):
    for case in (
        (2, [0], [2], [1.0], [1, 0]),
        (2, [0], [-1], [1.0], [1, 0]),
        (2, [0, 0], [1, 1], [1.0, 2.0], [1, 0]),
        (2, [0], [1], [], [1, 0]),
        (2, [0], [1], [1.0], [1]),
        (2, [0, 1], [1, 0], [1.0, float("nan")], [1, 0]),
    ):
        with pytest.raises(ValueError):
            widest(*case)
    assert widest(0, [], [], [], []) == []
