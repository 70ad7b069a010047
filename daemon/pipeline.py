"""The one way in: artifact -> vault -> parser worker -> observations -> store -> linker."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from rackprint.daemon.acquire.files import MANIFEST, Found
from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.custody import CustodyLog, Head
from rackprint.daemon.evidence.vault import Stored, Vault
from rackprint.daemon.facts import facts
from rackprint.daemon.store.records import Artifact
from rackprint.daemon.store.repository import Store
from rackprint.daemon.survey import Complain, Step, evidence, info, read_all, told, why
from rackprint.daemon.worker import Workers
from rackprint.fingerprint.model import Problem


@dataclass(frozen=True, slots=True)
class Linked:
    """What a run of the linker said: its number, how much there is, the number of the newest observation, and the
    seconds until it was known and until it was written."""

    run: int = 0
    observations: int = 0
    devices: int = 0
    links: int = 0
    accounts: int = 0
    through: int = 0
    seconds: float = 0.0
    whole: float = 0.0


@dataclass(slots=True)
class Intake:
    """What an ingest did, in counts of files and observations."""

    files: int = 0
    known: int = 0
    unread: int = 0
    observations: int = 0
    duplicates: int = 0
    problems: int = 0
    linked: Linked = field(default_factory=Linked)


def ingest(
    paths: list[Path], case: Path, complain: Complain, *, strict: bool = False, step: Step = lambda: None
) -> Intake:
    """Takes ``paths`` as evidence into the case and links everything in it anew.

    Each file is in the vault and in the custody log before it is read; its observations are committed before the next
    file is begun, so an interrupted ingest is taken up again where it ended. With ``strict`` nothing is taken in when
    anything is wrong with any of the files."""
    if strict:
        _rehearse(paths, complain)
    if facts(case).mode == "platform":
        raise RackprintError(f"{case}: is a platform's case, which keeps no evidence; send observations to its daemon")
    with alone(case), Store.open(case, create=True) as store, Workers() as workers:
        log = CustodyLog(case / CustodyLog.NAME)
        _unbroken(store, log)
        vault = Vault(case)
        vault.sweep()
        taker = _Taker(vault, log, store, workers, complain)
        for found in evidence(paths, complain):
            try:
                taker.take(found)
            except OSError as error:
                complain(Problem(why(error), "grant read access, or leave it out", file=found.name))
            step()
        taker.intake.linked = relink(store, taker.log)
    return taker.intake


def relink(store: Store, log: CustodyLog, *, pause: Step = lambda: None) -> Linked:
    """Links all observations of the case anew and records that it was done."""
    from rackprint.daemon.engines import local

    began = time.monotonic()
    columns, numbers = local.read(store.bodies())
    linkage, linked = local.told(local.batch(columns), numbers)
    seconds = time.monotonic() - began
    run = store.write_linkage(linkage, datetime.now(UTC), seconds, pause=pause)
    found = Linked(run, linkage.observations, *linked, linkage.through, seconds, time.monotonic() - began)
    log.append("linked", run=run, observations=found.observations, devices=found.devices, links=found.links)
    _record_head(store, log)
    return found


def artifacts_read(case: Path) -> set[str]:
    """The artifacts that were read to their end; RackprintError where there is no case."""
    with Store.open(case) as store:
        return {artifact.sha256 for artifact in store.artifacts() if artifact.done}


def read_through(case: Path) -> int:
    """Up to which custody entry all artifacts were read."""
    with Store.open(case) as store:
        return store.read_through()


def untouched(case: Path, head: tuple[str, int] | None) -> bool:
    """Whether the case was begun and nothing came of it: no log, no head, and no artifact in its database."""
    if head or (case / CustodyLog.NAME).exists() or not (case / "case.db").is_file():
        return False
    return not artifacts_read(case) and not any(True for _ in Vault(case).files())


def store_head(case: Path) -> tuple[tuple[str, int] | None, str]:
    """The custody head (hash, count) that the case's database keeps; else why there is none."""
    try:
        with Store.open(case) as store:
            head = store.custody_head()
    except RackprintError as error:
        return None, str(error)
    return head, "" if head else f"{case}: its database knows no custody head; it was not made by ingest"


