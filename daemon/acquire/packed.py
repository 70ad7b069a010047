"""Files that are packed with gzip or zstd, told by their first bytes, as a stream of what they hold."""

from __future__ import annotations

import gzip
import io
import zlib
from contextlib import suppress
from typing import Any, BinaryIO

HEAD = 64 << 10
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_SIP = 2048  # packed bytes at a time: at zstd's best ratio they give 64 MiB


def is_packed(head: bytes) -> bool:
    return head.startswith((GZIP, ZSTD))


def unpacked(stream: BinaryIO) -> tuple[BinaryIO, bytes]:
    """What ``stream`` holds, unpacked where it is packed, with the first 64 KiB of it. Reading on may raise one of
    :func:`unpack_errors`."""
    magic = stream.read(4)
    stream.seek(0)
    content = _content(magic, stream)
    if isinstance(content, io.BufferedReader) and magic.startswith(ZSTD):
        return content, content.peek(HEAD)[:HEAD]
    head = _head(content) if is_packed(magic) else content.read(HEAD)
    content.seek(0)
    return content, head


def _head(content: BinaryIO) -> bytes:
    """As much of the first HEAD bytes as there is: where they break off is told when they are read."""
    head, read = b"", getattr(content, "read1", content.read)
    with suppress(*unpack_errors()):
        while len(head) < HEAD and (more := read(HEAD - len(head))):
            head += more
    return head


def piped(stream: BinaryIO) -> BinaryIO:
    """What comes through a pipe, unpacked where it is packed, as soon as it comes. Reading may raise one of
    :func:`unpack_errors`."""
    magic = b""
    while len(magic) < 4 and (more := stream.read(4 - len(magic))):
        magic += more
    return _content(magic, io.BufferedReader(_Begun(magic, stream), HEAD))


def _content(magic: bytes, stream: BinaryIO) -> BinaryIO:
    if magic.startswith(GZIP):
        return gzip.GzipFile(fileobj=stream)  # type: ignore[return-value]
    return io.BufferedReader(_Zstd(stream), HEAD) if magic.startswith(ZSTD) else stream


def unpack_errors() -> tuple[type[Exception], ...]:
    """What a damaged packed stream raises while it is read."""
    import zstandard

    return (OSError, EOFError, zlib.error, zstandard.ZstdError)


class _Begun(io.RawIOBase):
    """A stream whose first bytes were read already."""

    def __init__(self, first: bytes, rest: BinaryIO) -> None:
        self._first = first
        self._read = getattr(rest, "read1", rest.read)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._first or self._read(len(buffer))
        size = min(len(buffer), len(data))
        buffer[:size], self._first = data[:size], data[size:] if self._first else b""
        return size


class _Zstd(io.RawIOBase):
    """All frames of a zstd stream, one after another. zstandard's own reader takes a cut frame for a whole one."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._frame: Any = None
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            packed = self._source.read(_SIP)
            if not packed:
                if self._frame is not None:
                    raise EOFError("the zstd data ends early")
                return 0
            self._ready = self._unpack(packed)
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size

    def _unpack(self, packed: bytes) -> bytes:
        import zstandard

        out = b""
        while packed:
            if self._frame is None:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            out += self._frame.decompress(packed)
            packed = b""
            if self._frame.eof:
                packed, self._frame = self._frame.unused_data, None
        return out
