"""``acquire``: every phone that is attached, at once, into a case."""

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

if TYPE_CHECKING:
    from rich.console import RenderableType

    from rackprint.daemon.acquisition.board import Board, Seen
    from rackprint.daemon.acquisition.run import Plan, Report

_EVERY = 0.25  # seconds between two pictures
_STYLES = {"done": "green", "in part": "yellow", "not reached": "red", "same phone": "dim", "waiting": "dim"}


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
    wait: Annotated[float, typer.Option(help="Seconds to wait for the first phone.")] = 5.0,
) -> None:
    """Read every phone that is attached over ADB, in parallel: nothing is installed, set or started on them."""
    import socket

    from rackprint.daemon.acquire.adb.server import address
    from rackprint.daemon.acquisition.earlier import last
    from rackprint.daemon.acquisition.run import Plan
    from rackprint.daemon.acquisition.run import acquire as run

    servers = tuple(address(text) for text in adb or ())
    plan = Plan(
        case, last(case) if resume else "", resume, servers, tuple(address(text) for text in connect or ()), slow,
        exhibit, ssid, host or socket.gethostname(), wait, follow=follow,
    )  # fmt: skip
    _warn(plan)
    began = time.monotonic()
    with _picture() as watch:
        report = run(plan, watch=watch)
    _say(report, time.monotonic() - began, case)


def _warn(plan: Plan) -> None:
    """What the run changes on a phone is said before it does."""
    from rackprint.daemon.acquire.adb.server import COMMON_PORT, Address, listens
    from rackprint.fingerprint.commands import table
    from rackprint.fingerprint.commands.model import Phone

    notes = ["a phone that asks whether to trust this host, and is told yes, stores this host's key"]
    if plan.slow:
        every = (command for sdk in range(1, 40) for command in table.commands(Phone(sdk=sdk), slow=True))
        notes += dict.fromkeys(f"{command.name}: {command.changes}" for command in every if command.changes)
    common = Address("127.0.0.1", COMMON_PORT)
    if not plan.servers and not plan.connect and listens(common):
        notes.append(f"another adb server runs on port {COMMON_PORT} and may hold the phones: --adb {common} uses it")
    for note in notes:
        print(f"rackprint: note: {note}", file=sys.stderr)


@contextmanager
def _picture() -> Iterator[Callable[[Board], None]]:
    """A table that is drawn anew on a terminal; elsewhere a line for each trouble as it comes."""
    if not sys.stderr.isatty():
        yield _teller()
        return
    from rich.live import Live

    screen = console(stderr=True)
    with Live(console=screen, transient=True, auto_refresh=False) as live:
        drawn = 0.0

        def watch(board: Board) -> None:
            nonlocal drawn
            if time.monotonic() - drawn >= _EVERY:
                drawn = time.monotonic()
                live.update(_table(board.all(), screen.height - 4), refresh=True)

        yield watch


def _teller() -> Callable[[Board], None]:
    last: dict[tuple[str, int], str] = {}

    def watch(board: Board) -> None:
        for seen in board.all():
            key = (str(seen.transport.server), seen.transport.id)
            if seen.error and last.get(key) != seen.error:
                print(f"rackprint: {printable(f'{seen.slot}: {seen.error}')}", file=sys.stderr, flush=True)
            last[key] = seen.error

    return watch


def _table(seen: list[Seen], rows: int) -> RenderableType:
    """The handsets as a table of so many rows at most: those in trouble or at work first, all counted below."""
    from collections import Counter

    from rich import box
    from rich.table import Table
    from rich.text import Text

    rank = {"in part": 0, "not reached": 0, "asking": 1, "waiting": 2, "same phone": 3, "done": 4}
    shown = seen if len(seen) <= rows else sorted(seen, key=lambda s: rank[s.phase])[: max(rows, 1)]
    counts = Counter(str(s.phase) for s in seen)
    caption = ", ".join(f"{count} {phase}" for phase, count in counts.items())
    if len(shown) < len(seen):
        caption += f"; {len(seen) - len(shown)} not shown"
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, caption=caption, caption_justify="left")
    table.add_column("slot", overflow="fold")
    table.add_column("model", overflow="ellipsis", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("done", justify="right", no_wrap=True)
    table.add_column("last error", overflow="ellipsis", no_wrap=True)
    for s in shown:
        done = f"{s.kept}/{s.total}" if s.total else "-"
        state = Text(s.phase, _STYLES.get(s.phase, ""))
        table.add_row(Text(printable(s.slot)), Text(printable(s.model)), state, done, Text(printable(s.error)))
    return table


def _say(report: Report, seconds: float, case: Path) -> None:
    from rackprint.daemon.acquisition.board import Phase

    seen = report.board.all()
    if seen:
        console().print(_table(seen, len(seen)))
    for problem in report.refused:
        print(f"rackprint: {printable(problem)}", file=sys.stderr)
    wrong = [s for s in seen if s.phase in {Phase.PART, Phase.LEFT}]
    for s in wrong:
        print(f"rackprint: {printable(f'{s.slot}: {s.phase}: {s.error}; {s.remedy}')}", file=sys.stderr)
    handsets = len({s.slot for s in seen})
    linked = report.linked
    print(
        f"{case}: {told(handsets, 'handset')}, {told(report.records, 'record')} in {seconds:.1f} s as "
        f"{report.acquisition}; {told(linked.accounts, 'account')} on {told(linked.devices, 'device')}"
    )
    if not seen:
        print("rackprint: no phone is attached; rackprint doctor looks at adb and USB", file=sys.stderr)
    if report.interrupted:
        print("rackprint: stopped by hand; --resume goes on", file=sys.stderr)
    if wrong or report.refused or report.interrupted or not seen:
        raise typer.Exit(1)
