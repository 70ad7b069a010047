"""Removes from a platform's case what is older than it may be, and leaves a tombstone in the custody log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.custody import CustodyLog, Head
from rackprint.daemon.facts import facts
from rackprint.daemon.store.purging import Gone
from rackprint.daemon.store.repository import Store

log = logging.getLogger("rackprint.retention")
KIND = "purged"


@dataclass(frozen=True, slots=True)
class Purged:
    """How much a purge removed, and the hash of the custody entry that says so; empty where nothing was removed."""

    observations: int = 0
    artifacts: int = 0
    tombstone: str = ""


def purgeable(case: Path) -> None:
    """Raises RackprintError for a case of which nothing may be removed."""
    if facts(case).mode != "platform":
        raise RackprintError(f"{case}: is an evidence case, and evidence is never removed; only a platform's case is")


def purge(store: Store, custody: CustodyLog, before: datetime, *, pause: Callable[[], None] = lambda: None) -> Purged:
    """Removes the observations that arrived before ``before``, whatever only they support, and what was said before.
    ``pause`` is called between transactions. No run of the linker may go on meanwhile. Raises RackprintError for an
    evidence case, and where the custody log was cut: a new head would hide that."""
    purgeable(custody.path.parent)
    known = store.custody_head()
    if known and not custody.holds(Head(*known)):
        raise RackprintError(f"{custody.path}: was cut or rewritten; rackprint verify says where. Nothing was removed")
    with store.purging(before) as purging:
        purging.begin(anew=purging.begun and _is_told(custody, purging.gone))  # it ended between log and store
        for steps in (purging.observations(), purging.artifacts(), purging.aged()):
            for _ in steps:
                pause()
        gone = purging.gone
        head = Head("", 0)
        if gone.observations or gone.artifacts:
            head = custody.append(KIND, **_tombstone(gone))
            purging.told(head.hash, head.count)
    if not store.scrub():
        log.warning("what was purged still stands in the database's log of changes: readers hold it; the next purge")
    return Purged(gone.observations, gone.artifacts, head.hash)


def _tombstone(gone: Gone) -> dict[str, str | int]:
    return {
        "before": gone.before.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "observations": gone.observations, "artifacts": gone.artifacts, "first": gone.first, "last": gone.last,
        "sha256": gone.sha256,
    }  # fmt: skip


def _is_told(custody: CustodyLog, gone: Gone) -> bool:
    told = _tombstone(gone)
    return any(e["kind"] == KIND and all(e.get(k) == v for k, v in told.items()) for e in custody.entries())
