"""``demo``: the whole chain on the fixture rack, from files to a table and a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rackprint.daemon.cli.output import Complaints, Format, show

BY_DEVICE = {"device": "device", "exhibit": "exhibit", "model": "model", "accounts": "accounts", "why": "tied by"}


def register(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    fixtures: Annotated[Path, typer.Option("--fixtures", help="Folder of the fixture rack.")] = Path("fixtures"),
    out: Annotated[Path, typer.Option("--out", help="Folder for the demo's case; made anew.")] = Path("demo-case"),
) -> None:
    """Show the whole chain on a small made-up rack: 16 phones, three platforms, a family's phone that is innocent."""
    import shutil

    from rackprint.daemon.cli.case import take
    from rackprint.daemon.errors import RackprintError
    from rackprint.daemon.export.report import write
    from rackprint.daemon.queries import Answers

    rack = fixtures / "rack"
    if not rack.is_dir():
        raise RackprintError(f"{rack}: the fixture rack is not here; run demo in a clone of rackprint, or --fixtures")
    if out.exists():
        if not (out / ".rackprint-demo").is_file():
            raise RackprintError(f"{out}: exists and is no demo case; name another folder with --out")
        shutil.rmtree(out)
    out.mkdir(parents=True)
    (out / ".rackprint-demo").touch()
    complain = Complaints()
    take([rack], out, complain)
    with Answers(out) as answers:
        sheets = answers.sheets()
    rows = [
        {
            "device": s.device.id,
            "exhibit": s.first("exhibit"),
            "model": s.model,
            "accounts": _columns([link.account for link in s.links]),
            "why": "; ".join(_kinds(s.links)),
        }
        for s in sheets
        if s.links
    ]
    show(rows, BY_DEVICE, Format.TABLE, "Accounts by the hardware they share")
    report = out / "report.html"
    write(out, report)
    print(f"report: {report.resolve()}")
    print(f"next:   rackprint explain {_example(sheets)} --case {out}")
    complain.exit()
