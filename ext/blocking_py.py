"""The plain twin of ``blocking``: the same answers and errors, for tests and for reading."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise


def group(codes: Sequence[int], size: int) -> tuple[list[int], list[int]]:
    """As :func:`rackprint.ext.blocking.group`, with lists."""
    if size < 0:
        raise ValueError(f"{size} values")
    for k, code in enumerate(codes):
        if not 0 <= code < size:
            raise ValueError(f"code {code} at {k}, of {size} values")
    order = sorted(range(len(codes)), key=codes.__getitem__)
    starts = [0] * (size + 1)
    for code in codes:
        starts[code + 1] += 1
    for c in range(size):
        starts[c + 1] += starts[c]
    return starts, order


def pairs(starts: Sequence[int], members: Sequence[int], cap: int) -> tuple[list[int], list[int], list[int]]:
    """As :func:`rackprint.ext.blocking.pairs`, with lists."""
    if not starts:
        raise ValueError("no starts")
    found: list[tuple[int, int, int]] = []
    for block, (begin, end) in enumerate(pairwise(starts)):
        if not 0 <= begin <= end <= len(members):
            raise ValueError("starts do not fit the members")
        if 2 <= end - begin <= cap:
            found += [(min(p), max(p), block) for p in combinations(members[begin:end], 2)]
    return [a for a, _, _ in found], [b for _, b, _ in found], [block for _, _, block in found]
