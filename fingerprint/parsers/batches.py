"""Observations by the hundred thousand: NDJSON blocks and Parquet as wide record batches (see link/wide.py).

A block that Arrow's reader takes as it is, and that holds to contract 1, becomes a batch. Any other block is read line
by line, which names the bad line; both ways give the same columns.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from rackprint.fingerprint.model import ArtifactInfo, SourceKind

SAMPLE = 400  # lines that tell the types of a file's signals; a type that comes later costs one slow block
OBJECTS, LISTS = 16, 64  # in a line; Arrow's reader follows nesting as deep as it goes, and falls
SIGNAL = "s:"
_TEXTS = ("source", "app", "action", "target", "exhibit")
_FIELDS = ("id", "time", "account", *_TEXTS, "signals", "scopes")
_KINDS = frozenset(SourceKind)
# The form of RFC 3339 that both ways of reading take alike.
_RFC3339 = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$"
_FIRST, _LAST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


class Types:
    """The JSON types that the fields of a file were seen with."""

    def __init__(self) -> None:
        self._signals: dict[str, str] = {}
        self._account = ""

    def learn(self, line: bytes) -> None:
        """Takes note of one line; one that cannot be read tells nothing."""
        try:
            row = msgspec.json.decode(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(row, dict):
            return
        self._account = _wider(self._account, _kind(row.get("account")))
        signals = row.get("signals")
        for name, value in signals.items() if isinstance(signals, dict) else ():
            self._signals[name] = _wider(self._signals.get(name, ""), _kind(value))

    def schema(self) -> Any:
        """The schema to read with; None where a field comes in forms that one column cannot hold."""
        import pyarrow as pa

        kinds = {
            "text": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(),
            "list text": pa.list_(pa.string()), "list int": pa.list_(pa.int64()), "list float": pa.list_(pa.float64()),
        }  # fmt: skip
        if self._account not in {"", "text", "list text"} or any(k and k not in kinds for k in self._signals.values()):
            return None
        signals = [pa.field(name, kinds[kind]) for name, kind in sorted(self._signals.items()) if kind]
        fields = [pa.field("id", pa.string()), pa.field("time", pa.string())]
        fields += [pa.field(name, pa.string()) for name in _TEXTS]
        fields.append(pa.field("account", kinds[self._account or "text"]))
        return pa.schema([*fields, pa.field("signals", pa.struct(signals))] if signals else fields)


def _kind(value: object) -> str:
    if isinstance(value, list):
        kinds = {"mixed" if isinstance(v, list) else _kind(v) for v in value} - {""}
        return "" if not kinds else f"list {kinds.pop()}" if len(kinds) == 1 else "mixed"
    if value is None:
        return ""
    return {str: "text", bool: "bool", int: "int", float: "float"}.get(type(value), "mixed")


def _wider(known: str, seen: str) -> str:
    if not known or not seen or known == seen:
        return known or seen
    return "mixed"


def block(data: bytes, types: Types, info: ArtifactInfo, first_line: int) -> Any:
    """A block of whole lines as a wide batch, or None where it has to be read line by line."""
    import io

    import pyarrow as pa
    from pyarrow import json

    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    schema = types.schema()
    if schema is None or data.count(b"\n{") + data.startswith(b"{") != lines or _deep(data, lines):
        return None
    if b"\\" in data and (b"\\ud" in data or b"\\uD" in data):  # half of a surrogate pair, perhaps
        return None
    try:
        data.decode()
        table = json.read_json(
            io.BytesIO(data),
            read_options=json.ReadOptions(block_size=max(1 << 22, 1 << (len(data) // lines).bit_length() + 4)),
            parse_options=json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="infer"),
        )
    except (UnicodeDecodeError, pa.ArrowException):
        return None
    if table.num_rows != lines:
        return None
    fresh = [f for f in table.schema if f.name == "signals"]
    known = {f.name for f in schema.field("signals").type} if "signals" in schema.names else set()
    if fresh and any(f.name not in known and not pa.types.is_null(f.type) for f in fresh[0].type):
        return None
    return canonical(table.combine_chunks(), info, first_line)


def _deep(data: bytes, lines: int) -> bool:
    """Whether a line may nest deeper than Arrow's reader should follow. Most files have two objects a line."""
    if data.count(b"{") == 2 * lines == 2 * data.count(b'"signals"') and data.count(b"[") <= LISTS:
        return False
    return any(line.count(b"{") > OBJECTS or line.count(b"[") > LISTS for line in data.split(b"\n"))


