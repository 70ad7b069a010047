"""A case from its backup: whole and verified under its name, or not there at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.custody import CustodyLog
from rackprint.daemon.evidence.vault import Vault, sync_folder
from rackprint.daemon.evidence.verify import Fault, verify_case
from rackprint.daemon.operations import manifest as manifests
from rackprint.daemon.operations.contents import contents, packed_end
from rackprint.daemon.operations.copying import Copier
from rackprint.daemon.operations.manifest import Manifest
from rackprint.daemon.operations.place import SETTINGS, Stage, silent, why
from rackprint.daemon.store.engine import FILE
from rackprint.daemon.store.repository import Store

MARK = ".restore"  # in a folder that is being restored to, and may be thrown away
TOKENS = "tokens.json"


@dataclass(slots=True)
class Restored:
    """What came of it: the faults that verify found; those in ``known`` were in the case when it was backed up."""

    manifest: Manifest
    faults: list[Fault]
    known: list[Fault]


def restore(target: Path, case: Path, *, with_tokens: bool = False, stage: Stage = silent) -> Restored:
    """Makes ``case``, absent or empty, what the backup at ``target`` holds. With faults in what is returned, nothing
    was made."""
    try:
        if manifests.read(target) is None:
            raise RackprintError(f"{target}: has no {manifests.NAME}, so it is no whole backup; name another")
        _check(case)
        with _partial(case) as partial:
            return _Run(target, case, partial, stage).run(with_tokens)
    except OSError as error:
        place = error.filename or case
        raise RackprintError(f"{place}: {why(error)}; nothing was restored, mend that and try again") from None


def _check(case: Path) -> None:
    if case.is_dir() and not case.is_symlink():
        if any(case.iterdir()):
            raise RackprintError(f"{case}: is not empty; name a folder that is, or that is to be made")
        if case.is_mount():
            raise RackprintError(f"{case}: is a mount point, which cannot be renamed to; name a folder in it")
    elif case.exists() or case.is_symlink():
        raise RackprintError(f"{case}: is there and is no folder; name another")


@contextmanager
def _partial(case: Path) -> Iterator[Path]:
    """A folder beside ``case`` to restore to, which is gone at the end unless it was renamed."""
    case = case.absolute()
    partial = case.with_name(f"{case.name}.partial")
    case.parent.mkdir(parents=True, exist_ok=True)
    if partial.exists():
        if not (partial / MARK).exists():
            raise RackprintError(f"{partial}: is in the way; move it, or restore to another folder")
        shutil.rmtree(partial)  # of a restore that was killed
    partial.mkdir(mode=0o700)
    try:
        (partial / MARK).touch()
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


class _Run:
    def __init__(self, target: Path, case: Path, partial: Path, stage: Stage) -> None:
        self._target, self._case, self._partial, self._stage = target, case, partial, stage
        self._copier = Copier(partial)

    def run(self, with_tokens: bool) -> Restored:
        manifest = self._database()
        self._log(manifest)
        self._vault(manifest)
        for name in ("audit.log", SETTINGS, *([TOKENS] if with_tokens else [])):
            if (self._target / name).is_file():
                self._copier.file(self._target / name, self._partial / name, 0o600)
        self._copier.sync()
        faults = self._verified(manifest)
        damaged = {str(self._partial / name) for name in manifest.damaged}
        known = [fault for fault in faults if fault.place.partition(", byte ")[0] in damaged]
        result = Restored(manifest, [fault for fault in faults if fault not in known], known)
        if not result.faults:
            self._publish()
        return result

    def _database(self) -> Manifest:
        found = None
        if (self._target / FILE).is_file():
            with self._stage("copying the database", None):
                found, _ = self._copier.file(self._target / FILE, self._partial / FILE, 0o600)
        manifest = manifests.matching(self._target, found)
        if manifest is None:
            remedy = "back up to another folder, or restore from another backup"
            state = "is not the one that was backed up" if found else "is missing"
            raise RackprintError(f"{self._target / FILE}: {state}; {remedy}")
        return manifest

    def _log(self, manifest: Manifest) -> None:
        name = CustodyLog.NAME
        self._copier.file(self._target / name, self._partial / name, 0o644, manifest.log_bytes)

    def _vault(self, manifest: Manifest) -> None:
        old, new = Vault(self._target), Vault(self._partial)
        named = contents(self._partial / CustodyLog.NAME, manifest.log_bytes)
        with self._stage("copying evidence", len(named.loose) + len(named.packs)) as step:
            for sha256 in named.loose:
                if old.path(sha256).exists():  # verify names what is missing
                    self._copier.file(old.path(sha256), new.path(sha256), 0o444)
                step(1)
            for name, parts in named.packs.items():
                end = packed_end(parts)
                if old.pack(name).exists():
                    self._copier.file(old.pack(name), new.pack(name), 0o444, end)
                step(1)

    def _verified(self, manifest: Manifest) -> list[Fault]:
        known = None
        if manifest.database:
            with Store.open(self._partial) as store:
                known = store.custody_head()
        with self._stage("checking", None) as step:
            return verify_case(self._partial, known, manifest.head, step=lambda: step(1))

    def _publish(self) -> None:
        (self._partial / MARK).unlink()
        case = self._case.absolute()
        if os.geteuid() == 0:
            _give(self._partial, case if case.exists() else case.parent)
        self._partial.rename(case)
        sync_folder(case.parent)


def _give(folder: Path, like: Path) -> None:
    """What root restores belongs to whom the place belongs to, or its daemon could not use it."""
    owner = like.stat()
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
