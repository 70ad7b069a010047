"""A live capture: one process reads the interface into files, this one has each file kept, entered and read, as
``ingest`` does, or puts it into the folder that a daemon watches."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

import msgspec

from rackprint.daemon.acquire.capture.files import finished, left
from rackprint.daemon.acquire.capture.messages import (
    PART,
    SUFFIX,
    Closed,
    Counts,
    Done,
    Failed,
    FromCapture,
    Go,
    Opened,
)
from rackprint.daemon.acquire.capture.messages import Plan as Sniff
from rackprint.daemon.acquire.files import MANIFEST, Manifest
from rackprint.daemon.acquisition.recorder import Recorder
from rackprint.daemon.acquisition.run import named
from rackprint.daemon.atomic import whole
from rackprint.daemon.channel import Channel
from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.custody import CustodyLog
from rackprint.daemon.evidence.vault import sync_folder
from rackprint.daemon.facts import facts
from rackprint.daemon.intake.messages import Outcome, Take
from rackprint.daemon.pipeline import Linked, alone, relink
from rackprint.daemon.processes import start
from rackprint.daemon.store.repository import Store

FOLDER = "capturing"  # in the case: what is being captured, and was not handed to the vault yet
_ENDED = "the capturing process was ended; what it wrote is kept"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to capture, and where to: a ``case``, or a ``spool`` folder that a daemon watches."""

    sniff: Sniff
    case: Path = Path("case")
    spool: Path | None = None
    exhibit: str = ""
    ssid: str = ""
    host: str = "localhost"


@dataclass(slots=True)
class Report:
    """What came of it so far. ``earlier`` counts files that an earlier end left, which were taken in too."""

    acquisition: str
    counts: Counts = field(default_factory=Counts)
    taken: int = 0
    earlier: int = 0
    observations: int = 0
    problems: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    failed: str = ""
    interrupted: bool = False
    linked: Linked | None = None


class _Place(Protocol):
    folder: Path

    def take(self, path: Path, closed: Closed | None) -> None: ...


def capture(plan: Plan, *, watch: Callable[[Report], None] = lambda report: None) -> Report:
    """Does it; ``watch`` is called some times a second. Ctrl-C and SIGTERM end it, the last file included. Raises
    RackprintError where it cannot begin."""
    report = Report(named(plan.host))
    with ExitStack() as stack:
        if not plan.spool and facts(plan.case).mode == "platform":
            raise RackprintError(f"{plan.case}: is a platform's case, which keeps no evidence")
        process, end = start("rackprint.daemon.acquire.capture.process")
        stack.callback(process.wait)
        stack.enter_context(end)
        stop = partial(_stop, end)
        stack.callback(stop)
        place_folder = (plan.spool / f".{FOLDER}-{plan.sniff.interface}") if plan.spool else plan.case / FOLDER
        channel: Channel[FromCapture] = Channel(end, FromCapture)
        channel.send(msgspec.structs.replace(plan.sniff, folder=str(place_folder.absolute())))
        opened = channel.receive()
        if not isinstance(opened, Opened):
            raise RackprintError(opened.reason if isinstance(opened, Failed) else _ENDED)
        place = stack.enter_context(
            _spool(plan, place_folder, report) if plan.spool else _case(plan, place_folder, report)
        )
        for path in left(place.folder):
            report.earlier += 1
            place.take(path, None)
        stack.enter_context(_signals(report, stop))
        channel.send(Go())
        _follow(channel, place, report, watch)
        process.wait()
        for path in left(place.folder):  # of a process that was ended in the middle
            place.take(path, None)
    return report


def _stop(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_WR)
    except OSError:
        return  # it is gone already


def _follow(channel: Channel[FromCapture], place: _Place, report: Report, watch: Callable[[Report], None]) -> None:
    while not isinstance(message := _heard(channel), Done):
        if message is None:
            report.failed = report.failed or _ENDED
            return
        if isinstance(message, Counts):
            report.counts = message
        elif isinstance(message, Failed):
            report.failed = message.reason
        elif isinstance(message, Closed):
            place.take(Path(message.path), message)
        watch(report)


def _heard(channel: Channel[FromCapture]) -> FromCapture | None:
    try:
        return channel.receive()
    except OSError:  # it was killed with words of ours unread
        return None


