"""Wide record batches into the parts of columns: each distinct text is read once, not each row.

A wide batch has one row an observation: ``id``, ``time`` (microseconds, UTC), ``source``, ``account``, ``app``,
``action``, ``target``, ``exhibit``, and a column ``s:NAME`` for each signal, of texts, numbers, booleans or lists of
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rackprint.fingerprint.identifiers import mac
from rackprint.fingerprint.link.columns import KINDS, Floats, Ints, Longs, Name
from rackprint.fingerprint.model import Scope, SourceKind, Tier
from rackprint.fingerprint.signals import REGISTRY, SignalSpec, scope_key, spec

SIGNAL = "s:"
_TEXTS = frozenset({"source", "app", "action", "target", "account", "exhibit"})
# Texts that may be a placeholder (one character over and over) are read one by one.
_REPEATS = "(?:" + "|".join(f"{c}{{4}}" for c in "0123456789abcdefABCDEFxX") + ")$"


@dataclass(slots=True)
class Part:
    """As a Column, but its rows and codes may stand in any order."""

    rows: Ints
    codes: Ints
    keys: Any
    scopes: Ints
    scope_names: tuple[str, ...] = ("",)


@dataclass(slots=True)
class Wide:
    """What some batches hold, with rows counted on from an offset."""

    ids: Any
    times: Longs
    kinds: npt.NDArray[np.uint8]
    columns: dict[Name, Part]
    numbers: dict[str, tuple[Ints, Floats]]
    unknown: dict[str, Ints]  # the rows that carry each


@dataclass(slots=True)
class _Texts:
    """Entries of one field over all batches: row, code and the distinct raw texts."""

    rows: Ints
    codes: Ints
    words: Any


class Taken:
    """Batches as they come, each laid flat at once: for every field the rows that have it, and their values without
    nulls; texts are dictionary-encoded."""

    def __init__(self) -> None:
        self.rows = 0
        self.ids: list[Any] = []
        self.times: list[Longs] = []
        self.fields: dict[str, list[tuple[Ints, Any]]] = {}

    def add(self, batch: Any) -> None:
        """Takes one batch, its rows after those before."""
        import pyarrow as pa

        self.ids.append(batch.column("id").cast(pa.string()))
        self.times.append(batch.column("time").cast(pa.int64()).to_numpy())
        for field in batch.schema.names:
            signal = field.removeprefix(SIGNAL)
            known = REGISTRY.get(signal) if field.startswith(SIGNAL) else None
            if field in _TEXTS or field.startswith(SIGNAL):
                rows, values = _entries(batch.column(field), self.rows)
                if known is None or not known.numeric or pa.types.is_dictionary(values.type):
                    values = _as_texts(values)
                self.fields.setdefault(field, []).append((rows, values))
        self.rows += batch.num_rows


def parts(taken: Taken, offset: int = 0) -> Wide:
    """The parts of what was taken, whose first row is ``offset``."""
    import pyarrow as pa

    ids, times = pa.concat_arrays(taken.ids), np.concatenate(taken.times)
    sources, apps = _texts(taken, "source"), _texts(taken, "app")
    kinds, scopes, names = _sources(taken.rows, sources, apps)
    columns: dict[Name, Part] = {}
    for field in sorted(_TEXTS - {"exhibit"}):
        found = _texts(taken, field)
        if len(found.rows):
            columns[field, Tier.UNKNOWN] = _plain(found)
    numbers: dict[str, tuple[Ints, Floats]] = {}
    unknown: dict[str, Ints] = {}
    for field in sorted({f for f in taken.fields if f.startswith(SIGNAL)} | {f"{SIGNAL}exhibit"}):
        signal = field.removeprefix(SIGNAL)
        entry = REGISTRY.get(signal)
        if entry is None:
            seen = np.concatenate([rows for rows, _ in taken.fields[field]]) + np.int32(offset)
            unknown |= {signal: seen} if len(seen) else {}
        elif entry.numeric:
            numbers[signal] = _numbers(taken, field, entry)
        elif signal == "wifi_mac":
            columns |= _macs(_texts(taken, field), _texts(taken, f"{SIGNAL}ssid"), taken.rows)
        elif signal != "account":
            found = _exhibits(taken) if signal == "exhibit" else _texts(taken, field)
            columns[signal, entry.tier] = _signal(found, entry, scopes, names)
    for part in columns.values():
        part.rows = part.rows + np.int32(offset)
    moved = {name: ((rows + np.int32(offset)).astype(np.int32), values) for name, (rows, values) in numbers.items()}
    kept = {name: part for name, part in columns.items() if len(part.rows)}
    return Wide(ids, times, kinds, kept, moved, unknown)


def _entries(column: Any, start: int) -> tuple[Ints, Any]:
    """(rows, values without nulls) of a field, the rows counted on from ``start``; lists are laid flat."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        rows, values = pc.list_parent_indices(column).to_numpy().astype(np.int32), pc.list_flatten(column)
    else:
        rows, values = np.arange(len(column), dtype=np.int32), column
    if values.null_count:
        held = values.is_valid()
        rows, values = rows[held.to_numpy(zero_copy_only=False)], values.filter(held)
    return (rows + np.int32(start)).astype(np.int32), values


