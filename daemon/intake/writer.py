"""The writer's process: takes from the daemon, keeps, reads and commits, and answers.

Small things go in groups, one wait for the disk for many; a large file goes beside them, so that nobody waits for it.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from rackprint.daemon.channel import Channel
from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.custody import CustodyLog, Head
from rackprint.daemon.intake.committing import Committer, is_full
from rackprint.daemon.intake.keeping import Batch, Keeper, Kept
from rackprint.daemon.intake.messages import Outcome, Setup, State, Take, ToWriter
from rackprint.daemon.intake.recovery import recover
from rackprint.daemon.store.records import DiskFullError, StoreError
from rackprint.daemon.store.repository import Store
from rackprint.daemon.worker import Workers

GROUP = 8 << 20  # bytes that are kept with one wait for the disk, about
CACHE = 96  # MiB of database pages: new ids fall anywhere in their index
TOGETHER = 500  # artifacts that are told in the custody log at once while more come in
PAUSE = 1.0  # seconds in which the reason why it cannot write stands, before it tries again
BROKEN = 4  # exit code: the storage failed; the daemon starts the writer anew


class Writer:
    """What the process does between its first message and the end of the channel."""

    def __init__(self, channel: Channel[ToWriter], setup: Setup, store: Store) -> None:
        self._channel, self._store = channel, store
        case = self._case = Path(setup.case)
        self._log = CustodyLog(case / CustodyLog.NAME)
        self._keeper = Keeper(case, self._log, setup.key)
        self._limits = {"memory_limit": setup.memory, "time_limit": setup.seconds}
        self._small: queue.Queue[Take | None] = queue.Queue()
        self._large: queue.Queue[Take | None] = queue.Queue()
        self._committer = Committer(store, self)
        self._again: dict[str, Take] = {}  # kept, and not read: by hash
        self._read_now: list[Batch] = []  # committed, and not yet told in the custody log
        self._threads = [
            threading.Thread(target=self._run_small, name="small"),
            threading.Thread(target=self._run_large, name="large"),
        ]

    def run(self) -> None:
        """Serves until the daemon goes; then what was begun is finished."""
        for thread in self._threads:
            thread.start()
        try:
            self._receive()
        except OSError:
            pass  # the daemon is gone; what was begun is finished
        finally:
            for lane in (self._small, self._large):
                lane.put(None)
            for thread in self._threads:
                thread.join()
            self._committer.close()

    def _receive(self) -> None:
        found = recover(self._case, self._store, self._log, self._keeper.vault)
        self._channel.send(State(True, recovering=len(found)))
        for take in found:
            if take.entry:
                self._keeper.expect(take.entry)
            self._large.put(take)
        while (message := self._channel.receive()) is not None:
            if isinstance(message, Take):
                (self._large if message.path else self._small).put(message)

    def _run_small(self) -> None:
        with Workers(memory_limit=int(self._limits["memory_limit"]), time_limit=self._limits["time_limit"]) as workers:
            workers.warm()
            while True:
                takes, ended = self._group()
                if takes:
                    self._guarded(takes, workers)
                if ended:
                    return

    def _group(self) -> tuple[list[Take], bool]:
        takes: list[Take] = []
        size = 0
        while size < GROUP:
            try:
                take = self._small.get(block=not takes)
            except queue.Empty:
                break
            if take is None:
                return takes, True
            takes.append(take)
            size += len(take.data)
        return takes, False

    def _guarded(self, takes: list[Take], workers: Workers) -> None:
        try:
            found = self._kept(takes)
            for left, kept in zip(range(len(found) - 1, -1, -1), found, strict=True):
                self._read(kept, workers, more=left > 0)
        except OSError as error:
            self._failed(takes, error)

    def _kept(self, takes: list[Take]) -> list[Kept]:
        """Keeps those that are not known; one that is known already is read again, and found to be a duplicate."""
        fresh: list[Take] = []
        again: list[Kept] = []
        hashes = [self._keeper.sha256(take.data) for take in takes]
        there = self._store.known(hashes)
        for take, sha256 in zip(takes, hashes, strict=True):
            known = there.get(sha256)
            if self._replay(take, known.sha256 if known else ""):
                continue
            if known and known.done:
                now = datetime.now(UTC)  # when it arrives, if it was purged meanwhile
                again.append(Kept(take, msgspec.structs.replace(known, added_at=now), self._log.head()))
            else:
                fresh.append(take)
        return again + (self._keeper.keep(fresh) if fresh else [])

    def _replay(self, take: Take, sha256: str) -> bool:
        """Answers as before a request whose Idempotency-Key was seen."""
        if not take.key:
            return False
        with self._store.transaction() as transaction:
            body = transaction.reply(take.key)
        if body is None:
            return False
        before = msgspec.msgpack.decode(body, type=Outcome)
        if before.artifact != (sha256 or take.sha256):
            self.answer(Outcome(take.number, error="refused", reason="the Idempotency-Key was used for another body"))
        else:
            self.answer(msgspec.structs.replace(before, number=take.number, replayed=True))
        return True

    def _run_large(self) -> None:
        with Workers(memory_limit=int(self._limits["memory_limit"]), time_limit=self._limits["time_limit"]) as workers:
            while (take := self._large.get()) is not None:
                try:
                    if not take.recovered and self._replay(take, take.sha256):
                        Path(take.path).unlink(missing_ok=True)
                        continue
                    kept = self._taken_up(take) if take.recovered else self._keeper.keep_file(take)
                    self._read(kept, workers)
                except OSError as error:
                    self._failed([take], error)

    def _taken_up(self, take: Take) -> Kept:
        from rackprint.daemon.store.records import Artifact

        taken = datetime.fromtimestamp(take.taken_at, UTC)
        exhibit = take.manifest.get("exhibit", "")
        artifact = Artifact(
            take.sha256, take.name, take.size, taken, datetime.now(UTC), exhibit, pack=take.pack, offset=take.offset
        )
        return Kept(take, artifact, self._log.head(), take.entry)

    def _read(self, kept: Kept, workers: Workers, *, more: bool = False) -> None:
        for batch in self._keeper.parsed(kept, workers):
            batch.more = more
            self._committer.put(batch)
            if kept.failed:
                workers.close()
                return

    def through(self, head: Head, done: list[int]) -> int:
        """Up to which custody entry all is read once ``done`` are."""
        return self._keeper.through(head, done)

    def unread(self, kept: Kept) -> None:
        """It is kept, and could not be committed: it is read again after the next commit that goes well. Of what a
        platform sent nothing is kept; it sends it again."""
        if not self._keeper.keeps:
            self._keeper.finished([kept.entry])
            return
        a = kept.artifact
        self._again[a.sha256] = Take(
            0, a.name, sha256=a.sha256, size=a.size, events=kept.take.events, taken_at=kept.take.taken_at,
            manifest=kept.take.manifest, recovered=True, pack=a.pack, offset=a.offset, entry=kept.entry,
        )  # fmt: skip

    def committed(self, done: list[Batch]) -> None:
        """What could not be committed before is taken up again."""
        self._keeper.finished(batch.kept.entry for batch in done)
        again, self._again = self._again, {}
        for take in again.values():
            self._large.put(take)
        self._read_now += [batch for batch in done if not batch.kept.take.events]

    def settle(self, *, busy: bool) -> None:
        """Whole artifacts are told in the custody log when they were read; a platform's events are too many for it."""
        if not self._read_now or (busy and len(self._read_now) < TOGETHER):
            return
        told = [
            ("parsed", {"sha256": b.kept.artifact.sha256, "parser": b.parser, "problems": b.kept.rejected})
            for b in self._read_now
        ]
        try:
            head = self._log.append_many(told)
            self._read_now.clear()
            with self._store.transaction() as transaction:
                transaction.custody_head(head.hash, head.count)
        except DiskFullError:
            return  # the next commit records a later head
        except (OSError, StoreError) as error:
            if not isinstance(error, OSError) or not is_full(error):
                self.broken(str(error))

    def _failed(self, takes: list[Take], error: OSError) -> None:
        full = is_full(error)
        reason = (error.strerror or str(error)).lower()
        for take in takes:
            self.answer(Outcome(take.number, error="full" if full else "failed", reason=reason))
        if not full and not isinstance(error, FileNotFoundError):
            self.broken(reason)

    def broken(self, reason: str) -> None:
        """After a storage error nobody knows what is on the disk: the process ends, and its successor looks."""
        print(f"rackprint: writer: {reason}; starting anew", file=sys.stderr, flush=True)
        os._exit(BROKEN)

    def answer(self, outcome: Outcome) -> None:
        """Tells the daemon."""
        try:
            self._channel.send(outcome)
        except OSError:
            return  # the daemon is gone; what is committed stays


def main() -> None:
    """Runs on the socket whose number is the first argument."""
    import socket

    from rackprint.daemon.processes import die_with_parent

    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the daemon ends it, when all is answered
    channel: Channel[ToWriter] = Channel(socket.socket(fileno=int(sys.argv[1])), ToWriter)
    setup = channel.receive()
    if not isinstance(setup, Setup):
        return
    try:
        with Store.open(Path(setup.case), create=True, url=setup.url) as store:
            store.widen(CACHE)
            Writer(channel, setup, store).run()
    except (RackprintError, OSError) as error:
        channel.send(State(False, " ".join(str(error).split())))
        time.sleep(PAUSE)
        sys.exit(BROKEN)


if __name__ == "__main__":
    main()
