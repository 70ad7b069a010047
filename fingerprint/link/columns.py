"""Observations as columns: the form that linkers and kernels work on."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from rackprint.fingerprint.model import Observation, Scope, Signal, SourceKind, Tier
from rackprint.fingerprint.signals import spec, tier

# What these sources say of the unit was read from the unit; a platform or a record only repeats what it was told.
_FIRST_HAND = frozenset({SourceKind.ACQUISITION, SourceKind.CAPTURE})


@dataclass(slots=True)
class Column:
    """One tying signal, dictionary-encoded: row ``rows[k]`` carries the value ``keys[codes[k]]``."""

    signal: str
    tier: Tier
    scope: Scope
    rows: array[int] = field(default_factory=lambda: array("i"))
    codes: array[int] = field(default_factory=lambda: array("i"))
    keys: list[str] = field(default_factory=list)
    scopes: list[str] = field(default_factory=list)  # of each code
    first_hand: array[int] = field(default_factory=lambda: array("b"))

    def carriers(self) -> list[list[int]]:
        """For each code the rows that carry it, ascending."""
        found: list[list[int]] = [[] for _ in self.keys]
        for row, code in zip(self.rows, self.codes, strict=True):
            found[code].append(row)
        return found


@dataclass(slots=True)
class Columns:
    """``n`` observations in the order of their ids, with one column for each signal and tier that may tie."""

    ids: list[str]
    times: list[datetime]
    columns: list[Column]

    @property
    def n(self) -> int:
        return len(self.ids)


def build(observations: Iterable[Observation]) -> tuple[Columns, list[Observation]]:
    """Columns and the observations in their row order. Invalid values and signals that do not tie stay outside. Of
    observations with the same id one counts: the smallest as JSON, so that the order of the input decides nothing."""
    unique: dict[str, Observation] = {}
    for observation in observations:
        known_as = unique.setdefault(observation.id, observation)
        if known_as is not observation:
            unique[observation.id] = min(known_as, observation, key=msgspec.json.encode)
    rows = [unique[name] for name in sorted(unique)]
    columns: dict[tuple[str, Tier], Column] = {}
    codes: dict[tuple[str, Tier], dict[str, int]] = {}
    for row, observation in enumerate(rows):
        first_hand = observation.source_kind in _FIRST_HAND
        for signal, level in _tying(observation):
            name = (signal.name, level)
            column = columns.setdefault(name, Column(signal.name, level, spec(signal.name).scope))
            known = codes.setdefault(name, {})
            code = known.setdefault(signal.key, len(column.keys))
            if code == len(column.keys):
                column.keys.append(signal.key)
                column.scopes.append(signal.scope_key)
            column.rows.append(row)
            column.codes.append(code)
            column.first_hand.append(first_hand or signal.name == "exhibit")
    ordered = [columns[name] for name in sorted(columns)]
    return Columns([o.id for o in rows], [o.time for o in rows], ordered), rows


def _tying(observation: Observation) -> dict[tuple[Signal, Tier], None]:
    """Each distinct tying value of an observation once, with its tier."""
    found: dict[tuple[str, str], tuple[Signal, Tier]] = {}
    for signal in observation.signals:
        if signal.valid and spec(signal.name).ties:
            found.setdefault((signal.name, signal.key), (signal, tier(signal)))
    return dict.fromkeys(found.values())
