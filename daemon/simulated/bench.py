"""Where emulated phones run: one event loop in a thread of its own, each phone with a loopback address."""

from __future__ import annotations

import asyncio
import resource
import threading
import weakref
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, TypeVar, cast

from rackprint.daemon.acquire.adb.server import Address
from rackprint.daemon.errors import RackprintError
from rackprint.daemon.simulated.handset import Handset
from rackprint.daemon.simulated.scripted import Scripted
from rackprint.daemon.simulated.wire import Adbd

PORT = 5555  # where phones with ADB over TCP listen
_NETWORKS = range(1, 255)
_BACKLOG = 1024
T = TypeVar("T")


class Bench:
    """Phones and scripted servers that listen; a context manager. All of it may be called from any thread."""

    def __init__(self) -> None:
        import uvloop

        _room()
        self._loop = uvloop.new_event_loop()
        self._servers: list[asyncio.AbstractServer] = []
        self._connections: weakref.WeakSet[Adbd] = weakref.WeakSet()
        self._thread = threading.Thread(target=self._run, name="simulated rack", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result()

    def phone(self, phone: Handset, host: str = "127.0.0.1", port: int = 0) -> Address:
        """Lets ``phone`` listen. Raises OSError where the address is taken."""
        return self._do(self._listen(phone, host, port))

    def phones(self, phones: Sequence[Handset]) -> list[Address]:
        """Lets each listen on port 5555 of an address of its own: ``127.N.0.1`` and so on, in the first network that
        nobody uses. Raises RackprintError where all are in use."""
        return self._do(self._network(phones))

    def scripted(self, server: Scripted) -> Address:
        """Lets a scripted adb server listen."""
        return self._do(self._script(server))

    async def _listen(self, phone: Handset, host: str, port: int) -> Address:
        def connected() -> Adbd:
            connection = Adbd(phone)
            self._connections.add(connection)
            return connection

        server = await self._loop.create_server(connected, host, port, backlog=16)
        self._servers.append(server)
        return Address(host, cast(asyncio.Server, server).sockets[0].getsockname()[1])

    async def _network(self, phones: Sequence[Handset]) -> list[Address]:
        if not phones:
            return []
        for network in _NETWORKS:
            try:
                found = [await self._listen(phones[0], _host(network, 1), PORT)]
            except OSError:
                continue  # another rack has it
            found += [await self._listen(phone, _host(network, n), PORT) for n, phone in enumerate(phones[1:], 2)]
            return found
        raise RackprintError(f"port {PORT} is taken on 127.1.0.1 to 127.254.0.1: another rack for each; end some")

    async def _script(self, server: Scripted) -> Address:
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, backlog=_BACKLOG)
        self._servers.append(listening)
        return Address("127.0.0.1", listening.sockets[0].getsockname()[1])

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.end()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def close(self) -> None:
        if self._thread.is_alive():
            self._do(self._end())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def _host(network: int, number: int) -> str:
    return f"127.{network}.{number >> 8}.{number & 0xFF}"


def _room() -> None:
    """Each phone takes two descriptors: as many as may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 1 << 14 if hard == resource.RLIM_INFINITY else min(1 << 14, hard)
    if wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
