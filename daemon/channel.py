"""Messages between the processes of the daemon: MessagePack with its length before it, over a socket pair."""

from __future__ import annotations

import asyncio
import select
import socket
import threading
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")
_HEAD = 4
_encode = msgspec.msgpack.Encoder().encode


def framed(message: msgspec.Struct) -> bytes:
    """A message as it goes over the wire."""
    body = _encode(message)
    return len(body).to_bytes(_HEAD, "big") + body


class Channel(Generic[T]):
    """The end of a process that waits; any thread may send."""

    def __init__(self, end: socket.socket, kind: Any) -> None:
        self._socket, self._rest = end, bytearray()
        self._decode = msgspec.msgpack.Decoder(kind).decode
        self._lock = threading.Lock()

    def receive(self) -> T | None:
        """The next message; None when the other end is gone."""
        head = self._exactly(_HEAD)
        body = self._exactly(int.from_bytes(head, "big")) if head else b""
        if not body:
            return None
        found: T = self._decode(body)
        return found

    def waiting(self, seconds: float) -> bool:
        """Whether there is something to receive, or no other end, within ``seconds``."""
        return bool(self._rest) or bool(select.select([self._socket], [], [], seconds)[0])

    def _exactly(self, size: int) -> bytes:
        rest = self._rest
        while len(rest) < size:
            more = self._socket.recv(max(size - len(rest), 1 << 16))
            if not more:
                return b""
            rest += more
        found = bytes(rest[:size])
        del rest[:size]
        return found

    def send(self, message: msgspec.Struct) -> None:
        """Raises OSError when the other end is gone."""
        with self._lock:
            self._socket.sendall(framed(message))


class AsyncChannel(Generic[T]):
    """The end of the event loop."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kind: Any) -> None:
        self._reader, self._writer = reader, writer
        self._decode = msgspec.msgpack.Decoder(kind).decode

    @classmethod
    async def open(cls, end: socket.socket, kind: Any) -> AsyncChannel[T]:
        reader, writer = await asyncio.open_unix_connection(sock=end, limit=1 << 26)
        return cls(reader, writer, kind)

    async def receive(self) -> T | None:
        """The next message; None when the other end is gone."""
        try:
            size = int.from_bytes(await self._reader.readexactly(_HEAD), "big")
            found: T = self._decode(await self._reader.readexactly(size))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        return found

    async def send(self, message: msgspec.Struct) -> None:
        """Raises ConnectionError when the other end is gone."""
        self._writer.write(framed(message))
        await self._writer.drain()

    def finish(self) -> None:
        """Says that nothing more is sent; the other end may still answer."""
        if self._writer.can_write_eof():
            self._writer.write_eof()

    def close(self) -> None:
        self._writer.close()
