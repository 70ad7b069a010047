"""Serials of the phones of a tree: which repeat, and which say nothing because many phones carry them."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

from rackprint.fingerprint.signals import read_signal
from rackprint.fingerprint.usb.kinds import nature
from rackprint.fingerprint.usb.model import Tree


class Mark(StrEnum):
    """What is to be said of a serial."""

    DEFAULT = "default"  # a placeholder of a maker, a chip vendor or an emulator: it names no phone
    DUPLICATE = "duplicate"  # on no deny list, and on two phones at least
    ODD = "odd"  # of a form that no serial has
    NONE = "no serial"
    FINE = ""


def marks(tree: Tree) -> dict[str, Mark]:
    """The mark of each phone's serial by the phone's name; hubs and other devices have none."""
    serials = {device.name: device.serial for device in tree.devices if nature(device).phone}
    counts = Counter(serial.strip() for serial in serials.values())
    return {name: _mark(serial, counts[serial.strip()]) for name, serial in serials.items()}


def _mark(serial: str, count: int) -> Mark:
    if not serial.strip():
        return Mark.NONE
    signal = read_signal("usb_serial", serial)
    if signal.why == "placeholder":
        return Mark.DEFAULT
    if count > 1:
        return Mark.DUPLICATE
    return Mark.FINE if signal.valid else Mark.ODD


def repeated(tree: Tree) -> list[tuple[str, int, Mark]]:
    """Each serial that is marked as default or duplicate, with how many phones carry it, the most frequent first."""
    told = marks(tree)
    devices = tree.by_name()
    counts = Counter(
        (devices[name].serial.strip(), mark) for name, mark in told.items() if mark in {Mark.DEFAULT, Mark.DUPLICATE}
    )
    return [(serial, count, mark) for (serial, mark), count in sorted(counts.items(), key=lambda c: (-c[1], c[0]))]
