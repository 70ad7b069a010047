"""The daemon's side of the resolver: how far its index is, and whose phone it says an observation is of."""

from __future__ import annotations

import asyncio
import itertools
import logging
from typing import Any

import msgspec

from rackprint.daemon.placing import Ask, FromResolver, Known, Placed, Poke, Serve
from rackprint.daemon.supervision import Child
from rackprint.fingerprint.model import Observation

log = logging.getLogger("rackprint.resolver")


class ResolverClient(Child):
    """Asks the resolver; it is told that there is something new by :meth:`poke`."""

    module = "rackprint.daemon.resolver"
    kinds = FromResolver

    def __init__(self, case: str, url: str) -> None:
        super().__init__()
        self._serve = Serve(case, url)
        self._waiting: dict[int, asyncio.Future[Placed | None]] = {}
        self._numbers = itertools.count(1)
        self.known = Known(0, 0, 0, False, 0.0)
        self.poked = False

    def first(self) -> msgspec.Struct:
        return self._serve

    async def ask(self, observation: Observation) -> Placed | None:
        """Where it is placed; None when the resolver is gone."""
        number = next(self._numbers)
        future: asyncio.Future[Placed | None] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            return await future if await self.send(Ask(number, observation)) else None
        finally:
            del self._waiting[number]

    async def poke(self) -> None:
        """Says that there is something new."""
        await self.send(Poke())

    def heard(self, message: Any) -> None:
        if isinstance(message, Known):
            if message.whole and not self.known.whole:
                log.info("index of %d observations is whole (%.0f a second)", message.observations, message.rate)
            if message.error:
                log.error("%s", message.error)
            self.known = message
        elif (future := self._waiting.get(message.number)) is not None and not future.done():
            future.set_result(message)

    def lost(self) -> None:
        self.known = Known(0, 0, 0, False, 0.0)
        for future in self._waiting.values():
            if not future.done():
                future.set_result(None)
