"""What is attached to an adb server, by transport id: serials repeat, transport ids never do.

A line of ``adb devices -l`` is the serial, the state, and words such as ``usb:1-1.2 model:Pixel transport_id:7``
(AOSP packages/modules/adb, transport.cpp, append_transport).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rackprint.daemon.acquire.adb.link import LinkError, answer, asked, length
from rackprint.daemon.acquire.adb.server import Address

READY = "device"
_LINE = re.compile(r"^(?P<serial>\(no serial number\)|\S+)\s+(?P<rest>\S.*)$")
_WORD = re.compile(r"(?:^|\s)(product|model|device|transport_id):(\S*)")
_PORT = re.compile(r"\busb:([0-9]+-[0-9]+(?:\.[0-9]+)*)(?=\s|$)")
_TCP = re.compile(r"^(?:\[[0-9a-fA-F:]+\]|[\w.-]+):[0-9]{1,5}$")


@dataclass(frozen=True, slots=True)
class Transport:
    """A phone as one adb server sees it. ``usb_path`` is the port path (``1-1.2``), empty for one over TCP."""

    server: Address
    id: int
    serial: str
    state: str
    usb_path: str = ""
    model: str = ""

    @property
    def slot(self) -> str:
        """What the handset is called in an acquisition: its place, never its serial, which may repeat."""
        return self.usb_path or (f"tcp:{self.serial}" if self.kind == "tcp" else f"{self.server}:{self.id}")

    @property
    def kind(self) -> str:
        return "tcp" if not self.usb_path and _TCP.match(self.serial) else "usb"


def read(text: str, server: Address) -> tuple[Transport, ...]:
    """The transports of a listing; lines without a transport id are left out."""
    return tuple(found for line in text.splitlines() if (found := _transport(line, server)))


def _transport(line: str, server: Address) -> Transport | None:
    match = _LINE.match(line.strip())
    if not match:
        return None
    rest = match["rest"]
    words = dict(_WORD.findall(rest))
    number = words.get("transport_id", "")
    if not (number.isascii() and number.isdigit()):
        return None
    port = _PORT.search(rest)
    state = re.split(r"\s+(?=usb:|product:|model:|device:|transport_id:)|; see ", rest, maxsplit=1)[0]
    return Transport(server, int(number), match["serial"], state.strip(), port[1] if port else "",
                     words.get("model", "").replace("_", " "))  # fmt: skip


def transports(server: Address) -> tuple[Transport, ...]:
    """What is attached now. Raises LinkError."""
    return read(answer(server, "host:devices-l"), server)


def follow(server: Address, seconds: float) -> Iterator[tuple[Transport, ...]]:
    """What is attached, at once and again after each change; the same again after ``seconds`` without one. Raises
    LinkError when the server ends."""
    try:
        yield from _tracked(server, seconds)
    except _OldError:
        known = transports(server)
        yield known
        for _ in _blocks(server, "host:track-devices", seconds):
            known = transports(server)
            yield known


class _OldError(Exception):
    """The server has no long form of tracking; it came with adb 1.0.41 (platform-tools 28)."""


def _tracked(server: Address, seconds: float) -> Iterator[tuple[Transport, ...]]:
    known: tuple[Transport, ...] | None = None
    try:
        for text in _blocks(server, "host:track-devices-l", seconds):
            known = read(text, server) if text is not None else known
            yield known or ()
    except LinkError as error:
        if known is None and "unknown host service" in str(error):
            raise _OldError from error
        raise


def _blocks(server: Address, service: str, seconds: float) -> Iterator[str | None]:
    """Each block that the server sends; None when ``seconds`` pass without one."""
    with asked(server, service) as connection:
        rest = bytearray()
        connection.conn.settimeout(seconds)
        while True:
            while len(rest) >= 4 and len(rest) >= 4 + (size := length(bytes(rest[:4]))):
                yield bytes(rest[4 : 4 + size]).decode(errors="backslashreplace")
                del rest[: 4 + size]
            try:
                more = connection.conn.recv(1 << 16)
            except TimeoutError:
                yield None
                continue
            if not more:
                raise LinkError(f"the adb server at {server} ended")
            rest += more
