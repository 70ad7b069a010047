"""A USB tree as a picture in the terminal, and what is to be said below it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from rackprint.daemon.cells import printable
from rackprint.daemon.cli.output import console, told

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree as Branch

    from rackprint.daemon.acquire.usb.libusb import Asked
    from rackprint.fingerprint.usb.model import Device, Tree
    from rackprint.fingerprint.usb.serials import Mark

_WIDEST = (22, 28, 20)  # cells that slot, product and serial get in line with others
_NARROW, _LITTLE = 100, 16  # columns of a terminal below which a product gets so many
_STYLES = {"default": "yellow", "duplicate": "red", "odd": "yellow", "no serial": "yellow"}
_SERIAL = 64  # characters; honest ones are under 40
_SLOW = 480  # Mbit/s; a phone below it has a bad cable or hub
_SIGNS = {"plugged": "+", "unplugged": "-", "changed": "~"}


def picture(tree: Tree) -> None:
    """Prints the tree, a line that sums it up, and what to do."""
    from rich.tree import Tree as Branch

    from rackprint.fingerprint.usb.kinds import nature
    from rackprint.fingerprint.usb.serials import marks

    out = console()
    marked = marks(tree)
    widths = _widths(tree, out.width)
    drawn: dict[str, Branch] = {}
    roots: list[Branch] = []
    for device in sorted(tree.devices, key=lambda device: (not device.root, device.name.count("."))):
        hub = nature(device).kind == "hub"
        label = _hub(device, tree) if hub else _leaf(device, marked.get(device.name), widths)
        above = drawn.get(device.parent)
        drawn[device.name] = above.add(label) if above else Branch(label)
        if not above:
            roots.append(drawn[device.name])
    for root in roots:
        out.print(root)
    print(summary(tree))
    for do, slots in _todo(tree):
        print(f"{', '.join(slots)}: {do}")


def _widths(tree: Tree, columns: int) -> tuple[int, int, int]:
    from rich.cells import cell_len

    from rackprint.fingerprint.usb.kinds import nature

    leaves = [device for device in tree.devices if nature(device).kind != "hub"]
    texts = [(device.name, printable(device.product), printable(device.serial[:_SERIAL])) for device in leaves]
    slot, product, serial = (
        min(most, max((cell_len(row[at]) for row in texts), default=0)) for at, most in enumerate(_WIDEST)
    )
    return slot, min(product, _LITTLE) if columns < _NARROW else product, serial


def _hub(device: Device, tree: Tree) -> Text:
    """A hub: what it is, and how much of it is taken."""
    from rich.text import Text

    below = [d for d in tree.devices if d.parent == device.name]
    parts = [printable(device.product) or device.id]
    if device.ports:
        parts.append(f"{len(below)} of {told(device.ports, 'port')}")
    drawn = sum(d.milliamperes or 0 for d in below)
    if drawn and not device.root:
        parts.append(f"up to {drawn} mA")
    return Text.assemble((device.name, "bold"), "  ", ", ".join(parts))


def _leaf(device: Device, mark: Mark | None, widths: tuple[int, int, int]) -> Text:
    from rich.cells import cell_len, set_cell_size
    from rich.text import Text

    from rackprint.fingerprint.usb.kinds import nature

    def padded(text: str, width: int) -> str:
        return text + " " * (width - cell_len(text))

    slot, product, serial = widths
    name = printable(device.product)
    if cell_len(name) > product:
        name = set_cell_size(name, product - 1) + "…"
    line = Text.assemble((padded(device.name, slot), "bold"), f"  {device.id}  {padded(name, product)}  ")
    line.append(padded(printable(device.serial[:_SERIAL]), serial))  # it is what people look for
    if len(device.serial) > _SERIAL:
        line.append("…")
    if mark:
        line.append(f"  ! {mark}", _STYLES.get(mark, ""))
    kind = nature(device)
    if kind.kind != "android":
        line.append(f"  {kind.words}", "dim" if kind.kind == "other" else "cyan")
    if kind.phone and device.speed and device.speed < _SLOW:
        line.append(f"  {device.speed:g} Mbit/s", "yellow")
    line.rstrip()
    return line


def summary(tree: Tree) -> str:
    """The tree in one line: ``40 phones on 4 hubs; serial 0123456789ABCDEF on 3: default``."""
    from collections import Counter

    from rackprint.fingerprint.usb.kinds import nature
    from rackprint.fingerprint.usb.serials import repeated

    phones = [device for device in tree.devices if nature(device).phone]
    direct = sum(phone.parent.startswith("usb") for phone in phones)
    hubs = {phone.parent for phone in phones if not phone.parent.startswith("usb")}
    if not phones:
        hubs = {d.name for d in tree.devices if not d.root and nature(d).kind == "hub"}
    parts = [f"{told(len(phones), 'phone')} on {told(len(hubs), 'hub')}"]
    parts += [f"{direct} on the host's own ports"] if direct else []
    kinds = Counter(str(nature(phone).kind) for phone in phones)
    parts += [f"{count} {kind}" for kind, count in sorted(kinds.items()) if kind != "android"]
    parts += [f"serial {printable(serial)} on {count}: {mark}" for serial, count, mark in repeated(tree)]
    return "; ".join(parts)


def _todo(tree: Tree) -> Iterator[tuple[str, list[str]]]:
    """What is to be done, and at which slots."""
    from rackprint.fingerprint.usb.kinds import nature

    found: dict[str, list[str]] = {}
    for device in tree.devices:
        kind = nature(device)
        if kind.phone and kind.do:
            found.setdefault(kind.do, []).append(device.name)
    yield from found.items()


def line(when: datetime, event: str, device: Device, mark: Mark | None) -> None:
    """Prints one change."""
    from rackprint.fingerprint.usb.kinds import nature

    parts = [f"{when:%H:%M:%S}Z {_SIGNS[event]} {device.name} {event}", device.id, device.product, device.serial]
    kind = nature(device)
    parts += [f"serial: {mark}" if mark else "", kind.words, kind.do if event != "unplugged" and kind.phone else ""]
    print(printable(", ".join(part for part in parts if part)))


def descriptors(device: Device, asked: Asked | None) -> None:
    """Prints the descriptors of one device: those that it answered, else those of sysfs."""
    from rackprint.fingerprint.usb.descriptors import capabilities, read

    answered = asked is not None and bool(asked.descriptors)
    data = asked.descriptors if asked and answered else device.attributes.get("descriptors", b"")
    bos = asked.bos if asked and asked.bos else device.attributes.get("bos_descriptors", b"")
    found, strings = read(data), asked.strings if asked else {}
    print(f"\n{device.name}  {device.id}  {'as it answered' if answered else 'as sysfs shows it'}")
    if found.head:
        head = found.head
        print(
            f"  device: USB {head.usb >> 8:x}.{head.usb & 0xFF:02x}, class {head.cls:02x}/{head.subclass:02x}/"
            f"{head.protocol:02x}, release {head.release >> 8:x}.{head.release & 0xFF:02x}"
        )
    for configuration in found.configurations:
        print(f"  configuration {configuration.value}: up to {configuration.milliamperes(device.speed)} mA")
        for interface in configuration.interfaces:
            text = strings.get(interface.string, "")
            print(
                f"    interface {interface.number}.{interface.alternate}: {interface.code} {printable(text)}".rstrip()
            )
    if bos:
        print(f"  BOS: {', '.join(capabilities(bos))}")
    for number, text in strings.items():
        print(f"  string {number}: {printable(text)}")
    if found.wrong:
        print(f"  {found.wrong}")
    print(f"  bytes: {data.hex()}")
