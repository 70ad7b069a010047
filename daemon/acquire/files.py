"""Finds the files under the given paths, with what their collector's manifest says, and opens them read-only."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec

from rackprint.fingerprint.model import Problem

MANIFEST = "handset.json"


class Manifest(msgspec.Struct, frozen=True):
    """``handset.json``: what a collector knew of the handset whose files lie beside it."""

    exhibit: str = ""
    host: str = ""
    usb_path: str = ""
    transport_id: str = ""
    hub: str = ""
    ssid: str = ""
    taken_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None

    def handset(self) -> tuple[str, str]:
        """What an acquisition knows a phone by where no person labelled it: the run, and the slot in that run. Serials
        repeat; two slots of one host on one day are two phones."""
        if self.exhibit or not self.usb_path or not self.taken_at:
            return "", ""
        return f"{self.host}@{self.taken_at.astimezone(UTC):%Y-%m-%d}", self.usb_path

    def context(self) -> tuple[tuple[str, str], ...]:
        hub = self.hub or (self.usb_path.rpartition(".")[0] if "." in self.usb_path else "")
        place = f"{self.host}:" if self.host else ""
        found = (
            ("usb_path", f"{place}{self.usb_path}" if self.usb_path else ""),
            ("hub", f"{place}{hub}" if hub else ""),
            ("ssid", self.ssid),
        )
        return tuple((name, value) for name, value in found if value)


class Found(msgspec.Struct, frozen=True):
    """A file to read: its path, the name to tell people, whether it was named outright, and its manifest."""

    path: Path
    name: str
    named: bool
    manifest: Manifest
    taken_at: datetime


def find(paths: list[Path]) -> Iterator[Found | Problem]:
    """Every regular file under ``paths`` in a fixed order; what cannot be looked at becomes a Problem."""
    for path in paths:
        try:
            directory = path.is_dir()
            mode = path.stat().st_mode
        except OSError as error:
            yield Problem(_why(error), "give a path that exists and may be read", file=str(path))
            continue
        if directory:
            yield from _walk(path)
        elif stat.S_ISREG(mode):
            manifest, problem = _manifest(path.parent)
            if problem:
                yield problem
            yield _found(path, str(path), True, manifest)
        else:
            yield Problem("is no regular file", "give a file or a folder", file=str(path))


def count(paths: list[Path]) -> int:
    """How many files :func:`find` will yield, for progress bars."""
    return sum(isinstance(found, Found) for found in find(paths))


def _walk(top: Path) -> Iterator[Found | Problem]:
    errors: list[OSError] = []
    for folder, folders, files in os.walk(top, onerror=errors.append, followlinks=False):
        folders.sort()
        here = Path(folder)
        manifest, problem = _manifest(here) if MANIFEST in files else (Manifest(), None)
        if problem:
            yield problem
        for name in sorted(files):
            path = here / name
            if path.is_symlink():
                yield Problem("is a symbolic link; not followed", "give the file itself", file=str(path))
            elif not path.is_file():
                yield Problem("is no regular file", "give a file or a folder", file=str(path))
            else:
                yield _found(path, str(path), False, manifest)
    for error in errors:
        yield Problem(_why(error), "grant read access, or leave it out", file=str(error.filename))


def _found(path: Path, name: str, named: bool, manifest: Manifest) -> Found:
    taken = manifest.taken_at or datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return Found(path, name.encode(errors="backslashreplace").decode(), named, manifest, taken)


def _manifest(folder: Path) -> tuple[Manifest, Problem | None]:
    path = folder / MANIFEST
    if not path.is_file():
        return Manifest(), None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest), None
    except (OSError, ValueError) as error:
        reason = _why(error) if isinstance(error, OSError) else f"manifest does not fit: {error}"
        return Manifest(), Problem(reason, "its folder is read without exhibit and time", file=str(path))


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def open_evidence(path: Path) -> io.BufferedReader:
    """Opens ``path`` read-only and without touching its access time where the system allows that."""
    flags = os.O_RDONLY | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError:
        descriptor = os.open(path, flags)  # only the owner may ask for O_NOATIME
    return os.fdopen(descriptor, "rb")
