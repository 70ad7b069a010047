"""The first linker: a union over shared hardware and install values that contradictions can veto.

Values are taken in passes from the surest down. Within a pass every value is judged against what the passes before
made, so no order of input or of values changes the answer:

* a value whose carriers contradict each other is *contested* (a cloned IMEI, a default serial): it ties none of them;
* where values that are fine one by one would chain contradicting carriers together, they are taken one after another,
  the strongest first, and the one that would close the chain is contested.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from rackprint.ext.unionfind import components
from rackprint.fingerprint.link import boots
from rackprint.fingerprint.link.columns import Column, Columns
from rackprint.fingerprint.link.weights import bits
from rackprint.fingerprint.model import Observation, Scope, Tier
from rackprint.fingerprint.signals import REGISTRY, spec

# One app sees one drm_id on a phone, two at most around an upgrade; an install value among more is no phone's own.
DRM_SPREAD = 3
_RANK = {name: rank for rank, name in enumerate(REGISTRY)}  # the registry lists the surest first

Unit = tuple[str, str]  # a signal that the unit bears, and the scope in which its values compare
Units = dict[Unit, set[int]]  # the codes of its values


@dataclass(frozen=True, slots=True)
class Shared:
    """A value that at least two observations carry. ``measured`` is its weight where that was found in the data, in
    place of the registry's prior."""

    signal: str
    tier: Tier
    key: str
    rows: tuple[int, ...]
    measured: float = 0.0

    @property
    def weight(self) -> float:
        return self.measured or bits(self.signal, self.tier)

    def order(self) -> tuple[float, int, str, str]:
        """Strongest first, rarest first."""
        return (-self.weight, len(self.rows), self.signal, self.key)


@dataclass(frozen=True, slots=True)
class Contested:
    """A value that ties none of its carriers, and why."""

    value: Shared
    why: str


@dataclass(slots=True)
class Union:
    """``labels[row]`` is the smallest row of its device; ``ties`` are the values that hold devices together."""

    labels: array[int]
    ties: list[Shared] = field(default_factory=list)
    contested: list[Contested] = field(default_factory=list)


def unite(columns: Columns, rows: Sequence[Observation] = ()) -> Union:
    """Devices over the rows of ``columns``; with the observations themselves, boot times may tie what ids do not."""
    return _Uniter(columns).run(rows)


