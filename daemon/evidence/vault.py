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

CHUNK = 1 << 20
HEX = 64


class Stored(msgspec.Struct, frozen=True):
    """An artifact in the vault; ``new`` tells whether this call put it there."""

    sha256: str
    size: int
    new: bool


class Vault:
    """``CASE/vault/sha256/ab/ab12…``: files of mode 0444, written once.

    A call returns only when the bytes and their directory entry are on the disk."""

    FOLDER = Path("vault", "sha256")

    def __init__(self, case: Path) -> None:
        self.root = case / self.FOLDER

    def add_file(self, path: Path) -> Stored:
        """Copies a file in. The source is opened read-only; raises OSError when it cannot be read."""
        with open_evidence(path) as stream:
            return self.add(stream)

    def add_bytes(self, data: bytes) -> Stored:
        return self.add(io.BytesIO(data))

    def add(self, stream: BinaryIO) -> Stored:
        self.root.mkdir(parents=True, exist_ok=True)
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
        fresh = not final.parent.is_dir()
        final.parent.mkdir(exist_ok=True)
        try:
            os.link(temporary, final)  # unlike rename, never replaces what is there
        except FileExistsError:
            return False
        sync_folder(final.parent)
        if fresh:
            sync_folder(self.root)
        return True

    def path(self, sha256: str) -> Path:
        if len(sha256) != HEX or not set(sha256) <= set("0123456789abcdef"):
            raise ValueError(f"no SHA-256: {sha256!r}")
        return self.root / sha256[:2] / sha256

    def open(self, sha256: str) -> BinaryIO:
        return open_evidence(self.path(sha256))

    def files(self) -> Iterator[Path]:
        """Every file below the vault, in a fixed order, whether it belongs there or not; temporary files are none."""
        if not self.root.is_dir():
            return
        for path in sorted(self.root.rglob("*")):
            if not path.is_dir() and not (path.parent == self.root and path.name.startswith(".new-")):
                yield path


def sync_folder(folder: Path) -> None:
    """Makes new names in ``folder`` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
