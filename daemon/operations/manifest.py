"""``backup.json``: what a backup holds. It is written last, and a folder without one is no backup."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec

from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.vault import sync_folder
from rackprint.daemon.operations.place import why

NAME = "backup.json"
PENDING = f".{NAME}.new"
_KNOWN = 1

Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, msgspec.Meta(ge=0)]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """``first`` and ``head`` are the hashes of the first and last custody entry. ``database`` is the SHA-256 of
    case.db; None where that is in PostgreSQL. ``damaged`` are files of the vault that were so in the case already."""

    form: int = _KNOWN
    made: Annotated[datetime, msgspec.Meta(tz=True)]
    rackprint: str
    first: Sha256
    head: Sha256
    entries: Annotated[int, msgspec.Meta(gt=0)]
    log_bytes: Annotated[int, msgspec.Meta(gt=0)]
    artifacts: Count
    artifact_bytes: Count
    database: Sha256 | None
    database_bytes: Count = 0
    damaged: tuple[str, ...] = ()


def read(target: Path) -> Manifest | None:
    """The manifest of the backup at ``target``; None where it is none."""
    return _read(target / NAME)


def matching(target: Path, database: str | None) -> Manifest | None:
    """The manifest that this database belongs to: a backup that was ended in its very last step, between the database's
    new name and the manifest's, has one that waits for its name."""
    found = [m for m in (read(target), _waiting(target)) if m]
    return next((m for m in found if m.database == database), None)


def _waiting(target: Path) -> Manifest | None:
    try:
        return _read(target / PENDING)
    except RackprintError:
        return None  # half written; the other one holds


def _read(path: Path) -> Manifest | None:
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RackprintError(f"{path}: {why(error)}; see that it may be read") from None
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise RackprintError(f"{path}: is no manifest of a backup ({reason}); take another backup") from None
    if manifest.form > _KNOWN:
        raise RackprintError(f"{path}: was written by rackprint {manifest.rackprint}, which is newer; use that one")
    return manifest


def prepare(target: Path, manifest: Manifest) -> None:
    """Writes the manifest under a name that does not count yet."""
    with (target / PENDING).open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    sync_folder(target)


def finish(target: Path) -> None:
    """Gives it the name that counts."""
    (target / PENDING).rename(target / NAME)
    sync_folder(target)
