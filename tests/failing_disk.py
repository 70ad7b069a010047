"""Programs on a disk that fails: calls that are made to fail, and what a power loss at any moment would leave
(faults/shim.c)."""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

_HEAD = struct.Struct("<cIQQII")
_SECTOR = 512


def build(folder: Path) -> Path:
    """The shim as a library; skips the test where there is no compiler."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not here")
    out = folder / "shim.so"
    source = Path(__file__).parent / "faults" / "shim.c"
    subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", out, source, "-ldl"], check=True)
    return out


def environment(shim: Path, root: Path, *, control: Path | None = None, trace: Path | None = None) -> dict[str, str]:
    """What a program's environment must hold."""
    found = {"LD_PRELOAD": str(shim), "FAULTS_ROOT": os.path.realpath(root)}
    if control is not None:
        control.touch()
        found["FAULTS_CONTROL"] = str(control)
    if trace is not None:
        found["FAULTS_TRACE"] = str(trace)
    return found


class Record(NamedTuple):
    op: str
    pid: int
    number: int
    offset: int
    path: str
    data: bytes


def mark(trace: Path, text: str) -> None:
    """Notes in the trace that something was seen from outside, such as an acknowledgement."""
    data = text.encode()
    with trace.open("ab", buffering=0) as file:
        file.write(_HEAD.pack(b"A", 0, 0, 0, 0, len(data)) + data)


def records(trace: Path) -> Iterator[Record]:
    """The trace in order; a record that was cut by a kill ends it."""
    with trace.open("rb") as file:
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            op, pid, number, offset, length, size = _HEAD.unpack(head)
            path, data = file.read(length), file.read(size)
            if len(path) + len(data) < length + size:
                return
            yield Record(op.decode(), pid, number, offset, path.decode(), data)


@dataclass
class _File:
    """What is surely on the disk, and what is not yet: (place in the trace, record)."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, Record]] = field(default_factory=list)

    def sync(self, before: int) -> None:
        for place, record in self.pending:
            if place < before:
                _apply(self.durable, record, len(record.data))
        self.pending = [(place, record) for place, record in self.pending if place >= before]


def _apply(content: bytearray, record: Record, size: int) -> None:
    if record.op == "T":
        content[record.offset :] = bytes(max(0, record.offset - len(content)))
        return
    end = record.offset + size
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    content[record.offset : end] = record.data[:size]


class Disk:
    """The folder ``root`` as the trace changes it, from how it lies at ``start``."""

    def __init__(self, root: Path, start: Path) -> None:
        self._root = os.path.realpath(root)
        self._live: dict[str, _File] = {}
        for path in start.rglob("*"):
            if path.is_file() and not path.is_symlink():
                self._live[f"{self._root}/{path.relative_to(start)}"] = _File(bytearray(path.read_bytes()))
        self._names = dict(self._live)
        self._begun: dict[tuple[int, int], int] = {}

    def step(self, place: int, record: Record) -> None:
        """One record further."""
        live, path = self._live, record.path
        if record.op in "WT":
            live.setdefault(path, _File()).pending.append((place, record))
        elif record.op == "C":
            live[path] = _File()
        elif record.op == "U":
            live.pop(path, None)
        elif record.op in "RL" and path in live:
            live[record.data.decode()] = live.pop(path) if record.op == "R" else live[path]
        elif record.op == "B":
            self._begun[record.pid, record.number] = place
        elif record.op == "S":
            self._synced(path, self._begun.pop((record.pid, record.number), place))

    def _synced(self, path: str, before: int) -> None:
        if path in self._live:
            self._live[path].sync(before)
            self._names[path] = self._live[path]  # with a file its name, as ext4 and XFS have it
            return
        inside = {name for name in self._live if os.path.dirname(name) == path}  # noqa: PTH120
        gone = {name for name in self._names if os.path.dirname(name) == path} - inside  # noqa: PTH120
        for name in gone:
            del self._names[name]
        for name in inside:
            self._names[name] = self._live[name]

    def lose_power(self, target: Path, dice: random.Random | None = None) -> None:
        """Writes to ``target`` what is there after a power loss now: of what was not synced nothing, or with ``dice``
        some of it, the last write torn."""
        written: dict[int, Path] = {}  # two names of one file stay that
        for name, file in self._names.items():
            path = target / os.path.relpath(name, self._root)
            path.parent.mkdir(parents=True, exist_ok=True)
            first = written.setdefault(id(file), path)
            if first != path:
                path.hardlink_to(first)
                continue
            content = bytearray(file.durable)
            if dice is not None and file.pending:
                for _, record in file.pending[: dice.randrange(len(file.pending) + 1)]:
                    _apply(content, record, len(record.data))
                torn = file.pending[dice.randrange(len(file.pending))][1]
                if dice.random() < 0.5:
                    _apply(content, torn, min(len(torn.data), _SECTOR * dice.randrange(8)))
            path.write_bytes(content)
