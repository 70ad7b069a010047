"""One connection to an adb server, which asks for one thing. adbutils does the talking; what it would do beside that,
such as starting a server or sleeping before a close, is left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rackprint.daemon.acquire.adb.server import Address
from rackprint.daemon.errors import RackprintError

if TYPE_CHECKING:
    from rackprint.daemon.acquire.adb.quiet import QuietConnection

WAIT = 5.0  # seconds for an answer of the server itself


class LinkError(RackprintError):
    """The server, or the phone through it, refused; the text is its reason."""


def connect(where: Address, seconds: float = WAIT, stopped: Callable[[], bool] = lambda: False) -> QuietConnection:
    """A fresh connection, for ``seconds`` at most. Raises LinkError where nobody listens."""
    from rackprint.daemon.acquire.adb.quiet import QuietConnection

    try:
        connection = QuietConnection(where.host, where.port, seconds, stopped)
    except OSError as error:
        raise LinkError(
            f"no adb server at {where}: {(error.strerror or str(error)).lower()}; see that it runs, or leave --adb out"
        ) from error
    connection.conn.settimeout(seconds)
    return connection


@contextmanager
def asked(
    where: Address, service: str, seconds: float = WAIT, stopped: Callable[[], bool] = lambda: False
) -> Iterator[QuietConnection]:
    """A connection on which the server said OKAY to ``service``. Raises LinkError, also for what goes wrong inside."""
    from adbutils import AdbError
    from adbutils.errors import AdbTimeout

    connection = connect(where, seconds, stopped)
    try:
        connection.send_command(service)
        connection.check_okay()
        yield connection
    except (AdbTimeout, TimeoutError) as error:
        raise LinkError(f"the adb server at {where} does not answer") from error
    except AdbError as error:
        raise LinkError(" ".join(str(error).split()) or "the adb server ended the connection") from error
    except (OSError, EOFError, ValueError) as error:
        raise LinkError(f"the adb server at {where} does not answer: {' '.join(str(error).split())}") from error
    finally:
        connection.close()


def answer(where: Address, service: str, seconds: float = WAIT) -> str:
    """What the server answers to a host service in one block. Raises LinkError."""
    with asked(where, service, seconds) as connection:
        return str(connection.read_string(length(connection.read(4))))


def length(digits: bytes) -> int:
    """Of a block, as adb writes it. Raises ValueError for anything else: int() would take signs and blanks too."""
    if not re.fullmatch(rb"[0-9a-fA-F]{4}", digits):
        raise ValueError(f"{digits!r} is no length")
    return int(digits, 16)


def features(where: Address, transport_id: int) -> frozenset[str]:
    """What the phone's adbd can do. Raises LinkError."""
    return frozenset(answer(where, f"host-transport-id:{transport_id}:features").split(","))
