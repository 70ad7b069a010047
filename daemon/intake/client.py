"""The daemon's side of the writer: what is handed to it, and what it answered."""

from __future__ import annotations

import asyncio
import itertools
import logging
from typing import Any

import msgspec

from rackprint.daemon.intake.messages import FromWriter, Outcome, Setup, State, Take
from rackprint.daemon.supervision import Child

log = logging.getLogger("rackprint.writer")


class BusyError(Exception):
    """Too much waits to be written; try again in a moment."""


class WriterClient(Child):
    """Hands things to the writer and waits for its word that they are on the disk."""

    module = "rackprint.daemon.intake.writer"
    kinds = FromWriter
    nice = 10  # who asks comes first; the queue is for the rest

    def __init__(self, setup: Setup, *, queue_bytes: int, keep: tuple[int, ...] = ()) -> None:
        super().__init__(keep)
        self._setup, self._limit = setup, queue_bytes
        self._waiting: dict[int, tuple[asyncio.Future[Outcome], int]] = {}
        self._numbers = itertools.count(1)
        self.queued = 0  # bytes that are not acknowledged yet
        self.state = State(False, "the writer is starting")
        self.ready = asyncio.Event()
        self._told = ""
        self._full = False

    @property
    def waiting(self) -> int:
        """How many things are not acknowledged yet."""
        return len(self._waiting)

    def first(self) -> msgspec.Struct:
        return self._setup

    def room(self, size: int) -> bool:
        """Whether so many bytes more may wait; one thing may always."""
        return not self._waiting or self.queued + size <= self._limit

    async def take(self, take: Take) -> Outcome:
        """Waits until it is committed, or refused. Raises BusyError when too much waits already."""
        if not self.room(len(take.data)):
            raise BusyError
        take.number = next(self._numbers)
        size = len(take.data)
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting[take.number] = future, size
        self.queued += size
        try:
            if not self.state.ready or not await self.send(take):
                return Outcome(take.number, error="failed", reason=self.state.reason or "the writer is starting")
            return await future
        finally:
            self.queued -= size
            self._waiting.pop(take.number, None)

    def heard(self, message: Any) -> None:
        if isinstance(message, State):
            self.state = message
            if message.recovering:
                log.warning(
                    "%d artifacts were kept and not read at the last end; they are read now", message.recovering
                )
            if message.reason and message.reason != self._told:
                log.error("%s", message.reason)
            self._told = message.reason
            self.ready.set()
        elif message.number in self._waiting:
            future, _ = self._waiting[message.number]
            self._tell_room(message)
            if not future.done():
                future.set_result(message)

    def _tell_room(self, outcome: Outcome) -> None:
        full = outcome.error == "full"
        if full and not self._full:
            log.error("no room: %s; nothing is acknowledged until there is", outcome.reason)
        elif self._full and not outcome.error:
            log.warning("there is room again; evidence is taken in")
        self._full = full or (self._full and bool(outcome.error))

    def lost(self) -> None:
        if self.state.ready or not self.state.reason:
            self.state = State(False, "the writer was ended and is starting again")
        for number, (future, _) in list(self._waiting.items()):
            if not future.done():
                future.set_result(Outcome(number, error="failed", reason="the writer was ended before it was safe"))
