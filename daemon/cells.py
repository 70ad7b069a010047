"""Values as people read them, and text from evidence made safe to show: in a terminal, and in a spreadsheet."""

from __future__ import annotations

from datetime import datetime
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def printable(text: str) -> str:
    """Control and bidirectional characters as \\x escapes, so evidence cannot drive a terminal or break a line."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def guarded(text: str) -> str:
    """A CSV cell that no spreadsheet takes for a formula: a leading ' before = + - @ tab (OWASP, CSV injection).
    Numbers stay as they are."""
    if text.startswith(_FORMULA):
        try:
            float(text)
        except ValueError:
            return "'" + text
    return text


def cell(value: Any) -> str:
    """A value as people read it: times to the minute in UTC, lists by commas, no None."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, float):
        if 0 < abs(value) < 1:
            return f"{value:.6f}" if value > 0.9995 else f"{value:.3f}"  # 0.999999 is not 1
        return f"{value:.1f}"
    if isinstance(value, list | tuple):
        return ", ".join(cell(v) for v in value)
    return str(value)


def csv_cell(value: Any) -> str:
    """A value as programs read it from CSV: times in full, numbers as they are, lists by semicolons, no formula."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, list | tuple):
        return guarded(";".join(map(str, value)))
    return guarded("" if value is None else str(value))


def csv_columns(table: Any) -> Any:
    """A pyarrow table with every cell as :func:`csv_cell` writes it."""
    import pyarrow as pa

    columns = [_csv_column(column.combine_chunks()) for column in table.columns]
    return pa.table(dict(zip(table.column_names, columns, strict=True)))


def _csv_column(column: Any) -> Any:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_timestamp(column.type):
        texts = pc.strftime(column, format="%Y-%m-%dT%H:%M:%SZ")
        return pc.replace_substring(texts, ".000000Z", "Z")
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column
    starts = [pc.starts_with(column, mark).to_numpy(zero_copy_only=False) for mark in _FORMULA]
    risky = np.flatnonzero(np.logical_or.reduce(starts))
    if not len(risky):
        return column
    texts = column.to_pylist()
    for at in risky.tolist():
        texts[at] = guarded(texts[at])
    return pa.array(texts, column.type)
