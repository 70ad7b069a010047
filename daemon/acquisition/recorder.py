"""Hands records to the case's writer, from many threads: the bytes are kept and in the custody log before anyone reads
them, and what was not acknowledged does not count."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from rackprint.daemon.channel import Channel
from rackprint.daemon.errors import RackprintError
from rackprint.daemon.intake.messages import FromWriter, Outcome, Setup, State, Take
from rackprint.daemon.processes import start

_ROOM = 64 << 20  # bytes that may wait to be written
_PATIENCE = 120.0  # seconds that the writer has to take up what an earlier end left
Told = Callable[[Outcome], None]


class Recorder:
    """The writer of the case as a child; ``lock`` is the descriptor that holds the case, which it shares."""

    def __init__(self, case: Path, lock: int, url: str = "") -> None:
        self._process, end = start("rackprint.daemon.intake.writer", keep=(lock,))
        self._end = end
        self._channel: Channel[FromWriter] = Channel(end, FromWriter)
        self._waiting: dict[int, tuple[int, Told]] = {}
        self._queued = 0
        self._numbers = itertools.count(1)
        self._changed = threading.Condition()
        self._state: State | None = None
        self._gone = ""
        self._thread = threading.Thread(target=self._listen, name="recorder", daemon=True)
        self._channel.send(Setup(str(case.absolute()), url))
        self._thread.start()

    def ready(self) -> None:
        """Waits until the writer is. Raises RackprintError, saying why, when it will not be."""
        with self._changed:
            self._changed.wait_for(lambda: self._state is not None or self._gone, _PATIENCE)
            if self._state is None or not self._state.ready:
                reason = self._state.reason if self._state else self._gone or "the writer does not answer"
                raise RackprintError(reason)

    def put(self, name: str, data: bytes, taken_at: float, told: Told, manifest: dict[str, str]) -> None:
        """Hands over one artifact and waits only for room; ``told`` is called, in another thread, with what became of
        it. ``manifest`` goes into its custody entry. Raises RackprintError when the writer has ended."""
        self._send(Take(0, name, data, events=False, taken_at=taken_at, manifest=manifest, who="acquire"), told)

    def put_file(self, path: Path, take: Take, told: Told) -> None:
        """As :meth:`put`, a file on the file system of the case that is written, synced and hashed, as ``take`` says,
        and is the vault's from now on."""
        take.path = str(path.absolute())
        self._send(take, told)

    def _send(self, take: Take, told: Told) -> None:
        data = take.data
        with self._changed:
            self._changed.wait_for(lambda: self._gone or not self._waiting or self._queued + len(data) <= _ROOM)
            if self._gone:
                raise RackprintError(self._gone)
            take.number = next(self._numbers)
            self._waiting[take.number] = len(data), told
            self._queued += len(data)
        try:
            self._channel.send(take)
        except OSError as error:
            raise RackprintError("the writer has ended; what it acknowledged is safe") from error

    def drain(self) -> None:
        """Waits until all is acknowledged or refused."""
        with self._changed:
            self._changed.wait_for(lambda: self._gone or not self._waiting)

    def _listen(self) -> None:
        try:
            while (message := self._channel.receive()) is not None:
                if isinstance(message, State):
                    with self._changed:
                        self._state = message
                        self._changed.notify_all()
                else:
                    self._outcome(message)
        except OSError:
            pass  # it is gone, and that is said below
        with self._changed:
            self._gone = self._gone or "the writer has ended; what it acknowledged is safe"
            left, self._waiting = self._waiting, {}
            self._changed.notify_all()
        for number, (_, told) in left.items():
            told(Outcome(number, error="failed", reason=self._gone))

    def _outcome(self, outcome: Outcome) -> None:
        with self._changed:
            size, told = self._waiting.pop(outcome.number, (0, None))
            self._queued -= size
        if told:
            told(outcome)
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Lets the writer finish what it has, and ends it."""
        with suppress(OSError):  # it is gone already
            self._end.shutdown(socket.SHUT_WR)
        self._process.wait()
        self._thread.join()
        self._end.close()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()
