"""A part of a stream as a stream of its own, so that an answer of any size is read where it stands."""

from __future__ import annotations

import io
from typing import BinaryIO, cast

_STEP = 64 << 10


class Window(io.RawIOBase):
    """``size`` bytes of ``stream`` from ``start`` on, or what there is of them; ``whole`` tells whether all are. The
    stream must stay unread by others meanwhile."""

    def __init__(self, stream: BinaryIO, start: int, size: int) -> None:
        super().__init__()
        self._stream, self._start, self._at = stream, start, 0
        self._end = stream.seek(0, io.SEEK_END)
        self.size = max(0, min(size, self._end - start))
        self.whole = self.size >= size
        self._behind = start + max(0, size)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("seeks before the start")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        self._stream.seek(self._start + self._at)
        data = self._stream.read(max(0, min(len(buffer), self.size - self._at)))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def head(self, size: int) -> bytes:
        """The first ``size`` bytes of it."""
        self._stream.seek(self._start)
        return self._stream.read(min(size, self.size))

    def beyond(self, size: int) -> bytes:
        """``size`` bytes of what stands behind it."""
        self._stream.seek(self._behind)
        return self._stream.read(max(0, size))

    def cut(self) -> None:
        """Ends it with its last whole line."""
        at = self.size
        while at > 0:
            step = min(_STEP, at)
            self._stream.seek(self._start + at - step)
            found = self._stream.read(step).rfind(b"\n")
            if found >= 0:
                self.size = at - step + found + 1
                return
            at -= step
        self.size = 0


def view(window: Window) -> BinaryIO:
    """A buffered reader of it, from its start."""
    window.seek(0)
    return cast(BinaryIO, io.BufferedReader(window))
