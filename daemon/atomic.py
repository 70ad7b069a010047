"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """A place to write to that becomes ``path`` when the block ends without an error, and else is removed. With
    ``durable`` it is on the disk then."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        yield temporary
        if durable:
            _sync(temporary, os.O_RDONLY)
        temporary.replace(path)
        if durable:
            _sync(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    finally:
        temporary.unlink(missing_ok=True)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
