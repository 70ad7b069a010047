"""Observations as columns: the one form that the linker and its kernels work on.

Text is dictionary-encoded into int32 codes; measures are float64 with NaN for what was not seen. Rows are in the order
of their ids and codes in the order of their first row, so the order of the input leaves no trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from rackprint.ext.blocking import group
from rackprint.fingerprint.model import Scope, SourceKind, Tier
from rackprint.fingerprint.signals import spec

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Name = tuple[str, Tier]

KINDS = tuple(SourceKind)
# What these sources say of the unit was read from the unit; a platform or a record only repeats what it was told.
_FIRST_HAND = [KINDS.index(SourceKind.ACQUISITION), KINDS.index(SourceKind.CAPTURE)]


def runs(*keys: npt.NDArray[Any]) -> tuple[Longs, Longs]:
    """(starts, ends) of the stretches in which all ``keys`` stay the same."""
    size = len(keys[0])
    fresh = np.zeros(size, dtype=bool)
    fresh[:1] = True
    for key in keys:
        fresh[1:] |= key[1:] != key[:-1]
    starts = np.flatnonzero(fresh)
    return starts, np.append(starts[1:], size)[: len(starts)]


@dataclass(slots=True)
class Column:
    """One signal: row ``rows[k]`` (ascending) carries the value ``codes[k]``, whose text in its scope is
    ``keys[code]`` (a pyarrow string array) and whose scope is ``scope_names[scopes[code]]``."""

    signal: str
    tier: Tier
    rows: Ints
    codes: Ints
    keys: Any
    scopes: Ints
    scope_names: tuple[str, ...] = ("",)
    _groups: tuple[Ints, Ints] | None = None

    @property
    def scope(self) -> Scope:
        return spec(self.signal).scope

    @property
    def size(self) -> int:
        """How many distinct values there are."""
        return len(self.keys)

    def key(self, code: int) -> str:
        return str(self.keys[int(code)].as_py())

    def scope_of(self, code: int) -> str:
        return self.scope_names[int(self.scopes[code])]

    def groups(self) -> tuple[Ints, Ints]:
        """(starts, rows): the rows of value c, ascending, are ``rows[starts[c]:starts[c + 1]]``."""
        if self._groups is None:
            starts, order = group(self.codes, self.size)
            self._groups = (starts, self.rows[order])
        return self._groups

    def carriers(self, code: int) -> Ints:
        starts, rows = self.groups()
        return rows[starts[code] : starts[code + 1]]

    def dense(self, n: int) -> Ints:
        """The first code of each of ``n`` rows, -1 where it has none."""
        found = np.full(n, -1, dtype=np.int32)
        found[self.rows[::-1]] = self.codes[::-1]
        return found


def empty(signal: str, tier: Tier) -> Column:
    """A column without a value."""
    import pyarrow as pa

    nothing = np.empty(0, dtype=np.int32)
    return Column(signal, tier, nothing, nothing, pa.array([], pa.string()), nothing)


@dataclass(slots=True)
class Columns:
    """``n`` observations: ``ids`` (pyarrow strings, ascending), ``times`` in microseconds since 1970, ``kinds`` as
    indices of KINDS, and the columns by signal and tier. ``texts`` holds source, app, action and target; ``unknown``
    counts the values of signals that the registry does not know."""

    ids: Any
    times: Longs
    kinds: npt.NDArray[np.uint8]
    accounts: Column
    signals: Mapping[Name, Column]
    numbers: Mapping[str, Floats]
    texts: Mapping[str, Column] = field(default_factory=dict)
    unknown: Mapping[str, int] = field(default_factory=dict)

    @property
    def n(self) -> int:
        return len(self.ids)

    @property
    def first_hand(self) -> Bools:
        """Which rows were read from the unit itself."""
        return np.isin(self.kinds, _FIRST_HAND)

    def tying(self) -> list[Column]:
        """The columns whose equal values may tie observations, in a fixed order."""
        return [self.signals[name] for name in sorted(self.signals) if spec(name[0]).ties]

    def column(self, signal: str) -> Column:
        """The column of a signal that has one tier; empty where nothing shows it."""
        tier = spec(signal).tier
        return self.signals.get((signal, tier)) or empty(signal, tier)

    def text(self, name: str) -> Column:
        return self.texts.get(name) or empty(name, Tier.UNKNOWN)

    def dense(self, signal: str) -> Ints:
        return self.column(signal).dense(self.n)

    def number(self, signal: str) -> Floats:
        found = self.numbers.get(signal)
        return found if found is not None else np.full(self.n, np.nan)
