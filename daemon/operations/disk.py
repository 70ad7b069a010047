"""Room and speed of the disks that a case lies on."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from rackprint.daemon.operations.finding import ABSENT, FAIL, OK, WARN, Finding, size
from rackprint.daemon.operations.place import why

FOLDERS = ("incoming", "uploads")
_LEAST = 5 << 30
_SHARE = 0.10
_SLOW = 0.1  # seconds for one fsync


def disks(case: Path) -> list[Finding]:
    """The disk of the case, and of its folders where they lie on another."""
    if not case.is_dir():
        return [Finding("disk", ABSENT, f"{case}: is no folder", "make a case with rackprint ingest, or name it")]
    found = [_disk("disk", case)]
    here = case.stat().st_dev
    for name in FOLDERS:
        folder = case / name
        if folder.is_dir() and folder.stat().st_dev != here:
            found.append(_disk(f"disk of {name}", folder))
    return found


def _disk(what: str, folder: Path) -> Finding:
    room = os.statvfs(folder)
    free, whole = room.f_bavail * room.f_frsize, max(1, room.f_blocks * room.f_frsize)
    told = f"{size(free)} free ({free / whole:.0%})"
    if room.f_files:
        told += f", {room.f_favail / room.f_files:.0%} of inodes free"
    try:
        seconds = _fsync(folder)
    except OSError as error:
        return Finding(what, FAIL, f"{folder}: {told}; no file can be written: {why(error)}", _remedy(free))
    told += f", fsync {seconds * 1000:.1f} ms"
    if free < _LEAST or free / whole < _SHARE or (room.f_files and room.f_favail / room.f_files < _SHARE):
        return Finding(what, WARN, f"{folder}: {told}", "make room before evidence is refused")
    if seconds > _SLOW:
        return Finding(what, WARN, f"{folder}: {told}", "a disk this slow slows down every intake; take a local one")
    return Finding(what, OK, f"{folder}: {told}")


def _remedy(free: int) -> str:
    return "give it to the user that runs rackprint, and mount it for writing" if free else "make room"


def _fsync(folder: Path) -> float:
    """The median time of a small write that waits for the disk, in a file that is removed."""
    taken: list[float] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(5):
            began = time.monotonic()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            taken.append(time.monotonic() - began)
    return sorted(taken)[len(taken) // 2]
