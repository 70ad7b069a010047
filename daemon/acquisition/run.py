"""A run: every phone that is attached, at once, each with one command in flight, and every answer into the case."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rackprint.daemon.acquire.adb import link, listing, server
from rackprint.daemon.acquire.adb.keys import Keys, keys
from rackprint.daemon.acquire.adb.link import LinkError
from rackprint.daemon.acquire.adb.listing import READY, Transport
from rackprint.daemon.acquire.adb.server import Address
from rackprint.daemon.acquisition.board import Board, Phase, Seen
from rackprint.daemon.acquisition.claims import Claims
from rackprint.daemon.acquisition.earlier import BEGUN, earlier
from rackprint.daemon.acquisition.handset import Asked, Handset, Identity
from rackprint.daemon.acquisition.ports import Ports
from rackprint.daemon.acquisition.ports import watch as watch_usb
from rackprint.daemon.acquisition.recorder import Recorder
from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.custody import CustodyLog
from rackprint.daemon.facts import facts
from rackprint.daemon.intake.messages import Outcome
from rackprint.daemon.pipeline import Linked, alone, relink
from rackprint.daemon.store.records import DiskFullError
from rackprint.daemon.store.repository import Store
from rackprint.fingerprint.commands import table
from rackprint.fingerprint.commands.record import Record, State, pack
from rackprint.fingerprint.usb.model import Tree

AT_ONCE = 512  # phones with a command in flight
CONNECTS = 4  # at once: more, and adb loses some
_PASSING = ("connecting", "authorizing", "offline")  # states that mostly end by themselves
SETTLE = 1.0  # seconds without a change after which the list of phones is taken to be whole
_PASS = 5.0  # seconds that a phone has to leave a passing state
_LOOK = 0.1
_RUNS = 2  # over a transport whose link ended and came back by itself


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do: through which ``servers`` that run already (none: one of our own), to which addresses to ``connect``,
    and under which acquisition. ``wait`` is how long to wait for the first phone, in seconds; with ``follow`` phones
    are awaited until it is stopped by hand. ``usb`` is where the USB tree of the phones is, None where it is not on
    this host."""

    case: Path
    acquisition: str = ""
    resume: bool = False
    servers: tuple[Address, ...] = ()
    connect: tuple[Address, ...] = ()
    slow: bool = False
    exhibit: str = ""
    ssid: str = ""
    host: str = "localhost"
    wait: float = 5.0
    simulated: bool = False
    follow: bool = False
    usb: Path | None = None
    home: Path | None = None


@dataclass(slots=True)
class Report:
    """What came of it."""

    acquisition: str
    board: Board
    records: int = 0
    interrupted: bool = False
    refused: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    linked: Linked = field(default_factory=Linked)


def named(host: str) -> str:
    """The name of an acquisition that begins now."""
    return f"{host}@{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def acquire(plan: Plan, *, watch: Callable[[Board], None] = lambda board: None) -> Report:
    """Does it; ``watch`` is called some times a second. Raises RackprintError where it cannot begin. Ctrl-C stops it
    cleanly: what was answered is kept, and the report says that it was interrupted."""
    if facts(plan.case).mode == "platform":
        raise RackprintError(f"{plan.case}: is a platform's case, which keeps no evidence")
    report = Report(plan.acquisition or named(plan.host), Board())
    with alone(plan.case) as lock, Store.open(plan.case, create=True) as store, ExitStack() as stack:
        log = CustodyLog(plan.case / CustodyLog.NAME)
        recorder = stack.enter_context(Recorder(plan.case, lock))
        recorder.ready()
        servers = _servers(plan, stack, report)
        log.append(
            BEGUN, acquisition=report.acquisition, host=plan.host, adb=" ".join(sorted(set(servers.values()))),
            table=table.VERSION, servers=[str(where) for where in servers], resumed=plan.resume,
            simulated=plan.simulated,
        )  # fmt: skip
        run = _Run(plan, report, recorder, servers, keys(plan.home or Path.home()))
        try:
            run.go(tuple(servers), watch)
        finally:
            recorder.drain()
        stack.close()
        log.append(
            "acquired", acquisition=report.acquisition, records=report.records, interrupted=report.interrupted,
            handsets={phase: sum(s.phase is phase for s in report.board.all()) for phase in Phase},
        )  # fmt: skip
        try:
            report.linked = relink(store, log)
        except DiskFullError:
            report.refused.append(
                "not linked: the disk is full; what was acknowledged is safe; make room, then --resume"
            )
    return report


