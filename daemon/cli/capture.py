"""``capture``: an interface, live, into a case or into the folder that a daemon watches."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rackprint.daemon.cells import printable
from rackprint.daemon.cli.output import CASE, CaseOption, console, told
from rackprint.daemon.operations.finding import size

if TYPE_CHECKING:
    from rackprint.daemon.acquisition.capture import Report

_LINE = 10.0  # seconds between two lines where there is no terminal
_SHOWN = 20  # problems; the case keeps all


def register(app: typer.Typer) -> None:
    app.command()(capture)


def capture(
    interface: Annotated[str, typer.Argument(metavar="IFACE", help="The interface.", show_default=False)],
    case: CaseOption = CASE,
    spool: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Not into a case: into the folder that a daemon watches.")
    ] = None,
    rule: Annotated[str, typer.Option("--filter", help="What to capture, as tcpdump has it; all.")] = "",
    snaplen: Annotated[int, typer.Option(min=64, max=262_144, help="Bytes of each packet to keep.")] = 262_144,
    rotate_mb: Annotated[float, typer.Option(min=0.001, help="A new file at this size.")] = 64.0,
    rotate_seconds: Annotated[float, typer.Option(min=0.1, help="A new file after this time.")] = 60.0,
    seconds: Annotated[float, typer.Option(min=0.0, help="End after this time.", show_default="never")] = 0.0,
    packets: Annotated[int, typer.Option(min=0, help="End after so many packets.", show_default="never")] = 0,
    exhibit: Annotated[str, typer.Option(help="Label of the capture.")] = "",
    ssid: Annotated[str, typer.Option(help="The Wi-Fi that is captured.")] = "",
    host: Annotated[str, typer.Option(help="Name of this host in the evidence.", show_default="its name")] = "",
) -> None:
    """Capture an interface until Ctrl-C: each file is kept and hashed, and then read as ingest reads it."""
    import socket

    from rackprint.daemon.acquire.capture.messages import Plan as Sniff
    from rackprint.daemon.acquisition.capture import Plan
    from rackprint.daemon.acquisition.capture import capture as run

    sniff = Sniff(interface, "", rule.strip(), snaplen, int(rotate_mb * (1 << 20)), rotate_seconds, seconds, packets)
    plan = Plan(sniff, case, spool, exhibit, ssid, host or socket.gethostname())
    began = time.monotonic()
    with _picture(interface, began) as watch:
        report = run(plan, watch=watch)
    _say(report, time.monotonic() - began, str(spool or case))


def _line(report: Report) -> str:
    counts = report.counts
    parts = (
        f"{counts.packets:,} packets", size(counts.size), f"{counts.dropped:,} dropped", told(counts.hosts, "host"),
        told(counts.files, "file"), f"{report.taken} taken in",
    )  # fmt: skip
    return ", ".join(parts)


@contextmanager
def _picture(interface: str, began: float) -> Iterator[Callable[[Report], None]]:
    """A line that is drawn anew on a terminal; elsewhere one now and then."""
    if not sys.stderr.isatty():
        yield _teller(interface)
        return
    from rich.live import Live
    from rich.text import Text

    with Live(console=console(stderr=True), transient=True, auto_refresh=False) as live:

        def watch(report: Report) -> None:
            spent = time.monotonic() - began
            rate = report.counts.packets / max(spent, 0.001)
            style = "red" if report.counts.dropped else ""
            live.update(Text(f"{interface}  {spent:.0f} s  {_line(report)}, {rate:,.0f}/s", style), refresh=True)

        yield watch


def _teller(interface: str) -> Callable[[Report], None]:
    due = time.monotonic()  # the first at once: that it captures

    def watch(report: Report) -> None:
        nonlocal due
        if time.monotonic() >= due:
            print(f"rackprint: {interface}: {_line(report)}", file=sys.stderr, flush=True)
            due = time.monotonic() + _LINE

    return watch


def _say(report: Report, seconds: float, where: str) -> None:
    if report.earlier:
        print(f"rackprint: note: {told(report.earlier, 'file')} of an earlier capture taken in too", file=sys.stderr)
    for problem in report.problems[:_SHOWN]:
        print(f"rackprint: note: {printable(problem)}", file=sys.stderr)
    if len(report.problems) > _SHOWN:
        print(f"rackprint: note: {len(report.problems) - _SHOWN} more; the case has them", file=sys.stderr)
    counts = report.counts
    if counts.dropped:
        print(
            f"rackprint: the kernel dropped {told(counts.dropped, 'packet')} that it had no room for; "
            "--filter or --snaplen makes less of it",
            file=sys.stderr,
        )
    for refused in report.refused:
        print(f"rackprint: {printable(refused)}", file=sys.stderr)
    if report.failed:
        print(f"rackprint: {printable(report.failed)}", file=sys.stderr)
    linked = report.linked
    after = "" if linked is None else f"; {told(report.observations, 'observation')}, {told(linked.devices, 'device')}"
    print(f"{where}: {_line(report)}; {seconds:.1f} s as {report.acquisition}{after}")
    if report.failed or report.refused:
        raise typer.Exit(1)
