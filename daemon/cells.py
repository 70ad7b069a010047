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
