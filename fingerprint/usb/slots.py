"""The slots of a tree beside what adb lists: what is known of each, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from rackprint.fingerprint.usb.kinds import Kind, Nature, nature
from rackprint.fingerprint.usb.model import Device, Tree, order
from rackprint.fingerprint.usb.serials import Mark, marks

_UNSEEN = "ADB is on and adb does not list it: give this user the right to its USB node, or end the adb that holds it"
_HIDDEN = "adb lists it and the USB tree has nothing there: it was plugged in or out meanwhile, or adb is elsewhere"


class Slot(msgspec.Struct, frozen=True):
    """One place with a phone. ``adb`` is its state in adb's listing, empty where adb does not list it; ``do`` is empty
    where USB has nothing to say: what adb's state asks for is told with that state."""

    path: str
    device: Device | None
    nature: Nature | None
    adb: str
    mark: Mark
    do: str

    @property
    def acquired(self) -> bool:
        """Whether it can be read: adb lists it."""
        return bool(self.adb)


def slots(tree: Tree, listed: Mapping[str, str]) -> tuple[Slot, ...]:
    """Every phone of ``tree``, and every place that adb lists, in the order of places; ``listed`` is adb's state by
    port path (``1-1.2``: ``unauthorized``). What is on no USB port (TCP) is left out by the caller."""
    told = marks(tree)
    devices = tree.by_name()
    places = {name for name in devices if name in told} | {path for path in listed if path}
    return tuple(
        _slot(path, devices.get(path), listed.get(path, ""), told.get(path, Mark.FINE))
        for path in sorted(places, key=lambda path: (order(path), path))
    )


def _slot(path: str, device: Device | None, adb: str, mark: Mark) -> Slot:
    if device is None:
        return Slot(path, None, None, adb, mark, _HIDDEN)
    found = nature(device)
    if adb:
        return Slot(path, device, found, adb, mark, "")
    return Slot(path, device, found, adb, mark, _UNSEEN if found.kind is Kind.ADB else found.do)
