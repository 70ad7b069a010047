"""A purge in a process of its own, between two runs of the linker."""

from __future__ import annotations

import signal
import socket
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from rackprint.daemon.channel import Channel
from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.custody import CustodyLog
from rackprint.daemon.processes import die_with_parent
from rackprint.daemon.retention import purge
from rackprint.daemon.store.repository import Store

BREATH = 0.02  # seconds between two transactions: who waits for SQLite looks only now and then whether it is free


class Errand(msgspec.Struct):
    """What the daemon asks for: that what arrived more than so many days ago is removed."""

    case: str
    days: float
    url: str = ""


class Report(msgspec.Struct):
    """What came of it; or an error."""

    observations: int = 0
    artifacts: int = 0
    tombstone: str = ""
    error: str = ""


def main() -> None:
    """Runs on the socket whose number is the first argument."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel: Channel[Errand] = Channel(socket.socket(fileno=int(sys.argv[1])), Errand)
    errand = channel.receive()
    if errand is None:
        return
    case, before = Path(errand.case), datetime.now(UTC) - timedelta(days=errand.days)
    try:
        with Store.open(case, url=errand.url) as store:
            log = CustodyLog(case / CustodyLog.NAME)
            found = purge(store, log, before, pause=lambda: time.sleep(BREATH))
    except (RackprintError, OSError, ValueError, MemoryError) as error:
        channel.send(Report(error=" ".join(str(error).split()) or type(error).__name__))
        return
    channel.send(Report(found.observations, found.artifacts, found.tombstone))


if __name__ == "__main__":
    main()
