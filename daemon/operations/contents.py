"""What of the vault a custody log names: that, and nothing else, is a case's evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.custody import Head, parse
from rackprint.daemon.evidence.vault import is_hash, is_pack


class Part(NamedTuple):
    """An artifact's bytes in a pack."""

    offset: int
    size: int
    sha256: bytes


@dataclass(slots=True)
class Contents:
    """The head of the log, and what its entries name: files by their hash with their size, packs with their parts.
    ``known`` says where each pack ended at an earlier length of the log."""

    first: str = ""
    head: Head = field(default_factory=lambda: Head("", 0))
    loose: dict[str, int] = field(default_factory=dict)
    packs: dict[str, list[Part]] = field(default_factory=dict)
    known: dict[str, int] = field(default_factory=dict)

    @property
    def artifacts(self) -> int:
        return len(self.loose) + sum(map(len, self.packs.values()))

    @property
    def bytes(self) -> int:
        return sum(self.loose.values()) + sum(part.size for parts in self.packs.values() for part in parts)


def contents(log: Path, length: int, *, earlier: int = 0) -> Contents:
    """Reads the first ``length`` bytes of a log, of which ``earlier`` were known before.
    Raises RackprintError at a line that is no entry."""
    found = Contents()
    previous, end = "", 0
    for number, line in enumerate(_lines(log, length), 1):
        try:
            entry = parse(line)
            previous = str(entry["hash"])
            _add(found, entry)
        except (ValueError, KeyError, TypeError):
            raise RackprintError(f"{log}, line {number}: is no entry; rackprint verify says what is off") from None
        found.first = found.first or previous
        end += len(line) + 1
        if end == earlier:
            found.known = {name: packed_end(parts) for name, parts in found.packs.items()}
        found.head = Head(previous, number)
    for parts in found.packs.values():
        parts.sort()
    return found


def packed_end(parts: list[Part]) -> int:
    """Where the last of some parts of a pack ends."""
    return max(part.offset + part.size for part in parts)


def _add(found: Contents, entry: dict[str, Any]) -> None:
    if entry["kind"] not in {"artifact", "leftover"}:
        return
    sha256, size, pack, offset = entry["sha256"], entry["size"], entry.get("pack", ""), entry.get("offset", 0)
    if not (is_hash(sha256) and isinstance(size, int) and isinstance(offset, int) and size >= 0 and offset >= 0):
        raise ValueError("lacks its hash, size or place")
    if not pack:
        found.loose[sha256] = size
    elif isinstance(pack, str) and is_pack(pack):
        found.packs.setdefault(pack, []).append(Part(offset, size, bytes.fromhex(sha256)))
    else:
        raise ValueError("names no pack")


def _lines(log: Path, length: int) -> Iterator[bytes]:
    with log.open("rb") as file:
        for line in file:
            length -= len(line)
            if length < 0 or not line.endswith(b"\n"):
                return
            yield line[:-1]


def whole_length(log: Path) -> int:
    """The length of a log up to the end of its last whole line."""
    with log.open("rb") as file:
        size = end = file.seek(0, 2)
        while end:
            start = max(0, end - 65_536)
            file.seek(start)
            at = file.read(end - start).rfind(b"\n")
            if at >= 0:
                return min(size, start + at + 1)
            end = start
    return 0


def begins_with(log: Path, beginning: Path) -> bool:
    """Whether all bytes of ``beginning`` are the first of ``log``."""
    with log.open("rb") as long, beginning.open("rb") as short:
        while chunk := short.read(1 << 20):
            if long.read(len(chunk)) != chunk:
                return False
    return True