@dataclass(slots=True)
class _Taker:
    """Takes one file after another into a case."""

    vault: Vault
    log: CustodyLog
    store: Store
    workers: Workers
    complain: Complain
    intake: Intake = field(default_factory=Intake)

    def take(self, found: Found) -> None:
        self.intake.files += 1
        stored = self.vault.add_file(found.path)
        known = self.store.artifact(stored.sha256)
        if known is None:
            self._record(found, stored)
        elif known.done:
            self.intake.known += 1
            self._again(found, known)
            return
        if found.path.name == MANIFEST:
            self.store.finish_artifact(stored.sha256, "")
        else:
            self._parse(found, stored)

    def _again(self, found: Found, known: Artifact) -> None:
        if known.exhibit != found.manifest.exhibit:
            text = f"has the same bytes as {known.name} (exhibit {known.exhibit or 'none'}), and is counted there only"
            self.complain(Problem(text, "compare the two by hand if both are evidence", file=found.name))

    def _record(self, found: Found, stored: Stored) -> None:
        manifest = msgspec.to_builtins(found.manifest)
        self.log.append(
            "artifact",
            sha256=stored.sha256,
            size=stored.size,
            name=found.name,
            taken_at=found.taken_at.isoformat(),
            **{key: value for key, value in manifest.items() if value and key != "taken_at"},
        )
        now, exhibit = datetime.now(UTC), found.manifest.exhibit
        self.store.add_artifact(Artifact(stored.sha256, found.name, stored.size, found.taken_at, now, exhibit))
        _record_head(self.store, self.log)

    def _parse(self, found: Found, stored: Stored) -> None:
        """Parses the vault's copy into the store."""
        problems: list[Problem] = []

        def keep(problem: Problem) -> None:
            problems.append(problem)
            self.complain(problem)

        parser = ""
        frames = self.workers.parse(self.vault.path(stored.sha256), info(found, stored.sha256))
        for frame in told(frames, found, keep):
            added = self.store.add_observations(frame.observations)
            self.intake.observations += added.new
            self.intake.duplicates += added.duplicates
            for conflict in added.conflicts:
                keep(msgspec.structs.replace(conflict, file=found.name))
            parser = frame.parser or parser
        self.intake.unread += not (parser or problems)
        self.intake.problems += len(problems)
        self.store.set_problems(problems, stored.sha256)
        self.log.append("parsed", sha256=stored.sha256, parser=parser, problems=len(problems))
        _record_head(self.store, self.log)
        self.store.finish_artifact(stored.sha256, parser)


@contextmanager
def alone(case: Path) -> Iterator[int]:
    """Makes this process the only one that writes to the case, and gives the descriptor of the lock, which a child may
    share. Raises RackprintError where another does."""
    case.mkdir(parents=True, exist_ok=True)
    with (case / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RackprintError(f"{case}: another rackprint is writing to it; try again when it is done") from None
        yield lock.fileno()


def _unbroken(store: Store, log: CustodyLog) -> None:
    """Raises RackprintError when the log was cut or rewritten: recording a new head would hide that for good."""
    known = store.custody_head()
    if known and not log.holds(Head(*known)):
        raise RackprintError(f"{log.path}: was cut or rewritten; rackprint verify says where. Nothing was taken in")


def _record_head(store: Store, log: CustodyLog) -> None:
    head = log.head()
    store.set_custody_head(head.hash, head.count)


def _rehearse(paths: list[Path], complain: Complain) -> None:
    seen: list[Problem] = []
    for _ in read_all(paths, seen.append):
        continue
    if seen:
        for problem in seen:
            complain(problem)
        raise RackprintError(f"nothing was taken in: {len(seen)} problem(s) and --strict; mend them, or leave it out")
