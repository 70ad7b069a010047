"""The custody log: append-only and hash-chained, one JSON object a line.

An entry's ``hash`` is the SHA-256 of its other fields as canonical JSON (sorted keys, no spaces, UTF-8), among them
``prev``, the hash of the entry before it; so no entry can be changed, removed or moved without breaking the chain.

A crash while appending can leave a last line without its end. Nothing was acknowledged for it: the next append keeps
those bytes in an entry of kind ``torn`` and takes the line away.

Text that is not UTF-8, such as a file name in another encoding, is written with its odd bytes as ``\\udcff``.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.vault import sync_folder

START = "0" * 64
Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry's hash, and how many entries there are."""

    hash: str
    count: int


def entry_hash(entry: Entry) -> str:
    """What ``hash`` must be."""
    body = {key: value for key, value in entry.items() if key != "hash"}
    return hashlib.sha256(_canonical(body)).hexdigest()


_FLAT = (str, int, bool)
_quick = msgspec.json.Encoder(order="sorted").encode


def _canonical(value: Entry) -> bytes:
    """The same bytes both ways; msgspec writes some numbers otherwise, so it writes only entries of plain fields."""
    if all(type(found) in _FLAT for found in value.values()):
        try:
            return _quick(value)
        except OverflowError:
            pass  # beyond 64 bits
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def parse(line: bytes) -> Entry:
    """One line as an entry. Raises ValueError unless it is written exactly as :meth:`CustodyLog.append` writes it."""
    try:
        entry = json.loads(line)
    except RecursionError as error:
        raise ValueError("is nested too deep") from error
    if not isinstance(entry, dict) or _canonical(entry) != line:
        raise ValueError("is not in canonical form")
    return entry


class CustodyLog:
    """The log of one case. An append is on the disk before it returns; one writer at a time, by file lock."""

    NAME = "custody.log"

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, kind: str, **fields: Any) -> Head:
        """Adds an entry with the time and ``fields``; returns the new head."""
        return self.append_many([(kind, fields)])

    def append_many(self, entries: Iterable[tuple[str, dict[str, Any]]]) -> Head:
        """Adds entries of (kind, fields) with a single wait for the disk; returns the new head."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            before = head = self._mended(file.fileno())
            lines = bytearray()
            for kind, fields in entries:
                head, line = _entry(head, kind, fields)
                lines += line
            size = os.fstat(file.fileno()).st_size
            try:
                _write(file.fileno(), lines)
                os.fsync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), size)  # none of them was told to anyone
                raise
            if before.count == 0:  # the file's name is new
                sync_folder(self.path.parent)
        return head

    def holds(self, head: Head) -> bool:
        """Whether entry number ``head.count`` still has the hash ``head.hash``: the log was neither cut nor rewritten
        since. Ask before appending to a log whose head was recorded elsewhere, or the next record hides the cut."""
        if head.count == 0:
            return head.hash == START
        line = next(islice(self._lines(), head.count - 1, None), b"")
        try:
            return bool(parse(line).get("hash") == head.hash)
        except ValueError:
            return False

    def entries(self) -> Iterator[Entry]:
        """All entries in order, unchecked; raises RackprintError at a line that is none."""
        return self.entries_after(0)

    def entries_after(self, count: int) -> Iterator[Entry]:
        """As :meth:`entries`, without the first ``count``."""
        for number, line in enumerate(islice(self._lines(), count, None), count + 1):
            try:
                yield parse(line)
            except ValueError as error:
                raise RackprintError(f"{self.path}, line {number}: is no entry; run rackprint verify") from error

    def naming(self, text: str) -> Iterator[Entry]:
        """Those entries whose line holds ``text``, without a look at the others."""
        wanted = text.encode()
        return (parse(line) for line in self._lines() if wanted in line)

    def head(self) -> Head:
        """The head as the file stands; (64 zeros, 0) when there is none. A torn last line does not count."""
        if not self.path.exists():
            return Head(START, 0)
        with self.path.open("rb") as file:
            return self._head(file.fileno())

    def _lines(self) -> Iterator[bytes]:
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield line[:-1]

    def _mended(self, descriptor: int) -> Head:
        size = os.fstat(descriptor).st_size
        end = _last_break(descriptor, size)
        torn = os.pread(descriptor, size - end, end) if end < size else b""
        if not torn:
            return self._head(descriptor)
        os.ftruncate(descriptor, end)
        head, line = _entry(self._head(descriptor), "torn", {"bytes": torn.hex()})
        _write(descriptor, line)
        return head

    def _head(self, descriptor: int) -> Head:
        size = os.fstat(descriptor).st_size
        end = _last_break(descriptor, size)
        if end == 0:
            return Head(START, 0)
        start = _last_break(descriptor, end - 1)
        try:
            entry = parse(os.pread(descriptor, end - 1 - start, start))
            return Head(str(entry["hash"]), int(entry["seq"]))
        except (ValueError, KeyError, TypeError) as error:
            raise RackprintError(f"{self.path}: its last line is no entry; run rackprint verify") from error


def _entry(head: Head, kind: str, fields: dict[str, Any]) -> tuple[Head, bytes]:
    time = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    entry: Entry = {**_utf8(fields), "kind": kind, "seq": head.count + 1, "time": time, "prev": head.hash}
    entry["hash"] = entry_hash(entry)
    return Head(entry["hash"], entry["seq"]), _canonical(entry) + b"\n"


def _utf8(value: Any) -> Any:
    """``value`` with every text in it fit for UTF-8; file names can hold lone surrogates that are not."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {_utf8(key): _utf8(found) for key, found in value.items()}
    return [_utf8(found) for found in value] if isinstance(value, (list, tuple)) else value


def _write(descriptor: int, data: bytes | bytearray) -> None:
    """All of ``data``: one call may take only a part of it."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _last_break(descriptor: int, size: int) -> int:
    """The offset behind the last line end before ``size``; 0 for none."""
    while size:
        start = max(0, size - 65_536)
        found = os.pread(descriptor, size - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        size = start
    return 0
