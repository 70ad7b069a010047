"""Makes text from evidence safe to show: in a terminal, and in a spreadsheet."""

from __future__ import annotations

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
