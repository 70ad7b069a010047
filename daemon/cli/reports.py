"""``report``: a case as one self-contained HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rackprint.daemon.cli.output import CASE, CaseOption


def register(app: typer.Typer) -> None:
    app.command()(report)


def report(
    case: CaseOption = CASE,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; - is stdout.", show_default="CASE/report.html")
    ] = None,
) -> None:
    """Write the report of a case: summary, devices with accounts, SIM history, reasons, evidence hashes."""
    from rackprint.daemon.export.report import render, write

    if out is not None and str(out) == "-":
        print(render(case))
        return
    path = out or case / "report.html"
    write(case, path)
    print(path)