def _texts(taken: Taken, field: str) -> _Texts:
    import pyarrow as pa

    found = taken.fields.get(field)
    if not found:
        nothing = np.empty(0, dtype=np.int32)
        return _Texts(nothing, nothing, pa.array([], pa.string()))
    rows = [held for held, _ in found]
    encoded = pa.chunked_array([values for _, values in found]).unify_dictionaries()
    codes = [c.indices.to_numpy(zero_copy_only=False).astype(np.int32) for c in encoded.chunks]
    return _Texts(np.concatenate(rows), np.concatenate(codes), encoded.chunk(0).dictionary)


def _as_texts(values: Any) -> Any:
    """A dictionary of texts, each written as Python writes it."""
    import pyarrow as pa

    if not pa.types.is_dictionary(values.type):
        values = values.dictionary_encode()
    words = values.dictionary
    if not pa.types.is_string(words.type):
        told = words.to_pylist()
        words = pa.array([str(w).lower() if isinstance(w, bool) else str(w) for w in told], pa.string())
    return pa.DictionaryArray.from_arrays(values.indices.cast(pa.int32()), words)


def _sources(n: int, sources: _Texts, apps: _Texts) -> tuple[npt.NDArray[np.uint8], Ints, tuple[str, ...]]:
    """(kind, index of the app scope, and the names of those scopes) for each row."""
    words = sources.words.to_pylist()
    kind_of = np.array([KINDS.index(SourceKind(w.partition(":")[0])) for w in words], dtype=np.uint8)
    source = np.zeros(n, dtype=np.int32)
    source[sources.rows] = sources.codes
    app = np.full(n, -1, dtype=np.int32)
    app[apps.rows] = apps.codes
    names = [*apps.words.to_pylist(), ""]
    pairs, place = np.unique(source.astype(np.int64) * (len(names) + 1) + (app + 1), return_inverse=True)
    told = [
        scope_key(
            "android_id",
            source_kind=SourceKind(words[pair // (len(names) + 1)].partition(":")[0]),
            source=words[pair // (len(names) + 1)].partition(":")[2],
            app=names[pair % (len(names) + 1) - 1],
        )
        for pair in pairs.tolist()
    ]
    scopes = tuple(sorted(set(told)))
    index = np.array([scopes.index(name) for name in told], dtype=np.int32)
    return kind_of[source], index[place], scopes


def _plain(found: _Texts) -> Part:
    """Texts as they stand, but empty ones."""
    import pyarrow.compute as pc

    filled = pc.not_equal(found.words, "").to_numpy(zero_copy_only=False)
    kept = filled[found.codes]
    rows, codes = _distinct(found.rows[kept], found.codes[kept], len(found.words))
    return Part(rows, codes, found.words, np.zeros(len(found.words), dtype=np.int32))


def _distinct(rows: Ints, codes: Ints, size: int) -> tuple[Ints, Ints]:
    """Each value of a row once."""
    if len(rows) > 1 and not (np.diff(rows) > 0).all():
        both = np.unique(rows.astype(np.int64) * max(size, 1) + codes)
        return (both // max(size, 1)).astype(np.int32), (both % max(size, 1)).astype(np.int32)
    return rows, codes


def _signal(found: _Texts, entry: SignalSpec, scopes: Ints, names: tuple[str, ...]) -> Part:
    import pyarrow as pa
    import pyarrow.compute as pc

    values, valid = _normal(entry, found.words)
    kept = valid[found.codes]
    rows, raw = found.rows[kept], found.codes[kept]
    if entry.scope is not Scope.APP:
        return _coded(rows, raw, values, np.zeros(len(values), dtype=np.int32), ("",))
    encoded = pa.array(scopes[rows].astype(np.int64) * len(values) + raw).dictionary_encode()
    both = encoded.dictionary.to_numpy()
    scope, word = (both // max(1, len(values))).astype(np.int32), both % max(1, len(values))
    prefix = pa.array([f"{name}|" if name else "" for name in names], pa.string()).take(pa.array(scope))
    keys = pc.binary_join_element_wise(prefix, values.take(pa.array(word)), "")
    return _coded(rows, encoded.indices.to_numpy().astype(np.int32), keys, scope, names)


def _coded(rows: Ints, codes: Ints, keys: Any, scopes: Ints, names: tuple[str, ...]) -> Part:
    """A part whose keys are distinct: raw texts with the same normal form become one value."""
    encoded = keys.dictionary_encode()
    if len(encoded.dictionary) < len(keys):
        renamed = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32)
        own = np.zeros(len(encoded.dictionary), dtype=np.int32)
        own[renamed] = scopes
        keys, codes, scopes = encoded.dictionary, renamed[codes], own
    rows, codes = _distinct(rows, codes, len(keys))
    return Part(rows, codes, keys, scopes, names)


def _normal(entry: SignalSpec, words: Any) -> tuple[Any, npt.NDArray[np.bool_]]:
    """(normal forms, whether valid) of raw texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    own = np.zeros(len(words), dtype=bool)
    if entry.canonical and len(words):
        fits = pc.and_not(pc.match_substring_regex(words, entry.canonical), pc.match_substring_regex(words, _REPEATS))
        if entry.deny:
            fits = pc.and_not(fits, pc.is_in(words, value_set=pa.array(sorted(entry.deny))))
        own = fits.to_numpy(zero_copy_only=False)
        if own.all():
            return words, own
    odd = np.flatnonzero(~own)
    read = [entry.read(word) for word in words.take(pa.array(odd)).to_pylist()]
    valid = own.copy()
    valid[odd] = [ok for _, ok, _ in read]
    normal = pa.array([str(value) for value, _, _ in read], pa.string())
    if len(odd) == len(words):
        return normal, valid
    place = np.arange(len(words))
    place[odd] = len(words) + np.arange(len(odd))
    return pa.concat_arrays([words.cast(pa.string()), normal]).take(pa.array(place)), valid


def _numbers(taken: Taken, field: str, entry: SignalSpec) -> tuple[Ints, Floats]:
    import pyarrow as pa

    rows: list[Ints] = []
    values: list[Floats] = []
    for found, given in taken.fields[field]:
        if pa.types.is_integer(given.type) or pa.types.is_floating(given.type):
            seen = given.to_numpy(zero_copy_only=False).astype(np.float64)
            valid = np.isfinite(seen) & (np.abs(seen) <= 1e18)
        else:
            coded = _as_texts(given)
            read = [entry.read(word) for word in coded.dictionary.to_pylist()]
            known = np.array([float(value) if ok else np.nan for value, ok, _ in read])
            seen = known[coded.indices.to_numpy()] if len(known) else np.empty(0)
            valid = ~np.isnan(seen)
        rows.append(found[valid])
        values.append(seen[valid])
    if not rows:
        return np.empty(0, dtype=np.int32), np.empty(0)
    return np.concatenate(rows), np.concatenate(values)


def _macs(found: _Texts, ssids: _Texts, n: int) -> dict[Name, Part]:
    """Global MACs are the unit's; randomised ones compare within their network, and not at all without one."""
    import pyarrow as pa

    values, valid = _normal(spec("wifi_mac"), found.words)
    words = values.to_pylist()
    local = np.array([ok and mac.is_local(word) for word, ok in zip(words, valid, strict=True)], dtype=bool)
    network = np.full(n, -1, dtype=np.int32)
    network[ssids.rows[::-1]] = ssids.codes[::-1]
    single = np.bincount(ssids.rows, minlength=n) == 1  # a list of networks says not which one
    columns: dict[Name, Part] = {}
    whole = (valid & ~local)[found.codes] if len(words) else np.zeros(0, dtype=bool)
    columns["wifi_mac", Tier.HARDWARE] = _coded(
        found.rows[whole], found.codes[whole], values, np.zeros(len(values), dtype=np.int32), ("",)
    )
    own = local[found.codes] & (network[found.rows] >= 0) & single[found.rows] if len(words) else whole
    names = tuple(f"ssid:{word}" for word in ssids.words.to_pylist())
    keys = [(names[network[row]], words[code]) for row, code in zip(found.rows[own], found.codes[own], strict=True)]
    distinct = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    columns["wifi_mac", Tier.INSTALL] = Part(
        found.rows[own],
        np.array([distinct[key] for key in keys], dtype=np.int32),
        pa.array([f"{scope}|{word}" for scope, word in distinct], pa.string()),
        np.array([names.index(scope) for scope, _ in distinct], dtype=np.int32),
        names or ("",),
    )
    return columns


def _exhibits(taken: Taken) -> _Texts:
    """The exhibit signal, and where a row has none the observation's own label."""
    signal, label = _texts(taken, f"{SIGNAL}exhibit"), _texts(taken, "exhibit")
    if not len(label.rows):
        return signal
    import pyarrow as pa

    rest = ~np.isin(label.rows, signal.rows)
    words = pa.concat_arrays([signal.words.cast(pa.string()), label.words.cast(pa.string())])
    codes = np.concatenate([signal.codes, label.codes[rest] + np.int32(len(signal.words))])
    return _Texts(np.concatenate([signal.rows, label.rows[rest]]), codes, words)
