"""The ADB wire protocol, from the phone's end: what adbd says to an adb server over TCP.

Messages are six little-endian words (command, two arguments, length, checksum, complement of the command) and a payload
(AOSP packages/modules/adb, protocol.txt, adb.h). A stream has one message in flight: the next waits for an OKAY. An
answer that fits into one is sent whole, with the end of its stream behind it, so a command costs one write.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
from typing import cast

from rackprint.daemon.simulated import auth
from rackprint.daemon.simulated.handset import Fate, Handset, Mode
from rackprint.daemon.simulated.sync import Sync, SyncError

_HEADER = struct.Struct("<6I")
CNXN, AUTH, OPEN, OKAY, CLSE, WRTE = (
    int.from_bytes(name, "little") for name in (b"CNXN", b"AUTH", b"OPEN", b"OKAY", b"CLSE", b"WRTE")
)
_TOKEN, _SIGNATURE, _PUBLIC_KEY = 1, 2, 3
OLD, NEW = 0x01000000, 0x01000001  # with NEW, from Android 9 on, checksums are left out
LEAST, MOST = 4 << 10, 1 << 20  # payloads: the first adb's, and today's
_STREAMS = 1024
_SIGNATURES = 64  # that a host may try
_HELD = 8 << 20  # bytes that a stream may have to wait with


class _WrongError(Exception):
    """What came is no frame that a host sends; the connection ends."""


class _Stream:
    """One service in use: ``rest`` is what is not sent yet, ``waits`` for the OKAY to what was."""

    __slots__ = ("ends", "remote", "rest", "sync", "waits")

    def __init__(self, remote: int) -> None:
        self.remote = remote
        self.rest = b""
        self.waits = self.ends = False
        self.sync: Sync | None = None


def message(command: int, first: int, second: int, payload: bytes = b"", *, check: bool = True) -> bytes:
    """One message; with ``check`` its checksum, which is the sum of its bytes."""
    return (
        _HEADER.pack(command, first, second, len(payload), sum(payload) if check else 0, command ^ 0xFFFFFFFF) + payload
    )


class Adbd(asyncio.Protocol):
    """One connection of a host to ``phone``. ``time`` is the date of its files."""

    def __init__(self, phone: Handset, time: int = 0) -> None:
        self._phone, self._time = phone, time
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._in, self._out = bytearray(), list[bytes]()
        self._version = NEW if phone.sdk >= 28 else OLD
        self._most = MOST if phone.sdk >= 28 else MOST >> 2 if phone.sdk >= 24 else LEAST
        self._check, self._largest = True, LEAST
        self._online, self._greeted = False, False
        self._token, self._tries, self._offered = b"", 0, ""
        self._streams: dict[int, _Stream] = {}
        self._last = 0
        self._leave = phone.watch(self._tell)

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        self._streams.clear()
        self._transport = None

    def end(self) -> None:
        """Cuts the connection."""
        if self._transport:
            self._transport.abort()

    def pause_writing(self) -> None:
        if self._transport:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._transport:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        buffer = self._in
        buffer += data
        at, have = 0, len(buffer)
        try:
            while have - at >= 24:
                command, first, second, size, check, magic = _HEADER.unpack_from(buffer, at)
                if command ^ magic != 0xFFFFFFFF or size > MOST:
                    raise _WrongError
                if have - at < 24 + size:
                    break
                payload = bytes(buffer[at + 24 : at + 24 + size])
                at += 24 + size
                if self._check and self._greeted and check != sum(payload) & 0xFFFFFFFF:
                    raise _WrongError
                self._frame(command, first, second, payload)
        except _WrongError:
            if self._transport:
                self._transport.abort()
            return
        del buffer[:at]
        self._flush()

    def _flush(self) -> None:
        if self._out and self._transport:
            self._transport.write(b"".join(self._out))
        self._out.clear()

    def _send(self, command: int, first: int, second: int, payload: bytes = b"") -> None:
        check = sum(payload) if self._check else 0
        self._out.append(_HEADER.pack(command, first, second, len(payload), check, command ^ 0xFFFFFFFF))
        if payload:
            self._out.append(payload)

    def _frame(self, command: int, first: int, second: int, payload: bytes) -> None:
        if command == CNXN:
            self._connect(first, second)
        elif command == AUTH and self._greeted and not self._online:
            self._authenticate(first, payload)
        elif not self._online or not first:
            raise _WrongError
        elif command == OPEN:
            self._open(first, payload)
        elif command == OKAY:
            stream = self._streams.get(second)
            if stream is not None and stream.remote == first:
                stream.waits = False
                self._go_on(second, stream)
        elif command == WRTE:
            self._written(first, second, payload)
        elif command == CLSE:
            stream = self._streams.get(second)
            if stream is not None and stream.remote == first:
                del self._streams[second]
                self._send(CLSE, second, first)
        else:
            raise _WrongError

    # who is there

    def _connect(self, version: int, most: int) -> None:
        if version < OLD or most < LEAST or self._greeted:
            raise _WrongError
        self._greeted = True
        self._largest = min(most, self._most)
        self._check = min(version, self._version) < NEW
        if self._phone.secure or self._phone.mode is Mode.UNAUTHORIZED:
            self._challenge()
        else:
            self._welcome()

    def _challenge(self) -> None:
        self._token = secrets.token_bytes(auth.TOKEN_SIZE)
        self._send(AUTH, _TOKEN, 0, self._token)

    def _welcome(self) -> None:
        phone = self._phone
        told = [
            f"ro.product.name={phone.product}",
            f"ro.product.model={phone.model}",
            f"ro.product.device={phone.device}",
        ]
        if phone.features:
            told.append(f"features={','.join(phone.features)}")
        self._online = True
        banner = f"device::{';'.join(told)}" if phone.features else f"device::{';'.join(told)};"
        self._send(CNXN, self._version, self._most, banner.encode())

    def _authenticate(self, kind: int, payload: bytes) -> None:
        phone, self._tries = self._phone, self._tries + 1
        if self._tries > _SIGNATURES:
            raise _WrongError
        if kind == _SIGNATURE:
            keys = [key for text in phone.keys if (key := auth.read(text))]
            if phone.mode is not Mode.UNAUTHORIZED and any(key.signed(self._token, payload) for key in keys):
                self._welcome()
            else:
                self._challenge()
            return
        offered = payload.rstrip(b"\0").decode(errors="replace")
        if kind != _PUBLIC_KEY or auth.read(offered) is None:
            raise _WrongError
        self._offered = offered
        self._trust()

    def _trust(self) -> None:
        """Takes the key that was offered, once there is nothing against it; until then the host waits."""
        if self._offered and not self._online and self._phone.mode is not Mode.UNAUTHORIZED:
            if self._offered not in self._phone.keys:
                self._phone.keys.append(self._offered)
            self._welcome()

    def _tell(self) -> None:
        """The phone's mode is another; said in any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._changed)

    def _changed(self) -> None:
        if self._transport:
            self._trust()
            self._flush()

    # what it asks for

    def _open(self, remote: int, payload: bytes) -> None:
        service = payload.rstrip(b"\0").decode(errors="replace")
        kind, _, line = service.partition(":")
        if kind == "sync" and not line:
            local = self._new(remote)
            self._streams[local].sync = Sync(self._phone.file, self._time)
            self._send(OKAY, local, remote)
        elif self._phone.offers(kind):
            self._command(remote, kind, line)
        else:
            self._send(CLSE, 0, remote)

    def _new(self, remote: int) -> int:
        if len(self._streams) >= _STREAMS:
            raise _WrongError
        self._last = self._last % 0xFFFFFFFF + 1
        self._streams[self._last] = _Stream(remote)
        return self._last

    def _command(self, remote: int, kind: str, line: str) -> None:
        phone = self._phone
        phone.asked.append(line)
        local = self._new(remote)
        self._send(OKAY, local, remote)
        fate = phone.fate(line)
        if fate is Fate.NEVER:
            return
        if phone.delay > 0:
            self._loop.call_later(phone.delay / 1000, self._late, local, kind, line, fate)
        else:
            self._answer(local, kind, line, fate)

    def _late(self, local: int, kind: str, line: str, fate: Fate) -> None:
        if local in self._streams:
            self._answer(local, kind, line, fate)
            self._flush()

    def _answer(self, local: int, kind: str, line: str, fate: Fate) -> None:
        said, stream = self._phone.run(line), self._streams[local]
        if "v2" in kind.split(","):
            data = said.v2()
        elif kind == "exec":
            data = said.stdout + said.stderr
        else:
            data = said.v1(terminal=self._phone.sdk < 24)
        if fate is Fate.CUT:
            self._send(WRTE, local, stream.remote, data[: min(len(data) // 2, self._largest)])
            self._flush()
            if self._transport:
                self._transport.close()
            return
        stream.rest, stream.ends = data, True
        self._go_on(local, stream)

    def _go_on(self, local: int, stream: _Stream) -> None:
        """Sends the next of what is left, unless the last is not taken yet; the end of the stream behind the last."""
        if stream.rest and not stream.waits:
            chunk, stream.rest = stream.rest[: self._largest], stream.rest[self._largest :]
            self._send(WRTE, local, stream.remote, chunk)
            stream.waits = True
        if stream.ends and not stream.rest:
            self._send(CLSE, local, stream.remote)
            del self._streams[local]

    def _written(self, remote: int, local: int, payload: bytes) -> None:
        stream = self._streams.get(local)
        if stream is None or stream.remote != remote:
            return  # it had ended when this was sent
        self._send(OKAY, local, remote)
        if stream.sync is None or stream.ends:
            return  # what is typed into a command goes nowhere
        try:
            stream.rest += stream.sync.feed(payload)
        except SyncError:
            stream.ends = True
        if len(stream.rest) > _HELD:
            raise _WrongError
        stream.ends = stream.ends or stream.sync.over
        self._go_on(local, stream)
