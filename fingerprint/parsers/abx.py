"""Android binary XML (ABX), which Android 12 and later write in the place of XML text.

Source of the format: AOSP, frameworks/base and frameworks/libs/modules-utils, BinaryXmlSerializer. A file starts with
``ABX`` and a version byte of 0. Every event is a byte, its low half the XmlPullParser event and its high half the type
of the value behind it; numbers are big-endian, strings a 16-bit length and UTF-8. An interned string is a 16-bit index
into those before it, or 0xFFFF and a new one. An attribute has its interned name before its value.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

MAGIC = b"ABX\0"
_NEW = 0xFFFF
_START_TAG, _END_TAG, _ATTRIBUTE = 2, 3, 15
_NULL, _STRING, _INTERNED, _HEX, _BASE64, _TRUE, _FALSE = 1, 2, 3, 4, 5, 12, 13
_NUMBERS = {6: ">i", 7: ">I", 8: ">q", 9: ">Q", 10: ">f", 11: ">d"}  # int, int hex, long, long hex, float, double
_SHOWN_IN_HEX = {7, 9}
_STRINGS = 1 << 16


class AbxError(ValueError):
    """The bytes are no ABX from ``offset`` on."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason)
        self.offset = offset


@dataclass(slots=True)
class Element:
    """A start tag with its attributes as text, and the byte that it begins at."""

    name: str
    offset: int
    attributes: dict[str, str] = field(default_factory=dict)


def elements(stream: BinaryIO) -> Iterator[Element]:
    """Start tags in document order; text and comments are passed over. Raises AbxError at the first damage, after what
    came before it."""
    reader = _Reader(stream)
    if reader.take(4) != MAGIC:
        raise AbxError("no ABX, or a version that is not known", 0)
    current: Element | None = None
    while event := reader.event():
        kind, value = event & 15, event >> 4
        at = reader.offset - 1
        if kind == _ATTRIBUTE:
            if current is None:
                raise AbxError("an attribute without an element", at)
            name = reader.interned()
            current.attributes[name] = reader.value(value, at)
            continue
        if current is not None:
            yield current
            current = None
        if kind == _START_TAG:
            current = Element(reader.value(value, at), at)
        else:
            reader.value(value, at)
    if current is not None:
        yield current


class _Reader:
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._strings: list[str] = []
        self.offset = 0

    def take(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) < size:
            raise AbxError("the data ends early", self.offset)
        self.offset += size
        return data

    def event(self) -> int:
        """The next event byte; 0 at the end. Every event has a type, so that no event is 0."""
        data = self._stream.read(1)
        self.offset += len(data)
        if data == b"\0":
            raise AbxError("an event without a type", self.offset - 1)
        return data[0] if data else 0

    def interned(self) -> str:
        at = self.offset
        index = int.from_bytes(self.take(2), "big")
        if index == _NEW:
            text = self._text()
            if len(self._strings) < _STRINGS:
                self._strings.append(text)
            return text
        if index >= len(self._strings):
            raise AbxError(f"refers to string {index} of {len(self._strings)}", at)
        return self._strings[index]

    def value(self, kind: int, at: int) -> str:
        """A value of the type ``kind`` as text."""
        if kind in _NUMBERS:
            form = _NUMBERS[kind]
            (number,) = struct.unpack(form, self.take(struct.calcsize(form)))
            return f"{number:x}" if kind in _SHOWN_IN_HEX else str(number)
        if kind in {_HEX, _BASE64}:
            return self.take(self._length()).hex()
        if kind == _INTERNED:
            return self.interned()
        if kind == _STRING:
            return self._text()
        if kind in {_TRUE, _FALSE}:
            return "true" if kind == _TRUE else "false"
        if kind == _NULL:
            return ""
        raise AbxError(f"a value of the unknown type {kind}", at)

    def _text(self) -> str:
        return self.take(self._length()).decode("utf-8", "replace")

    def _length(self) -> int:
        return int.from_bytes(self.take(2), "big")