class _Uniter:
    def __init__(self, columns: Columns) -> None:
        self._n = columns.n
        self._columns = columns.columns
        self._a, self._b = array("i"), array("i")
        self._union = Union(array("i", range(self._n)))
        self._rows: list[list[tuple[Unit, int]]] = [[] for _ in range(self._n)]  # unit-scope values of each row
        self._drm: list[list[str]] = [[] for _ in range(self._n)]
        self._names: dict[tuple[str, int], str] = {}
        for column in columns.columns:
            self._note(column)

    def run(self, rows: Sequence[Observation]) -> Union:
        for group in _passes(self._columns):
            self._pass([value for column in group for value in _shared(column)])
        self._take(self._booted(rows))
        self._settle()
        self._union.ties.sort(key=Shared.order)
        self._union.contested.sort(key=lambda c: c.value.order())
        return self._union

    def _note(self, column: Column) -> None:
        if column.signal == "drm_id":
            for row, code in zip(column.rows, column.codes, strict=True):
                self._drm[row].append(column.keys[code])
        if column.tier is not Tier.HARDWARE or column.scope is not Scope.UNIT or not spec(column.signal).cardinality:
            return
        for row, code, first_hand in zip(column.rows, column.codes, column.first_hand, strict=True):
            if first_hand:
                self._rows[row].append(((column.signal, column.scopes[code]), code))
                self._names[column.signal, code] = column.keys[code]

    def _pass(self, values: list[Shared]) -> None:
        units = self._units()
        joined: list[Shared] = []
        for value in values:
            carried = self._carriers(value)
            # a value that stands on one device only has nothing left to decide: it supports what is there
            why = (self._contradiction(units, carried) or self._common(value)) if len(carried) > 1 else ""
            if why:
                self._union.contested.append(Contested(value, why))
            else:
                joined.append(value)
        tangled = self._tangled(joined, units)
        self._take([v for v in joined if id(v) not in tangled])
        if tangled:
            self._one_by_one([v for v in joined if id(v) in tangled], units)

    def _tangled(self, values: list[Shared], units: dict[int, Units]) -> set[int]:
        """Identities of the values in those groups that, taken together, would hold a contradiction."""
        a, b = array("i", self._a), array("i", self._b)
        for value in values:
            _edges(value, a, b)
        labels = components(self._n, a, b)
        groups: dict[int, set[int]] = defaultdict(set)
        for root in units:
            groups[labels[root]].add(root)
        bad = {label for label, roots in groups.items() if len(roots) > 1 and self._contradiction(units, roots)}
        return {id(v) for v in values if labels[v.rows[0]] in bad} if bad else set()

    def _one_by_one(self, values: list[Shared], units: dict[int, Units]) -> None:
        """Takes ``values`` in their order, judging each against what the ones before it made."""
        parent: dict[int, int] = {}

        def find(root: int) -> int:
            while (above := parent.get(root, root)) != root:
                parent[root] = root = parent.get(above, above)
            return root

        held = dict(units)
        taken: list[Shared] = []
        for value in sorted(values, key=Shared.order):
            roots = {find(label) for label in self._carriers(value)}
            why = self._contradiction(held, roots)
            if why:
                self._union.contested.append(Contested(value, f"{why}, by way of other values"))
                continue
            taken.append(value)
            first = min(roots)
            merged: Units = defaultdict(set)
            for root in roots:
                parent[root] = first
                for signal, codes in held.pop(root, {}).items():
                    merged[signal] |= codes
            if merged:
                held[first] = merged
        self._take(taken)

    def _booted(self, rows: Sequence[Observation]) -> list[Shared]:
        """Ties by boot time, strongest first, where neither the boots nor the units of the two sides contradict."""
        units = self._units()
        pairs = boots.pairs(rows, self._union.labels)
        return [
            Shared("boot_time", Tier.MEASURE, pair.key, pair.rows, pair.bits)
            for pair in boots.settle(pairs, rows, self._union.labels, lambda a, b: self._clash(units, a, b))
        ]

    def _clash(self, units: dict[int, Units], a: int, b: int) -> bool:
        """Whether two devices contradict; if not, ``units`` takes them for one from now on, under ``a``."""
        if self._contradiction(units, {a, b}):
            return True
        for signal, codes in units.pop(b, {}).items():
            units[a][signal] |= codes
        return False

    def _settle(self) -> None:
        """A value whose carriers other values have made one device in the end is contested no more."""
        settled = [c.value for c in self._union.contested if len(self._carriers(c.value)) == 1]
        self._union.contested = [c for c in self._union.contested if len(self._carriers(c.value)) > 1]
        self._union.ties += settled

    def _take(self, values: list[Shared]) -> None:
        for value in values:
            _edges(value, self._a, self._b)
        self._union.ties += values
        self._union.labels = components(self._n, self._a, self._b)

    def _carriers(self, value: Shared) -> set[int]:
        return {self._union.labels[row] for row in value.rows}

    def _units(self) -> defaultdict[int, Units]:
        """Unit-scope values of each device as it stands, by root."""
        found: defaultdict[int, Units] = defaultdict(lambda: defaultdict(set))
        for row, label in enumerate(self._union.labels):
            for signal, code in self._rows[row]:
                found[label][signal].add(code)
        return found

    def _contradiction(self, units: dict[int, Units], roots: set[int]) -> str:
        """The surest signal of which the devices together hold more values than one unit can, with these values."""
        held = [units[root] for root in roots if root in units]
        if len(held) < 2:
            return ""
        present = {kind for unit in held for kind in unit}
        for signal, scope in sorted(present, key=lambda kind: (_RANK[kind[0]], kind[1])):
            codes = set().union(*(unit[signal, scope] for unit in held if (signal, scope) in unit))
            if len(codes) > spec(signal).cardinality:
                shown = sorted(self._names[signal, code] for code in codes)
                more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
                return f"its carriers have different {signal}: {', '.join(shown[:3])}{more}"
        return ""

    def _common(self, value: Shared) -> str:
        if value.tier is not Tier.INSTALL:
            return ""
        spread: dict[str, set[str]] = defaultdict(set)
        for row in value.rows:
            for key in self._drm[row]:
                spread[key.partition("|")[0]].add(key)
        most = max(map(len, spread.values()), default=0)
        return f"it stands beside {most} different drm_id of one app" if most >= DRM_SPREAD else ""


def _passes(columns: list[Column]) -> list[list[Column]]:
    """A person's labels first, then what the unit bears, what an app reads of it, what is installed."""

    def level(column: Column) -> int:
        if column.signal in {"exhibit", "handset"}:
            return 0
        if column.tier is Tier.HARDWARE:
            return 1 if column.scope is Scope.UNIT else 2
        return 3

    return [[c for c in columns if level(c) == wanted] for wanted in range(4)]


def _shared(column: Column) -> list[Shared]:
    return [
        Shared(column.signal, column.tier, key, tuple(rows))
        for key, rows in zip(column.keys, column.carriers(), strict=True)
        if len(rows) > 1
    ]


def _edges(value: Shared, a: array[int], b: array[int]) -> None:
    a.extend([value.rows[0]] * (len(value.rows) - 1))
    b.extend(value.rows[1:])
