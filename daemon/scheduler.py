"""When to link: soon after the evidence pauses, every so often while it does not, and never most of the time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from rackprint.daemon.linker import Errand, Report
from rackprint.daemon.supervision import once

log = logging.getLogger("rackprint.linker")
REST = 2.0  # a run is followed by a pause of at least so many times its length
NICE = 15


class Scheduler:
    """Runs the linker, one run at a time; ``newest`` tells the number of the newest observation."""

    def __init__(self, errand: Errand, newest: Callable[[], int], *, every: float, idle: float, through: int) -> None:
        self._errand, self._newest = errand, newest
        self._every, self._idle = every, idle
        self.through = through  # the newest observation that the linkage knows
        self.report = Report(through=through)
        self.running_since = 0.0
        self.runs = self.failures = 0
        self._changed, self._ended = 0.0, 0.0
        self._wanted = asyncio.Event()
        self.alone = asyncio.Lock()  # held by a run; a purge holds it too, for they must not meet
        self._task: asyncio.Task[None] | None = None
        self.done: list[Callable[[Report], None]] = []

    def begin(self) -> None:
        """Watches from now on."""
        self._task = asyncio.create_task(self._watch(), name="scheduler")

    def touched(self) -> None:
        """Something new was committed."""
        self._changed = time.monotonic()

    def link_now(self) -> None:
        """Links as soon as the run that may be going on is done."""
        self._wanted.set()

    @property
    def lag(self) -> int:
        """How many observations, at most, the linkage does not know yet."""
        return max(0, self._newest() - self.through)

    def _due(self) -> bool:
        if self._wanted.is_set():
            return True
        now = time.monotonic()
        if not self.lag or now - self._ended < REST * self.report.whole:
            return False
        return now - self._changed >= self._idle or now - self._ended >= self._every

    async def _watch(self) -> None:
        self._ended = time.monotonic() - self._every
        while True:
            if self._due():
                self._wanted.clear()
                await self._run()
            try:
                await asyncio.wait_for(self._wanted.wait(), timeout=min(0.25, self._idle))
            except TimeoutError:
                continue

    async def _run(self) -> None:
        report: Report | None
        async with self.alone:
            self.running_since = time.monotonic()
            try:
                report = await once("rackprint.daemon.linker", self._errand, Report, nice=NICE)
            finally:
                self.running_since, self._ended = 0.0, time.monotonic()
        if report is None or report.error:
            self.failures += 1
            log.error("linking failed: %s", report.error if report else "its process died")
            return
        self.runs += 1
        self.report, self.through = report, max(report.through, self.through)
        log.info("linked %d observations in %.1f s: %d devices, %d links", report.observations, report.whole,
                 report.devices, report.links)  # fmt: skip
        for tell in self.done:
            tell(report)

    async def end(self) -> None:
        """Ends, and with it a run that is going on: what it wrote half is taken back by the next."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
