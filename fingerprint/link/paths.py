"""Widest paths: how strongly two observations of a device hang together, which is as strong as the weakest tie on the
best way between them."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping

import msgspec

from rackprint.fingerprint.link.result import Tie

Graph = Mapping[str, list[Tie]]


def graph(ties: Iterable[Tie]) -> dict[str, list[Tie]]:
    """The ties at each observation."""
    found: dict[str, list[Tie]] = {}
    for tie in ties:
        found.setdefault(tie.a, []).append(tie)
        found.setdefault(tie.b, []).append(tie)
    return found


def widest(ties: Graph, sources: Mapping[str, float]) -> dict[str, tuple[float, Tie | None]]:
    """For every observation in reach of ``sources`` (observation -> bits it starts with): the bits of the best way
    to it, and the last tie on that way (None at a source). Among equal ways the shorter, then the first by name."""
    best: dict[str, tuple[float, Tie | None]] = {}
    queue: list[tuple[float, int, str, str, Tie | None]] = [(-b, 0, name, "", None) for name, b in sources.items()]
    heapq.heapify(queue)
    while queue:
        negative, steps, name, _, tie = heapq.heappop(queue)
        if name in best:
            continue
        best[name] = (-negative, tie)
        for following in ties.get(name, ()):
            other = following.b if following.a == name else following.a
            if other not in best:
                width = min(-negative, following.bits)
                heapq.heappush(
                    queue, (-width, steps + 1, other, f"{following.signal}|{following.key}|{name}", following)
                )
    return best


def path(best: Mapping[str, tuple[float, Tie | None]], end: str) -> list[Tie]:
    """The ties on the best way to ``end``, each turned so that it leads there. Ties in a row that share one value are
    one tie: all its carriers are tied to each other."""
    steps: list[Tie] = []
    tie = best[end][1]
    while tie is not None:
        start = tie.a if tie.b == end else tie.b
        if steps and (steps[-1].signal, steps[-1].key) == (tie.signal, tie.key):
            end = steps.pop().b
        steps.append(msgspec.structs.replace(tie, a=start, b=end))
        end, tie = start, best[start][1]
    return steps[::-1]
