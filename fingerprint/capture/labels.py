"""Texts as options and headers carry them: names in uncompressed DNS wire form (RFC 1035, 3.1), and bytes that ought to
be UTF-8."""

from __future__ import annotations

_LABELS = 128


def text(value: bytes) -> str:
    """UTF-8 where it is that, else every byte by itself."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def labels(data: bytes) -> str:
    """The name that ``data`` begins with; a partial one has no root label at its end (RFC 4704, 4.2). What runs past
    the end is left out."""
    found: list[str] = []
    at = 0
    while at < len(data) and 0 < data[at] < 64 and len(found) < _LABELS and at + 1 + data[at] <= len(data):
        found.append(text(data[at + 1 : at + 1 + data[at]]))
        at += 1 + data[at]
    return ".".join(found)
