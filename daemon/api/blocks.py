"""A platform's bodies in blocks of whole lines, unpacked: nothing of them touches the disk before its values are
pseudonyms, whatever their size."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from rackprint.daemon.api.problems import ProblemError
from rackprint.fingerprint.parsers.events import ARRAY_LIMIT, LINE_LIMIT

BLOCK = 1 << 20
_SIP = 4096  # packed bytes at a time; they may give a thousand times as many


async def blocks(stream: AsyncIterator[bytes], packed: str) -> AsyncIterator[bytes]:
    """Whole lines, about BLOCK bytes at a time; a JSON array as one. Raises ProblemError for what cannot be cut so."""
    rest = bytearray()
    async for piece in stream_of(stream, packed):
        rest += piece
        if rest[:1] == b"[":
            if len(rest) > ARRAY_LIMIT:
                raise ProblemError(413, "a JSON array is too long; send one object a line")
            continue
        while len(rest) >= BLOCK:
            cut = rest.find(b"\n", BLOCK - 1) + 1
            if not cut:
                if len(rest) > BLOCK + LINE_LIMIT:
                    raise ProblemError(413, "a line is too long; send one object a line")
                break
            yield bytes(rest[:cut])
            del rest[:cut]
    if rest:
        yield bytes(rest)


async def stream_of(stream: AsyncIterator[bytes], packed: str) -> AsyncIterator[bytes]:
    """The stream, unpacked. Raises ProblemError where it is not what it says."""
    if not packed:
        async for piece in stream:
            yield piece
        return
    unpack = _gzip() if packed == "gzip" else _zstd()
    try:
        async for piece in stream:
            for start in range(0, len(piece), _SIP):
                for found in unpack(piece[start : start + _SIP]):
                    yield found
        for found in unpack(b""):
            yield found
    except (zlib.error, EOFError, _zstd_error()) as error:
        raise ProblemError(400, f"the body cannot be unpacked as {packed}: {error}") from None


def _gzip() -> Callable[[bytes], Iterator[bytes]]:
    unpacker: Any = None

    def feed(data: bytes) -> Iterator[bytes]:
        nonlocal unpacker
        if not data and unpacker is not None:
            raise EOFError("it ends early")
        while data:
            unpacker = unpacker or zlib.decompressobj(31)
            yield unpacker.decompress(data)
            data = unpacker.unused_data
            if unpacker.eof:
                unpacker = None

    return feed


def _zstd() -> Callable[[bytes], Iterator[bytes]]:
    import zstandard

    unpacker: Any = None

    def feed(data: bytes) -> Iterator[bytes]:
        nonlocal unpacker
        if not data and unpacker is not None:
            raise EOFError("it ends early")
        while data:
            unpacker = unpacker or zstandard.ZstdDecompressor().decompressobj()
            yield unpacker.decompress(data)
            data = unpacker.unused_data
            if unpacker.eof:
                unpacker = None

    return feed


def _zstd_error() -> type[Exception]:
    import zstandard

    return zstandard.ZstdError
