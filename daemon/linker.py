"""A run of the linker in a process of its own, which gives its memory back when it is done."""

from __future__ import annotations

import signal
import socket
import sys
import time
from pathlib import Path

import msgspec

from rackprint.daemon.channel import Channel
from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.custody import CustodyLog
from rackprint.daemon.pipeline import relink
from rackprint.daemon.processes import die_with_parent
from rackprint.daemon.store.repository import Store

BREATH = 0.004  # seconds between two transactions, in which the writer gets its turn


class Errand(msgspec.Struct):
    """What the daemon asks for: the case to link."""

    case: str
    url: str = ""


class Report(msgspec.Struct):
    """What came of it: the run's number, how much there was, and the seconds for linking and in all; or an error."""

    run: int = 0
    observations: int = 0
    devices: int = 0
    links: int = 0
    through: int = 0
    seconds: float = 0.0
    whole: float = 0.0
    error: str = ""


def main() -> None:
    """Runs on the socket whose number is the first argument."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel: Channel[Errand] = Channel(socket.socket(fileno=int(sys.argv[1])), Errand)
    errand = channel.receive()
    if errand is None:
        return
    case = Path(errand.case)
    try:
        with Store.open(case, url=errand.url) as store:
            found = relink(store, CustodyLog(case / CustodyLog.NAME), pause=lambda: time.sleep(BREATH))
    except (RackprintError, OSError, ValueError, MemoryError) as error:
        _say(channel, Report(error=" ".join(str(error).split()) or type(error).__name__))
        return
    counts = found.observations, found.devices, found.links
    _say(channel, Report(found.run, *counts, found.through, found.seconds, found.whole))


def _say(channel: Channel[Errand], report: Report) -> None:
    try:
        channel.send(report)
    except OSError:
        return  # the daemon is gone; what is written stays


if __name__ == "__main__":
    main()
