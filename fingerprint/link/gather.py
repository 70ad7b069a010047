"""Gathers observations, one by one or as wide record batches, into columns."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from rackprint.fingerprint.link.columns import KINDS, Bools, Column, Columns, Ints, Longs, Name, empty
from rackprint.fingerprint.link.unique import first_copies
from rackprint.fingerprint.link.wide import Part, Taken, parts
from rackprint.fingerprint.model import Observation, Tier
from rackprint.fingerprint.signals import REGISTRY, tier

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
TEXTS = ("source", "app", "action", "target")
ACCOUNT: Name = ("account", Tier.UNKNOWN)


def build(observations: Iterable[Observation]) -> Columns:
    """Columns of ``observations``."""
    gathered = Gatherer()
    for observation in observations:
        gathered.add(observation)
    return gathered.finish()


@dataclass(slots=True)
class _Growing:
    """One signal of observations that come one by one."""

    rows: array[int] = field(default_factory=lambda: array("i"))
    codes: array[int] = field(default_factory=lambda: array("i"))
    known: dict[str, int] = field(default_factory=dict)
    scopes: list[str] = field(default_factory=list)

    def add(self, row: int, key: str, scope: str = "") -> None:
        code = self.known.setdefault(key, len(self.known))
        if code == len(self.scopes):
            self.scopes.append(scope)
        self.rows.append(row)
        self.codes.append(code)

    def part(self) -> Part:
        import pyarrow as pa

        names = tuple(sorted(set(self.scopes)))
        index = {name: n for n, name in enumerate(names)}
        return Part(
            np.array(self.rows, dtype=np.int32), np.array(self.codes, dtype=np.int32),
            pa.array(list(self.known), pa.string()),
            np.array([index[scope] for scope in self.scopes], dtype=np.int32), names,
        )  # fmt: skip


class Gatherer:
    """Takes observations and batches in any order; :meth:`finish` gives their columns."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._times = array("q")
        self._kinds = array("B")
        self._growing: dict[Name, _Growing] = {}
        self._numbers: dict[str, tuple[array[int], array[float]]] = {}
        self._unknown: dict[str, list[int]] = {}
        self._taken = Taken()

    def add(self, observation: Observation) -> None:
        """Takes one observation."""
        row = len(self._ids)
        self._ids.append(observation.id)
        self._times.append((observation.time - _EPOCH) // _MICROSECOND)
        self._kinds.append(KINDS.index(observation.source_kind))
        for name in TEXTS:
            text = getattr(observation, name)
            if text:
                self._column((name, Tier.UNKNOWN)).add(row, text)
        for account in dict.fromkeys(observation.accounts):
            self._column(ACCOUNT).add(row, account)
        seen: set[tuple[Name, str]] = set()
        for signal in observation.signals:
            entry = REGISTRY.get(signal.name)
            if entry is None:
                self._unknown.setdefault(signal.name, []).append(row)
            elif not signal.valid or signal.name == "account":
                continue
            elif entry.numeric:
                rows, values = self._numbers.setdefault(signal.name, (array("i"), array("d")))
                rows.append(row)
                values.append(float(signal.value))
            else:
                column, key = (signal.name, tier(signal)), signal.key
                if (column, key) not in seen:
                    seen.add((column, key))
                    self._column(column).add(row, key, signal.scope_key)

    def add_batch(self, batch: Any) -> None:
        """Takes a wide record batch (see :mod:`rackprint.fingerprint.parsers.batches`)."""
        if batch.num_rows:
            self._taken.add(batch)

    def _column(self, name: Name) -> _Growing:
        found = self._growing.get(name)
        if found is None:
            found = self._growing[name] = _Growing()
        return found

    def finish(self) -> Columns:
        """The columns. Of rows with the same id one counts, the smallest by content."""
        import pyarrow as pa

        n = len(self._ids)
        ids = [pa.array(self._ids, pa.string())]
        times, kinds = [np.array(self._times, dtype=np.int64)], [np.array(self._kinds, dtype=np.uint8)]
        gathered: dict[Name, list[Part]] = {name: [g.part()] for name, g in self._growing.items()}
        numbers = {
            name: [(np.array(rows, dtype=np.int32), np.array(values))] for name, (rows, values) in self._numbers.items()
        }
        if self._taken.rows:
            wide = parts(self._taken, offset=n)
            ids.append(wide.ids)
            times.append(wide.times)
            kinds.append(wide.kinds)
            for name, part in wide.columns.items():
                gathered.setdefault(name, []).append(part)
            for signal, found in wide.numbers.items():
                numbers.setdefault(signal, []).append(found)
            for signal, rows in wide.unknown.items():
                self._unknown.setdefault(signal, []).extend(rows.tolist())
            self._taken = Taken()
        all_ids = pa.concat_arrays([a.cast(pa.large_string()) for a in ids])
        merged = {name: _merged(name, found) for name, found in gathered.items()}
        order, place = _order(all_ids, np.concatenate(times), merged)
        count = len(order)
        columns = {name: _placed(column, place) for name, column in merged.items()}
        measures = {name: _measure(found, place, count) for name, found in numbers.items()}
        return Columns(
            ids=all_ids if _is_range(order, len(all_ids)) else all_ids.take(pa.array(order)),
            times=np.concatenate(times)[order],
            kinds=np.concatenate(kinds)[order],
            accounts=columns.pop(ACCOUNT, empty(*ACCOUNT)),
            texts={name: columns.pop((name, Tier.UNKNOWN)) for name in TEXTS if (name, Tier.UNKNOWN) in columns},
            signals={name: columns[name] for name in sorted(columns) if columns[name].size},
            numbers={name: measures[name] for name in sorted(measures)},
            unknown={
                name: int((place[np.array(rows, dtype=np.int64)] >= 0).sum())
                for name, rows in sorted(self._unknown.items())
            },
        )


def _merged(name: Name, found: list[Part]) -> Column:
    """One column of the parts, whose rows do not overlap."""
    import pyarrow as pa

    if len(found) == 1:
        part = found[0]
        return Column(*name, part.rows, part.codes, part.keys, part.scopes, part.scope_names)
    encoded = pa.chunked_array([pa.DictionaryArray.from_arrays(p.codes, p.keys.cast(pa.string())) for p in found])
    encoded = encoded.unify_dictionaries()
    keys = encoded.chunk(0).dictionary
    names = tuple(sorted({scope for p in found for scope in p.scope_names}))
    index = {scope: n for n, scope in enumerate(names)}
    codes = [chunk.indices.to_numpy(zero_copy_only=False).astype(np.int32) for chunk in encoded.chunks]
    scopes = np.zeros(len(keys), dtype=np.int32)
    for part, renamed in zip(found, codes, strict=True):
        if len(part.rows):
            own = np.array([index[scope] for scope in part.scope_names], dtype=np.int32)
            scopes[renamed] = own[part.scopes[part.codes]]
    return Column(*name, np.concatenate([p.rows for p in found]), np.concatenate(codes), keys, scopes, names)


def _order(ids: Any, times: Longs, columns: dict[Name, Column]) -> tuple[Longs, Ints]:
    """(order, place): the input rows in the order of their ids, each id once; and for each input row where it went,
    -1 for a row that another with its id stands for."""
    import pyarrow.compute as pc

    n = len(ids)
    order = np.arange(n, dtype=np.int64)
    if n > 1 and not pc.all(pc.less(ids[:-1], ids[1:])).as_py():
        order = pc.sort_indices(ids).to_numpy().astype(np.int64)
        ordered = ids.take(order)
        same = pc.equal(ordered[:-1], ordered[1:]).to_numpy(zero_copy_only=False)
        if same.any():
            order = order[first_copies(same, order, times, columns)]
    place = np.full(n, -1, dtype=np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    return order, place


def _is_range(order: Longs, n: int) -> bool:
    return len(order) == n and bool((order == np.arange(n)).all())


def _placed(column: Column, place: Ints) -> Column:
    """The column with its rows where they went, ascending, and its codes in the order of their first row."""
    rows = place[column.rows]
    kept: Bools = rows >= 0
    rows, codes = rows[kept], column.codes[kept]
    if len(rows) > 1 and (np.diff(rows) <= 0).any():
        if np.bincount(rows).max() > 1:
            # among the values of one row the text decides, since codes are still in the order of the input
            rank = np.empty(column.size, dtype=np.int64)
            rank[_sorted(column.keys)] = np.arange(column.size)
            by_row = np.lexsort((rank[codes], rows))
        else:
            by_row = np.argsort(rows, kind="stable")
        rows, codes = rows[by_row], codes[by_row]
    return _renumbered(column, rows, codes)


def _sorted(keys: Any) -> Longs:
    import pyarrow.compute as pc

    found: Longs = pc.sort_indices(keys).to_numpy().astype(np.int64)
    return found


def _renumbered(column: Column, rows: Ints, codes: Ints) -> Column:
    import pyarrow as pa

    first = np.full(column.size, len(rows), dtype=np.int64)
    first[codes[::-1]] = np.arange(len(rows) - 1, -1, -1)
    used = np.flatnonzero(first < len(rows))
    by_first = used[np.argsort(first[used], kind="stable")]
    renamed = np.full(column.size, -1, dtype=np.int32)
    renamed[by_first] = np.arange(len(by_first), dtype=np.int32)
    scopes = column.scopes[by_first]
    keys = column.keys.take(pa.array(by_first))
    return Column(column.signal, column.tier, rows, renamed[codes], keys, scopes, column.scope_names)


def _measure(found: list[tuple[Ints, Any]], place: Ints, n: int) -> Any:
    """The first value of each row, NaN where there is none."""
    values = np.full(n, np.nan)
    for rows, seen in found:
        at = place[rows]
        kept = at >= 0
        values[at[kept][::-1]] = seen[kept][::-1]
    return values
