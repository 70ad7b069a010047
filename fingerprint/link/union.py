"""Fragments: what shared hardware and install values hold together, where nothing contradicts.

Values are taken in passes from the surest down. Within a pass every value is judged against what the passes before
made, so no order of input or of values changes the answer. A value whose carriers contradict each other is *contested*
(a cloned IMEI, a default serial): it ties none of them. All values of a pass are first joined at once, which is linear;
only what then holds a contradiction is looked at value by value (:mod:`rackprint.fingerprint.link.tangle`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from rackprint.ext.unionfind import components
from rackprint.fingerprint.link import doubts
from rackprint.fingerprint.link.columns import Bools, Column, Columns, Ints
from rackprint.fingerprint.link.tangle import Judged, Units, Value, untangle
from rackprint.fingerprint.model import Scope, Tier
from rackprint.fingerprint.signals import spec


@dataclass(frozen=True, slots=True)
class Contested:
    """A value that ties none of its carriers, and why."""

    column: Column
    code: int
    why: str


@dataclass(slots=True)
class Union:
    """``labels[row]`` is the smallest row of its fragment; ``tying[k]`` tells which values of ``columns[k]`` hold
    fragments together."""

    labels: Ints
    columns: list[Column]
    tying: list[Bools]
    contested: list[Contested] = field(default_factory=list)


Borne = Callable[[Iterable[int]], dict[int, Units]]


def unite(columns: Columns) -> tuple[Union, Borne]:
    """Fragments over the rows of ``columns``, and a function that tells what the units of given fragments bear."""
    uniter = _Uniter(columns)
    return uniter.run(), uniter.borne


class _Uniter:
    def __init__(self, columns: Columns) -> None:
        self._n = columns.n
        self._doubts = doubts.Doubts(columns)
        self._columns = columns.tying()
        self._units = [_Unit(c, columns) for c in self._columns if _bears(c)]
        self._labels: Ints = np.arange(self._n, dtype=np.int32)
        self._open = [np.bincount(c.codes, minlength=c.size) > 1 for c in self._columns]
        self._contested: dict[tuple[int, int], str] = {}

    def run(self) -> Union:
        """Takes pass after pass."""
        for level in range(4):
            self._pass([k for k, column in enumerate(self._columns) if _level(column) == level])
        self._settle()
        tying = []
        for k, mask in enumerate(self._open):
            shut = [code for place, code in self._contested if place == k]
            held = mask.copy()
            held[shut] = False
            tying.append(held)
        contested = [Contested(self._columns[k], code, why) for (k, code), why in sorted(self._contested.items())]
        return Union(self._labels, self._columns, tying, contested)

    def _pass(self, places: list[int]) -> None:
        joined: dict[int, Bools] = {}
        for k in places:
            column = self._columns[k]
            several, _ = self._several(column)
            several &= self._open[k]
            for code, why in self._doubts.of(column, several).items():
                self._contested[k, code] = why
                several[code] = False
            joined[k] = several
        merged = self._merged(joined)
        bad = self._crowded(merged)
        if len(bad):
            tangled = np.zeros(self._n, dtype=bool)
            tangled[bad] = True
            values = self._values(joined, merged, tangled)
            for value in values:
                joined[value.place][value.code] = False
            judged = untangle(values, self._held(tangled[merged]))
            merged = self._merged(joined, judged)
            self._contested |= {(v.place, v.code): why for v, why in judged.contested}
        self._labels = merged

    def _several(self, column: Column) -> tuple[Bools, Ints]:
        """(which values stand on more than one fragment, the last carrier's fragment by value)."""
        labels = self._labels[column.rows]
        last = np.full(column.size, -1, dtype=np.int32)
        last[column.codes] = labels
        several = np.zeros(column.size, dtype=bool)
        several[column.codes[labels != last[column.codes]]] = True
        return several, last

    def _merged(self, joined: dict[int, Bools], judged: Judged | None = None) -> Ints:
        """Labels when the values in ``joined`` tie their carriers."""
        ends: list[tuple[Ints, Ints]] = []
        for k, mask in joined.items():
            column = self._columns[k]
            entries = mask[column.codes]
            if entries.any():
                _, last = self._several(column)
                ends.append((self._labels[column.rows[entries]], last[column.codes[entries]]))
        if judged and judged.edges:
            pairs = np.array(judged.edges, dtype=np.int32)
            ends.append((pairs[:, 0], pairs[:, 1]))
        if not ends:
            return self._labels
        a = np.ascontiguousarray(np.concatenate([a for a, _ in ends]))
        b = np.ascontiguousarray(np.concatenate([b for _, b in ends]))
        found: Ints = components(self._n, a, b)[self._labels]
        return found

    def _crowded(self, labels: Ints) -> Ints:
        """The labels under which more unit-borne values meet than one unit can hold."""
        found = [unit.crowded(labels) for unit in self._units]
        return np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.int32)

    def _values(self, joined: dict[int, Bools], merged: Ints, tangled: Bools) -> list[Value]:
        """The values in ``joined`` whose carriers lie in a tangle."""
        values: list[Value] = []
        for k, mask in joined.items():
            column = self._columns[k]
            entries = np.flatnonzero(mask[column.codes] & tangled[merged[column.rows]])
            carriers: dict[int, set[int]] = {}
            for at in entries:
                carriers.setdefault(int(column.codes[at]), set()).add(int(self._labels[column.rows[at]]))
            counts = np.bincount(column.codes[entries], minlength=column.size)
            values += [
                Value(k, code, column.signal, column.tier, column.key(code), frozenset(held), int(counts[code]))
                for code, held in carriers.items()
            ]
        return values

    def borne(self, fragments: Iterable[int]) -> dict[int, Units]:
        """What the units of these fragments bear."""
        wanted = np.zeros(self._n, dtype=bool)
        wanted[list(fragments)] = True
        return self._held(wanted[self._labels])

    def _held(self, wanted: Bools) -> dict[int, Units]:
        """What the units of the ``wanted`` rows bear, by fragment."""
        found: dict[int, Units] = {}
        for unit in self._units:
            for at in np.flatnonzero(wanted[unit.rows]):
                held = found.setdefault(int(self._labels[unit.rows[at]]), {})
                code = int(unit.codes[at])
                held.setdefault((unit.signal, unit.column.scope_of(code)), set()).add(unit.column.key(code))
        return found

    def _settle(self) -> None:
        """A value whose carriers other values have made one fragment in the end is contested no more."""
        for (k, code), _ in list(self._contested.items()):
            if len(np.unique(self._labels[self._columns[k].carriers(code)])) == 1:
                del self._contested[k, code]


