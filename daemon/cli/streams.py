"""The standard streams of a command: closed, full, or with nobody at the other end."""

from __future__ import annotations

import errno
import io
import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from rackprint.daemon.errors import RackprintError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
LEFT = 141  # what a shell reports of a program that the closed pipe of its output has ended (128 + SIGPIPE)
INTERRUPTED = 130  # and of one that Ctrl-C has ended


class UnwritableError(RackprintError):
    """The output takes no more."""


class _Deaf(io.RawIOBase):
    """Writes to a descriptor while it takes anything: work must not end because nobody reads what is said beside it."""

    def __init__(self, file: int) -> None:
        self._file = file

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._file

    def isatty(self) -> bool:
        return os.isatty(self._file)

    def write(self, data: Any) -> int:
        try:
            return os.write(self._file, data)
        except OSError:
            return len(data)


def prepare() -> None:
    """Opens streams that were closed, lest a file of ours takes their place, and makes stdout one that writes all it is
    given, and stderr one that never fails."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - until the end
    if isinstance(sys.stdout.buffer, io.RawIOBase):  # PYTHONUNBUFFERED: what is written in part would be lost
        out = io.BufferedWriter(sys.stdout.buffer)
        sys.stdout = io.TextIOWrapper(out, sys.stdout.encoding, sys.stdout.errors, line_buffering=True)
    if sys.stderr is sys.__stderr__ and sys.stderr is not None:
        raw = io.BufferedWriter(_Deaf(sys.stderr.fileno()))
        sys.stderr = io.TextIOWrapper(raw, sys.stderr.encoding, "backslashreplace", line_buffering=True)


def left() -> bool:
    """Whether whoever read stdout has closed it."""
    try:
        asked = select.poll()
        asked.register(sys.stdout.fileno(), 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in asked.poll(0))
    except (OSError, ValueError):  # no descriptor behind it
        return False


def drop() -> None:
    """Gives up stdout with what it has not written."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def write(data: bytes, *, at_once: bool = False) -> None:
    """Writes to stdout. Raises BrokenPipeError where nobody reads it, and UnwritableError."""
    out = sys.stdout.buffer
    try:
        out.write(data)
        if at_once:
            out.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UnwritableError(_why(error)) from error


def _why(error: OSError) -> str:
    why = (error.strerror or str(error)).lower()
    return f"the output cannot be written: {why}; make room where it goes, and run it again"


def finish(code: int) -> int:
    """Writes what is left, and gives the exit code: ``code``, or another where that fails. Ctrl-C ends the wait for a
    reader that does not read."""
    try:
        sys.stdout.flush()
    except KeyboardInterrupt:
        drop()
        return INTERRUPTED
    except BrokenPipeError:
        drop()
        return code or LEFT
    except OSError as error:
        drop()
        if not code:
            print(f"rackprint: {_why(error)}", file=sys.stderr)
        return code or 1
    return code


class _Pipe(io.RawIOBase):
    def __init__(self, file: int, stop: int) -> None:
        self._file, self._stop = file, stop

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        ready, _, _ = select.select([self._file, self._stop], [], [])
        data = b"" if self._stop in ready else os.read(self._file, len(buffer))
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def until_stopped(file: int) -> Iterator[BinaryIO]:
    """What a pipe gives, as it comes, until its end or Ctrl-C: what is told at the end is then told. A second Ctrl-C
    interrupts as ever. Who has SIGINT ignored is not stopped by it."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda *_: signal.signal(signal.SIGINT, before))
        signal.set_wakeup_fd(writing)
    try:
        yield cast(BinaryIO, _Pipe(file, reading))
    finally:
        if before is not signal.SIG_IGN:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGINT, before)
        os.close(reading)
        os.close(writing)
