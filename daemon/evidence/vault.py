"""The vault: every artifact of a case, kept unchanged under the SHA-256 of its bytes."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from rackprint.daemon.acquire.files import open_evidence
from rackprint.daemon.acquire.parts import part

CHUNK = 1 << 20
HEX = 64
PACK_DIGITS = 8
DIGITS = frozenset("0123456789abcdef")


class Stored(msgspec.Struct, frozen=True):
    """An artifact in the vault; ``new`` tells whether this call put it there."""

    sha256: str
    size: int
    new: bool


class Vault:
    """``CASE/vault/sha256/ab/ab12…``: files of mode 0444, written once.

    A call returns only when the bytes and their directory entry are on the disk."""

    FOLDER = Path("vault", "sha256")
    PACKS = Path("vault", "packs")

    def __init__(self, case: Path) -> None:
        self.root = case / self.FOLDER
        self.packs = case / self.PACKS

    def add_file(self, path: Path) -> Stored:
        """Copies a file in. The source is opened read-only; raises OSError when it cannot be read."""
        with open_evidence(path) as stream:
            return self.add(stream)

    def add_bytes(self, data: bytes) -> Stored:
        return self.add(io.BytesIO(data))

    def add(self, stream: BinaryIO) -> Stored:
        self._make_root()
        digest, size = hashlib.sha256(), 0
        descriptor, name = tempfile.mkstemp(dir=self.root, prefix=".new-")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as copy:
                while chunk := stream.read(CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
                    copy.write(chunk)
                copy.flush()
                os.fchmod(copy.fileno(), 0o444)
                os.fsync(copy.fileno())
            return Stored(digest.hexdigest(), size, self._place(temporary, digest.hexdigest()))
        finally:
            temporary.unlink(missing_ok=True)

    def _place(self, temporary: Path, sha256: str) -> bool:
        final = self.path(sha256)
        final.parent.mkdir(exist_ok=True)
        try:
            os.link(temporary, final)  # unlike rename, never replaces what is there
            new = True
        except FileExistsError:
            new = False  # perhaps by another process that has not synced yet, so that is done here in any case
        sync_folder(final.parent)
        sync_folder(self.root)
        return new

    def _make_root(self) -> None:
        if self.root.is_dir():
            return
        self.root.mkdir(parents=True, exist_ok=True)
        for folder in (self.root.parent, self.root.parent.parent, self.root.parent.parent.parent):
            sync_folder(folder)

    def path(self, sha256: str) -> Path:
        if not is_hash(sha256):
            raise ValueError(f"no SHA-256: {sha256!r}")
        return self.root / sha256[:2] / sha256

    def open(self, sha256: str, pack: str = "", offset: int = 0, size: int = 0) -> BinaryIO:
        """An artifact as a stream; ``pack`` says that it shares a file with others."""
        if not pack:
            return open_evidence(self.path(sha256))
        return part(open_evidence(self.pack(pack)), offset, size)

    def pack(self, name: str) -> Path:
        """The file of a pack. Raises ValueError for what is no name of one."""
        if not is_pack(name):
            raise ValueError(f"no pack: {name!r}")
        return self.packs / name

    def pack_names(self) -> list[str]:
        """The packs that there are, the oldest first."""
        return sorted(p.name for p in self.packs.glob("*.pack") if is_pack(p.name))

    def take(self, temporary: Path, sha256: str, size: int) -> Stored:
        """Takes in a file that was written, synced and hashed on this file system already. ``temporary`` stays, as a
        second name of it, until the custody log knows it: a crash before that leaves a trace to find it by."""
        self._make_root()
        temporary.chmod(0o444)
        return Stored(sha256, size, self._place(temporary, sha256))

    def sweep(self) -> None:
        """Removes what a crash left half copied; only while no other process adds."""
        for path in self.root.glob(".new-*"):
            path.unlink(missing_ok=True)

    def files(self) -> Iterator[Path]:
        """Every file below the vault, in a fixed order, whether it belongs there or not; temporary files are none."""
        if not self.root.parent.is_dir():
            return
        for path in sorted(self.root.parent.rglob("*")):
            if (path.is_symlink() or not path.is_dir()) and not (
                path.parent == self.root and path.name.startswith(".new-")
            ):
                yield path

    def hashes(self) -> Iterator[str]:
        """The names of the artifacts that are there, sorted; what does not lie where it belongs is left out."""
        for path in self.files():
            if is_hash(path.name) and path == self.path(path.name):
                yield path.name


def is_pack(name: str) -> bool:
    """Whether ``name`` is one that a pack may have."""
    stem, _, ending = name.partition(".")
    return ending == "pack" and len(stem) == PACK_DIGITS and stem.isascii() and stem.isdigit()


def is_hash(value: object) -> bool:
    """Whether ``value`` is a SHA-256 as the vault writes it."""
    return isinstance(value, str) and len(value) == HEX and set(value) <= DIGITS


def sync_folder(folder: Path) -> None:
    """Makes new names in ``folder`` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
