"""The first half of taking in: the bytes are kept and entered in the custody log before anybody reads them, and then a
parser, in a process that may be killed, makes entries of them."""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from rackprint.daemon.acquire.files import Manifest
from rackprint.daemon.entries import Entry
from rackprint.daemon.evidence.custody import CustodyLog, Head
from rackprint.daemon.evidence.packs import Packer, Place
from rackprint.daemon.evidence.vault import Vault, sync_folder
from rackprint.daemon.intake.messages import Refusal, Take
from rackprint.daemon.points import reached
from rackprint.daemon.store.records import Artifact
from rackprint.daemon.worker import Job, Workers
from rackprint.fingerprint.model import ArtifactInfo, Problem

TOLD = 100  # refusals that an answer names; the case keeps all of them


@dataclass(slots=True)
class Kept:
    """A Take whose bytes are safe, and what became of it so far."""

    take: Take
    artifact: Artifact
    head: Head
    entry: int = 0  # of the custody log, which names it
    began: float = field(default_factory=time.monotonic)
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    number: int = 0  # of the artifact in the store, once it is there
    failed: bool = False


@dataclass(slots=True)
class Batch:
    """A part of what a parser made of a Take, to be committed; with ``last`` it is all read, with ``more``
    another batch follows at once."""

    kept: Kept
    entries: list[Entry]
    problems: list[Problem]
    parser: str
    last: bool
    more: bool = False


class Keeper:
    """Keeps what comes in. With ``key`` (platform mode) nothing is kept but a keyed hash of it."""

    def __init__(self, case: Path, log: CustodyLog, key: bytes) -> None:
        self.vault, self._log, self._key = Vault(case), log, key
        self._packer = Packer(self.vault)
        self._lock = threading.Lock()
        self._unread: set[int] = set()  # custody entries whose artifacts are not read to their end yet

    @property
    def keeps(self) -> bool:
        """Whether bytes are kept, and may be read again."""
        return not self._key

    def sha256(self, data: bytes) -> str:
        """The name that ``data`` gets."""
        if self._key:
            return hmac.digest(self._key, data, "sha256").hex()
        import hashlib

        return hashlib.sha256(data).hexdigest()

    def keep(self, takes: list[Take]) -> list[Kept]:
        """Keeps small things; their bytes and their custody entries are on the disk when this returns."""
        if self._key:
            places = [Place(self.sha256(take.data), len(take.data), "", 0) for take in takes]
        else:
            places = self._packer.add([take.data for take in takes])
            reached("pack.kept")
        try:
            return self._enter(takes, places)
        except OSError:
            self._packer.take_back(places)
            raise

    def keep_file(self, take: Take) -> Kept:
        """Moves a file into the vault."""
        if not self._key:
            sync_folder(Path(take.path).parent)  # the trace that a crash is found by is there before the vault's name
            self.vault.take(Path(take.path), take.sha256, take.size)
            reached("vault.kept")
        (kept,) = self._enter([take], [Place(take.sha256, take.size, "", 0)])
        Path(take.path).unlink(missing_ok=True)
        return kept

    def _enter(self, takes: list[Take], places: list[Place]) -> list[Kept]:
        kind = "received" if self._key else "artifact"
        entered: list[tuple[str, dict[str, Any]]] = []
        artifacts: list[Artifact] = []
        for take, place in zip(takes, places, strict=True):
            taken = datetime.fromtimestamp(take.taken_at, UTC)
            fields: dict[str, Any] = {"sha256": place.sha256, "size": place.size, "name": take.name}
            if place.pack:
                fields |= {"pack": place.pack, "offset": place.offset}
            fields |= {"taken_at": taken.isoformat(), "who": take.who}
            entered.append((kind, {**fields, **{k: v for k, v in take.manifest.items() if v and k != "taken_at"}}))
            artifacts.append(
                Artifact(
                    place.sha256, take.name, place.size, taken, datetime.now(UTC), take.manifest.get("exhibit", ""),
                    pack=place.pack, offset=place.offset,
                )
            )  # fmt: skip
        with self._lock:  # no commit may call them read before they are known to be unread
            head = self._log.append_many(entered)
            first = head.count - len(entered) + 1
            self._unread.update(range(first, head.count + 1))
        reached("custody.kept")
        told = zip(takes, artifacts, range(first, head.count + 1), strict=True)
        return [Kept(take, artifact, head, entry) for take, artifact, entry in told]

    def expect(self, entry: int) -> None:
        """An artifact of an earlier life is to be read."""
        with self._lock:
            self._unread.add(entry)

    def through(self, head: Head, done: Iterable[int]) -> int:
        """Up to which entry all is read once ``done`` are."""
        with self._lock:
            return min(self._unread - set(done), default=head.count + 1) - 1

    def finished(self, done: Iterable[int]) -> None:
        """These are read, and committed."""
        with self._lock:
            self._unread -= set(done)

    def parsed(self, kept: Kept, workers: Workers) -> Iterator[Batch]:
        """What its parser makes of it, in parts; the last has ``last``."""
        take, artifact = kept.take, kept.artifact
        manifest = msgspec.convert(take.manifest, Manifest)
        info = ArtifactInfo(
            Path(take.name).name, artifact.sha256, artifact.taken_at, manifest.exhibit, manifest.context(),
            manifest.handset(),
        )  # fmt: skip
        job = Job(b"", info, "entries", len(take.data), take.events, self._key)
        if not take.data and artifact.size:
            path = self.vault.pack(artifact.pack) if artifact.pack else self.vault.path(artifact.sha256)
            place = (artifact.size, artifact.offset) if artifact.pack else (0, 0)
            if self._key:
                path = Path(take.path)
            job = msgspec.structs.replace(job, path=str(path).encode(), size=place[0], offset=place[1])
        for frame in workers.run(job, take.data):
            problems = frame.problems
            if frame.done and not frame.parser and not problems and not kept.accepted:
                problems = _nothing(artifact)
            reached("parsed")
            yield Batch(kept, frame.entries, problems, frame.parser, frame.done)


def _nothing(artifact: Artifact) -> list[Problem]:
    if not artifact.size:
        return [Problem("is empty", "send it again if it should hold something")]
    return [Problem("no parser knows this format", "docs/formats.md lists what is read")]
