"""adbutils' connection without its side effects."""

from __future__ import annotations

import socket
from typing import cast

from adbutils import AdbConnection
from adbutils.errors import AdbError


class QuietConnection(AdbConnection):  # type: ignore[misc]  # adbutils tells no types
    """Never starts an adb server where none listens, and closes at once. Raises OSError where nobody answers."""

    def _safe_connect(self) -> socket.socket:
        try:
            return cast(socket.socket, self._create_socket())
        except AdbError as error:
            raise ConnectionRefusedError(None, str(error)) from error

    def close(self) -> None:
        self.conn.close()
