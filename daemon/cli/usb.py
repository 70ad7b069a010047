"""``usb``: what is plugged into which port of which hub."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rackprint.daemon.cells import csv_cell, printable
from rackprint.daemon.cli.output import Format, FormatOption, show

if TYPE_CHECKING:
    from rackprint.daemon.acquire.usb.libusb import Asked
    from rackprint.fingerprint.usb.model import Device, Tree
    from rackprint.fingerprint.usb.serials import Mark

_SYS = Path("/sys/bus/usb")
_COLUMNS = {
    "slot": "slot", "hub": "hub", "kind": "kind", "usb_id": "VID:PID", "product": "product", "serial": "serial",
    "mark": "mark", "speed_mbit": "Mbit/s", "power_ma": "mA", "bus": "bus", "number": "number",
    "interfaces": "interfaces", "power": "power", "do": "to do",
}  # fmt: skip
_ASKED = {"descriptors": "descriptors", "bos": "BOS", "strings": "strings"}


def register(app: typer.Typer) -> None:
    app.command()(usb)


def usb(
    form: FormatOption = Format.TABLE,
    follow: Annotated[bool, typer.Option("--follow", help="Go on, a line for each plug, until Ctrl-C.")] = False,
    descriptors: Annotated[
        bool, typer.Option("--descriptors", help="Read all descriptors from the devices, through libusb.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Also keep the tree in a new file, to ingest.")
    ] = None,
    host: Annotated[str, typer.Option(help="Name of this host in that file.", show_default="its name")] = "",
    sys_: Annotated[Path, typer.Option("--sys", metavar="DIR", help="Where the kernel shows USB.")] = _SYS,
) -> None:
    """Show the USB tree: hubs, the phones in their slots, serials that repeat, and what to do about each phone."""
    if follow and (descriptors or out):
        raise typer.BadParameter("--follow goes with neither --descriptors nor --out")
    if follow:
        _follow(sys_, form)
        return
    tree = _tree(sys_)
    if out:
        _keep(tree, out, host)
    asked, wrong = _ask(tree) if descriptors else ({}, False)
    _show(tree, form, asked)
    for problem in tree.problems:
        print(f"rackprint: {printable(problem)}", file=sys.stderr)
    if tree.problems or wrong:
        raise typer.Exit(1)


def _tree(root: Path) -> Tree:
    """From sysfs; where there is none, from libusb."""
    from rackprint.daemon.acquire.usb import libusb
    from rackprint.daemon.acquire.usb.tree import tree
    from rackprint.daemon.errors import RackprintError

    try:
        return tree(root)
    except RackprintError as error:
        if root != _SYS:
            raise
        try:
            found = libusb.tree()
        except RackprintError:
            raise error from None
        print(f"rackprint: note: {root} is not there: this is what libusb sees", file=sys.stderr)
        return found


def _keep(tree: Tree, out: Path, host: str) -> None:
    import socket

    from rackprint.fingerprint.usb.record import pack

    host = host or socket.gethostname()
    acquisition = f"{host}@{tree.taken_at:%Y-%m-%dT%H:%M:%SZ}"
    with out.open("xb") as file:
        file.write(pack(tree, acquisition, host))


def _ask(tree: Tree) -> tuple[dict[str, Asked], bool]:
    """What the devices answer, and whether some did not."""
    from rackprint.daemon.acquire.usb import libusb
    from rackprint.daemon.errors import RackprintError

    try:
        asked = libusb.ask()
    except RackprintError as error:
        print(f"rackprint: {error}; what sysfs says is shown", file=sys.stderr)
        return {}, True
    silent = [(device.name, asked[device.name].why if device.name in asked else "libusb does not list it")
              for device in tree.devices if device.name not in asked or asked[device.name].why]  # fmt: skip
    if silent:
        name, why = silent[0]
        others = f" and {len(silent) - 1} more" if len(silent) > 1 else ""
        print(f"rackprint: {printable(f'{name}{others}: {why}')}; what sysfs says is shown", file=sys.stderr)
    return asked, bool(silent)


def _show(tree: Tree, form: Format, asked: Mapping[str, Asked]) -> None:
    from rackprint.daemon.cli import usb_picture

    if form is Format.TABLE:
        usb_picture.picture(tree)
        for device in tree.devices if asked else ():
            usb_picture.descriptors(device, asked.get(device.name))
        return
    show(rows(tree, asked), _COLUMNS | (_ASKED if asked else {}), form)


def rows(tree: Tree, asked: Mapping[str, Asked] | None = None) -> list[dict[str, Any]]:
    """The devices, each as one row, hubs and others too."""
    from rackprint.fingerprint.usb.serials import marks

    told = marks(tree)
    return [row(device, told.get(device.name), (asked or {}).get(device.name)) for device in tree.devices]


def row(device: Device, mark: Mark | None, asked: Asked | None = None) -> dict[str, Any]:
    """One device with what it is and what to do."""
    from rackprint.fingerprint.usb.kinds import nature

    found = nature(device)
    answer = {
        "descriptors": asked.descriptors.hex(),
        "bos": asked.bos.hex(),
        "strings": [f"{number}: {text}" for number, text in asked.strings.items()],
    } if asked else {}  # fmt: skip
    return answer | {
        "slot": device.name, "hub": device.parent, "kind": found.words, "usb_id": device.id,
        "product": device.product, "serial": device.serial, "mark": str(mark or ""), "speed_mbit": _whole(device.speed),
        "power_ma": device.milliamperes, "bus": device.bus, "number": device.number, "do": found.do,
        "interfaces": [interface.code for interface in device.interfaces],
        "power": [f"{name}={value}" for name, value in device.power.items()],
    }  # fmt: skip


def _whole(speed: float | None) -> float | None:
    return int(speed) if speed and speed.is_integer() else speed


def _follow(root: Path, form: Format) -> None:
    """The tree, then a line a change; Ctrl-C ends it as it should."""
    from rackprint.daemon.acquire.usb.hotplug import follow

    last: Tree | None = None
    try:
        for tree in follow(root):
            _changed(last, tree, form)
            last = tree
            sys.stdout.flush()
    except KeyboardInterrupt:
        print("rackprint: stopped by hand", file=sys.stderr)


def _changed(last: Tree | None, tree: Tree, form: Format) -> None:
    from rackprint.daemon.cli import usb_picture
    from rackprint.fingerprint.usb.changes import changes
    from rackprint.fingerprint.usb.serials import marks

    told = marks(tree)
    if last is None:
        if form is Format.TABLE:
            usb_picture.picture(tree)
        elif form is Format.CSV:
            csv.writer(sys.stdout, lineterminator="\n").writerow(["time", "event", *_COLUMNS])
        found = [("attached", device) for device in tree.devices] if form is not Format.TABLE else []
    else:
        found = [(str(change), device) for change, device in changes(last, tree)]
    for event, device in found:
        line = {"time": tree.taken_at, "event": event} | row(device, told.get(device.name))
        if form is Format.JSON:
            import msgspec

            print(msgspec.json.encode(line).decode())
        elif form is Format.CSV:
            cells = [csv_cell(line[name]) for name in ("time", "event", *_COLUMNS)]
            csv.writer(sys.stdout, lineterminator="\n").writerow(cells)
        else:
            usb_picture.line(tree.taken_at, event, device, told.get(device.name))
    if last is not None and form is Format.TABLE:
        print(usb_picture.summary(tree))
