"""Whether this machine and this case are fit for work: a row for each thing, and what to do about it.

It looks and changes nothing; the only traffic goes to this machine's own adb server and database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rackprint.daemon.errors import RackprintError
from rackprint.daemon.operations import casework, disk, machine, phones
from rackprint.daemon.operations.databases import database
from rackprint.daemon.operations.finding import ABSENT, FAIL, OK, Finding
from rackprint.daemon.operations.place import store_url, why

if TYPE_CHECKING:
    from rackprint.daemon.config import Config


def examine(case: Path | None, config_file: Path | None = None) -> Iterator[Finding]:
    """Every finding in a fixed order. ``case`` is what the command line names, else the configuration says it."""
    config, told = _config(config_file)
    case = case or (config.case if config else Path("case"))
    yield from _safely("adb", lambda: [phones.adb()])
    yield from _safely("usb", lambda: [phones.usb()])
    yield from _safely("capture", lambda: [phones.capture()])
    yield from _safely("disk", lambda: disk.disks(case))
    yield from _safely("clock", lambda: [machine.clock(case)])
    yield from _safely("case", lambda: list(_case(case, config)))
    yield from told
    yield from (machine.limits(), machine.packages(), machine.kernel())


def _case(case: Path, config: Config | None) -> Iterator[Finding]:
    if not case.is_dir():
        remedy = "make one with rackprint ingest, or name it with --case"
        for what in ("database", "custody", "queue", "tokens"):
            yield Finding(what, ABSENT, f"{case}: is no case", remedy)
        return
    try:
        url = store_url(case) or (config.store.url if config else "")
        finding, known = database(case, url)
    except RackprintError as error:
        yield Finding("database", FAIL, *_split(error))
        return
    yield finding
    yield from _safely("custody", lambda: [casework.custody(case, known)])
    yield from _safely("queue", lambda: [casework.queue(case, known, config.spool.folder if config else None)])
    yield from _safely("tokens", lambda: [casework.tokens(case)])


def _config(path: Path | None) -> tuple[Config | None, list[Finding]]:
    from rackprint.daemon.config import load, problems

    try:
        config = load(path)
    except RackprintError as error:
        return None, [Finding("config", FAIL, *_split(error))]
    found = [Finding("config", FAIL, *_split(problem)) for problem in problems(config)]
    where = str(path) if path else "defaults and environment"
    return config, found or [Finding("config", OK, f"{where}: {config.mode} mode")]


def _split(problem: object) -> tuple[str, str]:
    """A line of ours as what is off and what to do."""
    reason, _, remedy = str(problem).partition("; ")
    return reason, remedy


def _safely(what: str, look: Callable[[], list[Finding]]) -> list[Finding]:
    """What cannot be looked at is a finding, and not the end of the examination."""
    try:
        return look()
    except OSError as error:
        return [Finding(what, FAIL, f"{error.filename or what}: {why(error)}", "run it as the user that owns the case")]