class _Unit:
    """The values of one signal that were read from the units themselves."""

    def __init__(self, column: Column, columns: Columns) -> None:
        told = columns.first_hand[column.rows] if column.signal != "exhibit" else np.ones(len(column.rows), dtype=bool)
        self.column, self.signal = column, column.signal
        self.rows, self.codes = column.rows[told], column.codes[told]
        self._most = spec(column.signal).cardinality
        self._scopes = column.scopes[self.codes] if len(column.scope_names) > 1 else None

    def crowded(self, labels: Ints) -> Ints:
        """The labels that hold more values in one scope than a unit can."""
        held = labels[self.rows]
        if self._scopes is None:
            slots: Ints = held
        else:
            _, place = np.unique(
                held.astype(np.int64) * len(self.column.scope_names) + self._scopes, return_inverse=True
            )
            slots = place.astype(np.int32)
        codes, labelled = self.codes, held
        seen = np.full(int(slots.max()) + 1 if len(slots) else 0, -1, dtype=np.int32)
        for _ in range(self._most):
            # one value of each slot is taken away in each round; what is left after the last is too many
            seen[slots] = codes
            other = codes != seen[slots]
            slots, codes, labelled = slots[other], codes[other], labelled[other]
        return np.unique(labelled)


def _bears(column: Column) -> bool:
    return column.tier is Tier.HARDWARE and column.scope is Scope.UNIT and spec(column.signal).cardinality > 0


def _level(column: Column) -> int:
    """A person's labels first, then what the unit bears, what an app reads of it, what is installed."""
    if column.signal in {"exhibit", "handset"}:
        return 0
    if column.tier is Tier.HARDWARE:
        return 1 if column.scope is Scope.UNIT else 2
    return 3