def _servers(plan: Plan, stack: ExitStack, report: Report) -> dict[Address, str]:
    """Those to use, each with its version; our own are ended with ``stack``. Raises LinkError where none answers."""
    if plan.servers:
        return _answering(plan.servers, report)
    version = server.version()
    shards = range(0, max(1, len(plan.connect)), server.MOST)
    servers = [stack.enter_context(server.Server(home=plan.home)).address for _ in shards]
    with ThreadPoolExecutor(CONNECTS) as pool:
        wanted = [(servers[number // server.MOST], where) for number, where in enumerate(plan.connect)]
        for problem in pool.map(lambda pair: _connect(*pair), wanted):
            if problem:
                report.refused.append(problem)
    return dict.fromkeys(servers, version)


def _answering(servers: Sequence[Address], report: Report) -> dict[Address, str]:
    found: dict[Address, str] = {}
    for where in servers:
        try:
            found[where] = link.answer(where, "host:version")
        except LinkError as error:
            if len(servers) == 1:
                raise
            report.refused.append(str(error))
    if not found:
        raise LinkError("; ".join(report.refused))
    return found


def _connect(where: Address, phone: Address) -> str:
    try:
        told = link.answer(where, f"host:connect:{phone}", seconds=20.0)
    except LinkError as error:
        told = str(error)
    # One that wants a key is attached all the same; its state says so.
    attached = told.startswith(("connected", "already", "failed to authenticate"))
    return "" if attached else f"{phone}: {' '.join(told.split())}"


_Listed = tuple[Address, tuple[Transport, ...] | LinkError]
_Event = _Listed | Tree | RackprintError


class _Run:
    def __init__(
        self, plan: Plan, report: Report, recorder: Recorder, versions: Mapping[Address, str], lab_keys: Keys
    ) -> None:
        self._plan, self._report, self._recorder = plan, report, recorder
        self._versions, self._lab_keys = versions, lab_keys
        self._earlier = earlier(plan.case, report.acquisition)
        self._places = self._earlier.places()
        self._claims = Claims()
        first = not self._earlier.attempts
        self._ports = Ports(report.acquisition, plan.host, self._keep_tree, first=first, exhibit=plan.exhibit)
        self._trees = 0
        self._stop = threading.Event()
        self._events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        self._running: dict[tuple[str, int], Future[None]] = {}
        self._lock = threading.Lock()

    def go(self, servers: Sequence[Address], watch: Callable[[Board], None]) -> None:
        for where in servers:
            threading.Thread(target=self._listen, args=(where,), name=f"list {where}", daemon=True).start()
        if self._plan.usb:
            args = (self._plan.usb, self._events.put, self._stop)
            threading.Thread(target=watch_usb, args=args, name="usb", daemon=True).start()
        board = self._report.board
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="phone") as pool:
            try:
                self._until_done(pool, watch)
            except KeyboardInterrupt:
                self._report.interrupted = True
            finally:
                self._stop.set()
        for future in self._running.values():
            future.result()  # a fault of ours is no fault of a phone
        for seen in board.all():
            if seen.phase is Phase.WAITING:
                seen.phase, seen.error = Phase.LEFT, seen.error or seen.transport.state
        self._ports.close(board)
        watch(board)

    def _until_done(self, pool: ThreadPoolExecutor, watch: Callable[[Board], None]) -> None:
        began = changed = time.monotonic()
        while True:
            try:
                if self._told(self._events.get(timeout=_LOOK), pool):
                    changed = time.monotonic()
            except queue.Empty:
                pass
            watch(self._report.board)
            now = time.monotonic()
            if self._over(now - began, now - changed):
                return

    def _told(self, event: _Event, pool: ThreadPoolExecutor) -> bool:
        """Takes in what a listener says; whether it is new."""
        board = self._report.board
        if isinstance(event, RackprintError):
            self._report.notes.append(str(event))
            return False
        if isinstance(event, Tree):
            self._ports.saw(event, board)
            new = True
        elif isinstance(event[1], LinkError):
            self._report.refused.append(str(event[1]))
            return False
        else:
            new = self._listed(event[0], event[1], pool)
        if new:
            board.unread = self._ports.unread(board)
        return new

    def _over(self, running: float, quiet: float) -> bool:
        if self._plan.follow:
            return False
        seen = self._report.board.all()
        if not seen:
            return running > self._plan.wait
        if quiet < SETTLE or not all(future.done() for future in self._running.values()):
            return False
        open_ = (s for s in seen if s.phase is Phase.WAITING or (s.phase is Phase.PART and s.runs < _RUNS))
        passing = any(s.transport.state.startswith(_PASSING) for s in open_)
        return not passing or quiet > _PASS

    def _listed(self, where: Address, found: tuple[Transport, ...], pool: ThreadPoolExecutor) -> bool:
        """Takes a listing in; whether it says anything new."""
        new = self._report.board.gone(where, {transport.id for transport in found})
        for transport in sorted(found, key=lambda t: t.kind == "tcp"):  # those on USB say first who they are
            key = (str(where), transport.id)
            was = self._report.board.state(transport)
            seen = self._report.board.seen(transport)
            new |= transport.state != was
            running = self._running.get(key)
            back = running is not None and running.done() and was != READY and seen.phase is Phase.PART
            if transport.state == READY and (running is None or (back and seen.runs < _RUNS)):
                seen.begin()
                self._claims.expect(seen)
                self._running[key] = pool.submit(self._phone, seen)
            elif running is None:
                seen.error = transport.state
        return new

    def _phone(self, seen: Seen) -> None:
        try:
            Handset(
                seen, self._earlier, self._places, self._keep, self._claim, self._stop.is_set, slow=self._plan.slow
            ).run()
        finally:
            self._claims.done(seen)

    def _claim(self, seen: Seen, identity: Identity) -> bool:
        """Gives it the slot that its answers go under; whether it is to be asked."""
        seen.slot = self._places.slot(seen.transport.slot, identity.boot, identity.serial)
        other = self._claims.claim(seen, identity)
        if other is not None:
            seen.slot, seen.error = other, f"the phone at {other}"
        return other is None

    def _listen(self, where: Address) -> None:
        try:
            for found in listing.follow(where, 1.0):
                if self._stop.is_set():
                    return
                self._events.put((where, found))
        except LinkError as error:
            if not self._stop.is_set():
                self._events.put((where, error))

    def _keep(self, asked: Asked) -> None:
        """Hands an answer to the writer."""
        plan, seen, command, answer = self._plan, asked.seen, asked.command, asked.answer
        key = seen.slot, command.name
        whole = answer.state is State.COMPLETE
        with self._lock:
            attempt = self._earlier.took(key, answer.stdout if whole else None)
        record = Record(
            acquisition=self._report.acquisition, slot=seen.slot, command=command.name, table=table.VERSION,
            line=command.line, state=answer.state, started=answer.started, ended=answer.ended, attempt=attempt,
            exit_code=answer.exit_code, protocol=answer.protocol, why=answer.why, host=plan.host, exhibit=plan.exhibit,
            ssid=plan.ssid, usb_path=seen.transport.usb_path, transport=seen.transport.kind,
            transport_id=seen.transport.id, adb_serial=seen.transport.serial,
            adb_version=self._versions[seen.transport.server], lab_keys=self._lab_keys,
            parser=command.parser, sdk=asked.sdk, maker=asked.maker, simulated=plan.simulated,
        )  # fmt: skip
        manifest = {
            "acquisition": record.acquisition, "slot": record.slot, "command": record.command, "state": record.state,
            "attempt": str(record.attempt), "exhibit": record.exhibit, "host": record.host,
            "usb_path": record.usb_path, "transport_id": str(record.transport_id),
        }  # fmt: skip
        name = f"{record.acquisition}/{record.slot}/{record.command}.{record.attempt}"
        data = pack(record, answer.stdout, answer.stderr, answer.trailer)
        told = partial(self._acknowledged, name, key if whole else None)
        self._recorder.put(name, data, answer.ended.timestamp(), told, manifest)

    def _keep_tree(self, data: bytes, taken_at: float) -> None:
        self._trees += 1
        name = f"{self._report.acquisition}/usb-tree.{taken_at:.0f}.{self._trees}"
        manifest = {"acquisition": self._report.acquisition, "host": self._plan.host}
        self._recorder.put(name, data, taken_at, partial(self._acknowledged, name, None), manifest)

    def _acknowledged(self, name: str, key: tuple[str, str] | None, outcome: Outcome) -> None:
        with self._lock:
            if not outcome.error:
                self._report.records += 1
                return
            self._report.refused.append(f"{name}: {outcome.reason}")
            if key:
                self._earlier.lost(key)
