"""The second half of taking in: what is read waits for the next commit, which takes all that waits. Only when the
database says that it is on the disk is anything acknowledged."""

from __future__ import annotations

import errno
import queue
import threading
from pathlib import Path
from typing import Protocol

import msgspec

from rackprint.daemon.evidence.custody import Head
from rackprint.daemon.intake.keeping import TOLD, Batch, Kept
from rackprint.daemon.intake.messages import Outcome, Refusal
from rackprint.daemon.points import reached
from rackprint.daemon.store.records import DiskFullError, StoreError
from rackprint.daemon.store.repository import Store
from rackprint.daemon.store.transaction import Transaction
from rackprint.fingerprint.model import Problem

ENTRIES = 20_000  # of one commit, at most about
WAITING = 64  # batches that may wait; who reads waits then
TOGETHER = 400  # batches of one commit, at most
PATIENCE = 0.1  # seconds that the next batch of a group has


class Host(Protocol):
    """What a committer tells, and asks."""

    def answer(self, outcome: Outcome) -> None:
        """Something was acknowledged, or will not be."""

    def committed(self, done: list[Batch]) -> None:
        """These are read to their end, and on the disk."""

    def settle(self, *, busy: bool) -> None:
        """The time to tell the custody log of them; with ``busy`` the next commit waits already."""

    def unread(self, kept: Kept) -> None:
        """It is kept, and could not be committed: to be read again when there is room."""

    def broken(self, reason: str) -> None:
        """The storage failed; nobody knows what is on the disk."""

    def through(self, head: Head, done: list[int]) -> int:
        """Up to which custody entry all is read once ``done`` are."""


class Committer:
    """One thread that writes; use :meth:`put` from others."""

    def __init__(self, store: Store, host: Host) -> None:
        self._store, self._host = store, host
        self._waiting: queue.Queue[Batch | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._run, name="committer")
        self._thread.start()

    def put(self, batch: Batch) -> None:
        """Hands over a batch; waits while too many wait already."""
        self._waiting.put(batch)

    def close(self) -> None:
        """Commits what waits, and ends."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            group = self._group()
            batches = [batch for batch in group if batch is not None]
            if batches:
                self._commit(batches)
                self._host.settle(busy=None not in group and not self._waiting.empty())
            if None in group:
                return

    def _group(self) -> list[Batch | None]:
        """What waits, and what belongs to it: a commit costs the same for one and for many."""
        group = [self._waiting.get()]
        size = 0
        while group[-1] is not None and size < ENTRIES and len(group) < TOGETHER:
            size += len(group[-1].entries)
            try:
                group.append(self._waiting.get(block=group[-1].more, timeout=PATIENCE))
            except queue.Empty:
                break
        return group

    def _commit(self, batches: list[Batch]) -> None:
        batches = [batch for batch in batches if not batch.kept.failed]
        try:
            self._write(batches)
        except DiskFullError as error:
            self._fail(batches, "full", str(error))
        except StoreError as error:
            self._fail(batches, "failed", str(error))
            self._host.broken(str(error))
        except ValueError as error:  # something of one of them cannot be stored: each by itself
            if len(batches) > 1:
                for batch in batches:
                    self._commit([batch])
                return
            self._fail(batches, "refused", str(error))
        else:
            reached("commit.done")
            self._tell(batches)

    def _write(self, batches: list[Batch]) -> None:
        if not batches:
            return
        told: list[tuple[Batch, int, int, list[Problem]]] = []
        with self._store.transaction() as transaction:
            reached("commit.begun")
            numbers = transaction.artifacts([batch.kept.artifact for batch in batches])
            told += [self._one(transaction, batch, numbers[batch.kept.artifact.sha256]) for batch in batches]
            transaction.finish({batch.kept.artifact.sha256: batch.parser for batch in batches if batch.last})
            head = max((batch.kept.head for batch in batches), key=lambda h: h.count)
            done = [batch.kept.entry for batch in batches if batch.last]
            transaction.custody_head(head.hash, head.count, self._host.through(head, done))
            reached("commit.ready")
        for batch, new, duplicates, problems in told:
            kept = batch.kept
            kept.accepted, kept.duplicates = kept.accepted + new, kept.duplicates + duplicates
            kept.rejected += len(problems)
            kept.refusals += [_refusal(p) for p in problems[: TOLD - len(kept.refusals)]]

    def _one(self, transaction: Transaction, batch: Batch, number: int) -> tuple[Batch, int, int, list[Problem]]:
        kept, artifact = batch.kept, batch.kept.artifact
        if not kept.number:
            transaction.clear_problems(artifact.sha256)
        added = transaction.add(batch.entries, number)
        problems = [*batch.problems, *added.conflicts]
        transaction.problems(problems, artifact.sha256)
        if batch.last and kept.take.key:
            counts = (kept.accepted + added.new, kept.duplicates + added.duplicates, kept.rejected + len(problems))
            refusals = [*kept.refusals, *map(_refusal, problems)][:TOLD]
            found = Outcome(0, *counts, refusals, artifact.sha256, batch.parser)
            transaction.set_reply(kept.take.key, msgspec.msgpack.encode(found))
        kept.number = number
        return batch, added.new, added.duplicates, problems

    def _tell(self, batches: list[Batch]) -> None:
        done = [batch for batch in batches if batch.last]
        for batch in done:
            kept = batch.kept
            self._host.answer(
                Outcome(
                    kept.take.number, kept.accepted, kept.duplicates, kept.rejected, kept.refusals,
                    kept.artifact.sha256, batch.parser,
                )
            )  # fmt: skip
        reached("answered")
        self._host.committed(done)

    def _fail(self, batches: list[Batch], error: str, reason: str) -> None:
        for batch in batches:
            if not batch.kept.failed:
                batch.kept.failed = True
                self._host.unread(batch.kept)
                self._host.answer(Outcome(batch.kept.take.number, error=error, reason=reason))


def _refusal(problem: Problem) -> Refusal:
    place = problem.position
    return Refusal(problem.reason, problem.remedy, place.line, place.offset, place.member)


def is_full(error: OSError) -> bool:
    """Whether the disk, or the share of it that may be used, is full."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def incoming(case: Path) -> Path:
    """Where what is still being sent lies, on the vault's file system."""
    return case / "incoming"
