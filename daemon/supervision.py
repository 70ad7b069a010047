"""A process that the daemon keeps running: started anew when it dies, a little later each time."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import msgspec

from rackprint.daemon.channel import AsyncChannel
from rackprint.daemon.processes import start

log = logging.getLogger("rackprint.processes")
_STEADY = 30.0  # seconds after which a process counts as well
_SLOWEST = 5.0  # seconds between two starts at most
_PATIENCE = 60.0  # seconds that a process has to finish what it began


async def once(module: str, errand: msgspec.Struct, kind: Any, *, nice: int = 0) -> Any | None:
    """Runs ``module`` for one errand; its report, of ``kind``, or None when it died. It ends with who waits for it."""
    process, end = start(module, nice=nice)
    channel: AsyncChannel[Any] = await AsyncChannel.open(end, kind)
    try:
        await channel.send(errand)
        return await channel.receive()
    except ConnectionError:
        return None
    except asyncio.CancelledError:
        process.kill()
        raise
    finally:
        channel.close()
        await asyncio.to_thread(process.wait)


class Child:
    """Subclasses say which ``module`` runs, the ``first`` message to it, and what to do with each message from it."""

    module = ""
    kinds: Any = None
    nice = 0

    def __init__(self, keep: tuple[int, ...] = ()) -> None:
        self._keep = keep
        self._channel: AsyncChannel[Any] | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = self._again = False
        self.starts = 0
        self.pid = 0

    def first(self) -> msgspec.Struct:
        """The message that the process begins with."""
        raise NotImplementedError

    def heard(self, message: Any) -> None:
        """A message from the process."""
        raise NotImplementedError

    def lost(self) -> None:
        """The process is gone: nothing that it was asked will be answered."""

    def begin(self) -> None:
        """Starts the process and keeps it running."""
        self._task = asyncio.create_task(self._run(), name=self.module)

    async def _run(self) -> None:
        wait = 0.1
        while not self._stopping:
            began = time.monotonic()
            process, end = start(self.module, keep=self._keep, nice=self.nice)
            self.starts, self.pid = self.starts + 1, process.pid
            channel: AsyncChannel[Any] = await AsyncChannel.open(end, self.kinds)
            self._channel, self._again = channel, False
            try:
                await channel.send(self.first())
                while (message := await channel.receive()) is not None:
                    self.heard(message)
            except ConnectionError:
                pass  # it died while it was spoken to; told below
            finally:
                channel.close()
                self._channel = None
            code = await asyncio.to_thread(process.wait)
            self.lost()
            if self._stopping:
                return
            if self._again:
                continue
            log.error("%s ended with %s; it is started again", self.module, code)
            wait = 0.1 if time.monotonic() - began > _STEADY else min(wait * 2, _SLOWEST)
            await asyncio.sleep(wait)

    async def send(self, message: msgspec.Struct) -> bool:
        """Whether the message went out."""
        if self._channel is None:
            return False
        try:
            await self._channel.send(message)
        except ConnectionError:
            return False
        return True

    def again(self) -> None:
        """Has the process finish what it began and end, so that a new one starts; what is asked until then is lost."""
        channel, self._channel = self._channel, None  # nothing more may be sent on it
        if channel is not None:
            self._again = True
            channel.finish()

    async def end(self) -> None:
        """Lets the process finish what it began, and waits for it."""
        self._stopping = True
        if self._channel is not None:
            self._channel.finish()
        if self._task is not None:
            _, waiting = await asyncio.wait({self._task}, timeout=_PATIENCE)
            for task in waiting:
                log.error("%s did not end in %.0f s; what it began is read again", self.module, _PATIENCE)
                task.cancel()
