"""What stands in a case, and what waits to get into it."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rackprint.daemon import tokens as kept
from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.custody import CustodyLog, Head
from rackprint.daemon.operations.databases import Known
from rackprint.daemon.operations.disk import FOLDERS
from rackprint.daemon.operations.finding import ABSENT, FAIL, OK, WARN, Finding

_SOON = timedelta(days=7)
_DONE, _REFUSED, _REASONS = "done", "refused", ".reasons.txt"  # as the spool names them


def custody(case: Path, known: Known) -> Finding:
    """Whether the log still has the head that the database keeps. The whole chain is for ``verify``."""
    log = CustodyLog(case / CustodyLog.NAME)
    if not log.path.is_file():
        if known.head is None:
            return Finding("custody", ABSENT, f"{log.path}: is not there", "make a case with rackprint ingest")
        return Finding("custody", FAIL, f"{log.path}: is missing", "restore the case from a backup (docs/backup.md)")
    try:
        head = log.head()
        held = known.head is None or log.holds(Head(*known.head))
    except RackprintError as error:
        return Finding("custody", FAIL, str(error), "rackprint verify says what is off")
    told = f"{head.count} entries, head {head.hash[:12]}…"
    if known.head is None:
        return Finding("custody", WARN, f"{told}; the database knows no head", "rackprint verify")
    if not held:
        text = f"{told}; the database knows entry {known.head[1]}, {known.head[0][:12]}…, and it is not in the log"
        return Finding("custody", FAIL, text, "it was cut or rewritten: rackprint verify, then restore from a backup")
    behind = head.count - known.head[1]
    return Finding("custody", OK, told + (f"; {behind} newer than the database" if behind else ""))


def queue(case: Path, known: Known, spool: Path | None) -> Finding:
    """What waits: to be taken in, to be uploaded to its end, to be read."""
    waiting = {name: _files(case / name) for name in FOLDERS}
    told = [f"{count} in {name}/" for name, count in waiting.items()]
    refused = 0
    if spool is not None:
        refused = _things(spool / _REFUSED)
        told.append(f"{_files(spool, but=(_DONE, _REFUSED))} waiting and {refused} refused in {spool}")
    if known.unread is not None:
        told.append(f"{known.unread} artifacts not read to the end")
    text = ", ".join(told)
    if refused:
        return Finding("queue", WARN, text, f"see {spool}/{_REFUSED} for what was not taken in, and why")
    if known.unread:
        return Finding("queue", WARN, text, "the daemon reads them at its start; or run rackprint ingest again")
    return Finding("queue", OK, text)


def _things(folder: Path) -> int:
    """What lies in a folder of the spool, each with its reasons beside it."""
    try:
        return sum(1 for path in folder.iterdir() if not path.name.endswith(_REASONS))
    except OSError:
        return 0


def _files(folder: Path, *, but: tuple[str, ...] = ()) -> int:
    """The files below a folder, none of them hidden, without those in the folders ``but`` of it."""
    try:
        return sum(
            1
            for path in folder.rglob("*")
            if path.is_file() and not path.name.startswith(".") and path.relative_to(folder).parts[0] not in but
        )
    except OSError:
        return 0


def tokens(case: Path, now: datetime | None = None) -> Finding:
    path = case / kept.NAME
    if not path.exists():
        remedy = "rackprint token make NAME --scope ingest, if a daemon serves the case"
        return Finding("tokens", ABSENT, "there are none", remedy)
    try:
        found = kept.listed(case)
        mode = stat.S_IMODE(path.stat().st_mode)
    except (RackprintError, OSError) as error:
        return Finding("tokens", FAIL, str(error), "mend it, or remove it and make new ones")
    now = now or datetime.now(UTC)
    live = [token for token in found if token.state(now) == "live"]
    told = f"{len(live)} live of {len(found)}"
    if mode & 0o077:
        return Finding("tokens", WARN, f"{told}; {path} has mode {mode:04o}", f"chmod 600 {path}")
    ending = [token.name for token in live if token.expires and token.expires < now + _SOON]
    if ending:
        return Finding("tokens", WARN, f"{told}; within 7 days {', '.join(ending)} will expire", "make new ones")
    return Finding("tokens", OK, told)
