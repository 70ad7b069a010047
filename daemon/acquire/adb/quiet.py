"""adbutils' connection without its side effects, and with one deadline for all that is said over it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import cast

from adbutils import AdbConnection
from adbutils.errors import AdbError

_LOOK = 0.25  # seconds between two looks at whether it is to stop


class QuietConnection(AdbConnection):  # type: ignore[misc]  # adbutils tells no types
    """Never starts an adb server where none listens, and closes at once. Raises OSError where nobody answers, and
    TimeoutError for what takes longer than ``seconds`` in all, however the bytes trickle, or is ``stopped``."""

    def __init__(self, host: str, port: int, seconds: float, stopped: Callable[[], bool] = lambda: False) -> None:
        self._end, self._stopped = time.monotonic() + seconds, stopped
        super().__init__(host, port)

    def _safe_connect(self) -> socket.socket:
        try:
            return cast(socket.socket, self._create_socket())
        except AdbError as error:
            raise ConnectionRefusedError(None, str(error)) from error

    def allow(self, seconds: float) -> None:
        """So much time from now."""
        self._end = time.monotonic() + seconds

    def _read_fully(self, n: int) -> bytes:
        read = bytearray()
        while len(read) < n:
            left = self._end - time.monotonic()
            if left <= 0 or self._stopped():
                raise TimeoutError
            self.conn.settimeout(min(left, _LOOK))
            try:
                more = self.conn.recv(n - len(read))
            except TimeoutError:
                continue
            if not more:
                break
            read += more
        return bytes(read)

    def close(self) -> None:
        self.conn.close()
