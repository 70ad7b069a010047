"""The access log: one JSON line for each request, whoever made it and whatever came of it."""

from __future__ import annotations

import errno
import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

from rackprint.daemon.cells import printable

_LONGEST = 2048  # characters of a path that are kept


class AuditLog:
    """Appends lines to a file and never raises: what could not be written is counted in ``lost``, why is in
    ``problem``, and the next write tries again."""

    def __init__(self, path: Path) -> None:
        self.lost = 0
        self.problem: str | None = None
        self._path = path
        self._file: int | None = None
        self._torn = False  # the file's last line has no end
        self._lock = threading.Lock()
        self.reopen()

    def write(
        self,
        *,
        who: str,
        peer: str,
        method: str,
        path: str,
        status: int,
        bytes_in: int,
        ms: float,
        request_id: str,
        time: datetime | None = None,
    ) -> None:
        """One access: ``who`` is the token's name or "-", ``peer`` the address or "unix"."""
        entry = {
            "time": (time or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "who": _text(who),
            "from": _text(peer),
            "method": _text(method),
            "path": _text(path),
            "status": status,
            "bytes_in": bytes_in,
            "ms": round(ms, 1),
            "request_id": _text(request_id),
        }
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            if self._file is None and not self._open():
                self.lost += 1
                return
            self._append(line)

    def reopen(self) -> None:
        """Goes on in a new file of the same name, after the old one was moved away. Where that cannot be opened, the
        old one is kept."""
        with self._lock:
            self._open()

    def close(self) -> None:
        """Gives the file back; a later write opens it again."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _open(self) -> bool:
        # Not blocking: a pipe that nobody reads must not hold up the daemon.
        flags = os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            file = os.open(self._path, os.O_WRONLY | flags, 0o600)
        except (OSError, ValueError) as error:
            self.problem = _told(self._path, error)
            return False
        if self._file is not None:
            os.close(self._file)
        self._file, self._torn, self.problem = file, _is_torn(self._path), None
        return True

    def _append(self, line: bytes) -> None:
        assert self._file is not None
        data = b"\n" + line if self._torn else line
        try:
            written = os.write(self._file, data)
        except OSError as error:
            self.lost += 1
            self.problem = _told(self._path, error)
            if error.errno == errno.EBADF:
                self._file = None  # somebody closed it, and the number may be another file's soon
            return
        whole = written == len(data)
        self._torn = not whole
        self.lost += not whole
        self.problem = None if whole else f"{self._path}: a line was cut off; see if the disk is full"


def _is_torn(path: Path) -> bool:
    """Whether the file ends inside a line, as after a power cut."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            if file.seek(0, os.SEEK_END) == 0:
                return False
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except OSError:
        return False


def _text(text: str) -> str:
    """Text that cannot break a line, drive a terminal or fail to decode; a backslash is doubled, so an escape is an
    escape."""
    kept = printable(text[:_LONGEST].replace("\\", "\\\\"))
    return kept if len(text) <= _LONGEST else f"{kept}… ({len(text)} characters)"


def _told(path: Path, error: Exception) -> str:
    why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
    return f"{path}: {why}; accesses are not logged until that is mended"
