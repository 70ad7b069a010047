"""``backup``, ``restore`` and ``doctor``: what the operator of a case does."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rackprint.daemon.cells import printable
from rackprint.daemon.cli.config import ConfigOption
from rackprint.daemon.cli.output import CASE, CaseOption, Format, progress, show, told

if TYPE_CHECKING:
    from rackprint.daemon.evidence.verify import Fault

TARGET = Annotated[Path, typer.Argument(help="Folder of the backup.", show_default=False)]
_POSTGRESQL = "the database is in PostgreSQL and not in the copy: pg_dump it before each backup"


class Form(StrEnum):
    TABLE = "table"
    JSON = "json"


def register(app: typer.Typer) -> None:
    for command in (backup, restore, doctor):
        app.command()(command)


def backup(
    target: TARGET,
    case: CaseOption = CASE,
    link: Annotated[
        bool, typer.Option("--link", help="Hard links for artifacts; same file system, no second copy of their bytes.")
    ] = False,
) -> None:
    """Copy a case, also while its daemon writes; a second time, copy only what is new."""
    from rackprint.daemon.operations.backup import backup as run
    from rackprint.daemon.operations.finding import size

    done = run(case, target, link=link, stage=progress)
    _say(done.faults)
    made = done.manifest
    remark = "" if made.database else f"; {_POSTGRESQL}"
    print(
        f"{target}: backup of {case}: {made.entries} custody entries, "
        f"{told(made.artifacts, 'artifact')}; {told(done.files, 'file')} of the vault new or longer, "
        f"{size(done.bytes)} copied; head {made.head}{remark}"
    )
    if done.faults:
        raise typer.Exit(1)


def restore(
    target: TARGET,
    case: CaseOption = CASE,
    with_tokens: Annotated[bool, typer.Option("--with-tokens", help="Restore tokens.json too.")] = False,
) -> None:
    """Make a case from its backup, in a folder that is empty or not there, and verify it."""
    from rackprint.daemon.operations.restore import restore as run

    done = run(target, case, with_tokens=with_tokens, stage=progress)
    _say(done.faults)
    if done.faults:
        print(
            f"rackprint: {target}: does not hold what its custody log says; nothing was restored, take another backup",
            file=sys.stderr,
        )
        raise typer.Exit(1)
    _say(done.known, "; it was so in the case when it was backed up")
    made = done.manifest
    remark = "" if made.database else "; its database is in PostgreSQL: pg_restore it, and see case.json"
    print(
        f"{case}: restored and verified: {told(made.artifacts, 'artifact')}, as of {made.made:%Y-%m-%d %H:%M} UTC; "
        f"head {made.head}{remark}"
    )
    if done.known:
        raise typer.Exit(1)


def _say(faults: Iterable[Fault], more: str = "") -> None:
    for fault in faults:
        print(f"rackprint: {printable(f'{fault.place}: {fault.reason}{more}')}", file=sys.stderr)


def doctor(
    case: Annotated[
        Path | None,
        typer.Option("--case", envvar="RACKPRINT_CASE", help="Folder of the case; the configuration's without it."),
    ] = None,
    config: ConfigOption = None,
    form: Annotated[Form, typer.Option("--format", help="How to print it.")] = Form.TABLE,
) -> None:
    """Look at the machine and the case, and say what is off and what to do; exit 1 if anything fails."""
    from rackprint.daemon.operations.doctor import examine
    from rackprint.daemon.operations.finding import FAIL

    rows = [finding._asdict() for finding in examine(case, config)]
    show(rows, {"what": "what", "state": "state", "detail": "detail", "remedy": "remedy"}, Format(form.value))
    if any(row["state"] == FAIL for row in rows):
        raise typer.Exit(1)
