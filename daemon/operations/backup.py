"""A backup of a case while its daemon writes: a folder that is a case itself, with a manifest.

The order makes the copy hold. Evidence is in the vault before it is in the custody log, and in the log before it is in
the database; so the copy goes the other way round, and knows nothing that it lacks.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.custody import CustodyLog
from rackprint.daemon.evidence.vault import Vault
from rackprint.daemon.evidence.verify import Fault
from rackprint.daemon.operations import manifest as manifests
from rackprint.daemon.operations.beginning import begun
from rackprint.daemon.operations.contents import Contents, Part, begins_with, contents, packed_end, whole_length
from rackprint.daemon.operations.copying import Copier
from rackprint.daemon.operations.database import copy_database
from rackprint.daemon.operations.manifest import Manifest
from rackprint.daemon.operations.place import SETTINGS, Stage, silent, store_url, why
from rackprint.daemon.store.engine import FILE

SMALL = ("audit.log", SETTINGS, "tokens.json")
_DATABASE = f".{FILE}.new"


@dataclass(slots=True)
class Backup:
    """What was copied: ``files`` of the vault and ``bytes`` of them that were new, and what was damaged already."""

    manifest: Manifest
    files: int
    bytes: int
    faults: list[Fault] = field(default_factory=list)


def backup(case: Path, target: Path, *, link: bool = False, stage: Stage = silent) -> Backup:
    """Copies the case to ``target``, or brings the backup that is there up to date. Raises RackprintError where it
    cannot; the backup that was there before then still is one."""
    try:
        with begun(case, target):
            return _Run(case, target, link, stage).run()
    except OSError as error:
        place = error.filename or target
        remedy = "see that it may be read and written and has room, and run it again; what is copied stays"
        raise RackprintError(f"{place}: {why(error)}; {remedy}") from None


class _Run:
    def __init__(self, case: Path, target: Path, link: bool, stage: Stage) -> None:
        self._case, self._target, self._link, self._stage = case, target, link, stage
        self._log, self._copied_log = case / CustodyLog.NAME, target / CustodyLog.NAME
        self._old, self._new = Vault(case), Vault(target)
        self._copier = Copier(target)
        self._before = manifests.read(target)
        self._damaged = set(self._before.damaged) if self._before else set()
        self._faults: dict[str, Fault] = {}
        self._files = 0

    def run(self) -> Backup:
        if self._copied_log.exists() and not begins_with(self._log, self._copied_log):
            raise RackprintError(
                f"{self._copied_log}: is not the beginning of {self._log}, so one of them was changed; "
                "rackprint verify says which, and another TARGET keeps both"
            )
        database, size = self._database()
        length = whole_length(self._log)
        named = contents(self._log, length, earlier=self._before.log_bytes if self._before else 0)
        self._vault(named)
        self._copied_log.touch()
        self._copier.append(self._log, self._copied_log, length)
        for name in SMALL:
            if (self._case / name).is_file():
                self._copier.file(self._case / name, self._target / name, 0o600)
        self._copier.sync()
        manifest = Manifest(
            made=datetime.now(UTC).replace(microsecond=0), rackprint=version("rackprint"), first=named.first,
            head=named.head.hash, entries=named.head.count, log_bytes=length, artifacts=named.artifacts,
            artifact_bytes=named.bytes, database=database, database_bytes=size, damaged=tuple(sorted(self._faults)),
        )  # fmt: skip
        self._publish(manifest)
        return Backup(manifest, self._files, self._copier.bytes, list(self._faults.values()))

    def _database(self) -> tuple[str | None, int]:
        if store_url(self._case):
            return None, 0
        new = self._target / _DATABASE
        with self._stage("copying the database", None) as step:
            copy_database(self._case / FILE, new, lambda left, pages: step(0))
        new.chmod(0o600)
        with new.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), new.stat().st_size

    def _vault(self, named: Contents) -> None:
        with self._stage("copying evidence", len(named.loose) + len(named.packs)) as step:
            for sha256, size in named.loose.items():
                self._loose(self._old.path(sha256), self._new.path(sha256), size)
                step(1)
            for name, parts in named.packs.items():
                self._pack(self._old.pack(name), self._new.pack(name), parts, named.known.get(name, 0))
                step(1)

    def _loose(self, source: Path, target: Path, size: int) -> None:
        name = self._name(target)
        if name not in self._damaged and target.exists() and target.stat().st_size == size:
            return
        if not source.exists():
            self._faults[name] = Fault(str(source), "is missing, and so it is in the backup")
        elif self._link:
            self._copier.link(source, target)
            self._files += 1
        else:
            found, _ = self._copier.file(source, target, 0o444)
            self._files += 1
            if found != target.name:
                self._faults[name] = Fault(str(source), "was changed, and was copied as it is")

    def _pack(self, source: Path, target: Path, parts: list[Part], looked_at: int) -> None:
        """``looked_at`` is up to where the last finished backup read this pack in the target."""
        name = self._name(target)
        there = target.stat().st_size if target.exists() else 0
        known = 0 if name in self._damaged else min(there, looked_at)
        if known == packed_end(parts):
            return
        self._files += 1
        if not source.exists():
            self._faults[name] = Fault(str(source), "is missing, and so it is in the backup")
        elif not self._copier.tail(source, target, parts, known=known):
            self._faults[name] = Fault(str(source), "was changed, and was copied as it is")

    def _name(self, target: Path) -> str:
        return str(target.relative_to(self._target))

    def _publish(self, manifest: Manifest) -> None:
        """The database and the manifest get their names one right after the other; between the two, the manifest that
        waits is the one that counts (see :func:`manifests.matching`)."""
        manifests.prepare(self._target, manifest)
        if manifest.database:
            for leftover in ("-wal", "-shm"):  # of somebody who looked into the backup
                (self._target / f"{FILE}{leftover}").unlink(missing_ok=True)
            (self._target / _DATABASE).rename(self._target / FILE)
        manifests.finish(self._target)
        self._copier.clean()
