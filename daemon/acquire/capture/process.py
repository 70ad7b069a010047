"""The capturing process: reads an interface into files until it is told to stop, and says how it goes.

It loads scapy, so neither pyarrow nor the store (docs/licences.md)."""

from __future__ import annotations

import signal
import socket
import sys
import threading
import time

from rackprint.daemon.acquire.capture.files import Files
from rackprint.daemon.acquire.capture.messages import Closed, Counts, Done, Failed, Go, Opened, Plan, ToCapture
from rackprint.daemon.acquire.capture.ring import RETIRE
from rackprint.daemon.acquire.capture.sniffer import Sniffer
from rackprint.daemon.channel import Channel
from rackprint.daemon.errors import RackprintError

TICK = 0.25  # seconds between two words of how it goes


def run(plan: Plan, channel: Channel[ToCapture]) -> None:
    """Captures until the other end says no more, or all that was wanted is there. Raises RackprintError or OSError."""
    sniffer = Sniffer(plan.interface, plan.filter)
    channel.send(Opened(sniffer.link))
    if not isinstance(channel.receive(), Go):
        return
    lock = threading.Lock()
    files = Files(plan, sniffer.link, sniffer.ring.count_drops, lambda closed: _told(channel, closed))
    sniffer.start(files, lock)
    end = time.monotonic() + plan.seconds if plan.seconds else float("inf")
    while sniffer.running and not files.full:
        left = end - time.monotonic()
        if left <= 0 or channel.waiting(min(TICK, left)):  # nothing is said to it but that it is to stop
            break
        if lock.acquire(timeout=TICK):  # under load the sniffer has it, and ticks by itself
            try:
                files.tick()
                sniffer.ring.count_drops()
            finally:
                lock.release()
        _told(channel, _counts(files, sniffer))
        sniffer.failed = sniffer.failed or _gone(plan.interface, sniffer)
    else:
        if not files.full:
            sniffer.failed = sniffer.failed or f"{plan.interface}: scapy's sniffer ended by itself; capture anew"
    sniffer.stop()
    _rest(sniffer)
    files.close()
    _told(channel, _counts(files, sniffer))
    sniffer.close()
    if sniffer.failed:
        raise RackprintError(sniffer.failed)


def _counts(files: Files, sniffer: Sniffer) -> Counts:
    return Counts(files.packets, files.size, sniffer.ring.dropped, files.hosts, files.files)


def _rest(sniffer: Sniffer) -> None:
    """What came in before the stop: the kernel hands over its last block within RETIRE."""
    end = time.monotonic() + 2 * RETIRE
    while not sniffer.failed and (left := end - time.monotonic()) > 0:
        if sniffer.ring.wait(left):
            sniffer.empty()


def _gone(interface: str, sniffer: Sniffer) -> str:
    error = sniffer.ring.error()
    if error:
        return f"{interface}: {error}; what was captured before is kept"
    try:
        socket.if_nametoindex(interface)
    except OSError:
        return f"{interface}: the interface is gone; what was captured before is kept"
    return ""


def _told(channel: Channel[ToCapture], message: Closed | Counts | Failed | Done) -> None:
    try:
        channel.send(message)
    except OSError:
        return  # who listens is gone; the file is found at the next start


def main() -> None:
    """Runs on the socket whose number is the first argument."""
    from rackprint.daemon.processes import die_with_parent

    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it says when to stop, and takes the last file in
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    channel: Channel[ToCapture] = Channel(socket.socket(fileno=int(sys.argv[1])), ToCapture)
    plan = channel.receive()
    if not isinstance(plan, Plan):
        return
    try:
        run(plan, channel)
    except (RackprintError, OSError) as error:
        text = f"{plan.interface}: {error}" if isinstance(error, OSError) else str(error)
        _told(channel, Failed(" ".join(text.split())))
    _told(channel, Done())


if __name__ == "__main__":
    main()
