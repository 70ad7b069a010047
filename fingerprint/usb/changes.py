"""What changed between two looks at a tree."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from rackprint.fingerprint.usb.model import Device, Tree, order


class Change(StrEnum):
    """What happened to a device."""

    OUT = "unplugged"
    IN = "plugged"
    OTHER = "changed"  # the same device shows other functions


def changes(old: Tree, new: Tree) -> Iterator[tuple[Change, Device]]:
    """Each device that went, came or changed, in the order of places; a phone that made way for another in the same
    place (another number on the bus) went and came."""
    before, after = old.by_name(), new.by_name()
    for name in sorted(before.keys() | after.keys(), key=lambda name: (order(name), name)):
        was, now = before.get(name), after.get(name)
        if was and now and was.number == now.number:
            if not was.same(now):
                yield Change.OTHER, now
            continue
        if was:
            yield Change.OUT, was
        if now:
            yield Change.IN, now
