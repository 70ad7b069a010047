"""``ingest`` and ``verify``: evidence into a case, and whether a case still is what it was."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rackprint.daemon.cells import printable
from rackprint.daemon.cli.output import CASE, CaseOption, Complaints, progress, told

PATHS = Annotated[list[Path], typer.Argument(help="Files or folders.", show_default=False)]


def register(app: typer.Typer) -> None:
    app.command()(ingest)
    app.command()(verify)


def ingest(
    paths: PATHS,
    case: CaseOption = CASE,
    strict: Annotated[bool, typer.Option("--strict", help="Take in nothing if anything is wrong.")] = False,
) -> None:
    """Take evidence into a case: keep the bytes, read them, and link the accounts."""
    complain = Complaints()
    take(paths, case, complain, strict=strict)
    complain.exit()


def take(paths: list[Path], case: Path, complain: Complaints, *, strict: bool = False) -> None:
    """Ingests with a progress bar and says in one line what came of it."""
    from rackprint.daemon.acquire.files import count
    from rackprint.daemon.pipeline import ingest as run

    with progress("reading evidence", count(paths)) as step:
        intake = run(paths, case, complain, strict=strict, step=step)
    new = intake.files - intake.known
    seen = f", {intake.known} known already" if intake.known else ""
    unread = f", {intake.unread} of no known format (kept)" if intake.unread else ""
    linked = intake.linked
    print(
        f"{case}: {told(new, 'file')} taken in{seen}{unread}; {told(intake.observations, 'observation')}; "
        f"{told(linked.accounts, 'account')} on {told(linked.devices, 'device')}"
    )


def verify(
    case: CaseOption = CASE,
    head: Annotated[str, typer.Option("--head", help="Custody head that a report printed; finds a cut tail.")] = "",
) -> None:
    """Check every byte of the evidence and the custody log; exit 1 if anything is off."""
    from rackprint.daemon.evidence.verify import verify_case
    from rackprint.daemon.pipeline import artifacts_read, read_through, store_head, untouched

    stored, problem = store_head(case)
    if untouched(case, stored):
        print(f"{case}: nothing was taken in yet")
        return
    with progress("checking", None) as step:
        read = None if problem else artifacts_read(case)
        through = 0 if problem else read_through(case)
        found = verify_case(case, stored, head or None, read=read, through=through, step=step)
    for fault in found:
        note = "note: " if fault.crash else ""
        print(f"rackprint: {note}{printable(f'{fault.place}: {fault.reason}')}", file=sys.stderr)
    if problem:
        print(f"rackprint: {printable(problem)}", file=sys.stderr)
    if problem or not all(fault.crash for fault in found):
        raise typer.Exit(1)
    assert stored is not None
    print(f"{case}: all artifacts and {stored[1]} custody entries hold; head {stored[0]}")
