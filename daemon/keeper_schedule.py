"""When to purge: at the start and every hour, where a platform's case has a limit of age."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from rackprint.daemon.purger import Errand, Report
from rackprint.daemon.supervision import once

log = logging.getLogger("rackprint.purger")
EVERY = 3600.0  # seconds
NICE = 10


class PurgeSchedule:
    """Runs the purger while it holds ``alone``, which runs of the linker hold too; ``removed`` is called after a purge
    that removed something."""

    def __init__(self, errand: Errand, alone: asyncio.Lock, removed: Callable[[Report], Awaitable[None]]) -> None:
        self._errand, self._alone, self._removed = errand, alone, removed
        self._task: asyncio.Task[None] | None = None
        self.failures = 0

    def begin(self) -> None:
        """Purges from now on, where the errand says after how many days."""
        if self._errand.days > 0:
            self._task = asyncio.create_task(self._watch(), name="purges")

    async def _watch(self) -> None:
        while True:
            await self._purge()
            await asyncio.sleep(EVERY)

    async def _purge(self) -> None:
        async with self._alone:
            report: Report | None = await once("rackprint.daemon.purger", self._errand, Report, nice=NICE)
        if report is None or report.error:
            self.failures += 1
            log.error("purging failed: %s", report.error if report else "its process died")
        elif report.tombstone:
            log.info("purged %d observations of %d bodies; custody entry %s", report.observations, report.artifacts,
                     report.tombstone)  # fmt: skip
            await self._removed(report)

    async def end(self) -> None:
        """Ends, and with it a purge that is going on: the next goes on with it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
