"""A part of a file as a stream of its own."""

from __future__ import annotations

import io
from typing import Any, BinaryIO


class Part(io.RawIOBase):
    """``size`` bytes of ``stream`` from ``offset``; closing it closes the stream."""

    def __init__(self, stream: BinaryIO, offset: int, size: int) -> None:
        self._stream, self._offset, self._size, self._at = stream, offset, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        wanted = max(0, min(len(buffer), self._size - self._at))
        self._stream.seek(self._offset + self._at)
        data = self._stream.read(wanted)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


def part(stream: BinaryIO, offset: int, size: int) -> io.BufferedReader:
    """A part of ``stream``, read ahead."""
    return io.BufferedReader(Part(stream, offset, size), 1 << 16)
