"""Decompression under a bound, and what can be saved of a zip whose directory is lost."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

LIMIT = 1 << 30
RATIO_LIMIT = 300  # text of logs packs about 10 to 1; deflate cannot do better than 1032 to 1
RATIO_FROM = 64 << 20
_HEADER = struct.Struct("<4sHHHHHIIIHH")  # local file header (PKWARE APPNOTE 4.3.7)
_SIGNATURE = b"PK\x03\x04"
_CHUNK = 64 << 10

Damaged = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)


class Bounded(io.RawIOBase):
    """A member's content that stops with a reason at damage, at a size limit, or where it grows as no honest text
    does. ``packed`` is its compressed size, 0 where that is not known."""

    def __init__(self, source: Any, packed: int, *, limit: int = LIMIT) -> None:
        self._source, self._packed, self._limit = source, packed, limit
        self._total = 0
        self.stopped = ""

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._total

    def readinto(self, buffer: Any) -> int:
        if self.stopped:
            return 0
        try:
            chunk: bytes = self._source.read(len(buffer))
        except Damaged as error:
            self.stopped = f"compressed data is damaged: {error}"
            return 0
        most = min(self._limit, max(RATIO_FROM, self._packed * RATIO_LIMIT) if self._packed else self._limit)
        if self._total + len(chunk) > most:
            chunk = chunk[: most - self._total]
            self.stopped = f"member unpacks to over {most >> 20} MiB; a zip bomb"
        self._total += len(chunk)
        buffer[: len(chunk)] = chunk
        return len(chunk)


class _Inflated:
    """A deflated stream of unknown length at the stream's place, read in chunks of bounded size."""

    def __init__(self, stream: BinaryIO, method: int, size: int) -> None:
        self._stream, self._left = stream, size
        self._inflate = zlib.decompressobj(-15) if method == zipfile.ZIP_DEFLATED else None

    def read(self, size: int) -> bytes:
        if self._inflate is None:
            data = self._stream.read(min(size, self._left))
            self._left -= len(data)
            return data
        if self._inflate.eof:
            return b""
        packed = self._inflate.unconsumed_tail or self._stream.read(_CHUNK)
        if not packed:
            raise EOFError("the data ends early")
        data = self._inflate.decompress(packed, size)
        return data or self.read(size)

    def finish(self) -> None:
        """Puts the stream behind the member, where its length was not written down."""
        if self._inflate is not None and self._inflate.eof:
            self._stream.seek(-len(self._inflate.unused_data), io.SEEK_CUR)


def salvage(stream: BinaryIO) -> Iterator[tuple[str, Any]]:
    """(name, content) of members by their local headers, in order, until one cannot be passed."""
    stream.seek(0)
    while True:
        header = stream.read(_HEADER.size)
        if len(header) < _HEADER.size or header[:4] != _SIGNATURE:
            return
        _, _, flags, method, _, _, _, packed, size, name_length, extra_length = _HEADER.unpack(header)
        name = stream.read(name_length).decode("utf-8", "replace")
        stream.seek(extra_length, io.SEEK_CUR)
        if flags & 1 or method not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            return
        start = stream.tell()
        content = _Inflated(stream, method, size)
        yield name, content
        if not flags & 8:
            stream.seek(start + packed)
            continue
        if not _pass(content):  # sizes stand behind the data: it must be read to find its end
            return
        content.finish()
        descriptor = stream.read(16)
        if descriptor[:4] != b"PK\x07\x08":
            stream.seek(-len(descriptor) + 12, io.SEEK_CUR)


def _pass(content: _Inflated) -> bool:
    total = 0
    try:
        while chunk := content.read(_CHUNK):
            total += len(chunk)
            if total > LIMIT:
                return False
    except Damaged:
        return False
    return True