@contextmanager
def _signals(report: Report, stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C and SIGTERM stop the capture and nothing else; a second one ends what is left to do."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stopped(number: int, frame: object) -> None:
        report.interrupted = True
        for each, handler in before.items():
            signal.signal(each, handler)
        stop()

    for number in before:
        signal.signal(number, stopped)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Spool:
    """The folder of a daemon, which takes in what appears there under a name."""

    def __init__(self, plan: Plan, folder: Path, report: Report) -> None:
        assert plan.spool
        self._spool, self.folder, self._report = plan.spool, folder, report
        self._manifest = Manifest(exhibit=plan.exhibit, host=plan.host, ssid=plan.ssid)
        self._told = bool(plan.exhibit or plan.ssid)

    def take(self, path: Path, closed: Closed | None) -> None:
        """Moves a file there: by itself, or in a folder with what is known of it."""
        with path.open("rb") as file:
            os.fsync(file.fileno())
        name = finished(path).name if path.name.endswith(PART) else path.name
        if self._told:
            inside = self.folder / path.name.partition(PART)[0].removesuffix(SUFFIX)
            inside.mkdir(exist_ok=True)
            with whole(inside / MANIFEST, durable=True) as temporary:
                temporary.write_bytes(msgspec.json.encode(self._manifest) + b"\n")
            path.rename(inside / name)
            path, name = inside, inside.name
        path.rename(self._spool / name)
        sync_folder(self._spool)
        self._report.taken += 1

    def moved(self) -> None:
        """Moves on a folder that a crash left on its way."""
        for inside in [path for path in self.folder.iterdir() if path.is_dir()]:
            if any(inside.glob("*" + SUFFIX)):
                inside.rename(self._spool / inside.name)
                self._report.earlier += 1
            else:
                shutil.rmtree(inside)


@contextmanager
def _spool(plan: Plan, folder: Path, report: Report) -> Iterator[_Place]:
    assert plan.spool
    if not plan.spool.is_dir():
        raise RackprintError(f"{plan.spool}: is no folder; give the one that the daemon watches (spool.folder)")
    folder.mkdir(exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        place = _Spool(plan, folder, report)
        place.moved()
        yield place
    except BlockingIOError:
        raise RackprintError(f"{folder}: another capture of {plan.sniff.interface} writes there; end it") from None
    finally:
        os.close(descriptor)


class _Case:
    """The case's vault, by way of its writer."""

    def __init__(self, plan: Plan, folder: Path, report: Report, recorder: Recorder, log: CustodyLog) -> None:
        self._plan, self.folder, self._report = plan, folder, report
        self._recorder, self._log = recorder, log
        self._handed: set[Path] = set()  # names stay until the writer has kept them
        self._lock = threading.Lock()

    def take(self, path: Path, closed: Closed | None) -> None:
        """Hands a file to the writer. One whose bytes the custody log names already was kept before a crash."""
        if path in self._handed:
            return
        self._handed.add(path)
        plan, report = self._plan, self._report
        with path.open("rb") as file:
            os.fsync(file.fileno())
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if any(entry.get("kind") == "artifact" for entry in self._log.naming(sha256)):
            path.unlink()
            return
        name = f"{report.acquisition}/{finished(path).name if path.name.endswith(PART) else path.name}"
        manifest = {"acquisition": report.acquisition, "host": plan.host, "exhibit": plan.exhibit, "ssid": plan.ssid}
        if closed is None:
            manifest["cut"] = "yes"  # its end was not written
        else:
            manifest |= {
                "interface": plan.sniff.interface, "filter": plan.sniff.filter, "snaplen": str(plan.sniff.snaplen),
                "packets": str(closed.packets), "dropped": str(closed.dropped),
            }  # fmt: skip
        taken = closed.ended / 1e9 if closed else path.stat().st_mtime
        take = Take(
            0, name, sha256=sha256, size=path.stat().st_size, events=False, taken_at=taken, manifest=manifest,
            who="capture",
        )  # fmt: skip
        self._recorder.put_file(path, take, partial(self._told, name))

    def _told(self, name: str, outcome: Outcome) -> None:
        with self._lock:
            report = self._report
            if outcome.error:
                report.refused.append(f"{name}: {outcome.reason}")
                return
            report.taken += 1
            report.observations += outcome.accepted
            report.problems += [f"{name}: {_place(each.offset)}{each.reason}" for each in outcome.refusals]


def _place(offset: int | None) -> str:
    return "" if offset is None else f"byte {offset}: "


@contextmanager
def _case(plan: Plan, folder: Path, report: Report) -> Iterator[_Place]:
    with alone(plan.case) as lock, Store.open(plan.case, create=True) as store:
        log = CustodyLog(plan.case / CustodyLog.NAME)
        folder.mkdir(exist_ok=True)
        with Recorder(plan.case, lock) as recorder:
            recorder.ready()
            sniff = plan.sniff
            log.append(
                "capture", acquisition=report.acquisition, host=plan.host, interface=sniff.interface,
                filter=sniff.filter, snaplen=sniff.snaplen,
            )  # fmt: skip
            yield _Case(plan, folder, report, recorder, log)
            recorder.drain()
        counts = report.counts
        log.append(
            "captured", acquisition=report.acquisition, packets=counts.packets, bytes=counts.size,
            dropped=counts.dropped, files=counts.files, failed=report.failed,
        )  # fmt: skip
        report.linked = relink(store, log)
