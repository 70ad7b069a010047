"""``acquire``: every phone that is attached, at once, into a case."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rackprint.daemon.cells import printable
from rackprint.daemon.cli.board import picture, rows, table, unread
from rackprint.daemon.cli.output import CASE, CaseOption, console, told

if TYPE_CHECKING:
    from rackprint.daemon.acquire.adb.server import Address
    from rackprint.daemon.acquisition.run import Plan, Report

_READY = 120.0  # seconds that a simulated rack has to begin
_STARTS = 0.5  # seconds after which it says that it starts, if it was started with this
_TOLD = 8  # of what was refused; a full disk refuses all that comes
_HERE = ("127.0.0.1", "localhost", "::1")


def register(app: typer.Typer) -> None:
    app.command()(acquire)


def acquire(
    case: CaseOption = CASE,
    adb: Annotated[
        list[str] | None, typer.Option("--adb", metavar="HOST:PORT", help="Use an adb server that runs already.")
    ] = None,
    connect: Annotated[
        list[str] | None, typer.Option("--connect", metavar="HOST:PORT", help="A phone with ADB over TCP.")
    ] = None,
    slow: Annotated[bool, typer.Option("--slow", help="Also what takes minutes a phone, such as a bugreport.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Ask only for what the last acquisition misses.")] = False,
    exhibit: Annotated[str, typer.Option(help="Label of the phone, where it is only one.")] = "",
    ssid: Annotated[str, typer.Option(help="The Wi-Fi that the phones are on.")] = "",
    host: Annotated[str, typer.Option(help="Name of this host in the evidence.", show_default="its name")] = "",
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what is plugged in, until Ctrl-C.")] = False,
    wait: Annotated[float, typer.Option(min=0, max=86_400, help="Seconds to wait for the first phone.")] = 5.0,
    real: Annotated[bool, typer.Option("--real", help="Leave a simulated rack that runs here alone.")] = False,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="These phones are emulated: mark all of it so.")
    ] = False,
) -> None:
    """Read every phone that is attached over ADB, in parallel: nothing is installed, set or started on them."""
    import socket

    from rackprint.daemon.acquire.adb.server import address
    from rackprint.daemon.acquire.usb.tree import ROOT
    from rackprint.daemon.acquisition.earlier import last
    from rackprint.daemon.acquisition.run import Plan
    from rackprint.daemon.acquisition.run import acquire as run

    servers, phones = (tuple(address(text) for text in texts or ()) for texts in (adb, connect))
    rack = () if servers or phones or real else _simulated()
    emulated = bool(rack) or simulated or _of_a_rack(servers)
    plan = Plan(
        case, last(case) if resume else "", resume, rack or servers, phones, slow, exhibit, ssid,
        host or socket.gethostname(), wait, follow=follow, simulated=emulated,
        usb=ROOT if not emulated and all(where.host in _HERE for where in servers) else None,
    )  # fmt: skip
    _warn(plan)
    began = time.monotonic()
    with picture() as watch:
        report = run(plan, watch=watch)
    _say(report, time.monotonic() - began, case)


def _simulated() -> tuple[Address, ...]:
    """The servers of the rack that this user simulates; none where there is no such rack."""
    from rackprint.daemon.errors import RackprintError
    from rackprint.daemon.simulated import rendezvous

    rack = rendezvous.find()
    end = time.monotonic() + _STARTS
    while rack is None and time.monotonic() < end:  # it may have been started a moment ago, before this
        time.sleep(0.05)
        rack = rendezvous.find()
    if rack is None:
        return ()
    print(
        f"rackprint: note: reads the simulated rack of process {rack.pid}, {told(rack.phones, 'phone')}; "
        "its answers are marked as simulated; --real leaves it alone",
        file=sys.stderr,
    )
    ready = rack.wait(_READY)
    if ready is None:
        raise RackprintError("the simulated rack ended, or is not ready; end it, or use --real")
    return ready.servers


def _of_a_rack(servers: tuple[Address, ...]) -> bool:
    """Whether any of them is of a rack that this user simulates."""
    from rackprint.daemon.simulated import rendezvous

    rack = rendezvous.find() if servers else None
    return rack is not None and not set(servers).isdisjoint(rack.servers)


def _warn(plan: Plan) -> None:
    """What the run changes on a phone is said before it does."""
    from rackprint.daemon.acquire.adb.server import COMMON_PORT, Address, listens
    from rackprint.fingerprint.commands import table
    from rackprint.fingerprint.commands.model import Phone

    notes = ["a phone that asks whether to trust this host, and is told yes, stores this host's key"]
    if plan.slow:
        every = (command for sdk in range(1, 40) for command in table.commands(Phone(sdk=sdk), slow=True))
        notes += dict.fromkeys(f"{command.name}: {command.changes}" for command in every if command.changes)
    if plan.simulated:
        notes.append("the phones are simulated, and every answer says so")
    common = Address("127.0.0.1", COMMON_PORT)
    if not plan.servers and not plan.connect and listens(common):
        notes.append(f"another adb server runs on port {COMMON_PORT} and may hold the phones: --adb {common} uses it")
    for note in notes:
        print(f"rackprint: note: {note}", file=sys.stderr)


def _say(report: Report, seconds: float, case: Path) -> None:
    from rackprint.daemon.acquire.adb.shell import STOPPED
    from rackprint.daemon.acquisition.board import Phase
    from rackprint.fingerprint.usb.kinds import Kind

    seen, others = report.board.all(), report.board.unread
    if seen or others:
        found = rows(report.board)
        console().print(table(found, len(found)))
    for note in report.notes:
        print(f"rackprint: note: {printable(note)}", file=sys.stderr)
    for problem in report.refused[:_TOLD]:
        print(f"rackprint: {printable(problem)}", file=sys.stderr)
    if len(report.refused) > _TOLD:
        print(
            f"rackprint: and {len(report.refused) - _TOLD} more, the last: {printable(report.refused[-1])}",
            file=sys.stderr,
        )
    wrong = [s for s in seen if s.phase in {Phase.PART, Phase.LEFT}]
    trouble = [s for s in wrong if s.error and not (report.interrupted and s.error.endswith(STOPPED))]
    for s in trouble:
        print(f"rackprint: {printable(f'{s.slot}: {s.phase}: {s.error}; {s.remedy}')}", file=sys.stderr)
    for slot in others:
        print(f"rackprint: {printable(f'{slot.path}: not acquired: {unread(slot)}')}", file=sys.stderr)
    handsets = len({s.slot for s in seen})
    linked = report.linked
    print(
        printable(
            f"{case}: {told(handsets, 'handset')}, {told(report.records, 'record')} in {seconds:.1f} s as "
            f"{report.acquisition}; {told(linked.accounts, 'account')} on {told(linked.devices, 'device')}"
        )
    )
    if not seen and not others:
        print("rackprint: no phone is attached; rackprint doctor looks at adb and USB", file=sys.stderr)
    if report.interrupted:
        print("rackprint: stopped by hand; --resume goes on", file=sys.stderr)
    # Of what is no Android phone nothing more can be had; all other phones could be read.
    left = wrong or any(slot.nature is None or slot.nature.kind is not Kind.APPLE for slot in others)
    if left or report.refused or report.interrupted or not (seen or others):
        raise typer.Exit(1)
