"""A folder that is watched: what is renamed into it is taken in, and moved to ``done`` or ``refused`` beside it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import secrets
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from rackprint.daemon.acquire.files import MANIFEST, Found, find, open_evidence
from rackprint.daemon.cells import printable
from rackprint.daemon.errors import RackprintError
from rackprint.daemon.intake.client import BusyError
from rackprint.daemon.intake.committing import incoming, is_full
from rackprint.daemon.intake.messages import Outcome, Take
from rackprint.fingerprint.model import Problem

if TYPE_CHECKING:
    from rackprint.daemon.service import Service

log = logging.getLogger("rackprint.spool")
DONE, REFUSED = "done", "refused"
_LINK = Problem("is a symbolic link; not followed", "give the file itself")
_LOOK = 0.25  # seconds between two looks
_AGAIN = 1.0


class Spool:
    """Takes one thing after another; a name that begins with a dot is still being written."""

    def __init__(self, folder: Path, settle: float, service: Service) -> None:
        self._folder, self._settle, self._service = folder, settle, service
        self._stuck: set[tuple[str, float]] = set()  # what could not be moved away, as it was then

    async def watch(self) -> None:
        """Watches until it is cancelled. It looks again and again: no notice is lost so, on any file system, and a name
        may be of any bytes."""
        for name in ("", DONE, REFUSED):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        told = ""
        while True:
            try:
                await self._look()
                told = ""
            except (OSError, ValueError) as error:  # something went while it was looked at: the next look tells
                if told != (told := str(error)):
                    log.error("%s: %s; tried again", self._folder, told)
            await asyncio.sleep(_LOOK)

    async def _look(self) -> None:
        for path in sorted(self._folder.iterdir()):
            if self._service.stopping.is_set():
                return
            if path.name in {DONE, REFUSED} or path.name.startswith("."):
                continue
            changed = await asyncio.to_thread(_changed, path)
            if changed is None or 0 <= time.time() - changed < self._settle or (path.name, changed) in self._stuck:
                continue
            if not await self._one(path):
                self._stuck.add((path.name, changed))

    async def _one(self, path: Path) -> bool:
        """Takes in what is at ``path``; whether it could be moved away then."""
        reasons: list[str] = []
        new = known = 0
        files: Iterable[Found | Problem] = [_LINK] if path.is_symlink() else find([path])
        for found in files:
            if isinstance(found, Problem):
                reasons.append(str(found))
            elif found.path.name != MANIFEST or path.is_file():
                outcome = await self._taken(found)
                new, known = new + outcome.accepted, known + outcome.duplicates
                reasons += [_told(found, r.reason, r.line) for r in outcome.refusals]
                if outcome.error:
                    reasons.append(_told(found, outcome.reason, None))
        target = self._folder / (REFUSED if reasons and not (new or known) else DONE)
        name = _name(path)
        try:
            self._move(path, target, reasons)
        except OSError as error:
            log.error("%s: cannot be moved to %s: %s; move it away by hand", name, target, error)
            return False
        log.info("%s: %d observations, %d known before, %d problems; moved to %s", name, new, known, len(reasons),
                 target.name)  # fmt: skip
        return True

    async def _taken(self, found: Found) -> Outcome:
        """Hands over one file, as often as it takes: while there is no room, nothing else is of use."""
        while True:
            part = incoming(self._service.case) / f"{secrets.token_hex(16)}.part"
            try:
                take = await asyncio.to_thread(self._take, found, part)
                outcome = await self._service.writer.take(take)
            except BusyError:
                await asyncio.sleep(_AGAIN)
                continue
            except RackprintError as error:
                return Outcome(0, error="refused", reason=str(error))
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                outcome = Outcome(0, error="full" if is_full(error) else "refused", reason=reason)
            finally:
                _drop(part)
            if outcome.error in {"full", "failed"}:
                log.error("%s: %s; tried again", printable(found.name), outcome.reason)
                await asyncio.sleep(_AGAIN * 5)
                continue
            if outcome.accepted:
                await self._service.touched()
            return outcome

    def _take(self, found: Found, part: Path) -> Take:
        if self._service.key:
            raise RackprintError("a platform's case takes no files")
        facts = msgspec.to_builtins(found.manifest)
        manifest = {key: str(value) for key, value in facts.items() if value and key != "taken_at"}
        taken = found.taken_at.timestamp()
        name = found.name.rpartition("/")[2] if found.named else str(Path(found.name).relative_to(self._folder))
        size = found.path.stat().st_size
        if size > self._service.config.limits.artifact_mb << 20:
            raise RackprintError(f"is larger than limits.artifact_mb, {self._service.config.limits.artifact_mb} MiB")
        if size <= self._service.config.limits.small_kb << 10:
            with open_evidence(found.path) as stream:
                return Take(0, name, stream.read(), events=False, taken_at=taken, manifest=manifest, who="spool")
        with open_evidence(found.path) as source, part.open("xb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
            copy.flush()
            os.fsync(copy.fileno())
        with part.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        return Take(
            0, name, path=str(part), sha256=sha256, size=part.stat().st_size, events=False, taken_at=taken,
            manifest=manifest, who="spool",
        )  # fmt: skip

    def _move(self, path: Path, target: Path, reasons: list[str]) -> None:
        target.mkdir(exist_ok=True)
        name = path.name
        while os.path.lexists(target / name) or os.path.lexists(target / f"{name}.reasons.txt"):
            name = f"{path.name}.{secrets.token_hex(3)}"
        told = target / f"{name}.reasons.txt"
        if reasons:  # first, so that who sees the thing there finds them
            text = "".join(f"{printable(reason)}\n" for reason in reasons)
            told.write_text(text, encoding="utf-8", errors="backslashreplace")
        try:
            path.rename(target / name)
        except OSError:
            told.unlink(missing_ok=True)
            raise


def _changed(path: Path) -> float | None:
    """When it was last written to or moved, with all that is in it, by the clock of this machine; None for a folder
    that holds nothing yet."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_ctime
    inside = [entry.lstat().st_ctime for entry in path.rglob("*")]
    return max(path.lstat().st_ctime, *inside) if inside else None


def _drop(part: Path) -> None:
    """Removes a copy that the vault did not take. One that it did is a trace for the writer, should that be ended."""
    with suppress(FileNotFoundError):
        if part.stat().st_nlink == 1:
            part.unlink()


def _told(found: Found, reason: str, line: int | None) -> str:
    return f"{found.name}, line {line}: {reason}" if line else f"{found.name}: {reason}"


def _name(path: Path) -> str:
    return printable(path.name.encode(errors="backslashreplace").decode())
