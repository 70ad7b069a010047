"""An adb server without adb: it lists phones under equal serials, each with a transport id and a USB port of its own,
which emulated phones behind a real server cannot show, since over TCP a serial is an address.

What it speaks is the smart socket protocol (AOSP packages/modules/adb, OVERVIEW.TXT, SERVICES.TXT): four hex digits of
length and a service; OKAY or FAIL; then what the service says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from rackprint.daemon.simulated.handset import Fate, Handset, Mode
from rackprint.daemon.simulated.sync import Sync, SyncError

_VERSION = 41
_CHUNK = 1 << 16


class _RefusedError(Exception):
    """The text is what FAIL says."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A phone at a port: its transport id, the serial that it shows, and its port path, empty for one over TCP."""

    id: int
    phone: Handset
    serial: str
    usb_path: str = ""

    @property
    def state(self) -> str:
        return "unauthorized" if self.phone.mode is Mode.UNAUTHORIZED else "device"

    def row(self, *, long: bool) -> str:
        """Its line in a listing (AOSP packages/modules/adb, transport.cpp, append_transport)."""
        if not long:
            return f"{self.serial}\t{self.state}\n"
        phone = self.phone
        words = [f"usb:{self.usb_path}"] if self.usb_path else []
        if self.state == "device":
            named = (("product", phone.product), ("model", phone.model), ("device", phone.device))
            words += [f"{key}:{value.replace(' ', '_')}" for key, value in named if value]
        return f"{self.serial:<22} {self.state} {' '.join([*words, f'transport_id:{self.id}'])}\n"


class Scripted:
    """The server. What is attached may change at any time, from any thread."""

    def __init__(self) -> None:
        self._attached: dict[int, Attached] = {}
        self._leave: dict[int, Callable[[], None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._trackers: set[asyncio.Event] = set()

    def plug(self, at: Attached) -> None:
        self.unplug(at.id)
        self._attached = {**self._attached, at.id: at}
        self._leave[at.id] = at.phone.watch(self._changed)
        self._changed()

    def unplug(self, number: int) -> None:
        """Does nothing where no phone has this transport id."""
        if number in self._attached:
            self._attached = {key: at for key, at in self._attached.items() if key != number}
            self._leave.pop(number)()
            self._changed()

    def _changed(self) -> None:
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        for event in self._trackers:
            event.set()

    def _listing(self, *, long: bool) -> str:
        return "".join(at.row(long=long) for at in self._attached.values())

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, for :func:`asyncio.start_server`."""
        self._loop = asyncio.get_running_loop()
        try:
            await self._asked(reader, writer)
        except _RefusedError as refused:
            writer.write(_block(b"FAIL", str(refused)))
        except (OSError, ValueError, asyncio.IncompleteReadError, SyncError, asyncio.CancelledError):
            pass  # a client that left, or that speaks something else, or the end of the rack: the connection ends
        finally:
            writer.close()

    async def _asked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        service = await _service(reader)
        if service == "host:version":
            writer.write(_block(b"OKAY", f"{_VERSION:04x}"))
        elif service in {"host:features", "host:host-features"}:
            writer.write(_block(b"OKAY", "shell_v2,cmd,stat_v2"))
        elif service in {"host:devices", "host:devices-l"}:
            writer.write(_block(b"OKAY", self._listing(long=service.endswith("-l"))))
        elif service in {"host:track-devices", "host:track-devices-l"}:
            await self._track(reader, writer, long=service.endswith("-l"))
        elif service.startswith("host-transport-id:") and service.endswith(":features"):
            phone = self._at(service.split(":")[1]).phone
            writer.write(_block(b"OKAY", ",".join(phone.features)))
        elif service.startswith("host:transport-id:"):
            at = self._at(service.removeprefix("host:transport-id:"))
            writer.write(b"OKAY")
            await self._on_phone(at.phone, reader, writer)
        else:
            raise _RefusedError("unknown host service")

    def _at(self, number: str) -> Attached:
        found = self._attached.get(int(number)) if number.isascii() and number.isdigit() and len(number) < 10 else None
        if found is None:
            raise _RefusedError(f"no device with transport id '{number[:20]}'")
        if found.state != "device":
            raise _RefusedError(f"device {found.state}.")
        return found

    async def _track(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, long: bool) -> None:
        """Sends the list now and after each change, until the client leaves."""
        writer.write(b"OKAY")
        event = asyncio.Event()
        self._trackers.add(event)
        left = asyncio.ensure_future(reader.read(1))
        left.add_done_callback(lambda _: event.set())
        said: str | None = None
        try:
            while not left.done():
                event.clear()
                listing = self._listing(long=long)
                if listing != said:
                    writer.write(_block(b"", listing))
                    await writer.drain()
                    said = listing
                await event.wait()
        finally:
            left.cancel()
            self._trackers.discard(event)

    async def _on_phone(self, phone: Handset, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kind, _, line = (await _service(reader)).partition(":")
        if kind == "sync" and not line:
            writer.write(b"OKAY")
            sync = Sync(phone.file, 0)
            while not sync.over and (data := await reader.read(_CHUNK)):
                writer.write(sync.feed(data))
                await writer.drain()
            return
        if not phone.offers(kind):
            raise _RefusedError("closed")
        phone.asked.append(line)
        fate = phone.fate(line)
        writer.write(b"OKAY")
        if fate is Fate.NEVER:
            await reader.read(1)  # until the client has enough
            return
        if phone.delay > 0:
            await asyncio.sleep(phone.delay / 1000)
        said = phone.run(line)
        data = said.v2() if "v2" in kind.split(",") else said.v1(terminal=phone.sdk < 24)
        writer.write(data[: len(data) // 2] if fate is Fate.CUT else data)
        await writer.drain()


def _block(head: bytes, text: str) -> bytes:
    data = text.encode()
    return head + b"%04x" % len(data) + data


async def _service(reader: asyncio.StreamReader) -> str:
    size = int(await reader.readexactly(4), 16)
    return (await reader.readexactly(size)).decode(errors="replace")