def canonical(table: Any, info: ArtifactInfo, first_row: int) -> Any:
    """A table with the columns of contract 1 as a wide batch; None where a row does not hold to the contract, or says
    what a batch cannot."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = {name: _whole(table.column(name)) for name in table.column_names if name in _FIELDS}
    scopes = columns.pop("scopes", None)
    if scopes is not None and scopes.null_count < len(scopes):
        return None
    if not {"time", "source"} <= columns.keys() or columns["time"].null_count or columns["source"].null_count:
        return None
    time = _time(columns["time"])
    fields = {name: _text(columns[name]) for name in ("id", *_TEXTS) if name in columns}
    if time is None or any(field is None for field in fields.values()):
        return None
    if not all(_sound_source(word) for word in fields["source"].unique().to_pylist()):
        return None
    accounts = columns.get("account")
    if accounts is not None and not _sound_accounts(accounts):
        return None
    ids = fields.pop("id", None)
    made = pa.array([info.observation_id(first_row + n) for n in range(table.num_rows)]) if _lacks(ids) else None
    if made is not None:
        ids = made if ids is None else pc.if_else(pc.fill_null(pc.equal(ids, ""), True), made, ids)
    found: dict[str, Any] = {"id": ids, "time": time}
    found |= {name: field.dictionary_encode() for name, field in fields.items()}
    if info.exhibit:
        label = fields.get("exhibit", pa.nulls(table.num_rows, pa.string()))
        missing = pc.fill_null(pc.equal(label, ""), True)
        found["exhibit"] = pc.if_else(missing, info.exhibit, label).dictionary_encode()
    if accounts is not None and not pa.types.is_null(accounts.type):
        found["account"] = _encoded(accounts)
    signals = columns.get("signals")
    if signals is not None and not pa.types.is_null(signals.type):
        if not pa.types.is_struct(signals.type):
            return None
        for field in signals.type:
            values = pc.struct_field(signals, field.name)
            if not pa.types.is_null(values.type):
                if not _simple(values.type):
                    return None
                found[SIGNAL + field.name] = _encoded(values)
    return pa.RecordBatch.from_pydict(found)


def _whole(column: Any) -> Any:
    return column.combine_chunks() if hasattr(column, "combine_chunks") else column


def _lacks(ids: Any) -> bool:
    import pyarrow.compute as pc

    return ids is None or bool(pc.any(pc.fill_null(pc.equal(ids, ""), True)).as_py())


def _time(column: Any) -> Any:
    """Microseconds, UTC; None where there are other times than a datetime holds. Texts need their zone; Parquet's own
    times without one are UTC by its convention."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(column.type):
        if not pc.all(pc.match_substring_regex(column, _RFC3339)).as_py():
            return None
        try:
            column = column.cast(pa.timestamp("us", tz="UTC"))
        except pa.ArrowException:
            return None
    if not pa.types.is_timestamp(column.type):
        return None
    try:
        time = column.cast(pa.timestamp("us", tz="UTC"), safe=column.type.unit != "ns")
        span = pc.min_max(time.cast(pa.int64())).as_py()
    except pa.ArrowException:
        return None
    if len(time) and not (_FIRST.timestamp() * 1e6 < span["min"] and span["max"] < _LAST.timestamp() * 1e6):
        return None
    return time


def _text(column: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_null(column.type) or pa.types.is_large_string(column.type):
        column = column.cast(pa.string())
    return column if pa.types.is_string(column.type) else None


def _sound_source(word: str) -> bool:
    kind, _, name = word.partition(":")
    return kind in _KINDS and bool(name)


def _sound_accounts(column: Any) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        column = pc.list_flatten(column)
    if pa.types.is_null(column.type):
        return True
    texts = _text(column)
    if texts is None:
        return False
    fits = pc.match_substring_regex(texts.unique(), r"^(?s:[^:]+:.+)?$")
    return bool(pc.all(pc.fill_null(fits, True)).as_py())


def _simple(kind: Any) -> bool:
    import pyarrow as pa

    types = pa.types
    if types.is_list(kind) or types.is_large_list(kind):
        return _simple(kind.value_type) and not types.is_list(kind.value_type)
    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        types.is_string(kind) or types.is_large_string(kind) or types.is_signed_integer(kind)
        or types.is_boolean(kind) or types.is_floating(kind)
    )  # fmt: skip


def _encoded(values: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_large_string(values.type):
        values = values.cast(pa.string())
    return values.dictionary_encode() if pa.types.is_string(values.type) else values


def frozen(batch: Any) -> bytes:
    """A batch as bytes (an Arrow stream)."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def thawed(data: bytes) -> list[Any]:
    """The batches that :func:`frozen` made bytes of."""
    import pyarrow as pa

    with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
        return list(reader)
