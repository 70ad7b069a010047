"""Copies that are on the disk when they have their name: files of the vault, and the tails of packs."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from rackprint.daemon.acquire.files import open_evidence
from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.vault import CHUNK, sync_folder
from rackprint.daemon.operations.contents import Part, packed_end

TEMPORARY = ".copy.new"


class Copier:
    """Copies into a folder. A file gets its name when it is whole and on the disk; :meth:`sync` makes the names so."""

    def __init__(self, top: Path) -> None:
        self._top, self._temporary = top, top / TEMPORARY
        self._folders = {top}
        self.bytes = 0

    def folder(self, path: Path) -> None:
        """Makes ``path`` and the folders above it, below the top."""
        if not path.is_dir():
            if path != self._top:
                self.folder(path.parent)
            path.mkdir(exist_ok=True)
            self._folders |= {path, path.parent}

    def file(self, source: Path, target: Path, mode: int, length: int | None = None) -> tuple[str, int]:
        """Copies ``source``, or its first ``length`` bytes, in the place of ``target``: SHA-256 and size."""
        self.folder(target.parent)
        self._temporary.unlink(missing_ok=True)
        digest, size = hashlib.sha256(), 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with open_evidence(source) as stream, os.fdopen(os.open(self._temporary, flags, 0o600), "wb") as copy:
            while chunk := stream.read(CHUNK if length is None else min(CHUNK, length - size)):
                digest.update(chunk)
                size += len(chunk)
                copy.write(chunk)
            copy.flush()
            os.fchmod(copy.fileno(), mode)
            os.fsync(copy.fileno())
        self._temporary.rename(target)
        self._folders.add(target.parent)
        self.bytes += size
        return digest.hexdigest(), size

    def link(self, source: Path, target: Path) -> None:
        """A second name for ``source``."""
        self.folder(target.parent)
        self._temporary.unlink(missing_ok=True)
        try:
            self._temporary.hardlink_to(source)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise RackprintError(f"{source}: cannot be linked to {self._top} ({reason}); leave out --link") from None
        self._temporary.rename(target)
        self._temporary.unlink(missing_ok=True)  # it is still there when both were one file already
        self._folders.add(target.parent)

    def tail(self, source: Path, target: Path, parts: list[Part], *, known: int) -> bool:
        """Adds to ``target`` what ``source`` has more, up to the end of ``parts``; what ``target`` holds from ``known``
        on is looked at, and copied anew from where it is not what it should be. Whether it all is now."""
        self.folder(target.parent)
        if target.exists():
            target.chmod(0o600)
        else:
            self._folders.add(target.parent)
        descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with open_evidence(source) as stream, os.fdopen(descriptor, "r+b") as copy:
            end = packed_end(parts)
            start = min(sound(copy, parts, known), end)
            copy.truncate(start)
            copy.seek(start)
            stream.seek(start)
            while chunk := stream.read(min(CHUNK, end - copy.tell())):
                copy.write(chunk)
            copy.flush()
            self.bytes += copy.tell() - start
            whole = sound(copy, parts, start) == end
            os.fchmod(copy.fileno(), 0o444)
            os.fsync(copy.fileno())
        return whole

    def append(self, source: Path, target: Path, length: int) -> None:
        """Adds to ``target``, which is the beginning of ``source``, what it lacks of the first ``length`` bytes."""
        with source.open("rb") as stream, target.open("ab") as copy:
            stream.seek(copy.tell())
            while chunk := stream.read(max(0, min(CHUNK, length - stream.tell()))):
                copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())

    def sync(self) -> None:
        for folder in self._folders:
            sync_folder(folder)
        self._folders = {self._top}

    def clean(self) -> None:
        self._temporary.unlink(missing_ok=True)


def sound(pack: BinaryIO, parts: list[Part], known: int) -> int:
    """Up to where ``pack`` holds what its parts should be, when all before ``known`` does."""
    end = 0
    size = pack.seek(0, os.SEEK_END)
    for part in parts:
        if part.offset + part.size > size:
            break
        if part.offset + part.size > known:
            pack.seek(part.offset)
            if hashlib.sha256(pack.read(part.size)).digest() != part.sha256:
                break
        end = max(end, part.offset + part.size)
    return end
