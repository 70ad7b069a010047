"""``signals``: looks into files without keeping anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rackprint.daemon.cli.output import Complaints, write_lines

FILES = Annotated[list[Path], typer.Argument(help="Files or folders.", show_default=False)]


def register(app: typer.Typer) -> None:
    app.command()(signals)


def signals(
    files: FILES,
    positions: Annotated[bool, typer.Option("--positions", help="Add where in the file each value stands.")] = False,
) -> None:
    """Print what any supported file says, as NDJSON observations; store nothing."""
    from rackprint.daemon.survey import read_all
    from rackprint.fingerprint.ndjson import line

    complain = Complaints()
    write_lines(line(o, positions=positions) for o in read_all(files, complain))
    complain.exit()
