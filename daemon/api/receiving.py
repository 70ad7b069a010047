"""Bodies on their way in: in memory while they are small, else on the vault's file system, never both."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

from starlette.requests import ClientDisconnect, Request

from rackprint.daemon.api.problems import ProblemError
from rackprint.daemon.evidence.vault import sync_folder

PIECE = 1 << 20
PACKED = {"": "", "identity": "", "gzip": "gzip", "x-gzip": "gzip", "zstd": "zstd"}


class Body(NamedTuple):
    """A body: its bytes, or the file that holds it, with its hash and size."""

    data: bytes
    path: Path | None
    sha256: str
    size: int


def encoding(request: Request) -> str:
    """How the body is packed: ``gzip``, ``zstd`` or not. Raises ProblemError for what cannot be unpacked."""
    named = request.headers.get("content-encoding", "").strip().lower()
    if named not in PACKED:
        raise ProblemError(415, f"Content-Encoding {named} is not known; send gzip, zstd or neither")
    return PACKED[named]


def expected(request: Request, limit: int) -> int | None:
    """The length that the client names. Raises ProblemError where it is no number or over ``limit`` (0: none)."""
    named = request.headers.get("content-length")
    if named is None:
        return None
    if not named.isdigit():
        raise ProblemError(400, "Content-Length is no number")
    if limit and int(named) > limit:
        raise _too_large(limit)
    return int(named)


def _too_large(limit: int) -> ProblemError:
    return ProblemError(413, f"the body is larger than {limit} bytes; send it in parts, or upload it as an artifact")


async def pieces(request: Request, limit: int) -> AsyncIterator[bytes]:
    """The body as it comes. Raises ProblemError when it grows over ``limit`` (0: none) or the client goes."""
    size = 0
    try:
        async for piece in request.stream():
            size += len(piece)
            if limit and size > limit:
                raise _too_large(limit)
            if piece:
                yield piece
    except ClientDisconnect:
        raise ProblemError(400, "the body ended early; nothing of it was taken in") from None


async def receive(request: Request, folder: Path, small: int, limit: int) -> Body:
    """The whole body; over ``small`` bytes it goes to a file in ``folder``, which is on the disk when this returns."""
    kept = bytearray()
    stream = pieces(request, limit)
    async for piece in stream:
        kept += piece
        if len(kept) > small:
            return await _spool(kept, stream, folder)
    return Body(bytes(kept), None, "", len(kept))


async def _spool(kept: bytearray, stream: AsyncIterator[bytes], folder: Path) -> Body:
    path = folder / f"{secrets.token_hex(16)}.part"
    digest, size = hashlib.sha256(), 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            async for piece in stream:
                kept += piece
                if len(kept) >= PIECE:
                    size += await asyncio.to_thread(_write, descriptor, digest, kept)
                    kept = bytearray()
            size += await asyncio.to_thread(_write, descriptor, digest, kept)
            await asyncio.to_thread(os.fsync, descriptor)
        finally:
            os.close(descriptor)
        sync_folder(folder)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Body(b"", path, digest.hexdigest(), size)


def _write(descriptor: int, digest: hashlib._Hash, data: bytearray) -> int:
    digest.update(data)
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    return len(data)
