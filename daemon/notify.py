"""What systemd is told, over the socket that it names (sd_notify(3)); nothing where there is none."""

from __future__ import annotations

import asyncio
import os
import time

import sdnotify


class Manager:
    """The service manager, if there is one."""

    def __init__(self) -> None:
        self._notifier = sdnotify.SystemdNotifier()
        self._watch: asyncio.Task[None] | None = None

    def say(self, *facts: str) -> None:
        """Sends facts such as ``READY=1`` in one datagram."""
        self._notifier.notify("\n".join(facts))

    def ready(self, status: str) -> None:
        self.say("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        self.say("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, status: str) -> None:
        self.say("STOPPING=1", f"STATUS={status}")

    def watch(self) -> None:
        """Shows from now on, twice in each interval that systemd asks for, that the event loop turns."""
        interval = int(os.environ.get("WATCHDOG_USEC", "0")) / 1e6
        if interval > 0 and os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid()):
            self._watch = asyncio.create_task(self._beat(interval / 2), name="watchdog")

    async def _beat(self, seconds: float) -> None:
        while True:
            self.say("WATCHDOG=1")
            await asyncio.sleep(seconds)
