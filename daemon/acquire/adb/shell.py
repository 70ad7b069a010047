"""One command on one phone, with a deadline, and an answer that says whether it is whole.

Shell protocol v2 brings stdout, stderr and the exit code apart, so a cut link shows (AOSP packages/modules/adb,
shell_protocol.h: id, length, payload). Phones without it (Android 4 to 6) send one stream that ends in the same way
when the link is cut; there a nonce and ``$?`` are asked for behind the command, and an answer without them is cut.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rackprint.daemon.acquire.adb.link import LinkError, asked
from rackprint.daemon.acquire.adb.listing import Transport
from rackprint.fingerprint.commands.record import State

if TYPE_CHECKING:
    from rackprint.daemon.acquire.adb.quiet import QuietConnection

V2, TRAILER = "shell_v2", "trailer"
_STDOUT, _STDERR, _EXIT = 1, 2, 3
STOPPED = "stopped by hand"
TOO_LONG = "the answer is longer than is allowed"
_CHUNK = 1 << 18
_LOOK = 0.25  # seconds between two looks at whether it is to stop
_DENIED = re.compile(r"unauthori[sz]ed|permission|not allowed|denied", re.I)


@dataclass(slots=True)
class Answer:
    """What came back. ``trailer`` is the end that the nonce was asked for in, apart from the stdout."""

    protocol: str
    started: datetime
    ended: datetime = field(default_factory=lambda: datetime.now(UTC))
    state: State = State.TRUNCATED
    why: str = ""
    exit_code: int | None = None
    stdout: bytes = b""
    stderr: bytes = b""
    trailer: bytes = b""
    long: bool = False  # longer than is allowed


def run(
    transport: Transport, line: str, *, v2: bool, seconds: float, most: int, stopped: Callable[[], bool] = lambda: False
) -> Answer:
    """Runs ``line`` in the phone's shell, until ``stopped``. Raises LinkError where it could not be asked at all."""
    began = datetime.now(UTC)
    deadline = time.monotonic() + seconds
    nonce = "" if v2 else secrets.token_hex(8)
    service = f"shell,v2,raw:{line}" if v2 else f"shell:{line}; echo {nonce}:$?"
    found = Answer(V2 if v2 else TRAILER, began)
    from adbutils.errors import AdbError, AdbTimeout

    with asked(transport.server, f"host:transport-id:{transport.id}", min(seconds, 5.0), stopped) as connection:
        try:
            connection.allow(deadline - time.monotonic())
            connection.send_command(service)
            connection.check_okay()
        except (TimeoutError, AdbTimeout):
            found.state, found.why = State.TIMED_OUT, f"no answer in {seconds:g} s"
            if stopped():
                found.state, found.why = State.TRUNCATED, STOPPED
        except AdbError as error:
            found.state, found.why = State.DENIED, " ".join(str(error).split())
            if not _DENIED.search(found.why):
                raise LinkError(found.why or "the phone closed the connection") from error
        else:
            reader = _Reader(connection, deadline, most, stopped)
            (_read_v2 if v2 else _read_plain)(reader, found, nonce)
            _judge(found, reader, seconds)
    found.ended = datetime.now(UTC)
    return found


class _Reader:
    """Reads to the end, the deadline, or the most that is allowed; ``why`` says which, empty for the end."""

    def __init__(self, connection: QuietConnection, deadline: float, most: int, stopped: Callable[[], bool]) -> None:
        self._socket, self._deadline, self._left, self._stopped = connection.conn, deadline, most, stopped
        self.why: State | None = None
        self.reason = ""

    def more(self) -> bytes:
        """Some bytes; none at the end."""
        while not self._over():
            self._socket.settimeout(max(0.001, min(self._deadline - time.monotonic(), _LOOK)))
            try:
                data: bytes = self._socket.recv(_CHUNK)
            except TimeoutError:
                continue
            except OSError:
                break
            self._left -= len(data)
            return data
        return b""

    def _over(self) -> bool:
        if self._deadline <= time.monotonic():
            self.why = State.TIMED_OUT
        elif self._left <= 0:
            self.why, self.reason = State.TRUNCATED, TOO_LONG
        elif self._stopped():
            self.why, self.reason = State.TRUNCATED, STOPPED
        return self.why is not None


def _read_v2(reader: _Reader, found: Answer, _nonce: str) -> None:
    streams = {_STDOUT: bytearray(), _STDERR: bytearray()}
    rest = bytearray()
    while found.exit_code is None and (data := reader.more()):
        rest += data
        at = 0
        while len(rest) - at >= 5:
            kind, size = rest[at], int.from_bytes(rest[at + 1 : at + 5], "little")
            if len(rest) - at < 5 + size:
                break
            body = rest[at + 5 : at + 5 + size]
            at += 5 + size
            if kind == _EXIT and size:
                found.exit_code = body[0]
                break
            if kind in streams:
                streams[kind] += body
        del rest[:at]
    if found.exit_code is None and len(rest) > 5 and rest[0] in streams:
        streams[rest[0]] += rest[5:]  # what came of the last packet
    found.stdout, found.stderr = bytes(streams[_STDOUT]), bytes(streams[_STDERR])


def _read_plain(reader: _Reader, found: Answer, nonce: str) -> None:
    data = bytearray()
    while more := reader.more():
        data += more
    trailer = re.search(rb"%s:(\d{1,3})\r?\r?\n?$" % nonce.encode(), data)
    if trailer:
        found.exit_code = int(trailer[1])
        found.trailer = bytes(data[trailer.start() :])
        del data[trailer.start() :]
    found.stdout = bytes(data)


def _judge(found: Answer, reader: _Reader, seconds: float) -> None:
    if found.exit_code is not None:
        found.state = State.COMPLETE
    elif reader.why is State.TIMED_OUT:
        found.state, found.why = State.TIMED_OUT, f"not done in {seconds:g} s"
    elif reader.reason:
        found.why, found.long = reader.reason, reader.reason is TOO_LONG
    else:
        found.why = "the link ended before the answer did"
