"""The daemon's life: what it starts, what it watches, and how it stops."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rackprint.daemon.audit import AuditLog
from rackprint.daemon.config import Config
from rackprint.daemon.errors import RackprintError
from rackprint.daemon.facts import Facts, settle
from rackprint.daemon.intake.client import WriterClient
from rackprint.daemon.intake.committing import incoming
from rackprint.daemon.intake.messages import Setup
from rackprint.daemon.keeper_schedule import PurgeSchedule
from rackprint.daemon.linker import Errand, Report
from rackprint.daemon.loading import loading
from rackprint.daemon.metrics import Metrics
from rackprint.daemon.notify import Manager
from rackprint.daemon.purger import Errand as Purge
from rackprint.daemon.purger import Report as Purged
from rackprint.daemon.reads import Reads
from rackprint.daemon.resolving import ResolverClient
from rackprint.daemon.scheduler import Scheduler
from rackprint.daemon.spool import Spool
from rackprint.daemon.store.repository import Store
from rackprint.daemon.tokens import Keys
from rackprint.fingerprint.model import Observation

if TYPE_CHECKING:
    from rackprint.daemon.api.app import Server

log = logging.getLogger("rackprint")
_WAIT = 10.0  # seconds that a daemon that is ending may still hold the case
_POKE = 0.2  # seconds between two words to the resolver that there is something new


class Service:
    """All that a serving daemon holds; the API reads it."""

    def __init__(self, config: Config) -> None:
        self.config, self.case = config, config.case.absolute()
        self.key = _key(config)
        self._lock = _held(self.case)
        settle(self.case, Facts(config.mode, config.store.url, _key_id(self.key)))
        for folder in (incoming(self.case), self.case / "uploads"):
            folder.mkdir(exist_ok=True)
        with Store.open(self.case, create=True, url=config.store.url):
            pass
        self.reads = Reads(self.case)
        self.keys, self.metrics = Keys(self.case), Metrics()
        self.audit = AuditLog(config.audit.file or self.case / "audit.log")
        setup = Setup(
            str(self.case), config.store.url, self.key, config.parsers.memory_mb << 20, config.parsers.seconds
        )
        self.writer = WriterClient(setup, queue_bytes=config.limits.queue_mb << 20, keep=(self._lock,))
        self.resolver = ResolverClient(str(self.case), config.store.url) if config.link.online else None
        run = self.reads.run()
        self.newest = self.reads.last_number()
        self.scheduler = Scheduler(
            Errand(str(self.case), config.store.url), lambda: self.newest, every=config.link.every_seconds,
            idle=config.link.idle_seconds, through=run.through if run else 0,
        )  # fmt: skip
        days = config.platform.retention_days if self.key else 0
        errand = Purge(str(self.case), days, config.store.url)
        self.purges = PurgeSchedule(errand, self.scheduler.alone, self._purged)
        self.manager = Manager()
        self.stopping, self.pulse = asyncio.Event(), asyncio.Event()
        self.streams = 0
        self.uploading: set[str] = set()
        self._disguise = _disguise(self.key)
        self._tasks: list[asyncio.Task[Any]] = []
        self._servers: list[Server] = []
        self._touched = asyncio.Event()
        self._failed = ""
        self._gauges()

    def disguised(self, observation: Observation) -> Observation:
        """The observation as the case keeps it: in platform mode with pseudonyms."""
        return self._disguise(observation)

    async def touched(self) -> None:
        """Something new was committed."""
        self.scheduler.touched()
        self._touched.set()

    async def run(self) -> None:
        """Serves until it is told to stop; raises RackprintError where it cannot."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        self.writer.begin()
        if self.resolver is not None:
            self.resolver.begin()
        self.scheduler.done.append(self._linked)
        self.scheduler.begin()
        self.purges.begin()
        self._tasks += [asyncio.create_task(self._follow(), name="follow")]
        if self.config.spool.folder is not None:
            spool = Spool(self.config.spool.folder, self.config.spool.settle_seconds, self)
            self._tasks.append(asyncio.create_task(spool.watch(), name="spool"))
        await asyncio.sleep(0)  # those processes start while this one loads what it serves with
        self._prepare()
        await self.writer.ready.wait()
        await self._listen()
        self.manager.ready(self._where())
        self.manager.watch()
        log.info("serving %s at %s", self.case, self._where())
        await self._until_stopped()
        await self._stop()
        if self._failed:
            raise RackprintError(f"{self.case}: stopped, because a part failed ({self._failed})")

    def _prepare(self) -> None:
        with loading():
            from rackprint.daemon.api.app import application, servers

            self._servers = servers(application(self), self)

    async def _listen(self) -> None:
        for server in self._servers:
            self._tasks.append(asyncio.create_task(_served(server), name="server"))
        while not all(server.started for server in self._servers):
            if any(task.done() for task in self._tasks if task.get_name() == "server"):
                raise RackprintError(f"cannot listen at {self._where()}: is the port or socket in use?")
            await asyncio.sleep(0.01)
        if self.config.listen.socket is not None:
            self.config.listen.socket.chmod(int(self.config.listen.socket_mode, 8))

    async def _until_stopped(self) -> None:
        ends = asyncio.create_task(self.stopping.wait())
        await asyncio.wait({ends, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in self._tasks:
            if task.done() and not task.cancelled() and task.exception() is not None:
                log.error("%s failed: %s", task.get_name(), task.exception())
                self._failed = f"{task.get_name()}: {task.exception()}"
        self.stopping.set()

    async def _stop(self) -> None:
        """Lets requests that are there be answered, and what was begun be committed."""
        self.manager.stopping("draining")
        log.info("stopping: %d things wait to be written", self.writer.waiting)
        self.pulse.set()
        for server in self._servers:
            server.should_exit = True
        await asyncio.gather(*(t for t in self._tasks if t.get_name() == "server"), return_exceptions=True)
        await self.purges.end()
        await self.scheduler.end()
        await self.writer.end()
        if self.resolver is not None:
            await self.resolver.end()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.reads.close()
        self.audit.close()
        os.close(self._lock)
        log.info("stopped")

    def _reload(self) -> None:
        """Opens the audit log anew, as log rotation wants it, and looks at the tokens; the rest needs a new start."""
        self.manager.reloading()
        self.audit.reopen()
        self.keys.find("")
        log.info("reloaded: audit log and tokens")
        self.manager.ready(self._where())

    async def _follow(self) -> None:
        """Tells the resolver that there is something new, not more often than it helps."""
        while True:
            await self._touched.wait()
            self._touched.clear()
            self.newest = await asyncio.to_thread(self.reads.last_number)
            if self.resolver is not None:
                await self.resolver.poke()
            await asyncio.sleep(_POKE)

    def _linked(self, report: Report) -> None:
        self.metrics.linked(report.whole)
        pulse, self.pulse = self.pulse, asyncio.Event()
        pulse.set()

    async def _purged(self, _: Purged) -> None:
        """The linkage and the resolver's index must not know what is no longer there."""
        self.scheduler.link_now()
        if self.resolver is not None:
            self.resolver.again()

    def _where(self) -> str:
        listen = self.config.listen
        port = listen.port
        for server in self._servers[:1]:
            for found in getattr(server, "servers", ()):
                port = found.sockets[0].getsockname()[1] if found.sockets else port
        host = f"[{listen.host}]" if ":" in listen.host else listen.host
        unix = f" and {listen.socket}" if listen.socket else ""
        return f"{'https' if listen.tls_cert else 'http'}://{host}:{port}{unix}"

    def _gauges(self) -> None:
        gauge = self.metrics.gauge
        gauge("ingest_queue_bytes", "Bytes that are not acknowledged yet", lambda: self.writer.queued)
        gauge("ingest_queue_things", "Bodies that are not acknowledged yet", lambda: self.writer.waiting)
        gauge("writer_ready", "1 while evidence is taken in", lambda: float(self.writer.state.ready))
        gauge("writer_starts", "Starts of the writer's process", lambda: self.writer.starts)
        gauge("newest_observation", "Number of the newest observation", lambda: self.newest)
        gauge("link_lag_observations", "Observations that the linkage does not know yet", lambda: self.scheduler.lag)
        gauge("link_failures", "Runs of the linker that failed", lambda: self.scheduler.failures)
        gauge("link_last_seconds", "Length of the last run of the linker", lambda: self.scheduler.report.whole)
        gauge("audit_lost", "Lines that the audit log could not take", lambda: self.audit.lost)
        gauge("disk_free_bytes", "Free on the case's file system", lambda: _free(self.case))
        gauge("start_time_seconds", "When the daemon started", _constant(time.time()))
        if (resolver := self.resolver) is not None:
            gauge("resolver_observations", "Observations in the resolver's index", lambda: resolver.known.observations)
            gauge("resolver_lag_observations", "Observations that it does not know yet",
                  lambda: max(0, self.newest - resolver.known.through))  # fmt: skip
            gauge("resolver_whole", "1 when the index is whole", lambda: float(resolver.known.whole))


async def _served(server: Server) -> None:
    try:
        await server.serve()
    except SystemExit:  # uvicorn's way to say that it cannot listen
        return


def _constant(value: float) -> Callable[[], float]:
    return lambda: value


def _free(case: Path) -> float:
    found = os.statvfs(case)
    return float(found.f_bavail * found.f_frsize)


def _held(case: Path) -> int:
    """The lock of the case, which the daemon and its writer hold. Raises RackprintError where another does."""
    case.mkdir(parents=True, exist_ok=True)
    lock = os.open(case / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    end = time.monotonic() + _WAIT
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                os.close(lock)
                raise RackprintError(f"{case}: another rackprint is writing to it; stop that one first") from None
            time.sleep(0.05)
        else:
            return lock


def _key(config: Config) -> bytes:
    if config.mode != "platform" or config.platform.key_file is None:
        return b""
    try:
        key = config.platform.key_file.read_bytes().strip()
    except OSError as error:
        raise RackprintError(f"{config.platform.key_file}: {(error.strerror or str(error)).lower()}") from error
    if len(key) < 32:
        raise RackprintError(f"{config.platform.key_file}: holds {len(key)} bytes; 32 or more are needed")
    return key


def _key_id(key: bytes) -> str:
    if not key:
        return ""
    from rackprint.fingerprint.pseudonym import Key

    return Key(key).key_id


def _disguise(key: bytes) -> Callable[[Observation], Observation]:
    if not key:
        return lambda observation: observation
    from rackprint.fingerprint.pseudonym import Key, pseudonymise

    prepared = Key(key)
    return lambda observation: pseudonymise(observation, prepared)
