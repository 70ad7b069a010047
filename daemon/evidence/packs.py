"""Packs: files of the vault that hold many small artifacts one after another, as one file each for a million login
events would fill a disk with directory entries. What stands where is said by the custody log.

A pack is only ever appended to, by the process that made it. What a crash left at its end belongs to no artifact.
"""

from __future__ import annotations

import hashlib
import os
from typing import NamedTuple

from rackprint.daemon.evidence.vault import PACK_DIGITS, Vault, sync_folder

PACK_LIMIT = 256 << 20  # bytes after which a new pack is begun


class Place(NamedTuple):
    """Where an artifact lies in the vault."""

    sha256: str
    size: int
    pack: str
    offset: int


class Packer:
    """Appends to a pack of its own."""

    def __init__(self, vault: Vault, *, limit: int = PACK_LIMIT) -> None:
        self._vault, self._limit = vault, limit
        self._descriptor, self._name, self._size = -1, "", 0

    def add(self, bodies: list[bytes]) -> list[Place]:
        """Keeps ``bodies``; they are on the disk when this returns. Raises OSError, and then none of them counts."""
        if self._descriptor < 0 or self._size >= self._limit:
            self._begin()
        start = self._size
        places: list[Place] = []
        for body in bodies:
            places.append(Place(hashlib.sha256(body).hexdigest(), len(body), self._name, self._size))
            self._size += len(body)
        try:
            view = memoryview(b"".join(bodies))
            while view:
                view = view[os.write(self._descriptor, view) :]
            os.fsync(self._descriptor)
        except OSError:
            self._give_up(start)
            raise
        return places

    def take_back(self, places: list[Place]) -> None:
        """Takes back what the last call kept, as long as nobody knows of it."""
        if places and places[0].pack == self._name and self._descriptor >= 0:
            self._give_up(places[0].offset)

    def _give_up(self, size: int) -> None:
        """Takes back what was written of a failed call; a pack that cannot be mended is left as it is for good."""
        try:
            os.ftruncate(self._descriptor, size)
            os.fsync(self._descriptor)
            self._size = size
        except OSError:
            self.close()

    def _begin(self) -> None:
        self.close()
        if not self._vault.packs.is_dir():
            self._vault.packs.mkdir(parents=True, exist_ok=True)
            for folder in (self._vault.packs.parent, self._vault.packs.parent.parent):
                sync_folder(folder)
        last = int((self._vault.pack_names() or ["0"])[-1].partition(".")[0])
        name = f"{last + 1:0{PACK_DIGITS}}.pack"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._descriptor = os.open(self._vault.packs / name, flags, 0o444)
        self._name, self._size = name, 0
        sync_folder(self._vault.packs)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1
