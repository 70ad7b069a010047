"""A folder that is watched: what is renamed into it is taken in, and moved to ``done`` or ``refused`` beside it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import secrets
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from rackprint.daemon.acquire.files import MANIFEST, Found, find, open_evidence
from rackprint.daemon.errors import RackprintError
from rackprint.daemon.intake.client import BusyError
from rackprint.daemon.intake.committing import incoming
from rackprint.daemon.intake.messages import Outcome, Take
from rackprint.fingerprint.model import Problem

if TYPE_CHECKING:
    from rackprint.daemon.service import Service

log = logging.getLogger("rackprint.spool")
DONE, REFUSED = "done", "refused"
_LOOK = 5.0  # seconds between two looks where nothing is noticed
_AGAIN = 1.0


class Spool:
    """Takes one thing after another; a name that begins with a dot is still being written."""

    def __init__(self, folder: Path, settle: float, service: Service) -> None:
        self._folder, self._settle, self._service = folder, settle, service

    async def watch(self) -> None:
        """Watches until it is cancelled."""
        from watchfiles import awatch

        for name in ("", DONE, REFUSED):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        timeout = int(_LOOK * 1000)
        async for _ in awatch(
            self._folder, recursive=False, rust_timeout=timeout, yield_on_timeout=True, step=50, debounce=200
        ):
            for path in sorted(self._folder.iterdir()):
                if path.name in {DONE, REFUSED} or path.name.startswith("."):
                    continue
                if self._settled(path):
                    await self._one(path)

    def _settled(self, path: Path) -> bool:
        try:
            return time.time() - path.lstat().st_mtime >= self._settle
        except OSError:
            return False

    async def _one(self, path: Path) -> None:
        reasons: list[str] = []
        count = 0
        for found in find([path]):
            if isinstance(found, Problem):
                reasons.append(str(found))
            elif found.path.name != MANIFEST or path.is_file():
                outcome = await self._taken(found)
                count += outcome.accepted
                reasons += [_told(found, r.reason, r.line) for r in outcome.refusals]
                if outcome.error:
                    reasons.append(_told(found, outcome.reason, None))
        target = self._folder / (REFUSED if reasons and not count else DONE)
        try:
            self._move(path, target, reasons)
        except OSError as error:
            log.error("%s: %s; move it away by hand", path, (error.strerror or str(error)).lower())
            return
        log.info("%s: %d observations, %d problems; moved to %s", path.name, count, len(reasons), target.name)

    async def _taken(self, found: Found) -> Outcome:
        """Hands over one file, as often as it takes: while there is no room, nothing else is of use."""
        while True:
            try:
                take = await asyncio.to_thread(self._take, found)
                outcome = await self._service.writer.take(take)
            except BusyError:
                await asyncio.sleep(_AGAIN)
                continue
            except OSError as error:
                return Outcome(0, error="refused", reason=(error.strerror or str(error)).lower())
            if outcome.error in {"full", "failed"}:
                log.error("%s: %s; tried again", found.name, outcome.reason)
                await asyncio.sleep(_AGAIN * 5)
                continue
            if outcome.accepted:
                await self._service.touched()
            return outcome

    def _take(self, found: Found) -> Take:
        if self._service.key:
            raise RackprintError("a platform's case takes no files")
        facts = msgspec.to_builtins(found.manifest)
        manifest = {key: str(value) for key, value in facts.items() if value and key != "taken_at"}
        taken = found.taken_at.timestamp()
        name = found.name.rpartition("/")[2] if found.named else str(Path(found.name).relative_to(self._folder))
        size = found.path.stat().st_size
        if size <= self._service.config.limits.small_kb << 10:
            with open_evidence(found.path) as stream:
                return Take(0, name, stream.read(), events=False, taken_at=taken, manifest=manifest, who="spool")
        part = incoming(self._service.case) / f"{secrets.token_hex(16)}.part"
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
        name = path.name
        while (target / name).exists():
            name = f"{path.name}.{secrets.token_hex(3)}"
        path.rename(target / name)
        if reasons:
            (target / f"{name}.reasons.txt").write_text("".join(f"{reason}\n" for reason in reasons), encoding="utf-8")


def _told(found: Found, reason: str, line: int | None) -> str:
    return f"{found.name}, line {line}: {reason}" if line else f"{found.name}: {reason}"
