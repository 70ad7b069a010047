"""The sync service of an emulated phone, which can be read and never written (AOSP packages/modules/adb, SYNC.TXT and
file_sync_protocol.h). A request is an id, the length of a path, and the path."""

from __future__ import annotations

import errno
import stat
import struct
from collections.abc import Callable

_HEAD = struct.Struct("<4sI")
_STAT_2 = struct.Struct("<4sIQQIIIIQqqq")
_CHUNK = 64 << 10  # SYNC_DATA_MAX
_LONGEST = 1024  # of a path
_MODE = stat.S_IFREG | 0o444


class SyncError(Exception):
    """What was asked is no request that can be answered; the stream ends."""


class Sync:
    """``file`` gives what is at a path, None where there is nothing; ``time`` is when all of them were changed."""

    def __init__(self, file: Callable[[str], bytes | None], time: int) -> None:
        self._file, self._time = file, time
        self._rest = bytearray()
        self.over = False

    def feed(self, data: bytes) -> bytes:
        """The answers to the requests that are whole by now. Raises SyncError."""
        self._rest += data
        out = []
        while not self.over and len(self._rest) >= _HEAD.size:
            kind, size = _HEAD.unpack_from(self._rest)
            if size > _LONGEST:
                raise SyncError("path is too long")
            if len(self._rest) < _HEAD.size + size:
                break
            path = bytes(self._rest[_HEAD.size : _HEAD.size + size]).decode(errors="replace")
            del self._rest[: _HEAD.size + size]
            out.append(self._answer(kind, path))
        return b"".join(out)

    def _answer(self, kind: bytes, path: str) -> bytes:
        if kind == b"QUIT":
            self.over = True
            return b""
        if kind == b"RECV":
            return self._receive(path)
        if kind == b"LIST":  # no folder is listed
            return struct.pack("<4s4I", b"DONE", 0, 0, 0, 0)
        if kind == b"STAT":
            found = self._file(path)
            told = (0, 0, 0) if found is None else (_MODE, len(found), self._time)
            return struct.pack("<4s3I", b"STAT", *told)
        if kind in {b"STA2", b"LST2"}:
            return self._stat_2(kind, path)
        if kind == b"SEND":
            self.over = True
            return _fail("an emulated phone takes no files")
        raise SyncError(f"unknown request {kind!r}")

    def _stat_2(self, kind: bytes, path: str) -> bytes:
        found = self._file(path)
        if found is None:
            return _STAT_2.pack(kind, errno.ENOENT, *(0,) * 10)
        times = (self._time,) * 3
        return _STAT_2.pack(kind, 0, 1, 1, _MODE, 1, 0, 0, len(found), *times)

    def _receive(self, path: str) -> bytes:
        found = self._file(path)
        if found is None:
            return _fail("open failed: No such file or directory")
        chunks = (found[at : at + _CHUNK] for at in range(0, len(found), _CHUNK))
        return b"".join(_HEAD.pack(b"DATA", len(chunk)) + chunk for chunk in chunks) + _HEAD.pack(b"DONE", 0)


def _fail(why: str) -> bytes:
    return _HEAD.pack(b"FAIL", len(why)) + why.encode()
