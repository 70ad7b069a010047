"""``demo``: the whole chain on the fixture rack, from files to a table and a report."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rackprint.daemon.cli.output import Complaints, Format, show

if TYPE_CHECKING:
    from rackprint.fingerprint.link.result import Linkage

BY_DEVICE = {
    "device": "device",
    "exhibit": "exhibit",
    "model": "model and flags",
    "accounts": "accounts",
    "why": "tied by",
}


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
        sheets, ties, farms = answers.sheets(), _ties(answers.linkage()), answers.farms()
    rows = [
        {
            "device": s.device.id,
            "exhibit": s.first("exhibit"),
            "model": "\n".join([s.model, *(f"! {flag}" for flag in s.device.flags)]),
            "accounts": _columns([link.account for link in s.links]),
            "why": ties.get(s.device.id, ""),
        }
        for s in sheets
        if s.links
    ]
    show(rows, BY_DEVICE, Format.TABLE, "Accounts by the hardware they share")
    for farm in farms:
        told = f"{len(farm.devices)} devices, looks like {farm.kind} (probability {farm.probability:.3f})"
        print(f"farm:   {told}; `.venv/bin/rackprint farms --case {out}` says why")
    report = out / "report.html"
    write(out, report)
    print(f"report: {report.resolve()}")
    two = " ".join(link.account for link in sheets[0].links[:2]) if sheets else ""
    print(f"next:   .venv/bin/rackprint explain {two} --case {out}")
    complain.exit()


def _columns(accounts: list[str]) -> str:
    """One line a platform."""
    platforms: dict[str, list[str]] = {}
    for account in accounts:
        platform, _, handle = account.partition(":")
        platforms.setdefault(platform, []).append(handle)
    return "\n".join(f"{platform}: {', '.join(handles)}" for platform, handles in sorted(platforms.items()))


def _ties(linkage: Linkage) -> dict[str, str]:
    """For each device the kinds of values that hold it together, the most used first."""
    kinds: dict[str, Counter[str]] = {}
    for tie in linkage.ties:
        kinds.setdefault(tie.device, Counter())[tie.signal] += 1
    return {device: ", ".join(name for name, _ in found.most_common(4)) for device, found in kinds.items()}
