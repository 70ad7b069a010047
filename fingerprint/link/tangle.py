"""Where values that are fine one by one would chain contradicting units together: value by value, strongest first.

First every value is judged against the fragments as they stand; one whose own carriers contradict is contested. What is
left and would still hold a contradiction when taken together is taken one after another, and the value that would close
the chain is contested.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from rackprint.fingerprint.link.weights import bits
from rackprint.fingerprint.model import Tier
from rackprint.fingerprint.signals import REGISTRY, spec

_RANK = {name: rank for rank, name in enumerate(REGISTRY)}  # the registry lists the surest first

Unit = tuple[str, str]  # a signal that the unit bears, and the scope in which its values compare
Units = dict[Unit, set[str]]


@dataclass(frozen=True, slots=True)
class Value:
    """A value on several fragments. ``place`` and ``code`` say which it is in the caller's columns."""

    place: int
    code: int
    signal: str
    tier: Tier
    key: str
    fragments: frozenset[int]
    carriers: int

    def order(self) -> tuple[float, int, str, str]:
        """Strongest first, rarest first."""
        return (-bits(self.signal, self.tier), self.carriers, self.signal, self.key)


@dataclass(slots=True)
class Judged:
    """Pairs of fragments that belong together, and the values that tie nobody."""

    edges: list[tuple[int, int]] = field(default_factory=list)
    contested: list[tuple[Value, str]] = field(default_factory=list)


def untangle(values: list[Value], units: dict[int, Units]) -> Judged:
    """Judges ``values`` over fragments that bear ``units``."""
    judged = Judged()
    sound: list[Value] = []
    for value in sorted(values, key=Value.order):
        why = contradiction(units, value.fragments)
        if why:
            judged.contested.append((value, why))
        else:
            sound.append(value)
    for group in _groups(sound):
        if contradiction(units, {f for value in group for f in value.fragments}):
            _one_by_one(group, units, judged)
        else:
            judged.edges += [edge for value in group for edge in _star(value)]
    return judged


def contradiction(units: dict[int, Units], fragments: Iterable[int]) -> str:
    """The surest signal of which the fragments together hold more values than one unit can, with these values."""
    held = [units[f] for f in fragments if f in units]
    if len(held) < 2:
        return ""
    present = {kind for unit in held for kind in unit}
    for signal, scope in sorted(present, key=lambda kind: (_RANK[kind[0]], kind[1])):
        found = set().union(*(unit[signal, scope] for unit in held if (signal, scope) in unit))
        if len(found) > spec(signal).cardinality:
            shown = sorted(found)
            more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
            return f"its carriers have different {signal}: {', '.join(shown[:3])}{more}"
    return ""


class Forest:
    """Disjoint sets of fragments, each named by its smallest."""

    def __init__(self) -> None:
        self._above: dict[int, int] = {}

    def __contains__(self, node: int) -> bool:
        """Whether ``node`` was joined with anything, be it itself."""
        return node in self._above

    def root(self, node: int) -> int:
        """The name of the set that ``node`` is in."""
        above = self._above
        while (upper := above.get(node, node)) != node:
            above[node] = node = above.get(upper, upper)
        return node

    def join(self, nodes: Iterable[int]) -> int:
        """Makes one set of all ``nodes``; returns its name."""
        roots = {self.root(node) for node in nodes}
        first = min(roots)
        for root in roots:
            self._above[root] = first
        return first


def _groups(values: list[Value]) -> list[list[Value]]:
    forest = Forest()
    for value in values:
        forest.join(value.fragments)
    groups: dict[int, list[Value]] = defaultdict(list)
    for value in values:
        groups[forest.root(min(value.fragments))].append(value)
    return [groups[root] for root in sorted(groups)]


def _one_by_one(values: list[Value], units: dict[int, Units], judged: Judged) -> None:
    forest = Forest()
    held = {f: units[f] for value in values for f in value.fragments if f in units}
    for value in values:
        roots = {forest.root(f) for f in value.fragments}
        why = contradiction(held, roots)
        if why:
            judged.contested.append((value, f"{why}, by way of other values"))
            continue
        merged: Units = defaultdict(set)
        for root in roots:
            for kind, found in held.pop(root, {}).items():
                merged[kind] |= found
        first = forest.join(roots)
        if merged:
            held[first] = merged
        judged.edges += _star(value)


def _star(value: Value) -> list[tuple[int, int]]:
    first, *others = sorted(value.fragments)
    return [(first, other) for other in others]
